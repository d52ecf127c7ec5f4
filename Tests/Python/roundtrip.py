#!/usr/bin/env python3
"""Carries models from catlm to PyTorch and from PyTorch to catlm and compares them: bytes, logits, losses, gradients, tokens.

Needs packages from PyPI, in a virtual environment of your own (about 6 GB):

    python3 -m venv venv
    venv/bin/pip install torch "transformers>=5.6.2,<6" flash-linear-attention==0.6.0 safetensors numpy
    venv/bin/python Tests/Python/roundtrip.py --catlm .build/release/catlm

Out: a model is trained by catlm, exported, and loaded by transformers' AutoModelForCausalLM. Back: a model is initialised in
Python, saved with save_pretrained, and imported by catlm. Each time PyTorch's results are written beside the weights, at every chunk
size, and `catlm parity` compares. Runs on a CPU. Prints a line a comparison; exits with 1 if one fails, with 0 and a message where a
package is missing.
"""
import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

MISSING = [name for name in ("torch", "transformers", "fla", "safetensors") if importlib.util.find_spec(name) is None]
if MISSING:
    print(f"skipped: no Python package {', '.join(MISSING)}; see {sys.argv[0]} for what to install")
    sys.exit(0)

import fla_on_cpu  # noqa: F401  (before transformers makes a model)
import torch
import torch.nn.functional as F
from fla.models.cat import CATConfig, CATForCausalLM
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()

CAT = """
  model_type: cat
  hidden_size: 64
  num_hidden_layers: 2
  num_heads: 4
  num_kv_heads: 2
  compressor_hidden_size: 32
  compressor_num_layers: 2
  compressor_num_heads: 2
  max_chunk_size: 8
  rope_theta: 3000
  qk_norm: {norm}
  qkv_bias: {bias}
  tie_word_embeddings: {tied}"""
DENSE = """
  model_type: llama
  hidden_size: 64
  num_hidden_layers: 2
  num_attention_heads: 4
  num_key_value_heads: 2
  intermediate_size: 96
  rms_norm_eps: 1.0e-5
  rope_theta: 3000
  qk_norm: {norm}
  attention_bias: {bias}
  tie_word_embeddings: {tied}"""
RUN = """
model:{model}
  vocab_size: 256
  max_position_embeddings: 64
data:
  tokenizer: bytes
  context: 64
  train: data
train:
  steps: 30
  batch_size: 8
checkpoint:
  interval: 0
parallel:
  threads: 1
"""
LENGTH = 60
PROMPT = 13


