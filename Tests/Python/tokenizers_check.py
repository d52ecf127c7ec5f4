#!/usr/bin/env python3
"""Compares catlm's tokenizers with the packages tokenizers and transformers: ids, texts, merges.

Needs packages from PyPI, in a virtual environment of your own:

    python3 -m venv venv
    venv/bin/pip install tokenizers==0.23.3 "transformers>=5"
    venv/bin/python Tests/Python/tokenizers_check.py --catlm .build/release/catlm --texts TEXT.txt

Encoding: for every family of Tests/Fixtures/tokenizers and of --families, the ids of 2 MB of --texts, cut into documents of
many lengths, and the texts that the ids decode to, are those of the package. Training: on the same texts, line by line, as whole
documents and as JSON lines, on one thread and on two, the vocabulary and the merges are those of the package's trainer. Export:
transformers' AutoTokenizer loads the directory of a trained tokenizer and that of a model that was trained with it, and gives the
same ids.

--measure compares speed and memory instead, on one file of --texts repeated to --megabytes: rates are of whole programs, medians
of interleaved runs. --fixture writes the texts and merges that the tests of TokenizersTests read.

Prints a line a comparison; exits with 1 if one fails, with 0 and a message where a package is missing.
"""
import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

MISSING = [name for name in ("tokenizers", "transformers") if importlib.util.find_spec(name) is None]
if MISSING:
    print(f"skipped: no Python package {', '.join(MISSING)}; see {sys.argv[0]} for what to install")
    sys.exit(0)

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
END = "<|endoftext|>"
SPLITS = {
    most: r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + digits
    + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    for most, digits in (("llama3", "{1,3}"), ("qwen", ""))
}
RUN = """
model:
  model_type: cat
  vocab_size: {vocabulary}
  hidden_size: 32
  num_hidden_layers: 2
  num_heads: 2
  compressor_hidden_size: 16
  compressor_num_layers: 1
  compressor_num_heads: 1
  max_chunk_size: 8
  max_position_embeddings: 32
data:
  tokenizer: trained
  context: 32
  train: shards
train:
  steps: 2
  batch_size: 2
  chunk_sizes: [2, 8]
parallel:
  threads: 1
"""


class Check:
    """The comparisons, and where their files are."""

    def __init__(self, catlm, directory):
        self.catlm, self.directory, self.failures = os.path.abspath(catlm), directory, 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, *arguments):
        done = subprocess.run([self.catlm, *arguments], cwd=self.directory, capture_output=True)
        if done.returncode != 0:
            sys.exit(f"catlm {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr.decode()}")
        return done.stdout.decode()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return self.path(name)

    def say(self, what, holds, figures=""):
        self.failures += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {what}{': ' if figures else ''}{figures}", flush=True)

    def lines(self, command, tokenizer, objects):
        """What `catlm tokenizer COMMAND` makes of JSON lines."""
        self.write("lines.jsonl", "".join(json.dumps(item) + "\n" for item in objects))
        found = self.run("tokenizer", command, tokenizer, "lines.jsonl").split("\n")
        return [json.loads(line) for line in found if line]


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()


def documents(text, byte_count):
    """The text's first bytes, cut anywhere into documents of 1 to 100,000 characters."""
    draws, found, place = random.Random(1), [], 0
    text = text.encode()[:byte_count].decode(errors="ignore")
    while place < len(text):
        length = int(10 ** draws.uniform(0, 5))
        found.append(text[place:place + length])
        place += length
    return found


# Encoding


def families(directories):
    for directory in directories:
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
            path = os.path.join(directory, name, "tokenizer.json")
            if os.path.exists(path):
                yield f"{name} of {os.path.basename(os.path.dirname(directory))}", path


def check_encoding(check, name, path, texts):
    reference = Tokenizer.from_file(path)
    expected = [encoding.ids for encoding in reference.encode_batch(texts)]
    found = [item["ids"] for item in check.lines("encode", path, [{"text": text} for text in texts])]
    differing = [index for index, (left, right) in enumerate(zip(expected, found)) if left != right]
    count = sum(map(len, expected))
    figures = f"{count} ids of {len(texts)} documents, {sum(len(text.encode()) for text in texts)} bytes"
    check.say(f"{name}: same ids", len(found) == len(texts) and not differing,
              figures + (f", differing: {texts[differing[0]][:200]!r}" if differing else ""))
    decoded = reference.decode_batch(expected, skip_special_tokens=False)
    found = [item["text"] for item in check.lines("decode", path, [{"ids": ids} for ids in expected])]
    check.say(f"{name}: same decoded texts", found == decoded)


# Training


