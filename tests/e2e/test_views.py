#!/usr/bin/env python3
"""Views of a jet, from training to scores: observables are standardised, the model keeps by what,
scoring applies it; all of it the same bits for any number of ranks and after a stop. A model says
so when it is to score another view.

Usage: test_views.py BINARY CONTENTS
(CONTENTS prints what an HDF5 file holds outside /provenance)
"""

import pathlib
import sys

from harness import STOPPED, Failures, first_difference, results, run, scratch

CONFIG = """
objective: nae
data:
  source: toy
  toy_jets: 600
  view: features
net:
  encoder: [dense: 16, prelu, dense: 4]
  decoder: [dense: 16, prelu, dense: 11]
train: {batch: 64, leaf: 1, ae_epochs: 6, ae_rate: 0.01, nae_epochs: 2}
nae: {mode: pcd, x_steps: 5, x_step_size: 0.02, x_noise: 0.2, temperature: 0.05}
"""
SCORED = ["data.source=toy", "data.toy_jets=600"]


def train(failures, binary, config, out, ranks, *more, code=0):
    done = run(binary, "train", config, f"out={out}", "threads=1", *more, ranks=ranks)
    return failures.check(done.code == code, done)


def score(failures, binary, out, ranks):
    done = run(binary, "score", out, *SCORED, "threads=1", ranks=ranks)
    return failures.check(done.code == 0 and "AUC" in done.out, done)


def same_bits(failures, binary, helper, folder, config):
    one, many = folder / "one", folder / "many"
    train(failures, binary, config, one, 1)
    train(failures, binary, config, many, 3, "stop.wall_minutes=1e-6", code=STOPPED)
    train(failures, binary, config, many, 2)
    score(failures, binary, one, 1)
    score(failures, binary, many, 3)
    want, found = results(helper, one), results(helper, many)
    for name in want:
        failures.check(found[name] == want[name],
                       f"{name} differs: {first_difference(found[name], want[name])}")
    model = [line.split()[0] for line in want["model.h5"]]
    for name in ("input/mean", "input/scale", "input@features"):
        failures.check(name in model, f"no {name} in {model}")
    return one


def energies(helper, out):
    return [float.fromhex(e) for e in run(helper, out / "scores.h5", "/energy", ranks=0).out.split()]


def in_units_of_the_deviation(failures, helper, out):
    """Raw features would leave errors of a hundred GeV squared and more."""
    found = sorted(energies(helper, out))
    failures.check(len(found) == 600 and 0 < found[300] < 1, f"median energy {found[300:301]}")


def another_view(failures, binary, out):
    done = run(binary, "score", out, *SCORED, "data.view=image", ranks=2)
    want = "found samples of shape 1 x 40 x 40, want 11 x 1 x 1, what the model was trained on"
    failures.check(done.code == 2 and want in done.err, done)


def points(failures, binary, config, folder):
    done = run(binary, "train", config, f"out={folder / 'no'}", "data.points=101", ranks=2)
    failures.check(done.code == 2 and "data.points: found 101, want" in done.err, done)


def main():
    binary, helper = sys.argv[1:3]
    failures = Failures()
    with scratch() as name:
        folder = pathlib.Path(name)
        config = folder / "nae.yaml"
        config.write_text(CONFIG)
        out = same_bits(failures, binary, helper, folder, config)
        in_units_of_the_deviation(failures, helper, out)
        another_view(failures, binary, out)
        points(failures, binary, config, folder)
    failures.finish()


main()
