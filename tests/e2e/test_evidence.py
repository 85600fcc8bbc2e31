#!/usr/bin/env python3
"""The command evidence: the same bytes for any ranks, threads and instruction set, a warning
where few steps cannot do, which rows it judges, and what it refuses.

Usage: test_evidence.py BINARY CONTENTS SOURCE_ROOT
"""

import json
import pathlib
import subprocess
import sys

from harness import Failures, run, scratch

TOY = ["data.source=toy", "data.toy_jets=90"]
LADDER = ["evidence.chains=40", "evidence.steps=6", "evidence.transitions=1",
          "nae.temperature=1e-4"]


def refused(failures, binary, *words, says):
    done = run(binary, "evidence", *words, ranks=2)
    one = ("\n" + done.err).count("\njetnae: ") == 1
    good = done.code == 2 and one and all(s in done.err for s in says)
    failures.check(good, f"want exit code 2 and {says}\n{done}")


def values(contents, path, name):
    lines = subprocess.run([contents, path, name], stdout=subprocess.PIPE, check=True, text=True)
    return [float.fromhex(v) for v in lines.stdout.split()]


def check_rows(failures, binary, contents, folder, nae, normal):
    """Normal rows alone are judged; data.normal says which those are."""
    scores, every = folder / "scores.h5", folder / "every.json"
    done = run(binary, "score", nae, *TOY, f"out={scores}")
    failures.check(done.code == 0, f"want scores\n{done}")
    energy, label = values(contents, scores, "/energy"), values(contents, scores, "/label")
    done = run(binary, "evidence", nae, *TOY, *LADDER, "data.normal=all", f"out={every}")
    failures.check("rows (all classes)" in done.out, f"want all rows\n{done}")
    every = json.loads(every.read_text())
    for found, classes in (normal, [0]), (every, [0, 1]):
        rows = [e for e, c in zip(energy, label) if c in classes]
        mean = sum(rows) / len(rows)
        failures.check(found["rows"] == len(rows), f"want {len(rows)} rows\n{found}")
        failures.check(abs(found["mean_energy"] - mean) < 1e-9 * mean, f"want {mean}\n{found}")
    want = ["data.normal: found no row of class 7"]
    refused(failures, binary, nae, *TOY, "data.normal=7", says=want)


def check_words(failures, binary, folder, nae):
    """A ladder that does, where the model is noise; too few chains to tell."""
    words = [*TOY, "nae.temperature=1", "evidence.steps=50", f"out={folder}/warm.json"]
    done = run(binary, "evidence", nae, *words, "evidence.chains=64")
    good = "can be trusted" in done.out and "warning" not in done.err and "of noise" in done.err
    failures.check(good, f"want trust, and that the model is noise\n{done}")
    done = run(binary, "evidence", nae, *words, "evidence.chains=16")
    failures.check("too few weights to tell" in done.err, f"want a warning\n{done}")


def check_all(failures, binary, contents, source, folder):
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
    failures.check(found["error_trust"] == "none" and found["tail_shape"] > 0, f"{found}")
    check_rows(failures, binary, contents, folder, nae, found)
    check_words(failures, binary, folder, nae)

    refused(failures, binary, nae, says=["data.input: found nothing"])
    refused(failures, binary, plain, *TOY, says=["no temperature", "nae.temperature=T"])
    refused(failures, binary, nae, *TOY, "evidence.steps=0", says=["evidence.steps", "found 0"])


def main():
    failures = Failures()
    with scratch() as folder:
        check_all(failures, *sys.argv[1:4], pathlib.Path(folder))
    failures.finish()


main()
