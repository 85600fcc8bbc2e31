#!/usr/bin/env python3
"""Failing loudly: whatever goes wrong on one rank, all end within seconds with one message and an
exit code that is not 0, and the last checkpoint is good.

Usage: test_faults.py BINARY CONTENTS FAULTS SOURCE_ROOT
"""

import os
import pathlib
import signal
import sys
import time

from harness import Failures, finish, first_difference, ranks_in, results, run, scratch, set_energy, start

RANKS = 3
SECONDS = 20
WORDS = ["train.nae_epochs=20", "train.checkpoint_steps=10", "threads=1"]


class Bench:
    def __init__(self, binary, helper, faults, source, folder):
        self.binary, self.helper, self.faults = binary, helper, faults
        self.tiny = source / "configs/tiny.yaml"
        self.table = source / "tests/data/fixtures/jets_plain.h5"
        self.folder, self.failures = folder, Failures()
        self.reference = folder / "reference"
        done = self.train(self.reference, ranks=1)
        self.failures.check(done.code == 0, done)
        self.want = results(helper, self.reference)

    def start(self, out, *words, ranks=RANKS, env=None):
        words = ["train", self.tiny, *WORDS, f"out={out}", *words]
        return start(self.binary, *words, ranks=ranks, env=env)

    def train(self, out, *words, ranks=RANKS, env=None):
        return finish(self.start(out, *words, ranks=ranks, env=env), SECONDS)

    def expect(self, name, done, *fragments, code=None):
        """One message of the program with all fragments, or of what ended it."""
        messages = ("\n" + done.err).split("\njetnae: ")[1:]
        good = done.code != 0 and "not ended after" not in done.err
        good = good and (code is None or done.code == code)
        if fragments:
            good = good and len(messages) == 1 and all(f in messages[0] for f in fragments)
        self.failures.check(good, f"{name}: want {fragments}\n{done}")
        first = messages[0].splitlines()[0] if messages else "no message"
        print(f"{name}: exit code {done.code}, {first}", flush=True)

    def goes_on(self, name, out):
        """The run that was disturbed ends as the undisturbed one."""
        done = self.train(out, ranks=2)
        if not self.failures.check(done.code == 0, f"{name}: continued\n{done}"):
            return
        found = results(self.helper, out)
        for file, lines in self.want.items():
            difference = first_difference(found[file], lines)
            self.failures.check(found[file] == lines, f"{name}: {file} differs: {difference}")

    def fault(self, what, below, rank, at):
        return {
            "LD_PRELOAD": self.faults,
            "JETNAE_FAULT": what,
            "JETNAE_FAULT_BELOW": str(below),
            "JETNAE_FAULT_RANK": str(rank),
            "JETNAE_FAULT_AT": str(at),
        }


def signalled(bench, name, number, which, *words):
    """A rank gets a signal in the middle of the run."""
    out = bench.folder / name.replace(" ", "-")
    process = bench.start(out, "train.nae_epochs=100000", *words)
    end = time.monotonic() + SECONDS
    while not list(out.glob("checkpoints/step-*.h5")) and time.monotonic() < end:
        time.sleep(0.02)
    ranks = ranks_in(out)
    os.kill(ranks[which], number)
    done = finish(process, SECONDS)
    return done


def check_dead_rank(bench):
    for which in (0, 2):
        done = signalled(bench, f"rank {which} dies", signal.SIGKILL, which)
        bench.expect(f"rank {which} dies", done)


def check_watchdog(bench):
    """A rank hangs on its way to the others, or when all have come and exchange numbers."""
    for what, rank, at in (("hang", 0, 70), ("hang", 1, 3), ("exchange", 0, 40), ("exchange", 1, 41)):
        name = f"rank {rank}: {what}"
        out = bench.folder / name.replace(": ", "-").replace(" ", "-")
        env = bench.fault(what, out, rank, at)
        done = bench.train(out, "watchdog.minutes=0.02", env=env)
        late = f": {rank} (" if what == "hang" else "all have come to it"
        bench.expect(name, done, "watchdog", late)


def check_disk(bench):
    for rank, at in ((0, 9), (0, 60), (1, 3)):
        name = f"write {at} of rank {rank} fails"
        out = bench.folder / name.replace(" ", "-")
        done = bench.train(out, env=bench.fault("write", out, rank, at))
        bench.expect(name, done, "No space left", code=2)
        bench.goes_on(name, out)


def check_read(bench):
    words = ["data.source=toptag", "data.train_limit=all", "train.batch=16", "train.steps=2"]
    for rank in (0, 1):
        name = f"reading fails on rank {rank}"
        done = bench.train(
            bench.folder / "unread",
            f"data.input={bench.table}",
            *words,
            env=bench.fault("read", bench.table.resolve(), rank, 8 if rank == 0 else 2),
        )
        bench.expect(name, done, "jets_plain.h5", code=2)


OBSERVABLES = """
objective: ae
data: {view: features, standardise: false, normal: all, valid_fraction: 0.2, train_limit: 48}
net: {encoder: [dense: 4], decoder: [dense: 11]}
train: {batch: 48, leaf: 1, ae_epochs: 50, ae_rate: 1e-6}
"""


def check_not_finite(bench):
    """One jet is so heavy that the gradient of its tile, on one of three ranks, is not finite."""
    table, config = bench.folder / "heavy.h5", bench.folder / "observables.yaml"
    config.write_text(OBSERVABLES)
    table.write_bytes(set_energy(bench.table.read_bytes(), 17, 3e30))
    words = [config, f"data.input={table}", "data.source=toptag", "threads=1"]
    done = run(bench.binary, "train", *words, f"out={bench.folder}/heavy", ranks=RANKS)
    bench.expect("not finite", done, "a gradient or an energy is not a finite number", code=2)


def main():
    binary, helper, faults, source = sys.argv[1:5]
    with scratch() as folder:
        bench = Bench(binary, helper, faults, pathlib.Path(source), pathlib.Path(folder))
        for check in (check_dead_rank, check_watchdog, check_disk, check_read, check_not_finite):
            check(bench)
    bench.failures.finish()


main()
