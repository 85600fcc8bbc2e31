#!/usr/bin/env python3
"""Write fixtures/views.h5: what the jets of fixtures/images.h5 become, by NumPy alone.

    sequence  (J, 3, 12)  share of the jet's pT, eta', phi' of the 12 hardest constituents in the
                          jet's own frame; all 0 where there is none
"""

import os

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


def main():
    with h5py.File(os.path.join(HERE, "images.h5")) as file:
        jets = file["p4"][:]
    arrays = {"sequence": [sequence(j) for j in jets]}
    with h5py.File(os.path.join(HERE, "views.h5"), "w", track_order=False) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=np.array(array, np.float32), compression=9, shuffle=True,
                                track_times=False)


if __name__ == "__main__":
    main()
