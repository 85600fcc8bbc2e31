#!/usr/bin/env python3
"""Write metrics_values.h: scores of two classes and what scikit-learn and NumPy say of them.

AUC and ROC come from scikit-learn, the DeLong error from its definition by counting all pairs.
Run it with a Python that has numpy and scikit-learn, from this folder:
make_metrics.py > metrics_values.h
"""

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve


def pair_kernel(signal, background):
    """1 where signal wins, 1/2 where they tie, for all pairs (S, B)."""
    difference = signal[:, None] - background[None, :]
    return (difference > 0) + 0.5 * (difference == 0)


def delong(score, label, weight):
    s, b = label == 1, label == 0
    kernel = pair_kernel(score[s], score[b])
    auc = weight[s] @ kernel @ weight[b] / (weight[s].sum() * weight[b].sum())
    variance = 0.0
    for placement, w in (
        (kernel @ weight[b] / weight[b].sum(), weight[s]),
        (weight[s] @ kernel / weight[s].sum(), weight[b]),
    ):
        n = w.sum() ** 2 / (w**2).sum()
        variance += ((w * (placement - auc)) ** 2).sum() / w.sum() ** 2 * n / (n - 1)
    return np.sqrt(variance)


def rejection(score, label, weight, eps_s):
    fpr, tpr, _ = roc_curve(label, score, sample_weight=weight, drop_intermediate=False)
    i = np.searchsorted(tpr, eps_s - 1e-12)
    share = (eps_s - tpr[i - 1]) / (tpr[i] - tpr[i - 1])
    eps_b = fpr[i - 1] + share * (fpr[i] - fpr[i - 1])
    w = weight[label == 0]
    n = w.sum() ** 2 / (w**2).sum()
    if eps_b == 0:
        return n, 0.0, True
    return 1 / eps_b, np.sqrt(eps_b * (1 - eps_b) / n) / eps_b**2, False


def cases():
    rng = np.random.default_rng(20240917)
    label = (rng.random(180) < 0.4).astype(int)
    smooth = np.round((rng.normal(size=180) + 0.8 * label) * 4096) / 4096
    coarse = np.floor(rng.normal(size=180) * 1.5 + 1.2 * label)
    weight = np.round(rng.gamma(2.0, 0.5, size=180) * 256 + 1) / 256
    ones = np.ones(180)
    yield "smooth", smooth, label, ones
    yield "coarse", coarse, label, ones
    yield "smooth_weighted", smooth, label, weight
    yield "coarse_weighted", coarse, label, weight
    yield "all_tied", np.zeros(180), label, ones
    yield "separated", smooth + 100 * label, label, ones
    # eps_S of exactly 0.2 and 0.3 is a point of the ROC, followed by background only
    exact = np.array([10, 9, 8, 7.5, 7.4, 7, 6.5, 6, 5, 4, 3, 2, 1, 0, 0.5])
    yield "exact", exact, np.array([1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0]), np.ones(15)


def array(kind, name, values, form):
    lines = []
    for start in range(0, len(values), 10):
        lines.append("    " + ", ".join(form % v for v in values[start : start + 10]) + ",")
    print("static const %s %s[] = {\n%s\n};" % (kind, name, "\n".join(lines)))


def main():
    print("/* Made by make_metrics.py with numpy %s: do not edit. */" % np.__version__)
    print("/* clang-format off */")
    rows = []
    for name, score, label, weight in cases():
        array("double", name + "_score", score, "%.17g")
        array("signed char", name + "_label", label, "%d")
        array("float", name + "_weight", weight, "%.9g")
        row = [roc_auc_score(label, score, sample_weight=weight), delong(score, label, weight)]
        for eps_s in (0.2, 0.3):
            row += rejection(score, label, weight, eps_s)
        rows.append((name, len(score), row))
    print(
        "static const struct Case {\n  const char *name;\n  const double *score;\n"
        "  const signed char *label;\n  const float *weight;\n  long n;\n"
        "  double auc, auc_error, at20, at20_error;\n  bool bound20;\n"
        "  double at30, at30_error;\n  bool bound30;\n} cases[] = {"
    )
    for name, n, row in rows:
        values = ", ".join(str(v).lower() if isinstance(v, bool) else "%.17g" % v for v in row)
        print(
            '    {"%s", %s_score, %s_label, %s_weight, %d,\n     %s},'
            % ((name,) * 4 + (n, values))
        )
    print("};")


main()