class Trip:
    """The comparisons, and where their files are."""

    def __init__(self, catlm, directory):
        self.catlm, self.directory, self.failures = os.path.abspath(catlm), directory, 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, *arguments, may_fail=False):
        done = subprocess.run([self.catlm, *arguments], cwd=self.directory, capture_output=True, text=True)
        if done.returncode != 0 and not may_fail:
            sys.exit(f"catlm {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done

    def say(self, what, holds, figures=""):
        self.failures += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {what}{': ' if figures else ''}{figures}", flush=True)

    # Comparisons

    def same_tensors(self, what, left, right):
        """Every tensor of two directories has the same name, type, shape and bytes."""
        a, b = tensors(self.path(left)), tensors(self.path(right))
        differing = sorted(a.keys() ^ b.keys())
        differing += [name for name in sorted(a.keys() & b.keys()) if not same_bytes(a[name], b[name])]
        self.say(what, not differing, f"{len(a)} tensors" + (f", differing: {differing}" if differing else ""))

    def parity(self, what, directory, model):
        """`catlm parity` on the results of `model`, whose weights `directory` holds."""
        write_references(model, self.path(directory))
        done = self.run("parity", directory, "--json", may_fail=True)
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        report = json.loads(done.stdout)
        worst = ", ".join(f"{row['quantity']} {row['error']:.1e}" for row in report["worst"])
        self.say(what, report["holds"], f"{report['comparisons']} comparisons, worst {worst}")


def tensors(directory):
    found = {}
    for name in sorted(os.listdir(directory)):
        if name.startswith("model") and name.endswith(".safetensors"):
            with safe_open(os.path.join(directory, name), "pt") as file:
                found.update({key: file.get_tensor(key) for key in file.keys()})
    return found


def same_bytes(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and torch.equal(
        a.contiguous().flatten().view(torch.uint8), b.contiguous().flatten().view(torch.uint8))


def chunk_sizes(model):
    return list(range(1, model.config.max_chunk_size + 1)) if model.config.model_type == "cat" else [None]


def logits_of(model, ids, size):
    arguments = {} if size is None else {"chunk_size": size, "attention_mask": torch.ones_like(ids)}
    return model(input_ids=ids, use_cache=False, **arguments).logits


def write_references(model, directory):
    """Logits, losses and gradients of `model` in double precision, and greedy tokens, as `catlm parity` reads them."""
    model = model.double().eval()
    ids = torch.randint(0, model.config.vocab_size, (2, LENGTH), generator=torch.Generator().manual_seed(7))
    found, tokens = {"input_ids": ids}, {"prompt": ids[:, :PROMPT].contiguous()}
    sizes = chunk_sizes(model)
    if sizes != [None]:
        found["chunk_sizes"] = found["grad_chunk_sizes"] = torch.tensor(sizes)
    for size in sizes:
        key = "" if size is None else f"_c{size}"
        model.zero_grad(set_to_none=True)
        logits = logits_of(model, ids, size)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        found["logits" + key] = logits.detach().float()
        found["loss" + key] = loss.detach()
        for name, parameter in model.named_parameters():
            if name.endswith("o_proj.bias"):
                continue  # zeros, which the exported model type wants and catlm does not have
            gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            found[f"grad{key}.{name}"] = gradient.float()
        if size in (1, 3, sizes[-1]) and size is not None:
            tokens[f"tokens_c{size}"], tokens[f"margin_c{size}"] = greedy(model, ids[:, :PROMPT], size)
    save_file({key: value.contiguous().clone() for key, value in found.items()}, f"{directory}/golden.safetensors")
    if len(tokens) > 1:
        save_file(tokens, f"{directory}/generate_p{PROMPT}.safetensors")


@torch.no_grad()
def greedy(model, ids, size):
    margins = []
    for _ in range(LENGTH - PROMPT):
        best = logits_of(model, ids, size)[:, -1].topk(2)
        ids = torch.cat([ids, best.indices[:, :1]], dim=1)
        margins.append(best.values[:, 0] - best.values[:, 1])
    return ids[:, PROMPT:].contiguous(), torch.stack(margins, dim=1).float()


def load(path, dtype=torch.float32):
    model, report = AutoModelForCausalLM.from_pretrained(path, dtype=dtype, output_loading_info=True)
    # What a tied model does not store is no loss.
    tied = set(getattr(model, "all_tied_weights_keys", None) or getattr(model, "_tied_weights_keys", None) or ())
    missing = set(report["missing_keys"]) - tied
    assert not missing and not report["unexpected_keys"] and not report["mismatched_keys"], (path, report)
    return model


def out_and_home(trip, name, model):
    """catlm → PyTorch → catlm."""
    with open(trip.path(f"{name}.yaml"), "w") as file:
        file.write(RUN.format(model=model))
    trip.run("train", f"{name}.yaml", "--run", f"{name}-run")
    with open(trip.path(f"{name}-run/checkpoints/latest")) as file:
        checkpoint = f"{name}-run/checkpoints/{file.read().strip()}"
    trip.run("checkpoint", "export", checkpoint, f"{name}-out")
    loaded = load(trip.path(f"{name}-out"))
    kind = type(loaded).__name__
    loaded.save_pretrained(trip.path(f"{name}-saved"), max_shard_size="100KB")
    trip.run("checkpoint", "import", f"{name}-saved", f"{name}-home")
    trip.same_tensors(f"{name}: trained, through {kind} and home, the same bytes", checkpoint, f"{name}-home")
    trip.parity(f"{name}: trained, {kind} computes the same", f"{name}-home", loaded)

    trip.run("checkpoint", "export", checkpoint, f"{name}-half", "--dtype", "bf16", "--shard-bytes", "100000")
    half = load(trip.path(f"{name}-half"), torch.bfloat16)
    half.save_pretrained(trip.path(f"{name}-half-saved"))
    trip.run("checkpoint", "import", f"{name}-half-saved", f"{name}-half-home")
    trip.run("checkpoint", "export", f"{name}-half-home", f"{name}-half-again", "--dtype", "bf16")
    trip.same_tensors(f"{name}: bf16 in shards, through {kind} and home, the same bytes", f"{name}-half", f"{name}-half-again")


def in_and_back(trip, name, model):
    """PyTorch → catlm → PyTorch."""
    with torch.no_grad():
        for index, parameter in enumerate(model.parameters()):
            # Far from the first values, where norms are ones and logits nearly equal.
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(index)))
    model.save_pretrained(trip.path(f"{name}-made"), max_shard_size="100KB")
    trip.run("checkpoint", "import", f"{name}-made", f"{name}-in")
    trip.run("checkpoint", "export", f"{name}-in", f"{name}-back")
    made = tensors(trip.path(f"{name}-made"))
    load(trip.path(f"{name}-back")).save_pretrained(trip.path(f"{name}-again"))
    trip.same_tensors(f"{name}: initialised in Python, through catlm and back, the same bytes", f"{name}-made", f"{name}-again")
    trip.parity(f"{name}: initialised in Python, {len(made)} tensors, catlm computes the same", f"{name}-in", model)


