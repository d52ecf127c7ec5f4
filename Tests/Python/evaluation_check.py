#!/usr/bin/env python3
"""Compares what `catlm evaluate` says of exported models with the losses that transformers finds in the same contexts.

Needs packages from PyPI, in a virtual environment of your own:

    python3 -m venv venv
    venv/bin/pip install torch transformers safetensors numpy            # dense models
    venv/bin/pip install flash-linear-attention==0.6.0                   # CATs as well
    venv/bin/python Tests/Python/evaluation_check.py --catlm .build/release/catlm

Trains a dense model and a CAT for some steps, exports them, and measures each directory with `catlm evaluate --tokens` in
blocked contexts and in sliding ones. The same contexts go through AutoModelForCausalLM, one at a time, on a CPU; targets
count as docs/evaluation.md says. Prints a line a comparison; exits with 1 if one fails, with 0 and a message where a package
is missing.
"""
import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

MISSING = [name for name in ("torch", "transformers", "safetensors") if importlib.util.find_spec(name) is None]
if MISSING:
    print(f"skipped: no Python package {', '.join(MISSING)}; see {sys.argv[0]} for what to install")
    sys.exit(0)
HAS_FLA = importlib.util.find_spec("fla") is not None
if HAS_FLA:
    import fla_on_cpu  # noqa: F401  (before transformers makes a model)

import numpy
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()

CONTEXT, STRIDE, TOLERANCE = 48, 20, 1e-5
CHUNK_SIZES = [1, 3, 4, 8]
MODELS = {
    "dense": "{model_type: llama, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2,"
             " intermediate_size: 96, vocab_size: 256, max_position_embeddings: 64}",
    "cat": "{model_type: cat, hidden_size: 64, num_hidden_layers: 2, num_heads: 4, compressor_hidden_size: 32,"
           " compressor_num_layers: 1, compressor_num_heads: 2, max_chunk_size: 8, vocab_size: 256,"
           " max_position_embeddings: 64}",
}
RUN = """
model: {model}
data: {{tokenizer: bytes, context: 64, train: data}}
optimizer: {{learning_rate: 3.0e-3}}
train: {{steps: 60, batch_size: 8}}
checkpoint: {{interval: 0}}
parallel: {{threads: 1}}
"""


def windows(count, stride):
    """Where contexts begin, and how many of their last targets count."""
    starts = range(0, count - CONTEXT, stride)
    return [(start, CONTEXT if start == 0 else stride) for start in starts]


@torch.no_grad()
def loss_of(model, ids, stride, chunk_size):
    total, count = 0.0, 0
    arguments = {} if chunk_size is None else {"chunk_size": chunk_size}
    for start, counted in windows(len(ids), stride):
        window = torch.tensor(ids[start:start + CONTEXT + 1], dtype=torch.long)[None]
        logits = model(
            input_ids=window[:, :-1], attention_mask=torch.ones_like(window[:, :-1]), use_cache=False, **arguments).logits
        losses = F.cross_entropy(logits[0], window[0, 1:], reduction="none")
        total += losses[-counted:].sum().item()
        count += counted
    return total / count, count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catlm", required=True, help="the built program")
    options = parser.parse_args()
    catlm = os.path.abspath(options.catlm)
    directory = tempfile.mkdtemp(prefix="catlm-evaluation-")
    failures = 0

    def run(*arguments):
        done = subprocess.run([catlm, *arguments], cwd=directory, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"catlm {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    with open(f"{directory}/text.txt", "w") as file:
        file.write("".join(f"{i} times {i} is {i * i}\n" for i in range(900)))
    run("tokenize", "--output", "data", "--validation-share", "0", "text.txt")
    text = "".join(f"{i} plus {i} is {2 * i}; " for i in range(60))
    ids = list(text.encode())
    header = numpy.zeros(256, dtype="<i4")
    header[:3] = 20240520, 1, len(ids)
    with open(f"{directory}/ids.bin", "wb") as file:
        file.write(header.tobytes() + numpy.array(ids, dtype="<u2").tobytes())

    for name, fields in MODELS.items():
        if name == "cat" and not HAS_FLA:
            print("skipped: cat, no Python package fla (flash-linear-attention)")
            continue
        with open(f"{directory}/{name}.yaml", "w") as file:
            file.write(RUN.format(model=fields))
        run("train", f"{name}.yaml", "--run", f"{name}-run")
        run("checkpoint", "export", f"{name}-run", f"{name}-hf")
        model = AutoModelForCausalLM.from_pretrained(f"{directory}/{name}-hf", dtype=torch.float32).eval().double()
        for stride in (CONTEXT, STRIDE):
            sizes = ["--chunk-sizes", ",".join(map(str, CHUNK_SIZES))] if name == "cat" else []
            output = run(
                "evaluate", f"{name}-hf", "--tokens", "ids.bin", "--context", str(CONTEXT), "--stride", str(stride), "--json",
                *sizes)
            for row in map(json.loads, output.splitlines()):
                expected, count = loss_of(model, ids, stride, row["chunk_size"])
                error = abs(row["loss"] - expected) / expected
                kind = "blocked" if stride == CONTEXT else "sliding"
                holds = error <= TOLERANCE and row["targets"] == count and row["contexts"] == kind
                failures += not holds
                size = "" if row["chunk_size"] is None else f", C = {row['chunk_size']}"
                print(f"{'ok  ' if holds else 'FAIL'} {name}, {kind}{size}: catlm {row['loss']:.7f}, transformers"
                      f" {expected:.7f}, {count} targets", flush=True)
    shutil.rmtree(directory)
    print(f"{failures} comparisons failed" if failures else "everything agrees")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
