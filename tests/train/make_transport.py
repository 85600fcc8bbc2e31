#!/usr/bin/env python3
"""Write transport_values.h: exact Wasserstein distances by SciPy, in double, of points that come
from a small integer generator that test_transport.c has too.

Run it from this folder: make_transport.py > transport_values.h
"""

import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment

CASES = [(16, 1), (48, 3), (128, 11), (256, 40)]


def points(word, n, dim):
    """(n, dim) numbers from -1 to 1, whole multiples of 2^-20."""
    found = np.empty(n * dim)
    for i in range(n * dim):
        word = (word * 6364136223846793005 + 1442695040888963407) % 2**64
        found[i] = ((word >> 43) - 2**20) / 2**20
    return found.reshape(n, dim)


print(f"/* Made by make_transport.py with scipy {scipy.__version__}: do not edit. */")
print("static const struct {\n  long n, dim;\n  double distance;\n} values[] = {")
for n, dim in CASES:
    x, y = points(n, n, dim), 0.5 * points(dim, n, dim) + 0.25
    cost = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    rows, cols = linear_sum_assignment(cost)
    print(f"    {{{n}, {dim}, {float(cost[rows, cols].mean())!r}}},")
print("};")
