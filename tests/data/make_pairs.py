#!/usr/bin/env python3
"""Write fixtures/pairs.h5: noisy samples with their clean partners, and partners that do not fit.
Needs h5py and NumPy; run in tests/data."""

import h5py
import numpy as np

ROWS, DIM = 96, 6
rng = np.random.default_rng(3)
clean = np.sin(np.arange(DIM) * rng.uniform(0.2, 1, (ROWS, 1))).astype("f4")
noisy = (clean + 0.3 * rng.normal(size=clean.shape)).astype("f4")
clean[41, 2] = np.nan

with h5py.File("fixtures/pairs.h5", "w") as file:
    file["noisy"] = noisy
    file["clean"] = clean
    file["mirror"] = -clean
    file["fewer"] = clean[:-1]
    file["shorter"] = clean[:, 1:]
    file["p4"] = np.ones((ROWS, 3, 4), "f4")
