#!/usr/bin/env python3
"""Contract C1: the same bits for any number of ranks and threads, any instruction set, either
compiler, and however often the run was stopped and resumed.

Trains configs/tiny.yaml and, in fewer ways, configs/tiny-mpdr.yaml again and again and compares the model, the log without its time columns
and the scores with those of one rank, one thread, plain C.

Usage: test_same_bits.py BINARY CONTENTS SOURCE_ROOT BUILD_ROOT COMPILER
(CONTENTS prints what an HDF5 file holds outside /provenance, COMPILER is what made BINARY)
"""

import os
import pathlib
import shutil
import subprocess
import sys

from harness import STOPPED, Failures, first_difference, isas, results, run, scratch

CLOCK = "clock"
SCORED = ["data.source=toy", "data.toy_jets=500", "data.toy_seed=77"]


class Setting:
    def __init__(self, ranks, threads, isa, other_compiler=False, resumed=()):
        self.ranks, self.threads, self.isa = ranks, threads, isa
        self.other_compiler = other_compiler
        self.resumed = (
            resumed  # ranks and end of the parts before the last one: CLOCK, or the step of
        )
        #                         the checkpoint that is all a crash leaves

    def __str__(self):
        return (
            f"{self.ranks} ranks x {self.threads} threads, {self.isa}"
            + (", the other compiler" if self.other_compiler else "")
            + (f", resumed after (ranks, end) {self.resumed}" if self.resumed else "")
        )


def settings(has_other):
    found = isas()
    best, middle = found[-1], found[min(1, len(found) - 1)]
    yield Setting(1, 2, best)
    yield Setting(2, 1, middle)
    yield Setting(2, 2, "auto")
    yield Setting(3, 1, "c")
    yield Setting(3, 2, middle)
    yield Setting(4, 1, best)
    yield Setting(2, 1, best, resumed=((1, CLOCK), (3, 17)))
    yield Setting(4, 2, middle, resumed=((2, 23),))
    if has_other:
        yield Setting(1, 1, "c", other_compiler=True)
        yield Setting(2, 1, middle, other_compiler=True)
        yield Setting(3, 2, best, other_compiler=True)
        yield Setting(1, 1, best, other_compiler=True, resumed=((4, CLOCK), (2, 26)))


def settings_mpdr(has_other):
    """A kill at step 7 leaves the energy in the middle, a clock the first autoencoder."""
    best = isas()[-1]
    yield Setting(3, 2, "c", resumed=((2, 7),))
    yield Setting(2, 1, best, other_compiler=has_other, resumed=((1, CLOCK),))


CONFIGS = {"tiny": settings, "tiny-mpdr": settings_mpdr}


def build_other(source, build, compiler):
    """The program made by the other compiler; None where there is none."""
    other = "gcc" if "clang" in compiler else "clang"
    if not shutil.which(other):
        print(f"no {other} here: only {compiler} is tested")
        return None
    folder = pathlib.Path(build) / f"same-bits-{other}"
    if not (folder / "build.ninja").exists():
        subprocess.run(
            ["meson", "setup", str(folder), str(source)],
            check=True,
            env={**os.environ, "CC": other},
            stdout=subprocess.DEVNULL,
        )
    subprocess.run(
        ["meson", "compile", "-C", str(folder), "-j", "2", "jetnae:executable"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / "jetnae"


def crash(out, step):
    """Leave the directory as a run that died after this checkpoint. Returns what went wrong."""
    folder = out / "checkpoints"
    keep = folder / f"step-{step:012d}.h5"
    for path in folder.glob("step-*.h5"):
        if path.name > keep.name:
            path.unlink()
    return None if keep.exists() else f"{keep} is missing"


def train_part(binary, words, out, ranks, end):
    """Train until the clock stops it, or crash. Returns what went wrong, or None."""
    if end == CLOCK:
        part = run(binary, *words, "stop.wall_minutes=1e-6", ranks=ranks)
        return None if part.code == STOPPED else f"a stopped run should exit {STOPPED}\n{part}"
    part = run(binary, *words, f"train.checkpoint_steps={end}", ranks=ranks)
    return crash(out, end) if part.code == 0 else f"train failed\n{part}"


def train(binary, config, out, setting):
    """Returns what went wrong, or None."""
    words = [
        "train",
        config,
        f"out={out}",
        f"threads={setting.threads}",
        f"isa={setting.isa}",
    ]
    for ranks, end in setting.resumed:
        wrong = train_part(binary, words, out, ranks, end)
        if wrong:
            return f"{setting}: {wrong}"
    done = run(binary, *words, ranks=setting.ranks)
    if done.code == 0 and ("continue at step" in done.err) == bool(setting.resumed):
        return None
    return f"{setting}: train failed, or did not continue where it should\n{done}"


def score(binary, out, setting):
    done = run(
        binary,
        "score",
        out,
        *SCORED,
        f"threads={setting.threads}",
        f"isa={setting.isa}",
        ranks=setting.ranks,
    )
    return None if done.code == 0 else f"{setting}: score failed\n{done}"


def once(binary, helper, config, out, setting, failures):
    wrong = train(binary, config, out, setting) or score(binary, out, setting)
    if not failures.check(wrong is None, wrong):
        return None
    return results(helper, out)


def compare(config, ways, binary, other, helper, folder, failures):
    want = once(binary, helper, config, folder / "reference", Setting(1, 1, "c"), failures)
    if want is None:
        return
    failures.check(
        len(want["log.csv"]) > 2 and len(want["model.h5"]) > 10, "the reference is empty"
    )
    for i, setting in enumerate(ways(other is not None)):
        program = other if setting.other_compiler else binary
        out = folder / str(i)
        found = once(program, helper, config, out, setting, failures)
        for name in want if found else ():
            failures.check(
                found[name] == want[name],
                f"{setting}: {name} differs: {first_difference(found[name], want[name])}",
            )
        print(f"{config.name}, {setting}: compared", flush=True)
        shutil.rmtree(out, ignore_errors=True)


def main():
    binary, helper, source, build, compiler = sys.argv[1:6]
    failures = Failures()
    other = build_other(pathlib.Path(source), build, compiler)
    with scratch() as folder:
        for name, ways in CONFIGS.items():
            config = pathlib.Path(source) / f"configs/{name}.yaml"
            (pathlib.Path(folder) / name).mkdir()
            compare(config, ways, binary, other, helper, pathlib.Path(folder) / name, failures)
    failures.finish()


main()
