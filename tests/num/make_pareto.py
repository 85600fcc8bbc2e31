#!/usr/bin/env python3
"""Write fits of the generalized Pareto distribution, or shapes of the tails of weights, by ArviZ's
psislw and gpdfit. Samples come from the generator of words.h.

Run it from this folder: make_pareto.py fits > pareto_values.h
                         make_pareto.py tails > ../mcmc/tail_values.h
"""

import math
import sys

import arviz_stats
import numpy as np
from arviz_stats.base.diagnostics import _DiagnosticsBase

SHAPES = (-0.5, 0.1, 0.4, 0.7, 1.5)
SIZES = (5, 20, 67, 1000)
SLOPES = (0.1, 0.3, 0.6, 1.2)
CHAINS = (100, 400, 2500)


def uniform(seed, n):
    words = []
    for _ in range(n):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        words.append(((seed >> 33) + 0.5) / 2**31)
    return words


def excess(shape, n):
    return np.sort([2 * ((1 - u) ** -shape - 1) / shape for u in uniform(n, n)])


def logistic(slope, n):
    return np.array([slope * (math.log(u) - math.log(1 - u)) for u in uniform(n, n)])


def rows(name, table):
    print(f"static const double {name} = {{")
    for row in table:
        print("    {" + ", ".join(repr(float(v)) for v in row) + "},")
    print("};")


print(f"/* Made by make_pareto.py with arviz_stats {arviz_stats.__version__}: do not edit. */")
if sys.argv[1] == "fits":
    fits = [[_DiagnosticsBase._gpdfit(excess(k, n)) for n in SIZES] for k in SHAPES]
    rows(f"shapes[{len(SHAPES)}][{len(SIZES)}]", [[f[0] for f in row] for row in fits])
    rows(f"scales[{len(SHAPES)}][{len(SIZES)}]", [[f[1] for f in row] for row in fits])
else:
    tails = [[_DiagnosticsBase()._psislw(-logistic(c, n), 1)[1] for n in CHAINS] for c in SLOPES]
    rows(f"tails[{len(SLOPES)}][{len(CHAINS)}]", tails)
