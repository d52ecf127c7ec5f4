#!/usr/bin/env python3
"""Compares catlm's choice of tokens with transformers' own logits processors on the same logits.

Needs packages from PyPI, in a virtual environment of your own:

    python3 -m venv venv
    venv/bin/pip install torch "transformers>=5"
    venv/bin/python Tests/Python/sampling_check.py

Draws logits and settings, lets transformers' RepetitionPenaltyLogitsProcessor and its warpers of temperature, top-k, top-p and
min-p change them, in the order in which `generate` puts them, and compares the probabilities that are left with those of
Tests/Fixtures/sampling/transformers.jsonl, which the tests of ModelsTests (SamplingTests) hold against catlm's. --write writes
that file anew.

Prints a line; exits with 1 if a probability differs, with 0 and a message where a package is missing.
"""
import argparse
import importlib.util
import json
import os
import sys

MISSING = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]
if MISSING:
    print(f"skipped: no Python package {', '.join(MISSING)}; see {sys.argv[0]} for what to install")
    sys.exit(0)

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
import torch
from transformers.generation import logits_process as processors

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIXTURE = os.path.join(ROOT, "Tests", "Fixtures", "sampling", "transformers.jsonl")

SETTINGS = [
    {},
    {"temperature": 0.7},
    {"temperature": 3.0},
    {"top_k": 1},
    {"top_k": 7},
    {"top_p": 0.5},
    {"top_p": 0.95},
    {"top_p": 0.01},
    {"min_p": 0.05},
    {"min_p": 1.0},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.6},
    {"temperature": 1.4, "top_k": 20, "top_p": 0.8},
    {"temperature": 0.8, "top_p": 0.9, "min_p": 0.1},
    {"temperature": 1.2, "top_k": 10, "top_p": 0.7, "min_p": 0.2, "repetition_penalty": 1.1},
    {"temperature": 2.0, "top_k": 40, "min_p": 0.01, "repetition_penalty": 2.0},
]


def chain(settings):
    """The processors in the order of `GenerationMixin._get_logits_processor`."""
    made = processors.LogitsProcessorList()
    if "repetition_penalty" in settings:
        made.append(processors.RepetitionPenaltyLogitsProcessor(settings["repetition_penalty"]))
    if "temperature" in settings:
        made.append(processors.TemperatureLogitsWarper(settings["temperature"]))
    if "top_k" in settings:
        made.append(processors.TopKLogitsWarper(settings["top_k"]))
    if "top_p" in settings:
        made.append(processors.TopPLogitsWarper(settings["top_p"]))
    if "min_p" in settings:
        made.append(processors.MinPLogitsWarper(settings["min_p"]))
    return made


def cases():
    draws = torch.Generator().manual_seed(3)
    for index, settings in enumerate(SETTINGS * 3):
        count = (1, 48, 200)[index // len(SETTINGS)]
        logits = (3 * torch.randn(count, generator=draws)).to(torch.float32)
        ids = torch.randint(0, count, (5,), generator=draws)
        scores = chain(settings)(ids[None], logits[None].clone())[0]
        probabilities = torch.softmax(scores.double(), dim=-1)
        yield dict(settings, ids=ids.tolist(), logits=logits.tolist(), probabilities=probabilities.tolist())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the fixture anew")
    arguments = parser.parse_args()
    made = list(cases())
    if arguments.write:
        os.makedirs(os.path.dirname(FIXTURE), exist_ok=True)
        with open(FIXTURE, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(case) + "\n" for case in made)
    with open(FIXTURE, encoding="utf-8") as file:
        held = [json.loads(line) for line in file]
    failures = 0
    for found, kept in zip(made, held, strict=True):
        same = found["logits"] == kept["logits"] and all(
            abs(a - b) <= 1e-6 for a, b in zip(found["probabilities"], kept["probabilities"], strict=True))
        failures += not same
    print(f"{'FAIL' if failures else 'ok  '} {len(made)} distributions of transformers, {failures} differ")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
