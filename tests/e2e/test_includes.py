#!/usr/bin/env python3
"""Arrows point one way: every file of a room includes only doors of the rooms it may know, and calls
only libraries that are for its room.

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
# Libraries stay where they belong, by what is called, whoever's header brought it in. HDF5 is for
# files, and for the rooms that show what is in them.
FOREIGN = {
    r"MPI_[A-Z]\w*": {"par"},
    r"(?:cblas|openblas)_\w+": {"par"},
    r"H5[A-Z]{1,2}[a-z]\w*": {"io", "data", "model", "lib", "out", "app"},
    r"yaml_\w+": {"app"},
    r"Sleef_\w+": {"num"},
    r"blosc_\w+": {"io"},
    r"(?:crc32|gz[a-z]+|inflate\w*|uncompress)": {"io", "model"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def forbidden(room, name):
    other = name.split("/")[0]
    if "/" not in name or other not in list(ALLOWED) + ["app"]:
        return False
    return room != "app" and other != room and other not in ALLOWED[room]


def foreign_calls(room, text):
    """Calls of libraries that are not for this room."""
    for name, rooms in FOREIGN.items():
        if room not in rooms:
            yield from re.findall(rf"\b{name}(?= ?\()", text)


def main():
    root = pathlib.Path(sys.argv[1])
    wrong = []
    files = [f for top in ("include", "src") for f in sorted((root / top).glob("*/*.[ch]"))]
    for path in files:
        room, text, name = path.parent.name, path.read_text(), path.relative_to(root)
        wrong += [f"{name} includes {n}" for _, n in INCLUDE.findall(text) if forbidden(room, n)]
        wrong += [f"{name} calls {call}" for call in foreign_calls(room, text)]
    everything = "\n".join(path.read_text() for path in files)
    for library in FOREIGN:
        if not re.search(rf"\b{library} ?\(", everything):
            wrong.append(f"nothing calls {library}: a rule for nothing")
    for line in wrong:
        print(line)
    if wrong or not files:
        sys.exit(f"{len(wrong)} includes point the wrong way in {len(files)} files")
    print(f"{len(files)} files, all includes point down")


main()
