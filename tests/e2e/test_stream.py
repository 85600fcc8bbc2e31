#!/usr/bin/env python3
"""Training on data that do not fit: a lean file that is streamed through a small memory gives the
bits of one that is held in memory, on any number of ranks and threads, and when the run goes on
with another limit in the middle of an epoch. What can not be is said; a file that changes under a
run ends it on all ranks, and the run goes on once the file is back.

So do the commands that apply a model, on any source: they read it twice, in order.

Usage: test_stream.py BINARY CONTENTS SOURCE_ROOT
"""

import json
import os
import pathlib
import subprocess
import sys
import time

from harness import ROOT, STOPPED, Failures, contents, finish, first_difference, ranks_in, results
from harness import run, scratch, start

# Two windows of 128 samples of 64 numbers and the held-out ones; all samples take 0.24 MB.
SMALL = "data.memory_gb=1.3e-4"
LARGE = "data.memory_gb=1"
FEATURES = """
objective: ae
data: {view: features, train_limit: 320, valid_limit: 64, block: 32, window: 4}
net: {encoder: [dense: 16, prelu, dense: 4], decoder: [dense: 16, prelu, dense: 11]}
train: {batch: 64, leaf: 1, ae_epochs: 4, ae_rate: 0.01}
"""

IMAGES = """
objective: ae
data: {image_size: 40, train_limit: 64, valid_limit: 16}
net: {encoder: [dense: 16, prelu, dense: 4], decoder: [dense: 16, prelu, dense: 1600,
  reshape: {channels: 1, height: 40, width: 40}]}
train: {batch: 64, leaf: 1, ae_epochs: 1}
"""
PAIRS = """
objective: ae
data: {source: chirp, chirp_samples: 64, toy_jets: 96}
net: {encoder: [dense: 8], decoder: [dense: 64]}
train: {batch: 32, leaf: 1, ae_epochs: 1}
"""


class Bench:
    def __init__(self, binary, helper, source, folder):
        self.binary, self.helper, self.failures = binary, helper, Failures()
        self.folder = pathlib.Path(folder)
        self.tiny = source / "configs/tiny.yaml"
        self.lean = self.folder / "toys.h5"

    def path(self, name):
        return self.folder / name

    def train(self, out, *words, config=None, ranks=1, code=0, says=""):
        lean = ["data.source=auto", f"data.input={self.lean}", "threads=1"]
        done = run(self.binary, "train", config or self.tiny, f"out={self.path(out)}", *lean,
                   *words, ranks=ranks)
        good = done.code == code and says in done.err
        self.failures.check(good, f"want exit code {code} and '{says}'\n{done}")
        return done

    def make(self, command, *words):
        done = run(self.binary, command, *words, ranks=1)
        self.failures.check(done.code == 0, done)

    def same(self, found, want):
        want, found = results(self.helper, self.path(want)), results(self.helper, self.path(found))
        for name in want:
            self.failures.check(
                found[name] == want[name],
                f"{name} differs: {first_difference(found[name], want[name])}",
            )


def same_bits(bench):
    """Steps 1 to 20 are epochs of five steps, of which the third begins inside a window."""
    bench.train("memory", LARGE)
    bench.train("one", SMALL, says="streamed, 2 windows of 128 samples")
    bench.train("three", SMALL, "threads=2", ranks=3, says="streamed")
    for name in ("one", "three"):
        bench.same(name, "memory")


def resumed_with_another_limit(bench):
    clock = "stop.wall_minutes=1e-6"
    bench.train("across", SMALL, clock, ranks=2, code=STOPPED, says="streamed")
    bench.train("across", LARGE, "train.steps=3", "train.checkpoint_steps=3")
    bench.train("across", SMALL, "train.steps=13", ranks=3, says="continue at step 3")
    bench.train("across", LARGE, "train.steps=22", says="continue at step 13")
    bench.train("across", SMALL, says="continue at step 22", ranks=2)
    bench.same("across", "memory")


def standardised(bench):
    config = bench.path("features.yaml")
    config.write_text(FEATURES)
    bench.train("features", LARGE, config=config)
    bench.train("features-2", "data.memory_gb=3.25e-5", config=config, ranks=2, says="streamed")
    bench.same("features-2", "features")


def separate_validation(bench):
    """Of a file to validate on, the rows that are used stay; and so do all others, with room for
    them but not for the whole file."""
    valid = f"data.valid={bench.path('valid.h5')}"
    bench.train("separate", LARGE, valid)
    bench.train("separate-2", "data.memory_gb=1.45e-4", valid, ranks=2, says="streamed")
    bench.train("separate-3", "data.memory_gb=1.7e-4", valid, says="samples that are used fit")
    for name in ("separate-2", "separate-3"):
        bench.same(name, "separate")


def what_cannot_be(bench):
    bench.train("no", "data.memory_gb=6e-5", ranks=2, code=2, says="for 2 windows of 128 samples")
    table = [f"data.input={bench.path('table.h5')}", "data.memory_gb=1e-4"]
    bench.train("no", *table, code=2, says="lean file of it, which need not fit (jetnae prepare)")


def wait_for_rows(out, rows):
    end = time.monotonic() + 30
    log = out / "log.csv"
    while time.monotonic() < end:
        if log.exists() and log.read_bytes().count(b"\n") > rows:
            return
        time.sleep(0.02)


def turned(content):
    """Some bits of the file's second half."""
    half = len(content) // 2
    return content[:half] + bytes(b ^ (i % 64 == 0) for i, b in enumerate(content[half:]))


