#!/usr/bin/env python3
"""Densities in the plane, of which everything is known: a normalized autoencoder follows them and
a plain one does not; the plot of the report is that density; the integral that `evidence` samples
is that over the plot's grid; and without anything that holds its negatives a run is stopped.

Usage: test_toys.py BINARY SOURCE_ROOT
"""

import csv
import json
import math
import pathlib
import re
import shutil
import sys

from harness import Failures, run, scratch

BINARY, ROOT = sys.argv[1:3]
CONFIG = f"{ROOT}/configs/toy-gaussians.yaml"
SHORT = ["train.nae_epochs=8", "train.nae_rate=2e-3", "threads=1", "quiet=true"]
ROWS = ["data.source=gaussians", "data.toy_seed=2", "data.toy_jets=4000", "threads=1"]
GRID, EDGE, RADIUS, WIDTH = 200, 4, 2, 0.2
CENTRES = [(RADIUS * math.cos(k * math.pi / 4), RADIUS * math.sin(k * math.pi / 4))
           for k in range(8)]


def truth(x, y):
    """The density of the data."""
    terms = (math.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * WIDTH**2)) for a, b in CENTRES)
    return sum(terms) / (8 * 2 * math.pi * WIDTH**2)


def numbers(path):
    with open(path, newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    return rows[1:]


def compare(path):
    """Integral of the plotted density, and its total variation distance to that of the data."""
    cell = 2 * EDGE / GRID
    mass = distance = 0
    for column, row, value in numbers(path):
        x = -EDGE + (int(column) + 0.5) * cell
        y = EDGE - (int(row) + 0.5) * cell
        mass += float(value) * cell**2
        distance += abs(float(value) - truth(x, y)) * cell**2 / 2
    return mass, distance


def shares(path):
    """How the samples of the model are shared out among the eight."""
    count = [0] * 8
    for name, x, y in numbers(path):
        if name.startswith("samples"):
            near = [math.dist((float(x), float(y)), centre) for centre in CENTRES]
            count[near.index(min(near))] += min(near) < 4 * WIDTH
    return count


def accept(failures, *words):
    result = run(BINARY, *words, ranks=0)
    failures.check(result.code == 0, result)
    return result


def diverges(failures, folder):
    result = run(BINARY, "train", CONFIG, f"out={folder / 'loose'}", *SHORT, "nae.gamma=0",
                 "nae.x_noise=0.2", "nae.x_step_size=0.02", "nae.x_steps=10",
                 "guard.rollbacks=3", ranks=0)
    good = result.code == 2 and "rollback 3 of 3" in result.err
    failures.check(good and "training diverged at step" in result.err, result)


def check_densities(failures, folder):
    distance = []
    for i in 1, 2:
        mass, far = compare(folder / f"report/plane-density-{i}.csv")
        failures.check(abs(mass - 1) < 0.01, f"the density of run {i} integrates to {mass}")
        distance.append(far)
    print("total variation distance to the data: ae %.3f, nae %.3f" % tuple(distance))
    failures.check(distance[0] > 0.4, f"the plain autoencoder follows the data: {distance[0]}")
    failures.check(distance[1] < 0.32, f"the normalized one does not: {distance[1]}")
    count = shares(folder / "report/plane-points-2.csv")
    print("samples near each of the eight:", count)
    failures.check(min(count) > 40 and sum(count) > 700, f"samples among the eight: {count}")


def check_evidence(failures, folder, nae):
    found = json.loads((nae / "evidence.json").read_text())
    page = (folder / "report.html").read_text()
    want = float(re.findall(r"log Ω (-?[0-9.]+)\.", page)[1])
    text = f"log Omega {found['log_omega']} +- {found['log_omega_error']}, over the grid {want}"
    print(text)
    off = abs(found["log_omega"] - want)
    failures.check(off < 4 * found["log_omega_error"] + 0.01, text)
    failures.check(found["log_omega_error"] < 0.05 and not found["collapsed"], found)


def main():
    failures = Failures()
    with scratch() as name:
        folder = pathlib.Path(name)
        diverges(failures, folder)
        ae, nae = folder / "ae", folder / "nae"
        for out in ae, nae:
            done = accept(failures, "train", CONFIG, f"objective={out.name}", f"out={out}", *SHORT)
            failures.check("rollback" not in done.err, done)
            accept(failures, "reconstruct", out, *ROWS, "reconstruct.input=true",
                   f"out={out}/reconstructions.h5")
        accept(failures, "sample", nae, "sample.count=800", "nae.x_steps=500",
               f"out={nae}/samples.h5", "threads=1")
        accept(failures, "evidence", nae, *ROWS, "evidence.steps=200", f"out={nae}/evidence.json")
        if not shutil.which("gnuplot"):
            print("no gnuplot: densities are left out")
            failures.finish()
            return
        accept(failures, "report", ae, nae, f"out={folder}")
        check_densities(failures, folder)
        check_evidence(failures, folder, nae)
    failures.finish()


main()
