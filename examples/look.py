#!/usr/bin/env python3
"""Look at a run with h5py and matplotlib: how the energies of the classes lie, and what the first
layer has learned. jetnae itself needs no Python.

    examples/look.py runs/qcd look.png

wants runs/qcd/model.h5 (jetnae train) and runs/qcd/scores.h5 (jetnae score).
"""

import pathlib
import sys

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402


def draw_energies(axes, path):
    """/energy has one number for each row of the input, NaN where it was refused; /label where the
    input had labels, -1 where not."""
    with h5py.File(path) as file:
        energy = file["energy"][:]
        label = file["label"][:] if "label" in file else np.zeros(len(energy), int)
    good = np.isfinite(energy) & (energy > 0)
    edges = np.geomspace(energy[good].min(), energy[good].max(), 50)
    for value in np.unique(label[good]):
        rows = energy[good & (label == value)]
        axes.hist(rows, edges, histtype="step", label=f"class {value}")
    axes.set(xscale="log", xlabel="energy", ylabel="rows per bin", title="scores")
    axes.legend()


def weights(path):
    """Name and values of each tensor, in the order of the layers: encoder/0/weight, ..."""
    found = {}
    with h5py.File(path) as file:
        for part in ("encoder", "decoder"):
            for i in range(file[part].attrs["layers"]):
                layer = file[f"{part}/{i}"]
                found.update({f"{part}/{i}/{name}": layer[name][:] for name in layer})
    return found


def draw_weights(axes, tensors):
    name, w = next((n, w) for n, w in tensors.items() if w.ndim > 1)
    rows = w.reshape(len(w), -1)
    limit = np.abs(rows).max()
    shown = axes.imshow(rows, "RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    axes.set(xlabel="input", ylabel="output", title=f"{name} {w.shape}")
    axes.figure.colorbar(shown, ax=axes)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    run = pathlib.Path(sys.argv[1])
    tensors = weights(run / "model.h5")
    for name, w in tensors.items():
        print(f"{name:32} {str(w.shape):20} rms {np.sqrt(np.mean(w**2)):.3g}")
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    draw_energies(axes[0], run / "scores.h5")
    draw_weights(axes[1], tensors)
    figure.savefig(sys.argv[2], dpi=150)


if __name__ == "__main__":
    main()
