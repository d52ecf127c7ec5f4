"""Reads a run's event file with TensorBoard's own reader and compares it with metrics.jsonl.

    pip install tensorboard
    python3 Tests/Python/tensorboard_check.py RUN_DIRECTORY

Ends with 0 and a line of counts if every number and every sample text of metrics.jsonl is there once, at its step, in
single precision, and nothing else is but histograms, which are printed with what they count.
"""

import json
import math
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util

SAID_OTHERWISE = {"step", "time", "chunk_size"}


def single(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def expected(path):
    scalars, texts = {}, {}
    with open(path + "/metrics.jsonl", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            step, size = record["step"], record.get("chunk_size")
            suffix = f"/C{size}" if isinstance(size, int) else ""
            if "text" in record:
                texts.setdefault("sample" + suffix, []).append((step, record["prompt"] + record["text"]))
                continue
            for key, value in record.items():
                if key in SAID_OTHERWISE or isinstance(value, (bool, str, list)):
                    continue
                if "validation_loss" in record:
                    name = "loss" if key == "validation_loss" else key
                    tags = ["validation/" + name + suffix]
                elif "stall" in record:
                    tags = ["stall/" + record["stall"]]
                elif "checkpoint" in record or "end" in record:
                    tags = [("checkpoint/" if "checkpoint" in record else "end/") + key]
                else:
                    tags = ["training/" + key] + (["training/loss" + suffix] if key == "loss" and suffix else [])
                for tag in tags:
                    scalars.setdefault(tag, []).append((step, single(value)))
    return scalars, texts


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run = sys.argv[1]
    scalars, texts = expected(run)
    events = event_accumulator.EventAccumulator(run, size_guidance={"scalars": 0, "tensors": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    found = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags["scalars"]}
    if found.keys() != scalars.keys():
        sys.exit(f"scalars: found {sorted(found)}, expected {sorted(scalars)}")
    for tag, values in scalars.items():
        if found[tag] != values:
            sys.exit(f"{tag}: found {found[tag][:3]}…, expected {values[:3]}…")
        if not all(math.isfinite(value) for _, value in values):
            sys.exit(f"{tag}: a value that is no number")
    samples = {}
    for tag in tags["tensors"]:
        for event in events.Tensors(tag):
            samples.setdefault(tag, []).append((event.step, tensor_util.make_ndarray(event.tensor_proto).item().decode()))
    if samples != texts:
        sys.exit(f"texts: found {samples}, expected {texts}")
    for tag in tags["histograms"]:
        for event in events.Histograms(tag):
            value = event.histogram_value
            if sum(value.bucket) != value.num or len(value.bucket) != len(value.bucket_limit):
                sys.exit(f"{tag}: {value}")
            print(f"histogram {tag} at step {event.step}: {int(value.num)} values from {value.min:.6g} to {value.max:.6g}")
    print(f"{len(scalars)} scalars, {sum(map(len, scalars.values()))} values, {sum(map(len, texts.values()))} texts")


main()
