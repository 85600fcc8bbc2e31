"""What the end-to-end tests share: running the program under mpirun, and saying what failed."""

import csv
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

TIMEOUT_S = 120
STOPPED = 75  # exit code
MPI = pathlib.Path(__file__).resolve().parents[2] / "jobs/mpi"
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


class Result:
    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def __str__(self):
        return "\n".join(
            [
                "command: " + " ".join(map(str, self.command)),
                f"exit code: {self.code}",
                "stdout:",
                self.out[-3000:],
                "stderr:",
                self.err[-3000:],
            ]
        )


def start(binary, *words, ranks=1, env=None, **options):
    """Start `binary words...` on so many ranks; with ranks=0 without MPI's launcher."""
    command = [str(binary)] + [str(w) for w in words]
    if ranks:
        command = [str(MPI), str(ranks)] + command
    return subprocess.Popen(
        command,
        env={**os.environ, **ROOT, **(env or {})},
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        errors="replace",
        **options,
    )


def finish(process, timeout_s=TIMEOUT_S):
    """Wait for the end of what `start` started."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += f"\nnot ended after {timeout_s} s"
    return Result(process.args, process.returncode, out, err)


def run(binary, *words, **options):
    return finish(start(binary, *words, **options))


def ranks_in(out):
    """Process numbers of the ranks that train in this directory."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/jetnae") and f"out={out}".encode() in words:
            found.append(int(folder.name))
    return sorted(found)


class Failures:
    """Collects what went wrong, so that one run of a test shows all of it."""

    def __init__(self):
        self.texts = []

    def check(self, good, text):
        if not good:
            self.texts.append(str(text))
            print("FAILED: " + str(text), flush=True)
        return bool(good)

    def finish(self):
        if self.texts:
            sys.exit(f"{len(self.texts)} checks failed")
        print("all passed")


def contents(helper, path):
    """What an HDF5 file holds outside /provenance, as lines; helper prints them."""
    done = subprocess.run([helper, path], capture_output=True, text=True)
    return (
        done.stdout.splitlines()
        if done.returncode == 0
        else [f"cannot read {path}: {done.stderr}"]
    )


def log_rows(path):
    """The log without its time columns."""
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    kept = [i for i, name in enumerate(rows[0]) if not name.startswith("time_")]
    return [",".join(row[i] for i in kept if i < len(row)) for row in rows]


def results(helper, out):
    """What a run directory holds that contract C1 is about: as lists of lines, by file."""
    found = {"log.csv": log_rows(out / "log.csv")}
    for path in sorted(out.glob("*.h5")):
        found[path.name] = contents(helper, path)
    return found


def first_difference(found, want):
    for i, (f, w) in enumerate(zip(found, want)):
        if f != w:
            return f"line {i + 1}: found {f[:300]}, want {w[:300]}"
    return f"found {len(found)} lines, want {len(want)}"


def processor_has(*flags):
    try:
        words = (
            pathlib.Path("/proc/cpuinfo")
            .read_text()
            .split("flags", 1)[1]
            .split("\n", 1)[0]
            .split()
        )
    except (OSError, IndexError):
        return False
    return all(f in words for f in flags)


def isas():
    """Instruction sets that this processor can run, as the option `isa` names them."""
    found = ["c"]
    if processor_has("avx2", "fma"):
        found.append("avx2")
    if processor_has("avx512f", "avx512dq", "avx512bw", "avx512vl"):
        found.append("avx512")
    return found


def scratch():
    return tempfile.TemporaryDirectory(prefix="jetnae-e2e-")


# A row of the fixture jets_plain.h5, a table without compression: index int64, values_block_0
# float32[52] with E, px, py, pz of 12 constituents, values_block_1 int64[2] (ttv, is_signal_new).
RECORD = struct.Struct("<q52f2q")
ROWS, CHUNK_ROWS = 100, 16


def find_record(table, row):
    """Byte offset of a row: where all rows of its chunk follow each other."""
    first = row // CHUNK_ROWS * CHUNK_ROWS
    rows = range(first, min(first + CHUNK_ROWS, ROWS))
    at = table.find(struct.pack("<q", first))
    while at >= 0:
        offsets = [at + (r - first) * RECORD.size for r in rows]
        if all(table[o : o + 8] == struct.pack("<q", r) for o, r in zip(offsets, rows)):
            return offsets[row - first]
        at = table.find(struct.pack("<q", first), at + 1)
    raise ValueError(f"no row {row} in the table")


def set_energy(table, row, energy):
    """The same table with another energy of the row's first constituent."""
    at = find_record(table, row) + 8
    return table[:at] + struct.pack("<f", energy) + table[at + 4 :]
