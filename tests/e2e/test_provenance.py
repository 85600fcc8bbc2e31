#!/usr/bin/env python3
"""Every output says where it comes from, and leads back to the training behind it, which gives the
same bits again.

Usage: test_provenance.py BINARY CONTENTS SOURCE_ROOT
"""

import json
import pathlib
import platform
import sys

from harness import Failures, contents, run, scratch

FACTS = {
    "version",
    "revision",
    "compiler",
    "flags",
    "libraries",
    "mpi",
    "hdf5",
    "command",
    "directory",
    "host",
    "hosts",
    "started",
    "slurm_job",
    "task",
    "isa",
    "ranks",
    "threads",
    "config",
}
JOB = {"SLURM_JOB_ID": "4711"}


def main():
    binary, helper, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    failures = Failures()
    with scratch() as name:
        folder = pathlib.Path(name)
        out, jets = folder / "run", folder / "jets.h5"
        data = ["data.source=auto", f"data.input={jets}"]

        def good(*words, ranks=1):
            done = run(binary, *words, ranks=ranks, env=JOB)
            failures.check(done.code == 0, done)
            return done.out

        good("generate", "generate.jets=900", f"out={jets}", ranks=2)
        tiny = [source / "configs/tiny.yaml", "train.steps=23", "threads=1", *data]
        good("train", *tiny, f"out={out}", ranks=2)
        good("score", out, *data, "rows.to=64")
        checkpoint = out / "checkpoints/step-000000000023.h5"
        scores, model = out / "scores.h5", out / "model.h5"

        kept = json.loads((out / "provenance.json").read_text())
        missing = (FACTS | {"input", "input_bytes", "input_checksum", "ended"}) - set(kept)
        failures.check(not missing, f"provenance.json lacks {missing}")
        wanted = {
            "ranks": "2",
            "hosts": f"{platform.node()} x 2",
            "slurm_job": "4711",
            "input_bytes": str(jets.stat().st_size),
        }
        for fact, value in wanted.items():
            failures.check(kept.get(fact) == value, f"{fact}: {kept.get(fact)}, want {value}")
        failures.check("  steps: 23\n" in kept.get("config", ""), "the configuration is another")

        for path in (jets, model, scores, checkpoint, out):
            text = good("info", path)
            lacking = [f for f in FACTS if f"\n  {f}" not in text]
            failures.check(not lacking, f"info {path} lacks {lacking}\n{text[:2000]}")
        failures.check("checkpoint of step 23" in good("info", checkpoint), "no step")

        good("export", model, f"out={folder}/onnx")
        written = (folder / "onnx/energy.onnx").read_bytes()
        lacking = [f for f in FACTS if f.encode() not in written]
        failures.check(not lacking and b"4711" in written, f"energy.onnx lacks {lacking}")
        good("evidence", out, *data, "rows.to=64", "evidence.chains=16", "evidence.steps=2",
             f"out={folder}/evidence.json")
        facts = json.loads((folder / "evidence.json").read_text())["provenance"]
        lacking = (FACTS | {"model", "input_checksum"}) - set(facts)
        failures.check(not lacking, f"evidence.json lacks {lacking}")

        want = contents(helper, model)
        for number, path in enumerate((model, scores, checkpoint, out, out / "log.csv")):
            again = folder / f"again{number}"
            good("train", f"from={path}", f"out={again}")
            failures.check(
                contents(helper, again / "model.h5") == want, f"from={path}: another model"
            )
        for words, wanted in (
            ([f"from={model}"], "out: found nothing"),
            ([f"from={jets}", f"out={folder}/x"], "holds no configuration of a training"),
            ([*tiny, f"from={model}", f"out={folder}/x"], "want one configuration"),
        ):
            done = run(binary, "train", *words, ranks=2)
            failures.check(done.code == 2 and wanted in done.err, f"want {wanted}\n{done}")
    failures.finish()


main()