def trained(pieces, vocabulary, minimum, special, files=None, texts=None):
    """A tokenizer that the package trained: its vocabulary and its merges."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if pieces in SPLITS:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(SPLITS[pieces]), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=minimum, show_progress=False, special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    if files:
        tokenizer.train(files, trainer)
    else:
        tokenizer.train_from_iterator(texts, trainer)
    return parts(json.loads(tokenizer.to_str()))


def parts(file):
    model = file["model"]
    return model["vocab"], [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]


def check_training(check, text):
    check.write("corpus.txt", text)
    texts = documents(text, len(text.encode()))
    check.write("corpus.jsonl", "".join(json.dumps({"text": item}) + "\n" for item in texts))
    cases = [("gpt2", "lines", 32768), ("gpt2", "whole", 8192), ("llama3", "whole", 8192), ("qwen", "whole", 4096),
             ("gpt2", "jsonl", 8192), ("llama3", "lines", 2000)]
    for pieces, unit, vocabulary in cases:
        source = {"lines": {"files": [check.path("corpus.txt")]}, "whole": {"texts": [text]}, "jsonl": {"texts": texts}}
        expected = trained(pieces, vocabulary, 2, [END, "[A b]"], **source[unit])
        options = ["--pieces", pieces, "--vocabulary", str(vocabulary), "--special", END, "--special", "[A b]"]
        options += ["--whole-documents"] if unit == "whole" else []
        for threads in (1, 2):
            output = f"tokenizer-{pieces}-{unit}-{threads}"
            name = "corpus.jsonl" if unit == "jsonl" else "corpus.txt"
            check.run("tokenizer", "train", *options, "--threads", str(threads), "--output", output, name)
            found = parts(json.loads(read(check.path(output + "/tokenizer.json"))))
            check.say(f"training, {pieces}, {unit}, {threads} threads: same vocabulary and merges", found == expected,
                      f"{len(found[0])} tokens, {len(found[1])} merges")


# Export


def check_export(check, text, texts):
    from transformers import AutoTokenizer

    check.write("corpus.txt", text)
    check.run("tokenizer", "train", "--vocabulary", "2000", "--output", "trained", "corpus.txt")
    check.run("tokenize", "--tokenizer", "trained", "--output", "shards", "corpus.txt")
    check.write("run.yaml", RUN.format(vocabulary=2000))
    check.run("train", "run.yaml", "--run", "run")
    check.run("checkpoint", "export", "run", "exported")
    for directory in ("trained", "exported"):
        tokenizer = AutoTokenizer.from_pretrained(check.path(directory))
        found = [item["ids"] for item in check.lines("encode", directory, [{"text": item} for item in texts])]
        check.say(f"AutoTokenizer on {directory}: same ids", tokenizer(texts)["input_ids"] == found, type(tokenizer).__name__)
        check.say(f"AutoTokenizer on {directory}: same texts",
                  [tokenizer.decode(ids) for ids in found] == [item["text"] for item in check.lines(
                      "decode", directory, [{"ids": ids} for ids in found])])
        check.say(f"AutoTokenizer on {directory}: end of text", tokenizer.eos_token == END)


# Fixture


def fixture_texts():
    """Texts with what is hard: few letters (many ties, one token by two merges), runs, space, scripts."""
    draws = random.Random(3)
    words = ["".join(draws.choice("ab") for _ in range(draws.randint(1, 14))) for _ in range(300)]
    letters = " ".join(draws.choice(words) for _ in range(700))
    syllables = ["ka", "to", "mi", "re", "lu", "san", "ben", "dor", "ing", "er"]
    names = ["".join(draws.choice(syllables) for _ in range(draws.randint(1, 4))) for _ in range(200)]
    prose = "".join(
        " ".join(names[min(int(draws.paretovariate(0.7)) - 1, 199)] for _ in range(draws.randint(2, 14)))
        + draws.choice([". ", "!\n", ",\n\n\n", " 1234, ", "'s ", "\r\n", "  \n    "]) for _ in range(250))
    rest = "naïve Ωmega 日本語 日本 שלום e\u0301 🙂🙂 aaaa aaaaaaa ====== \t\t x\u00a0y \u3000 <|endoftext|> [A b] 1234567 if x:\n        return y\n" * 6
    return [letters, prose, rest, "a very long word: " + "abcdefghijklmnop" * 20 + " " + "qrst" * 9]


def make_fixture(directory):
    os.makedirs(directory, exist_ok=True)
    texts = fixture_texts()
    with open(os.path.join(directory, "corpus.jsonl"), "w", encoding="utf-8") as file:
        file.write("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts))
    with tempfile.TemporaryDirectory() as scratch, open(os.path.join(directory, "expected.jsonl"), "w", encoding="utf-8") as out:
        files = []
        for index, text in enumerate(texts):
            files.append(os.path.join(scratch, str(index)))
            with open(files[-1], "w", encoding="utf-8", newline="") as file:
                file.write(text)
        for pieces, unit, vocabulary, minimum, special in [
                ("gpt2", "lines", 700, 2, [END]), ("gpt2", "documents", 100000, 0, []),
                ("llama3", "documents", 600, 2, [END, "[A b]", "ab"]), ("qwen", "documents", 500, 5, [END]),
                ("qwen", "lines", 450, 1, ["é"])]:
            source = {"files": files} if unit == "lines" else {"texts": texts}
            vocab, merges = trained(pieces, vocabulary, minimum, special, **source)
            tokens = sorted(vocab, key=vocab.get)
            # Two letters of the alphabet make a merge; what it makes follows.
            out.write(json.dumps({
                "pieces": pieces, "unit": unit, "vocabulary": vocabulary, "minimum_count": minimum, "special": special,
                "tokens": tokens, "merges": [" ".join(merge) for merge in merges]}, ensure_ascii=False) + "\n")


# Speed and memory


def timed(command, **variables):
    """Seconds of a command and its resident memory at most, in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **variables})
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)}: {errors}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


