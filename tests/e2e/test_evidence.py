#!/usr/bin/env python3
"""The command evidence: the same bytes for any ranks, threads and instruction set, a warning
where few steps cannot do, and what it refuses.

Usage: test_evidence.py BINARY SOURCE_ROOT
"""

import json
import pathlib
import sys

from harness import Failures, run, scratch

TOY = ["data.source=toy", "data.toy_jets=90"]
LADDER = ["evidence.chains=40", "evidence.steps=6", "evidence.transitions=1"]


def refused(failures, binary, *words, says):
    done = run(binary, "evidence", *words, ranks=2)
    one = ("\n" + done.err).count("\njetnae: ") == 1
    good = done.code == 2 and one and all(s in done.err for s in says)
    failures.check(good, f"want exit code 2 and {says}\n{done}")


def check_all(failures, binary, source, folder):
    nae, plain = folder / "nae", folder / "plain"
    tiny = f"{source}/configs/tiny.yaml"
    made = run(binary, "train", tiny, f"out={nae}", "threads=1")
    failures.check(made.code == 0, f"want a model\n{made}")
    made = run(binary, "train", tiny, f"out={plain}", "threads=1", "objective=ae",
               "nae.temperature=auto")
    failures.check(made.code == 0, f"want a model\n{made}")

    files = []
    for ranks, words in ((1, ["threads=1"]), (3, ["threads=2", "isa=c"])):
        files.append(folder / f"{ranks}.json")
        words = [*TOY, *LADDER, *words, f"out={files[-1]}"]
        done = run(binary, "evidence", nae, *words, ranks=ranks)
        failures.check(done.code == 0 and "have collapsed" in done.err, f"want a warning\n{done}")
    found, three = (json.loads(f.read_text()) for f in files)
    failures.check(found.pop("provenance")["ranks"] == "1", f"provenance\n{found}")
    failures.check(three.pop("provenance")["ranks"] == "3", f"provenance\n{three}")
    failures.check(found == three, f"other numbers on three ranks\n{found}\n{three}")
    want = -found["mean_energy"] / found["temperature"] - found["log_omega"]
    failures.check(abs(found["log_likelihood"] - want) < 1e-9 * abs(want), f"{found}")
    failures.check(found["collapsed"] and found["chains"] == 40, f"{found}")
    failures.check(found["rows"] == 90, f"{found}")

    refused(failures, binary, nae, says=["data.input: found nothing"])
    refused(failures, binary, plain, *TOY, says=["no temperature", "nae.temperature=T"])
    refused(failures, binary, nae, *TOY, "evidence.steps=0", says=["evidence.steps", "found 0"])


def main():
    failures = Failures()
    with scratch() as folder:
        check_all(failures, sys.argv[1], sys.argv[2], pathlib.Path(folder))
    failures.finish()


main()
