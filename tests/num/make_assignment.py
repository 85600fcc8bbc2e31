#!/usr/bin/env python3
"""Write assignment_values.h: smallest sums of assignment problems by SciPy.

The costs come from a small integer generator that test_assignment.c has too.
Run it from this folder: make_assignment.py > assignment_values.h
"""

import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment

SIZES = (1, 2, 3, 5, 8, 13, 30, 64, 101, 200)


class Words:
    """31-bit words of a linear congruential generator."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def uniform(words, n):
    return np.array([[words.below(2**27) for _ in range(n)] for _ in range(n)])


def tied(words, n):
    return np.array([[words.below(4) for _ in range(n)] for _ in range(n)])


def plane(words, n):
    """Squared distances of points with whole coordinates."""
    p = np.array([words.below(8000) for _ in range(4 * n)]).reshape(2, n, 2)
    return ((p[0][:, None] - p[1][None]) ** 2).sum(axis=2)


def clusters(words, n):
    """Squared distances of points at few places, with an outlier."""
    p = np.array([words.below(5) for _ in range(4 * n)]).reshape(2, n, 2)
    p[0][0] = 8000
    return ((p[0][:, None] - p[1][None]) ** 2).sum(axis=2)


def product(words, n):
    """Hard for searches of paths (Machol and Wien)."""
    return np.outer(np.arange(n), np.arange(n))


def equal(words, n):
    return np.full((n, n), 2**27)


print(f"/* Made by make_assignment.py with scipy {scipy.__version__}: do not edit. */")
for make in (uniform, tied, plane, clusters, product, equal):
    sums = []
    for n in SIZES:
        cost = make(Words(n), n)
        rows, cols = linear_sum_assignment(cost)
        sums.append(int(cost[rows, cols].sum()))
    print(f"static const int64_t {make.__name__}_sums[] = {{{', '.join(map(str, sums))}}};")
