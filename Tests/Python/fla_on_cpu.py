"""flash-linear-attention's CAT on a CPU: its few Triton and compiled ops replaced by plain PyTorch when this is imported.

Nothing of the installed package is changed, and models load through transformers as they do on a GPU.
"""
import os
import warnings

warnings.filterwarnings("ignore")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import fla.models.cat.modeling_cat as cat
import fla.modules.mlp as mlp
import fla.modules.norm.layernorm as layernorm
import torch
import torch.nn.functional as F


def rotary_embedding(x, cos, sin, interleaved=False):
    """x [B, T, H, D]; cos, sin [T, D/2]; channel i turns with channel i + D/2."""
    assert not interleaved
    cos, sin = cos[None, :, None, :], sin[None, :, None, :]
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def rms_norm(x, weight, bias=None, residual=None, eps=1e-5, prenorm=False, residual_in_fp32=False):
    wide = torch.promote_types(x.dtype, torch.float32)
    total = x.to(wide) if residual is None else x.to(wide) + residual.to(wide)
    y = total * torch.rsqrt(total.square().mean(-1, keepdim=True) + eps) * weight.to(wide)
    y = (y if bias is None else y + bias.to(wide)).to(x.dtype)
    return (y, total.to(x.dtype)) if prenorm else y


def dense_mask(mask_mod, B=None, H=None, Q_LEN=0, KV_LEN=0):
    return mask_mod(0, 0, torch.arange(Q_LEN)[:, None], torch.arange(KV_LEN)[None, :])


def masked_attention(q, k, v, block_mask=None):
    return F.scaled_dot_product_attention(q, k, v, attn_mask=block_mask)


cat.rotary_embedding = rotary_embedding
cat.create_block_mask_compiled = dense_mask
cat.flex_attention_compiled = masked_attention
layernorm.rms_norm = rms_norm
mlp.swiglu = lambda x, y: F.silu(x) * y
mlp.swiglu_linear = lambda x, y, weight, bias: F.linear(F.silu(x) * y, weight, bias)
