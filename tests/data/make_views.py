#!/usr/bin/env python3
"""Write fixtures/views.h5: what the jets of fixtures/images.h5 become, by NumPy alone.

The observables follow their definitions word for word, without any of the program's shortcuts: no
frame, clustering by looking at all pairs in each step, sums over all triples. With FastJet at hand
(pip install fastjet), --fastjet compares N-subjettiness and C2 with those of FastJet contrib, with
rapidities as these jets' constituents are massless.

    sequence  (J, 3, 12)  share of the jet's pT, eta', phi' of the 12 hardest constituents in the
                          jet's own frame; all 0 where there is none
    features  (J, 11)     mass, pt, multiplicity, width, ptd, tau1, tau2, tau3, tau21, tau32, c2;
                          all 0 for a jet without constituents
"""

import os
import sys

import h5py
import numpy as np

from make_images import HERE, coordinates

POINTS = 12


def filled(p4):
    return (p4[:, 0] > 0).any()


def sequence(p4):
    out = np.zeros((3, POINTS))
    if filled(p4):
        pt, eta, phi = coordinates(p4)
        hardest = np.argsort(-pt, kind="stable")[:POINTS]
        out[:, : len(hardest)] = np.stack([pt / pt.sum(), eta, phi])[:, hardest]
    return out


def pairs(eta, phi):
    """dR of all pairs, (n, n)."""
    dphi = (phi[:, None] - phi + np.pi) % (2 * np.pi) - np.pi
    return np.hypot(eta[:, None] - eta, dphi)


def axes(pt, eta, phi, most):
    """Exclusive kT with winner-take-all recombination until `most` are left."""
    jets = [list(j) for j in zip(pt, eta, phi)]
    while len(jets) > most:
        p, e, f = np.array(jets).T
        d = np.minimum(p[:, None], p) ** 2 * pairs(e, f) ** 2
        d[np.diag_indices(len(p))] = np.inf
        a, b = np.unravel_index(np.argmin(d), d.shape)
        winner = max(jets[a], jets[b], key=lambda j: j[0])
        merged = [jets[a][0] + jets[b][0], *winner[1:]]
        jets = [j for i, j in enumerate(jets) if i not in (a, b)] + [merged]
    return np.array(jets)


def tau(pt, eta, phi, n):
    _, e, f = axes(pt, eta, phi, n).T
    dphi = (phi[:, None] - f + np.pi) % (2 * np.pi) - np.pi
    return (pt * np.hypot(eta[:, None] - e, dphi).min(1)).sum() / pt.sum()


def c2(pt, eta, phi):
    z, r = pt / pt.sum(), pairs(eta, phi)
    e2 = np.einsum("i,j,ij", z, z, r) / 2
    e3 = np.einsum("i,j,k,ij,jk,ik", z, z, z, r, r, r, optimize=True) / 6
    return e3 / e2**2 if e2 > 0 else 0


def features(p4):
    if not filled(p4):
        return np.zeros(11)
    p = p4[p4[:, 0] > 0].astype(float)
    energy, *momentum = p.sum(0)
    pt, phi = np.hypot(p[:, 1], p[:, 2]), np.arctan2(p[:, 2], p[:, 1])
    eta = np.arcsinh(p[:, 3] / pt)
    phi = (phi - phi[np.argmax(pt)] + np.pi) % (2 * np.pi) - np.pi
    radius = np.hypot(eta - np.average(eta, weights=pt), phi - np.average(phi, weights=pt))
    t = [tau(pt, eta, phi, n) for n in (1, 2, 3)]
    return np.array([
        np.sqrt(max(0, energy**2 - np.dot(momentum, momentum))), np.hypot(*momentum[:2]), len(p),
        np.average(radius, weights=pt), np.sqrt((pt**2).sum()) / pt.sum(), *t,
        t[1] / t[0] if t[0] > 0 else 0, t[2] / t[1] if t[1] > 0 else 0, c2(pt, eta, phi)])


def compare_with_fastjet(jets):
    import awkward
    import fastjet

    for p4 in filter(lambda j: (j[:, 0] > 0).sum() > 3, jets):
        p = p4[p4[:, 0] > 0].astype(float)
        p[:, 0] = np.linalg.norm(p[:, 1:], axis=1)
        columns = dict(zip(("E", "px", "py", "pz"), p.T))
        event = awkward.zip({k: [v] for k, v in columns.items()}, with_name="Momentum4D")
        definition = fastjet.JetDefinition(fastjet.kt_algorithm, 1000.0)
        cluster = fastjet.ClusterSequence(event, definition)
        found = np.ravel(cluster.njettiness(axes_definition="WTA_KT_Axes", njets=[1, 2, 3], R0=1.0))
        c = np.ravel(cluster.exclusive_jets_energy_correlator(func="c2"))[0]
        want = features(p4)[[5, 6, 7, 10]]
        print(*(f"{a:.6g}={b:.6g}" for a, b in zip(want, [*found, c])))
        assert np.allclose([*found, c], want, rtol=1e-6, atol=1e-9)


def main():
    with h5py.File(os.path.join(HERE, "images.h5")) as file:
        jets = file["p4"][:]
    if "--fastjet" in sys.argv:
        return compare_with_fastjet(jets)
    arrays = {"sequence": [sequence(j) for j in jets], "features": [features(j) for j in jets]}
    with h5py.File(os.path.join(HERE, "views.h5"), "w", track_order=False) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=np.array(array, np.float32), compression=9, shuffle=True,
                                track_times=False)


if __name__ == "__main__":
    main()
