#!/usr/bin/env python3
"""From a text to text in transformers: what a user does with configs/cat-small.yaml and dense-small.yaml, cut down for a CPU.

Needs packages from PyPI, in a virtual environment of your own (about 6 GB):

    python3 -m venv venv
    venv/bin/pip install torch "transformers>=5.6.2,<6" tokenizers safetensors numpy flash-linear-attention==0.6.0
    venv/bin/python Tests/Python/end_to_end.py --catlm .build/release/catlm --texts TEXT.txt [TEXT.txt ...]

catlm trains a tokenizer on the texts, turns them into shards, trains both configurations, each also with its documents kept apart,
and exports the models. transformers loads each directory by AutoTokenizer and AutoModelForCausalLM, encodes prompts, and continues
them greedily: ids and text must be those of `catlm generate`. Without flash-linear-attention the CAT is left out, and this is said.

Prints a line a comparison; exits with 1 if one fails, with 0 and a message where a package is missing.
"""
import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile

MISSING = [name for name in ("torch", "transformers", "tokenizers") if importlib.util.find_spec(name) is None]
if MISSING:
    print(f"skipped: no Python package {', '.join(MISSING)}; see {sys.argv[0]} for what to install")
    sys.exit(0)

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
import torch

HAS_FLA = importlib.util.find_spec("fla") is not None
if HAS_FLA:
    import fla_on_cpu  # noqa: F401  (before transformers makes a model)
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

logging.disable_progress_bar()

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROMPTS = ["The ", "ROMEO:\nI ", "In 1999, ", "naïve 😀 – "]
COMMON = {
    "model.vocab_size": 512, "model.hidden_size": 64, "model.num_hidden_layers": 2, "model.max_position_embeddings": 128,
    "data.context": 128, "data.validation_samples": 8, "train.batch_size": 8, "train.accumulation": 1, "train.steps": 40,
    "schedule.warmup_steps": 5, "optimizer.learning_rate": 3e-3, "parallel.threads": 1,
}
CONFIGURATIONS = {
    "cat-small": {
        "model.num_heads": 4, "model.compressor_hidden_size": 32, "model.compressor_num_heads": 2,
        "model.compressor_num_layers": 1, "model.max_chunk_size": 8, "train.chunk_sizes": "[4, 8]",
    },
    "dense-small": {"model.num_attention_heads": 4},
}


class Walk:
    """The commands and comparisons, and where their files are."""

    def __init__(self, catlm, directory):
        self.catlm, self.directory, self.failures = os.path.abspath(catlm), directory, 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, *arguments):
        done = subprocess.run([self.catlm, *arguments], cwd=self.directory, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"catlm {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def say(self, what, holds, figures=""):
        self.failures += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {what}{': ' if figures else ''}{figures}", flush=True)


def train(walk, name, boundaries):
    """The run of a configuration, exported."""
    settings = {
        **COMMON, **CONFIGURATIONS[name], "data.tokenizer": "tokenizer", "data.train": "shards", "data.validation": "shards",
        "data.document_boundaries": boundaries,
    }
    run = f"{name}-{boundaries}"
    walk.run("train", os.path.join(ROOT, "configs", f"{name}.yaml"), "--run", run,
             *(part for key, value in settings.items() for part in ("--set", f"{key}={value}")))
    walk.run("checkpoint", "export", run, f"{run}-exported")
    return run


@torch.no_grad()
def compare(walk, run, sizes):
    """Prompts continued by transformers and by catlm."""
    tokenizer = AutoTokenizer.from_pretrained(walk.path(f"{run}-exported"))
    model = AutoModelForCausalLM.from_pretrained(walk.path(f"{run}-exported"), dtype=torch.float32).eval()
    # catlm generate goes on behind the end of a document.
    model.generation_config.eos_token_id = None
    for size in sizes:
        for prompt in PROMPTS:
            option = [] if size is None else ["--chunk-size", str(size)]
            found = json.loads(
                walk.run("generate", run, "--prompt", prompt, "--max-tokens", "48", "--json", "--threads", "1", *option))
            ids = tokenizer(prompt, return_tensors="pt").input_ids
            arguments = {} if size is None else {"chunk_size": size}
            tokens = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=48, do_sample=False, use_cache=size is None,
                **arguments)[0].tolist()
            whole, start = tokenizer.decode(tokens), tokenizer.decode(ids[0])
            place = "" if size is None else f" at chunk size {size}"
            same = tokens[ids.shape[1]:] == found["tokens"] and start == prompt and whole == prompt + found["text"]
            walk.say(f"{run}{place}, after {prompt!r}", same,
                     repr(found["text"][:40]) if same else f"catlm {found['text']!r}, transformers {whole[len(start):]!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catlm", required=True, help="the built program")
    parser.add_argument("--texts", required=True, nargs="+", help="texts to train on")
    parser.add_argument("--keep", help="directory for all files, kept; by default a temporary one")
    options = parser.parse_args()
    torch.set_num_threads(2)
    directory = options.keep or tempfile.mkdtemp(prefix="catlm-end-to-end-")
    os.makedirs(directory, exist_ok=True)
    walk = Walk(options.catlm, directory)
    texts = [os.path.abspath(text) for text in options.texts]
    walk.run("tokenizer", "train", "--vocabulary", "512", "--output", "tokenizer", *texts)
    walk.run("tokenize", "--tokenizer", "tokenizer", "--separator", "\n\n", "--output", "shards", *texts)
    if not HAS_FLA:
        print("left out: cat-small, for there is no Python package flash-linear-attention")
    for name, sizes in (("cat-small", [4, 8]), ("dense-small", [None])):
        if name == "cat-small" and not HAS_FLA:
            continue
        for boundaries in ("ignore", "reset"):
            compare(walk, train(walk, name, boundaries), sizes)
    if options.keep is None:
        shutil.rmtree(directory)
    print(f"{walk.failures} comparisons failed" if walk.failures else "everything agrees")
    sys.exit(1 if walk.failures else 0)


if __name__ == "__main__":
    main()
