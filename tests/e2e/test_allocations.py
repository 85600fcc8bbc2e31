#!/usr/bin/env python3
"""Contract C5: the step loop allocates nothing. The program asks for memory as often in a run
of few steps as in one of many, in the plain phase, the normalized one, and that of mpdr.

Usage: test_allocations.py BINARY COUNTER SOURCE_ROOT
"""

import pathlib
import sys

from harness import Failures, run, scratch

# With batches of 16 an epoch is 20 steps: all counted steps lie inside one epoch.
COMMON = ["train.batch=16", "train.validate_epochs=100", "threads=2", "isa=c", "log.steps=1"]
PHASES = {
    "plain": ("tiny", ["train.ae_epochs=1"], 3, 17),
    "normalized": ("tiny", ["train.ae_epochs=1"], 23, 37),
    "mpdr": ("tiny-mpdr", ["train.ae_epochs=1"], 3, 17),
    "transport": ("tiny", ["train.ae_epochs=1", "objective=wnae", "nae.x_clip=none"], 22, 36),
}


def allocations(binary, counter, config, folder, words, steps, failures):
    folder.mkdir(exist_ok=True)
    to = folder / f"count-{steps}"
    done = run(
        binary,
        "train",
        config,
        f"out={folder}/run-{steps}",
        *COMMON,
        *words,
        f"train.steps={steps}",
        ranks=0,
        env={"LD_PRELOAD": counter, "JETNAE_COUNT_TO": str(to)},
    )
    failures.check(done.code == 0, f"{steps} steps\n{done}")
    return int(to.read_text()) if to.exists() else 0


def main():
    binary, counter, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    failures = Failures()
    with scratch() as folder:
        for phase, (name, words, few, many) in PHASES.items():
            config = source / f"configs/{name}.yaml"
            counts = [
                allocations(binary, counter, config, pathlib.Path(folder) / phase, words, n, failures)
                for n in (few, many)
            ]
            failures.check(counts[0] > 0, "the counter counts nothing")
            failures.check(
                counts[0] == counts[1],
                f"{phase} phase: {counts[0]} allocations in {few} steps, {counts[1]} in {many}",
            )
            print(f"{phase} phase: {few} steps {counts[0]}, {many} steps {counts[1]} allocations")
    failures.finish()


main()
