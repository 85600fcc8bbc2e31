#!/usr/bin/env python3
"""Write the small files in fixtures/ that the readers' tests read.

Real pandas, PyTables and h5py write them (Debian: python3-pandas, python3-tables, python3-h5py), so
that the readers are tested against the programs whose files they have to read:

    jets.h5          pandas table in the published form: 804 floats, Blosc, with its row index
    jets_zlib.h5     the same rows with 12 constituents: shuffle and deflate
    jets_plain.h5    the same, chunked without a filter
    jets_double.h5   the same as float64, constituents without a truth record
    twin.h5          all rows once more as plain h5py arrays, in many layouts and types
    *-images-idx3-ubyte.gz, *-labels-idx1-ubyte.gz   five small images with labels
    bad_*.h5         well-formed HDF5 that is not what the readers want
"""

import gzip
import os
import struct

import h5py
import numpy as np
import pandas as pd

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures")
ROWS, SLOTS, FEW = 100, 200, 12


def path(name):
    return os.path.join(HERE, name)


def jets(rng):
    """(ROWS, 804) floats and (ROWS, 2) integers in the manner of the public files."""
    x = np.zeros((ROWS, SLOTS + 1, 4), np.float32)
    label = rng.integers(0, 2, ROWS)
    for i in range(ROWS):
        n = int(rng.integers(1, 60))
        pt = np.sort(rng.exponential(20, n))[::-1]
        eta, phi = rng.normal(0, 0.4, (2, n))
        p = [pt * np.cosh(eta), pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)]
        x[i, :n] = np.array(p).T
        if label[i]:
            x[i, SLOTS] = [620, 600, *rng.normal(0, 50, 2)]
    return x.reshape(ROWS, -1), np.stack([rng.integers(0, 3, ROWS), label], 1)


def frame(x, y, slots, truth=True, dtype=np.float32):
    names = [f"{p}_{i}" for i in range(slots) for p in ("E", "PX", "PY", "PZ")]
    columns = x[:, : 4 * slots]
    if truth:
        names += ["truthE", "truthPX", "truthPY", "truthPZ"]
        columns = np.concatenate([columns, x[:, 4 * SLOTS :]], 1)
    data = pd.DataFrame(columns.astype(dtype), columns=names)
    data["ttv"], data["is_signal_new"] = y[:, 0], y[:, 1]
    return data


def write_table(name, data, chunk_rows, index=True, **compression):
    """pandas chooses the height of a chunk from the rows it expects; here it is asked for."""
    with pd.HDFStore(path(name), "w", **compression) as store:
        create = store._handle.create_table
        store._handle.create_table = lambda *a, **k: create(*a, **k, chunkshape=(chunk_rows,))
        store.append("table", data, format="table", index=index)


def write_twin(x, y, rng):
    opts = {"track_times": False}
    with h5py.File(path("twin.h5"), "w") as f:
        p4 = x[:, : 4 * SLOTS].reshape(ROWS, SLOTS, 4)
        f.create_dataset("p4", data=p4, chunks=(7, 33, 4), compression="gzip", shuffle=True, **opts)
        f.create_dataset("truth", data=x[:, 4 * SLOTS :], **opts)
        f.create_dataset("labels/top", data=y[:, 1].astype(np.int8), **opts)
        f.create_dataset("labels/short", data=y[:-1, 1], **opts)
        f.create_dataset("labels/half", data=y[:, 1] + 0.5, **opts)
        f.create_dataset("weight", data=rng.uniform(0.5, 2, ROWS), chunks=(9,), **opts)
        images = rng.integers(0, 256, (ROWS, 6, 5))
        f.create_dataset("images/u8", data=images.astype("u1"), chunks=(30, 4, 2), **opts)
        f.create_dataset("images/i16", data=(images - 128).astype(">i2"), chunks=(11, 6, 5),
                         compression="gzip", **opts)
        f.create_dataset("images/f64", data=images[:, None] / 7, dtype=">f8", **opts)
        f.create_dataset("images/deep", data=images.reshape(ROWS, 1, 2, 3, 5).astype("u1"), **opts)
        f.create_dataset("notes", data=np.array([b"text"] * 3), **opts)


def write_idx(rng):
    images = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    labels = np.array([3, 1, 4, 1, 5], np.uint8)
    for name, a in (("five-images-idx3-ubyte", images), ("five-labels-idx1-ubyte", labels)):
        head = struct.pack(">BBBB", 0, 0, 8, a.ndim) + struct.pack(f">{a.ndim}I", *a.shape)
        with open(path(name + ".gz"), "wb") as f:
            f.write(gzip.compress(head + a.tobytes(), mtime=0))


def record(width, ints=2):
    return np.dtype([("index", "i8"), ("values_block_0", "f4", (width,)),
                     ("values_block_1", "i8", (ints,))])


def write_bad():
    for name, dtype in (("width", record(803)), ("integers", record(804, 3)),
                        ("members", np.dtype([("pt", "f4"), ("eta", "f4")]))):
        with h5py.File(path(f"bad_{name}.h5"), "w") as f:
            f.create_dataset("table/table", data=np.zeros(2, dtype), compression="gzip",
                             track_times=False)
    with h5py.File(path("bad_filter.h5"), "w") as f:
        f.create_dataset("table/table", data=np.zeros(2, record(804)), compression="gzip",
                         fletcher32=True, track_times=False)
    with h5py.File(path("bad_hole.h5"), "w") as f:
        d = f.create_dataset("table/table", (6,), record(804), chunks=(2,), compression="gzip",
                             track_times=False)
        d[0:2] = d[4:6] = np.zeros(2, record(804))
    with h5py.File(path("bad_two.h5"), "w") as f:
        for key in "ab":
            f.create_dataset(key, data=np.zeros(1, record(804)), compression="gzip",
                             track_times=False)


def main():
    os.makedirs(HERE, exist_ok=True)
    rng = np.random.default_rng(20)
    x, y = jets(rng)
    few = frame(x, y, FEW)
    write_table("jets.h5", frame(x, y, SLOTS), 40, complib="blosc", complevel=5)
    write_table("jets_zlib.h5", few, 16, index=False, complib="zlib", complevel=9)
    write_table("jets_plain.h5", few, 16, index=False)
    write_table("jets_double.h5", frame(x, y, FEW, False, np.float64), 16, index=False,
                complib="blosc:lz4", complevel=1)
    write_twin(x, y, rng)
    write_idx(rng)
    write_bad()


if __name__ == "__main__":
    main()
