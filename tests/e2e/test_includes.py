#!/usr/bin/env python3
"""Arrows point one way: every file of a room includes only doors of the rooms it may know.

Usage: test_includes.py SOURCE_ROOT
"""

import pathlib
import re
import sys

# What a room may include besides its own doors.
ALLOWED = {
    "base": [],
    "num": ["base"],
    "par": ["num", "base"],
    "io": ["par", "num", "base"],
    "data": ["io", "par", "num", "base"],
    "net": ["num", "base"],
    "mcmc": ["num", "base"],
    "obj": ["net", "mcmc", "num", "base"],
    "model": ["net", "num", "base"],
    "train": ["obj", "mcmc", "net", "data", "model", "io", "par", "num", "base"],
    "out": ["eval", "model", "obj", "net", "train", "num", "base"],
    "lib": ["obj", "data", "model", "net", "num", "base"],
    "eval": ["obj", "mcmc", "net", "data", "model", "io", "par", "num", "base"],
}
# The shape of a sample is the only thing that readers share with networks.
EXCEPTIONS = {("data", "net/shape.h")}
# MPI and BLAS stay where they belong; HDF5 with files.
FOREIGN = {
    "mpi.h": {"par", "io"},
    "hdf5.h": {"io", "data", "model", "lib"},
    "yaml.h": {"app"},
    "sleef.h": {"num"},
    "blosc.h": {"io"},
    "zlib.h": {"io", "model"},
    "cblas.h": {"par", "app"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def forbidden(room, name):
    if name in FOREIGN:
        return room not in FOREIGN[name]
    other = name.split("/")[0]
    if "/" not in name or other not in list(ALLOWED) + ["app"]:
        return False
    return (
        room != "app"
        and other != room
        and other not in ALLOWED[room]
        and (room, name) not in EXCEPTIONS
    )


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = []
    files = [f for top in ("include", "src") for f in sorted((root / top).glob("*/*.[ch]"))]
    for path in files:
        for _, name in INCLUDE.findall(path.read_text()):
            if forbidden(path.parent.name, name):
                wrong.append(f"{path.relative_to(root)} includes {name}")
    for line in wrong:
        print(line)
    if wrong or not files:
        sys.exit(f"{len(wrong)} includes point the wrong way in {len(files)} files")
    print(f"{len(files)} files, all includes point down")


main()