def a_file_that_changes(bench, out, change, says):
    """In place, while three ranks read it; whole again, the run ends as if nothing had been."""
    words = [bench.tiny, f"out={bench.path(out)}", "data.source=auto", f"data.input={bench.lean}"]
    long = ["train.nae_epochs=100000", "train.checkpoint_steps=7", "log.steps=1"]
    whole = bench.lean.read_bytes()
    going = start(bench.binary, "train", *words, *long, SMALL, "threads=1", ranks=3)
    wait_for_rows(bench.path(out), 8)
    with open(bench.lean, "r+b") as file:
        file.write(change(whole))
        file.truncate(len(change(whole)))
    done = finish(going, 60)
    bench.lean.write_bytes(whole)
    message = [line for line in done.err.splitlines() if says in line]
    bench.failures.check(
        done.code == 2 and len(message) == 1 and not ranks_in(bench.path(out)),
        f"want exit code 2 and once '{says}'\n{done}",
    )
    last = max(bench.path(out).glob("checkpoints/step-*.h5"))
    steps = f"train.steps={int(last.name[5:17]) + 3}"
    bench.train(out, SMALL, *long, steps, says="continue at step")
    bench.train(out + "-whole", LARGE, *long, steps)
    bench.same(out, out + "-whole")


def applied(bench, model, *words, ranks, command, streamed):
    """What a command makes of its input, as lines."""
    out = bench.path("applied")
    done = run(bench.binary, command, bench.path(model), *words, f"out={out}", ranks=ranks)
    bench.failures.check(done.code == 0 and ("streamed" in done.err) == streamed, done)
    text = [line for line in done.out.splitlines() if str(out) not in line]
    if command != "evidence":
        return text + contents(bench.helper, out)
    found = json.loads(out.read_text())
    return text + [f"{key}: {found[key]!r}" for key in found if key != "provenance"]


def models_applied(bench):
    """Streamed from a lean file, from a table whose chunks do not fit a rank's share, from pairs and
    from made-up outliers: what would come of the same rows in memory."""
    chirps = bench.path("chirps.yaml")
    chirps.write_text(PAIRS)
    done = run(bench.binary, "train", chirps, f"out={bench.path('pairs')}", "threads=1")
    bench.failures.check(done.code == 0, done)
    lean = ["data.source=auto", f"data.input={bench.path('many.h5')}"]
    table = ["data.source=auto", f"data.input={bench.path('many-table.h5')}"]
    range_ = ["rows.from=17", "rows.to=7805"]
    outliers = ["score.outliers=constant,noise"]
    short = ["evidence.chains=16", "evidence.steps=5", "nae.temperature=1"]
    for command, model, words, small in (
        ("score", "memory", lean + range_ + outliers, 1e-3),
        ("score", "features", table, 5e-4),
        ("encode", "memory", table + range_, 1e-3),
        ("reconstruct", "memory", lean + ["reconstruct.input=true"], 1e-3),
        ("reconstruct", "pairs", ["data.source=chirp", "data.toy_jets=9000", "data.toy_seed=3"], 2e-3),
        ("evidence", "memory", lean + short, 1e-3),
    ):
        words = [*words, "threads=1"]
        want = applied(bench, model, *words, LARGE, ranks=1, command=command, streamed=False)
        for ranks in (1, 2):
            limit = f"data.memory_gb={small}"
            found = applied(bench, model, *words, limit, ranks=ranks, command=command,
                            streamed=True)
            bench.failures.check(
                found == want and len(want) > 2,
                f"{command} {model}, {ranks} ranks: {first_difference(found, want)}",
            )


def peak_mb(bench, *words):
    """Of a program on its own."""
    words = ["score", bench.path("images"), "data.source=auto", *words, "threads=1",
             f"out={bench.path('applied')}"]
    process = subprocess.Popen([bench.binary, *map(str, words)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, env={**os.environ, **ROOT})
    process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    bench.failures.check(status == 0, f"exit status {status}: {words}")
    return usage.ru_maxrss / 1024


def memory_kept_to(bench):
    """12,000 images of 6.4 kB are 77 MB; a limit of 20 MB holds, labels and scores included."""
    config, jets = bench.path("images.yaml"), bench.path("many.h5")
    config.write_text(IMAGES)
    bench.train("images", config=config)
    few = peak_mb(bench, f"data.input={jets}", "data.limit=16")
    memory = peak_mb(bench, f"data.input={jets}") - few
    streamed = peak_mb(bench, f"data.input={jets}", "data.memory_gb=0.02") - few
    print(f"memory of 12,000 images: {memory:.0f} MB; streamed {streamed:.0f} MB, limit 20 MB")
    bench.failures.check(memory > 70 and streamed < 20, "memory is not kept to")


def main():
    binary, helper, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    with scratch() as folder:
        bench = Bench(binary, helper, source, folder)
        bench.make("generate", f"out={bench.lean}", "generate.jets=900")
        bench.make("generate", f"out={bench.path('valid.h5')}", "generate.jets=300",
                   "data.toy_seed=5")
        bench.make("generate", f"out={bench.path('table.h5')}", "generate.jets=900",
                   "generate.table=true")
        many = ["generate.jets=12000", "data.toy_seed=6"]
        bench.make("generate", f"out={bench.path('many.h5')}", *many)
        bench.make("generate", f"out={bench.path('many-table.h5')}", *many, "generate.table=true")
        same_bits(bench)
        resumed_with_another_limit(bench)
        standardised(bench)
        separate_validation(bench)
        what_cannot_be(bench)
        models_applied(bench)
        memory_kept_to(bench)
        a_file_that_changes(bench, "turned", turned, " is damaged")
        a_file_that_changes(bench, "cut", lambda b: b[:4096], "the file ends too early")
    bench.failures.finish()


main()
