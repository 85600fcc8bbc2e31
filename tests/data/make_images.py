#!/usr/bin/env python3
"""Write fixtures/images.h5: jets and their images, by NumPy and SciPy alone.

The independent counterpart of the program's pre-processing, written another way: angles instead of
square roots, the eigenvectors of LAPACK, histograms instead of loops, SciPy's Gaussian filter
(Debian: python3-numpy, python3-scipy, python3-h5py).

    p4            (J, T, 4)    E, px, py, pz in GeV, pT-descending, zero padded
    sum, last     (J, 40, 40)  images, both ways to merge; all 0 for a jet without constituents
    smooth        (K, 40, 40)  the first K of them through a Gaussian filter of sigma 1.3
    sharp         (K, 20, 20)  the first K at 20 x 20, to the power 0.5
"""

import os

import h5py
import numpy as np
from scipy.ndimage import gaussian_filter

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
SLOTS, SMOOTHED = 30, 6


def four_momenta(pt, eta, phi):
    """Massless, as float32, hardest first."""
    pt, eta, phi = (np.asarray(a, float) for a in (pt, eta, phi))
    p4 = np.stack([pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], 1)
    out = np.zeros((SLOTS, 4), np.float32)
    out[: len(pt)] = p4[np.argsort(-pt, kind="stable")]
    return out


def random_jet(rng, centre):
    """Two or three clumps around a centre, as broad as jets are."""
    n, clumps = rng.integers(3, SLOTS + 1), rng.integers(1, 4)
    where = rng.normal(0, 0.25, (clumps, 2))[rng.integers(0, clumps, n)]
    eta, phi = (where + rng.normal(0, 0.06, (n, 2))).T
    return four_momenta(rng.pareto(1.1, n) * 5 + 1, centre[0] + eta, centre[1] + phi)


def edge_cases():
    square = np.array([[0.1, 0.1], [0.1, -0.1], [-0.1, 0.1], [-0.1, -0.1]])
    line = np.array([-0.2, 0.0, 0.25, 0.4])
    return [
        four_momenta([600], [0.7], [1.1]),
        four_momenta([500, 90], [0.1, 0.33], [-0.4, -0.17]),
        four_momenta([300, 200, 80, 20], 0.3 + 0.6 * line, 1 + 0.5 * line),
        four_momenta([100] * 4, 0.2 + square[:, 0], square[:, 1]),
        four_momenta([400, 150, 60], [0.1, 0.2, -0.1], [np.pi - 0.01, -np.pi + 0.1, 3.0]),
        four_momenta([400, 150, 60], [-1.9, -1.7, -2.0], [-np.pi + 0.01, np.pi - 0.2, -3.0]),
        four_momenta([], [], []),
        four_momenta([200, 200], [0.5, 0.5], [2.0, 2.3]),
    ]


def coordinates(p4):
    """pT, eta', phi' in the jet's own frame."""
    p = p4[p4[:, 0] > 0].astype(float)
    pt = np.hypot(p[:, 1], p[:, 2])
    eta, phi = np.arcsinh(p[:, 3] / pt), np.arctan2(p[:, 2], p[:, 1])
    phi = (phi - phi[np.argmax(pt)] + np.pi) % (2 * np.pi) - np.pi
    at = np.stack([eta, phi])
    at -= np.average(at, axis=1, weights=pt)[:, None]
    values, vectors = np.linalg.eigh((pt * at) @ at.T)
    if values[1] - values[0] > 2e-6 * values.sum():
        turn = np.pi / 2 - np.arctan2(vectors[1, 1], vectors[0, 1])
        at = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ at
    at = np.round(at, 10)  # what is on the axis is at 0
    if pt[at[0] > 0].sum() > pt[at[0] < 0].sum():
        at[0] = -at[0]
    if pt[at[1] < 0].sum() > pt[at[1] > 0].sum():
        at[1] = -at[1]
    return pt, *at


def image(p4, size, last=False):
    out = np.zeros((size, size))
    if not (p4[:, 0] > 0).any():
        return out
    pt, eta, phi = coordinates(p4)
    column = np.floor(eta / (0.029 * 40 / size)).astype(int) + size // 2
    row = np.floor(phi / (0.035 * 40 / size)).astype(int) + size // 2
    keep = (column >= 0) & (column < size) & (row >= 0) & (row < size)
    if last:
        for r, c, p in zip(row[keep], column[keep], pt[keep]):
            out[r, c] = p
    else:
        np.add.at(out, (row[keep], column[keep]), pt[keep])
    return out / out.sum()


def sharpened(x):
    return x**0.5 / (x**0.5).sum()


def main():
    rng = np.random.default_rng(20)
    jets = [random_jet(rng, c) for c in rng.uniform([-2, -np.pi], [2, np.pi], (44, 2))]
    jets = np.stack(jets + edge_cases())
    arrays = {
        "p4": jets,
        "sum": np.stack([image(j, 40) for j in jets]),
        "last": np.stack([image(j, 40, last=True) for j in jets]),
        "smooth": np.stack([gaussian_filter(image(j, 40), 1.3, mode="reflect", truncate=4)
                            for j in jets[:SMOOTHED]]),
        "sharp": np.stack([sharpened(image(j, 20)) for j in jets[:SMOOTHED]]),
    }
    with h5py.File(os.path.join(HERE, "images.h5"), "w", track_order=False) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array.astype(np.float32), compression=9, shuffle=True,
                                track_times=False)


if __name__ == "__main__":
    main()
