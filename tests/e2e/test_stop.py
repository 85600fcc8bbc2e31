#!/usr/bin/env python3
"""Stopping: whoever asks, and on whichever rank, the run ends after the step with a checkpoint and
exit code 75, and the same command goes on to the same bits.

Usage: test_stop.py BINARY CONTENTS SOURCE_ROOT
"""

import os
import pathlib
import signal
import sys
import time

from harness import STOPPED, Failures, finish, first_difference, ranks_in, results, run, scratch
from harness import start

RANKS = 3
LONG = ["train.nae_epochs=100000", "threads=1"]
PATIENCE_S = 20


def wait_for_rows(out, rows):
    end = time.monotonic() + PATIENCE_S
    log = out / "log.csv"
    while time.monotonic() < end:
        if log.exists() and log.read_bytes().count(b"\n") > rows:
            return True
        time.sleep(0.02)
    return False


def signal_one(number, which):
    def ask(out, process):
        os.kill(ranks_in(out)[which], number)

    return ask


def signal_launcher(number):
    def ask(out, process):
        process.send_signal(number)

    return ask


def stop_file(out, process):
    (out / "stop").touch()


def nobody(out, process):
    pass


WAYS = {
    "SIGUSR1 to the first rank": (signal_one(signal.SIGUSR1, 0), [], {}),
    "SIGUSR1 to the last rank": (signal_one(signal.SIGUSR1, -1), [], {}),
    "SIGTERM to one rank": (signal_one(signal.SIGTERM, 1), [], {}),
    "SIGINT to one rank": (signal_one(signal.SIGINT, 1), [], {}),
    "SIGUSR1 to mpirun": (signal_launcher(signal.SIGUSR1), [], {}),
    "a stop file": (stop_file, [], {}),
    "stop.wall_minutes": (nobody, ["stop.wall_minutes=0.02"], {}),
    "the batch job's end": (nobody, ["stop.margin_minutes=1"], {"SLURM_JOB_END_TIME": 61.5}),
}


def stopped_again(binary, tiny, out, way, failures):
    """Start or continue the run and stop it; returns whether all went well."""
    ask, words, times = WAYS[way]
    env = {name: str(time.time() + s) for name, s in times.items()}
    rows = (out / "log.csv").read_bytes().count(b"\n") if (out / "log.csv").exists() else 0
    process = start(binary, "train", tiny, f"out={out}", *LONG, *words, ranks=RANKS, env=env)
    going = ask is nobody or wait_for_rows(out, rows)
    ask(out, process)
    done = finish(process, PATIENCE_S)
    print(f"{way}: exit code {done.code}", flush=True)
    return failures.check(
        going and done.code == STOPPED and "stopped at step" in done.err,
        f"{way}: want exit code {STOPPED} and a word on it\n{done}",
    )


def main():
    binary, helper, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    tiny = source / "configs/tiny.yaml"
    failures = Failures()
    with scratch() as folder:
        out, reference = pathlib.Path(folder) / "run", pathlib.Path(folder) / "reference"
        for way in WAYS:
            if not stopped_again(binary, tiny, out, way, failures):
                break
        # Both go on to the end of the epoch that has begun.
        steps = int(max(out.glob("checkpoints/step-*.h5")).name[5:17]) // 5 * 5 + 5
        words = [f"train.steps={steps}", *LONG]
        for ranks, where in ((1, out), (1, reference)):
            done = run(binary, "train", tiny, f"out={where}", *words, ranks=ranks)
            failures.check(done.code == 0, done)
        want, found = results(helper, reference), results(helper, out)
        for name in want:
            failures.check(
                found[name] == want[name],
                f"{name} differs: {first_difference(found[name], want[name])}",
            )
    failures.finish()


main()
