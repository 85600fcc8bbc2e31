#!/usr/bin/env python3
"""Write pca_values.h: what NumPy says of the principal components of the samples in test_pca.c.

The samples are made here as there: sums of products of hashed numbers, exact in double, rounded
once to float. Run it with a Python that has numpy: make_pca_values.py > pca_values.h
"""

import numpy as np

ROWS, DIM, HIDDEN, COMPONENTS = 300, 150, 6, 3


def some(stream, n):
    """As tests/net/nets.c: numbers in (-1, 1)."""
    v = np.arange(n, dtype=np.uint32) * np.uint32(2654435761)
    v += np.uint32(stream * 0x9E3779B9 & 0xFFFFFFFF)
    v = (v ^ v >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    v = (v ^ v >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    v ^= v >> np.uint32(16)
    return ((v >> np.uint32(8)).astype(np.int64) * 2 - 0xFFFFFF) / 0x1000000


def samples():
    code = some(1, ROWS * HIDDEN).reshape(ROWS, HIDDEN)
    pattern = some(2, HIDDEN * DIM).reshape(HIDDEN, DIM)
    x = 0.5 + some(3, ROWS * DIM).reshape(ROWS, DIM) / 16
    for h in range(HIDDEN):
        x = x + 2.0**-h * (code[:, h, None] * pattern[h])
    return x.astype(np.float32).astype(float)


def array(name, values):
    print(f"static const double {name}[] = {{")
    for i in range(0, len(values), 4):
        print("    " + " ".join(f"{v:.17g}," for v in values[i : i + 4]))
    print("};")


def main():
    x = samples()
    weight = 1 + np.arange(ROWS) % 3 / 2
    mean = np.average(x, axis=0, weights=weight)
    covariance = np.cov(x.T, aweights=weight, ddof=0)
    value, vector = np.linalg.eigh(covariance)
    vector = vector[:, ::-1][:, :COMPONENTS].T
    largest = np.abs(vector).argmax(axis=1)
    vector *= np.sign(vector[np.arange(COMPONENTS), largest])[:, None]
    print(f"/* Made by make_pca_values.py with numpy {np.__version__}: do not edit. */")
    print("/* clang-format off */")
    print(f"enum {{ ROWS = {ROWS}, DIM = {DIM}, HIDDEN = {HIDDEN}, COMPONENTS = {COMPONENTS} }};")
    array("numpy_mean", mean)
    array("numpy_value", value[::-1])
    array("numpy_vector", vector.ravel())


main()
