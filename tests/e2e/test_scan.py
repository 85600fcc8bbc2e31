#!/usr/bin/env python3
"""`jetnae scan` and ensembles: their members are the runs that train would make, side by side or
one by one; a scan's table and an ensemble's mean are what score says of them.

Usage: test_scan.py BINARY CONTENTS SOURCE_ROOT
"""

import csv
import math
import pathlib
import re
import statistics
import subprocess
import sys

from harness import Failures, first_difference, results, run, scratch

QUICK = ["objective=ae", "train.ae_epochs=1", "data.toy_jets=600", "threads=1", "quiet=true"]
SCAN = ["scan.values=0,0.5,1", "scan.seeds=2", "data.train_limit=128"]


def auc_of(binary, folder, toys):
    done = run(binary, "score", folder, f"data.input={toys}", "data.source=lean", f"out={folder}/s.h5")
    return float(re.search(r"AUC ([0-9.]+)", done.out).group(1))


def energies(helper, path, name="/energy"):
    done = subprocess.run([helper, path, name], capture_output=True, text=True, check=True)
    return [float.fromhex(line) for line in done.stdout.split()]


def check_ensemble(failures, helper, expect, tiny, folder, toys):
    """Three members on two ranks; energy is their mean, spread their standard deviation."""
    out, alone = folder / "ensemble", folder / "third"
    data = [f"data.input={toys}", "data.source=lean"]
    expect(0, "", 2, "train", tiny, *QUICK, "ensemble=3", f"out={out}")
    expect(0, "", 1, "train", tiny, *QUICK, "seed=3", f"out={alone}")
    failures.check(
        results(helper, alone)["model.h5"] == results(helper, out / "member-2")["model.h5"],
        "a member is not the run that train makes with its seed",
    )
    expect(0, "mean of 3 members", 2, "score", out, *data)
    members = [out / f"member-{k}" for k in range(3)]
    for member in members:
        expect(0, "AUC", 1, "score", member, *data)
    rows = list(zip(*(energies(helper, m / "scores.h5") for m in members)))
    mean, spread = (energies(helper, out / "scores.h5", n) for n in ("/energy", "/spread"))
    for row, m, s in zip(rows, mean, spread):
        good = math.isclose(m, statistics.mean(row), rel_tol=1e-12)
        good = good and math.isclose(s, statistics.stdev(row), rel_tol=1e-9)
        if not failures.check(good, f"members {row}: found mean {m}, spread {s}"):
            return
    failures.check(len(mean) == 300, f"found {len(mean)} rows, want 300")
    for words in (["encode", out, *data], ["export", out, f"out={folder}/onnx"], ["info", out],
                  ["watch", out]):  # fmt: skip
        expect(2, f"an ensemble of 3, want one of its members, {out}/member-0 to", 2, *words)


def check_bounds(failures, binary, expect, scan, folder, few):
    """So few QCD jets that for some runs none is left at eps_S = 0.3."""
    expect(0, ">", 2, *scan, f"scan.test={few}", f"out={folder}")
    for row in csv.DictReader(open(folder / "scan.csv")):
        bounds = values = 0
        for seed in (1, 2):
            run_dir = folder / f"{row['data.contamination']}-seed{seed}"
            said = run(binary, "score", run_dir, f"data.input={few}", "data.source=lean",
                       f"out={folder}/few.h5").out  # fmt: skip
            sign, value = re.search(r"eps_B\(0\.3\) ([=>]) ([0-9.e+]+)", said).groups()
            bounds, values = bounds + (sign == ">"), values + float(value)
        good = int(row["rejection_bounds"]) == bounds
        good = good and math.isclose(float(row["rejection_at_0.3"]), values / 2, rel_tol=0.01)
        failures.check(good, f"want {bounds} bounds, {values / 2} in {row}")


def main():
    binary, helper, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    tiny = source / "configs/tiny.yaml"
    failures = Failures()

    def expect(code, text, ranks, *words):
        done = run(binary, *words, ranks=ranks)
        good = done.code == code and text in done.out + done.err
        failures.check(good, f"want exit code {code} and '{text}'\n{done}")

    with scratch() as folder:
        folder = pathlib.Path(folder)
        toys, together, apart = folder / "toys.h5", folder / "together", folder / "apart"
        test = f"scan.test={toys}"
        expect(0, "", 1, "generate", f"out={toys}", "generate.jets=300", "data.toy_seed=9")
        scan = ["scan", tiny, *QUICK, *SCAN]
        expect(0, "scan.csv", 3, *scan, test, f"out={together}")
        for member in range(6):
            expect(0, "", 2, *scan, f"out={apart}", test, f"scan.member={member}")
        expect(0, "scan.csv", 1, *scan, test, f"out={apart}")

        for name in ["0-seed1", "0.5-seed2", "1-seed1"]:
            found, want = results(helper, apart / name), results(helper, together / name)
            for file in want:
                if found[file] != want[file]:
                    text = first_difference(found[file], want[file])
                    failures.check(False, f"{name}/{file}: {text}")
        alone = folder / "alone"
        expect(0, "", 1, "train", tiny, *QUICK, "data.train_limit=128", "seed=2",
               "data.contamination=0.5", f"out={alone}")
        failures.check(
            results(helper, alone)["model.h5"] == results(helper, together / "0.5-seed2")["model.h5"],
            "a member is not the run that train makes",
        )

        tables = [list(csv.DictReader(open(d / "scan.csv"))) for d in (together, apart)]
        failures.check(tables[0] == tables[1], f"tables differ: {tables}")
        rows = tables[0]
        failures.check([r["data.contamination"] for r in rows] == ["0", "0.5", "1"], rows)
        want = sum(auc_of(binary, together / f"1-seed{s}", toys) for s in (1, 2)) / 2
        failures.check(abs(float(rows[2]["auc"]) - want) < 1e-4, f"found {rows[2]}, want {want}")

        # Trained on everything, class 0 is the background, as score has it.
        expect(0, "scan.csv", 2, "scan", tiny, *QUICK, "data.normal=all", "scan.option=train.ae_rate",
               "scan.values=1e-3", test, f"out={folder}/all")
        found = float(next(csv.DictReader(open(folder / "all/scan.csv")))["auc"])
        want = auc_of(binary, folder / "all/1e-3-seed1", toys)
        failures.check(abs(found - want) < 1e-4, f"all classes normal: found {found}, want {want}")

        few = folder / "few.h5"
        expect(0, "", 1, "generate", f"out={few}", "generate.jets=24", "data.toy_seed=11")
        check_bounds(failures, binary, expect, [*scan, "data.normal=1"], folder / "inverse", few)
        expect(2, "found a scan", 1, "watch", together)
        check_ensemble(failures, helper, expect, tiny, folder, toys)
        wrong = ["scan", tiny, *QUICK, f"out={folder}/wrong"]
        expect(2, "scan.values: found none", 1, *wrong)
        expect(2, "did you mean nae.gamma", 1, *wrong, "scan.option=nae.gama", "scan.values=1")
        expect(2, "scan.values: data.contamination: found 1.5", 1, *wrong, "scan.values=0,1.5")
        expect(2, "scan.member: found 9, want 0 to 1", 1, *wrong, "scan.values=0,1", "scan.member=9")
        expect(2, "data.contamination: found a share of 0.9", 2, *wrong, "scan.values=0.9",
               "data.train_limit=500")
    failures.finish()


if __name__ == "__main__":
    main()