def cat_config(**more):
    return CATConfig(
        vocab_size=256, hidden_size=48, num_hidden_layers=3, num_heads=3, compressor_hidden_size=24, compressor_num_layers=1,
        compressor_num_heads=2, max_chunk_size=6, max_position_embeddings=64, train_chunk_size_schedule=None, **more)


def llama_config(**more):
    return LlamaConfig(
        vocab_size=256, hidden_size=48, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2, intermediate_size=80,
        max_position_embeddings=64, rope_parameters={"rope_type": "default", "rope_theta": 5000.0}, **more)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catlm", required=True, help="the built program")
    parser.add_argument("--keep", help="directory for all files, kept; by default a temporary one")
    options = parser.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(0)
    directory = options.keep or tempfile.mkdtemp(prefix="catlm-roundtrip-")
    os.makedirs(directory, exist_ok=True)
    trip = Trip(options.catlm, directory)
    with open(trip.path("text.txt"), "w") as file:
        file.write("".join(f"{i} times {i} is {i * i}\n" for i in range(900)))
    trip.run("tokenize", "--output", "data", "--validation-share", "0", "text.txt")

    plain, full = dict(norm="false", bias="false", tied="false"), dict(norm="true", bias="true", tied="true")
    out_and_home(trip, "cat", CAT.format(**plain))
    out_and_home(trip, "cat-full", CAT.format(**full))
    out_and_home(trip, "dense", DENSE.format(**plain))
    out_and_home(trip, "dense-bias", DENSE.format(**{**plain, "bias": "true"}))
    out_and_home(trip, "dense-norm", DENSE.format(**{**plain, "norm": "true"}))
    out_and_home(trip, "dense-full", DENSE.format(**full))
    in_and_back(trip, "fla", CATForCausalLM(cat_config()))
    in_and_back(trip, "fla-full", CATForCausalLM(cat_config(qk_norm=True, qkv_bias=True, num_kv_heads=1, tie_word_embeddings=True)))
    in_and_back(trip, "llama", LlamaForCausalLM(llama_config()))
    in_and_back(trip, "llama-tied", LlamaForCausalLM(llama_config(tie_word_embeddings=True)))
    if options.keep is None:
        shutil.rmtree(directory)
    print(f"{trip.failures} comparisons failed" if trip.failures else "everything agrees")
    sys.exit(1 if trip.failures else 0)


if __name__ == "__main__":
    main()
