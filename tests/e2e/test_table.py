#!/usr/bin/env python3
"""From a real table to scores: train two steps on a file that pandas wrote, score it, and find
one row per input row, in input order, whichever reader read it.

Usage: test_table.py BINARY CONTENTS SOURCE_ROOT
"""

import math
import pathlib
import subprocess
import sys

from harness import RECORD, ROWS, Failures, find_record, run, scratch, set_energy


def labels_in_file(path):
    """Labels as they stand in the same rows without compression."""
    table = path.read_bytes()
    return [RECORD.unpack_from(table, find_record(table, row))[-1] for row in range(ROWS)]


def values(helper, path, name):
    done = subprocess.run([helper, path, name], capture_output=True, text=True, check=True)
    return [float.fromhex(line) for line in done.stdout.split()]


def main():
    binary, helper, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    fixtures = source / "tests/data/fixtures"
    table = fixtures / "jets.h5"
    failures = Failures()
    with scratch() as folder:
        out = pathlib.Path(folder) / "run"
        done = run(
            binary,
            "train",
            source / "configs/tiny.yaml",
            f"out={out}",
            "data.source=auto",
            f"data.input={table}",
            "data.normal=0",
            "train.batch=16",
            "train.steps=2",
            "data.train_limit=all",
            "data.valid_limit=all",
            "threads=1",
            ranks=2,
        )
        if not failures.check(done.code == 0, f"train\n{done}"):
            failures.finish()

        def score(name, ranks, *words):
            path = pathlib.Path(folder) / name
            result = run(binary, "score", out, f"out={path}", "threads=1", *words, ranks=ranks)
            failures.check(result.code == 0, f"score\n{result}")
            failures.check("AUC 0." in result.out, f"no AUC\n{result}")
            return values(helper, path, "/energy"), values(helper, path, "/label")

        energy, label = score("all.h5", 3, f"data.input={table}")
        failures.check(len(energy) == ROWS, f"found {len(energy)} rows, want {ROWS}")
        failures.check(label == labels_in_file(fixtures / "jets_plain.h5"), "labels out of order")
        failures.check(
            all(e > 0 for e in energy) and len(set(energy)) > ROWS // 2,
            f"energies look wrong: {energy[:5]}",
        )

        part, part_label = score(
            "part.h5", 2, f"data.input={table}", "rows.from=29", "rows.to=71"
        )
        failures.check(
            part == energy[29:71] and part_label == label[29:71],
            "rows 29 to 70 alone score differently",
        )

        twin, twin_label = score(
            "twin.h5",
            1,
            "data.source=hdf5",
            f"data.input={fixtures / 'twin.h5'}",
            "data.x=/p4",
            "data.layout=p4",
            "data.label=/labels/top",
        )
        failures.check(
            twin == energy and twin_label == label,
            "the same jets as a plain array score differently",
        )

        plain = (fixtures / "jets_plain.h5").read_bytes()
        want, _ = score("plain.h5", 1, f"data.input={fixtures / 'jets_plain.h5'}")
        refused = pathlib.Path(folder) / "refused.h5"
        refused.write_bytes(set_energy(plain, 17, float("nan")))
        found, _ = score("kept.h5", 2, f"data.input={refused}", "data.bad_rows=skip")
        failures.check(
            math.isnan(found[17]) and found[:17] + found[18:] == want[:17] + want[18:],
            "a refused row should score NaN in its place and change no other",
        )
    failures.finish()


main()