ENCODE = """
import sys, time
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
batch, count = [], 0
def encode(): global count; count += sum(len(encoding.ids) for encoding in tokenizer.encode_batch_fast(batch)); batch.clear()
for line in open(sys.argv[2], encoding="utf-8", newline=""):
    batch.append(line)
    if len(batch) == 10000: encode()
encode()
"""
TRAIN = """
import sys
from tokenizers import ByteLevelBPETokenizer
tokenizer = ByteLevelBPETokenizer()
tokenizer.train(sys.argv[1], vocab_size=32768, show_progress=False)
"""


def measure(check, path, family, megabytes, rounds):
    text = read(path)
    count = max(1, round(megabytes * 1e6 / len(text.encode())))
    check.write("large.txt", text * count)
    size = os.path.getsize(check.path("large.txt")) / 1e6
    print(f"{size:.0f} MB of {os.path.basename(path)}, {count} times; {family}")
    rates = {}

    def rate(name, command, **variables):
        seconds, memory = timed(command, **variables)
        rates.setdefault(name, []).append(size / seconds)
        return memory

    def tokenize(name, tokenizer, threads):
        output = check.path("measured")
        memory = rate(name, [check.catlm, "tokenize", "--tokenizer", tokenizer, "--threads", threads, "--output", output,
                             "--validation-share", "0", check.path("large.txt")])
        subprocess.run(["rm", "-rf", output], check=True)
        return memory

    for index in range(rounds):
        for threads in ("1", "2"):
            package = {"RAYON_NUM_THREADS": threads, "TOKENIZERS_PARALLELISM": "true" if threads == "2" else "false"}
            tokenize(f"encode, catlm, {threads}", family, threads)
            rate(f"encode, tokenizers, {threads}", [sys.executable, "-c", ENCODE, family, check.path("large.txt")], **package)
            output = check.path(f"out-{index}-{threads}")
            rate(f"train, catlm, {threads}", [check.catlm, "tokenizer", "train", "--threads", threads, "--output", output,
                                             check.path("large.txt")])
            rate(f"train, tokenizers, {threads}", [sys.executable, "-c", TRAIN, check.path("large.txt")], **package)
        tokenize("encode bytes, catlm, 1", "bytes", "1")
    found = {name: statistics.median(values) for name, values in rates.items()}
    for name, value in found.items():
        print(f"  {name} threads: {value:.1f} MB/s")
    for work, threads, bar in (("encode", 1, 3), ("encode", 2, 2), ("train", 1, 1), ("train", 2, 1)):
        ratio = found[f"{work}, catlm, {threads}"] / found[f"{work}, tokenizers, {threads}"]
        check.say(f"{work} on {threads} threads: at least {bar} times the package", ratio >= bar, f"{ratio:.1f}")
    check.say("bytes on one thread: at least 300 MB/s", found["encode bytes, catlm, 1"] >= 300)
    memory = {}
    for factor in (1, 10):
        with open(check.path("large.txt"), "w", encoding="utf-8", newline="") as file:
            for _ in range(round(factor * 200e6 / len(text.encode()))):
                file.write(text)
        memory[factor] = tokenize("memory", family, "2")
    check.say("memory does not grow with the text", memory[10] < 1.2 * memory[1] + 8,
              f"{memory[1]:.0f} MiB for 200 MB, {memory[10]:.0f} MiB for 2 GB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catlm", default=os.path.join(ROOT, ".build/release/catlm"))
    parser.add_argument("--texts", nargs="*", default=[], help="files of UTF-8; by default the pages of the documentation")
    parser.add_argument("--families", nargs="*", default=[], help="directories whose folders hold a tokenizer.json each")
    parser.add_argument("--measure", action="store_true", help="speed and memory")
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fixture", metavar="DIR", help="write what the tests read, and end")
    options = parser.parse_args()
    if options.fixture:
        return make_fixture(options.fixture)
    pages = os.path.join(ROOT, "docs")
    paths = options.texts or [os.path.join(pages, name) for name in sorted(os.listdir(pages)) if name.endswith(".md")]
    directories = [os.path.abspath(path) for path in [os.path.join(ROOT, "Tests/Fixtures/tokenizers"), *options.families]]
    with tempfile.TemporaryDirectory() as directory:
        check = Check(options.catlm, directory)
        if options.measure:
            path = dict(families(directories[::-1]))
            measure(check, paths[0], next(value for key, value in path.items() if key.startswith("gpt2")),
                    options.megabytes, options.rounds)
        else:
            text = "".join(map(read, paths))
            texts = documents(text, 2_000_000)
            for name, path in families(directories):
                check_encoding(check, name, path, texts)
            check_training(check, text)
            check_export(check, text, texts)
    sys.exit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
