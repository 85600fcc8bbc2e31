#!/usr/bin/env python3
"""The smallest autoencoder, 4 inputs and a code of 1, by a fit and by steps: both find the line
near which the points lie, and points off the line stand out.

Usage: test_pca.py BINARY CONTENTS SOURCE_ROOT
"""

import csv
import math
import pathlib
import subprocess
import sys

from harness import Failures, run, scratch

LINE = [0.8, 0.4, 0.4, 0.2]
ACROSS = 0.1  # deviation of the points across the line
FRESH = ["data.source=line", "data.toy_seed=2", "threads=1"]


def values(helper, path, name):
    done = subprocess.run([helper, path, name], capture_output=True, text=True, check=True)
    return [float.fromhex(line) for line in done.stdout.split()]


def sine(v, w):
    """Of the angle between two directions."""
    cosine = sum(a * b for a, b in zip(v, w)) / math.hypot(*v) / math.hypot(*w)
    return math.sqrt(max(1 - cosine**2, 0))


def check_fit(failures, helper, out):
    model = out / "model.h5"
    encoder = values(helper, model, "/encoder/0/weight")
    decoder = values(helper, model, "/decoder/0/weight")
    failures.check(encoder == decoder, f"E {encoder} is not the transpose of D {decoder}")
    failures.check(sine(encoder, LINE) < 0.02, f"found {encoder}, want about {LINE}")
    eigenvalue = values(helper, model, "/pca/eigenvalues")
    failures.check(abs(eigenvalue[0] - 1 - ACROSS**2) < 0.1, f"along: {eigenvalue}")
    failures.check(all(0.9 < v / ACROSS**2 < 1.1 for v in eigenvalue[1:]), f"across: {eigenvalue}")
    rows = list(csv.DictReader((out / "explained.csv").open()))
    written = [float(row["eigenvalue"]) for row in rows]
    failures.check(written == eigenvalue, f"explained.csv: {written}, model: {eigenvalue}")
    left = sum(eigenvalue[1:]) / 4
    failures.check(math.isclose(float(rows[0]["energy"]), left, rel_tol=1e-12), rows[0])
    return encoder


def check_score(failures, helper, binary, out):
    scores = out / "scores.h5"
    done = run(binary, "score", out, f"out={scores}", *FRESH, ranks=2)
    failures.check(done.code == 0 and "AUC 0.98" in done.out, done)
    pairs = list(zip(values(helper, scores, "/energy"), values(helper, scores, "/label")))
    near = [e for e, label in pairs if label == 0]
    want = 3 * ACROSS**2 / 4
    mean = sum(near) / len(near)
    failures.check(abs(mean / want - 1) < 0.05, f"mean energy {mean}, want about {want}")


def main():
    binary, helper, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    command = [binary, "train", source / "configs/pca-4d.yaml", "threads=1"]
    failures = Failures()
    with scratch() as folder:
        out = pathlib.Path(folder) / "pca"
        done = run(*command, f"out={out}", ranks=3)
        if not failures.check(done.code == 0, done):
            failures.finish()
        encoder = check_fit(failures, helper, out)
        check_score(failures, helper, binary, out)
        again = run(*command, f"out={out}")
        failures.check(again.code == 0 and "this run is finished" in again.err, again)
        wide = run(*command, f"out={folder}/wide", "pca.components=5", ranks=2)
        message = "pca.components: found 5, want 1 to 4, the number of features"
        failures.check(wide.code == 2 and message in wide.err, wide)
        steps = pathlib.Path(folder) / "ae"
        done = run(*command, f"out={steps}", "objective=ae")
        decoder = values(helper, steps / "model.h5", "/decoder/0/weight")
        failures.check(sine(decoder, encoder) < 1e-2, f"by steps {decoder}, fitted {encoder}")
    failures.finish()


main()
