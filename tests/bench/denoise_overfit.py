#!/usr/bin/env python3
"""Does noise on the input keep an autoencoder from overfitting? Few jets, with noise and without.

    ./denoise_overfit.py build/jetnae DATA OUT --noise none gaussian:0.01 masking:0.5

DATA holds train.h5, val.h5 and test.h5, top-tagging or lean. The network of jets-dense.yaml is
trained on the QCD jets among the first --rows rows of train.h5, to the end, with nothing selected
on the way. Errors are those of clean images: mean energy of the jets that it was trained on, and
of all QCD jets of test.h5.
"""

import argparse
import pathlib
import re
import shlex
import subprocess

import h5py
import numpy as np

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "configs/jets-dense.yaml"


def jetnae(args, *words):
    command = shlex.split(args.prefix) + [args.jetnae, *map(str, words), "threads=1"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def few_jets(args):
    path = args.out / "few.h5"
    if not path.exists():
        data = args.data / "train.h5"
        jetnae(args, "prepare", f"data.input={data}", f"rows.to={args.rows}", f"out={path}")
    return path


def score(args, run, path):
    """Mean energy of QCD jets, how many they are, AUC."""
    out = run / f"{path.stem}-scores.h5"
    text = jetnae(args, "score", run, f"data.input={path}", f"out={out}")
    with h5py.File(out) as file:
        energy, label = file["energy"][:], file["label"][:]
    return np.mean(energy[label == 0]), np.sum(label == 0), re.search(r"AUC (\S+)", text).group(1)


def noise_words(text):
    kind, _, level = text.partition(":")
    if kind == "none":
        return ["objective=ae"]
    return ["objective=denoise", f"denoise.noise={kind}", f"denoise.level={level}"]


def line(args, few, noise):
    run = args.out / noise.replace(":", "-")
    jetnae(args, "train", CONFIG, f"data.input={few}", f"data.valid={args.data}/val.h5",
           "data.train_limit=all", f"train.validate_epochs={args.epochs}", "train.select=last",
           f"train.batch={args.batch}", "train.leaf=2",
           f"train.ae_epochs={args.epochs}", f"out={run}", "quiet=true", *noise_words(noise))
    trained, n, _ = score(args, run, few)
    held_out, _, auc = score(args, run, args.data / "test.h5")
    ratio = held_out / trained
    return f"| {noise} | {n} | {trained:.3g} | {held_out:.3g} | {ratio:.2f} | {auc} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("jetnae", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--noise", nargs="+", default=["none", "gaussian:0.01"])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--prefix", default="", help="before each command: taskset -c 1")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    few = few_jets(args)
    print("| noise | jets | training error | held out | ratio | AUC |\n" + "| --- " * 6 + "|")
    for noise in args.noise:
        print(line(args, few, noise), flush=True)


if __name__ == "__main__":
    main()
