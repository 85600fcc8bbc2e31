#!/usr/bin/env python3
"""jobs/benchmark where every run is finished: none is started again, and its table has mean and
spread over the seeds; what it does not understand it says.

Usage: test_benchmark.py BINARY SOURCE_ROOT
"""

import os
import pathlib
import subprocess
import sys

from harness import Failures, scratch

BINARY, ROOT = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
TASKS = ("jets-direct", "jets-inverse", "features-direct", "features-inverse")
METHODS = ("ae", "ae-short", "nae-langevin", "nae-mala", "mpdr", "wnae")
ROWS = {1: "0.9,50,120,healthy,1.5", 2: "0.8,> 100,60,doubtful,", 3: ",,,diverged,"}


def benchmark(*words):
    command = [ROOT / "jobs/benchmark", *words]
    environment = {**os.environ, "JETNAE": str(BINARY)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)


def finished(out):
    for task in TASKS:
        for method in METHODS:
            for seed, row in ROWS.items():
                folder = out / task / f"{method}-{seed}"
                folder.mkdir(parents=True)
                (folder / "row.csv").write_text(f"{task},{method},{seed},{row},1 1\n")
    (out / "probes").mkdir()
    for kind in "jets", "features":
        for method in METHODS:
            (out / f"probes/{kind}-{method}.txt").write_text("1 2 3\n")


def main():
    failures = Failures()
    with scratch() as name:
        out = pathlib.Path(name) / "benchmark"
        finished(out)
        for part in "train", "val", "test":
            (pathlib.Path(name) / f"{part}.h5").touch()
        before = sorted(out.glob("*/*"))
        done = benchmark(f"out={out}", f"data={name}", "seeds=3", "cores=1")
        failures.check(done.returncode == 0, f"want 0\n{done}")
        failures.check(sorted(out.glob("*/*")) == before, "finished runs were done again")
        table = (out / "table.md").read_text().splitlines()
        want = "| jets-direct | ae | 0.850 +- 0.071 (2 of 3) | > 67 | 1.50 +- 0.71 (2 of 3) | "
        want += "1.50 (1 of 3) | healthy 1, doubtful 1, diverged 1 |"
        failures.check(want in table, f"want {want} in\n" + "\n".join(table))
        failures.check(len(table) == 2 + len(TASKS) * len(METHODS), f"{len(table)} lines")
        page = (out / "index.html").read_text()
        failures.check("<td>0.850 +- 0.071 (2 of 3)<td>" in page, page)
        for word, said in (
            ("seed=3", "found seed=3, want data="),
            ("seeds=0", "seeds=: found 0, want a number"),
            ("minutes=abc", "minutes=: found abc, want core-minutes"),
            ("cores=x", "cores=: found x, want"),
            ("out=", "out=: found nothing, want a directory"),
            ("data=/nowhere", "data=: found no /nowhere/train.h5"),
            ("digits=/nowhere", "digits=: found no /nowhere/t10k"),
        ):
            done = benchmark(word)
            failures.check(done.returncode == 1 and said in done.stderr, done)
        (out / "jets-direct/ae-1/row.csv").unlink()
        (out / "probes/jets-ae.txt").unlink()
        done = benchmark(f"out={out}", f"data={name}", "seeds=1", "cores=1")
        failures.check(done.returncode == 1 and "train.h5" in done.stderr, done)
    failures.finish()


main()
