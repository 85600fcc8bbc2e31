#!/usr/bin/env python3
"""objective mpdr: phase one is ordinary runs whose weights stay as they are, taken from this
directory or from others alike; a changed one is refused; a stop in any phase is passed on; scalar
energies go through the commands that have a use for them.

Usage: test_mpdr.py BINARY CONTENTS SOURCE_ROOT
"""

import csv
import pathlib
import re
import sys

from harness import STOPPED, Failures, contents, run, scratch

TOY = ["data.source=toy", "data.toy_jets=200", "data.toy_seed=5"]
SCALAR = """
objective: mpdr
energy: scalar
data: {source: toy, toy_jets: 900, image_size: 8, smooth: 0.5, train_limit: 320,
  valid_limit: 64, valid_fraction: 0.15}
net: {encoder: [{dense: 16}, elu, {dense: 1}]}
train: {batch: 64, nae_epochs: 2, nae_rate: 1e-3}
nae: {x_steps: 2, z_steps: 2, temperature: 1, gamma_unit: absolute}
log: {steps: 2}
"""


class Bench:
    def __init__(self, binary, helper, folder):
        self.binary, self.helper, self.folder = binary, helper, folder
        self.failures = Failures()

    def done(self, *words, ranks=2, code=0, says=()):
        done = run(self.binary, *words, ranks=ranks)
        good = done.code == code and all(s in done.err + done.out for s in says)
        self.failures.check(good, f"want exit code {code} and {says}\n{done}")

    def weights(self, out):
        """What the layers see; without attributes and configuration."""
        lines = contents(self.helper, out / "model.h5")
        return [line for line in lines if line.startswith(("encoder/", "decoder/"))]

    def same(self, a, b, want=True):
        found = self.weights(a) == self.weights(b)
        self.failures.check(found == want, f"{a} and {b}: the same is {found}, want {want}")


def check_phases(bench, tiny, out):
    plain = bench.folder / "plain"
    out.mkdir()
    (out / "stop").touch()
    bench.done("train", tiny, f"out={out}", code=STOPPED)
    bench.done("train", tiny, f"out={out}", "stop.wall_minutes=1e-6", code=STOPPED)
    bench.failures.check(not (out / "model.h5").exists(), "phase two began too early")
    bench.done("watch", out, ranks=1, code=2, says=["first phase of mpdr", f"{out}/manifold-0"])
    bench.done("train", tiny, f"out={out}", ranks=1, says=["frozen autoencoder 2 of 2"])
    bench.done("train", tiny, f"out={plain}", "objective=ae")
    bench.same(plain, out / "manifold-0")
    bench.same(plain, out, want=False)
    bench.done("train", tiny, f"out={out}", says=[f"{out}: this run is finished"])
    bench.done("train", tiny, f"out={out}", "train.ae_epochs=3", code=2,
               says=["train.ae_epochs: found 3, want 2", "has begun"])
    bench.same(plain, out / "manifold-0")
    bench.done("train", tiny, f"out={out}", "train.nae_epochs=3")
    bench.done("sample", out, "sample.count=20")
    bench.done("evidence", out, *TOY, "evidence.chains=16", "evidence.steps=4")
    bench.done("report", out)


def check_given(bench, tiny, out):
    given, other = bench.folder / "given", bench.folder / "other"
    both = f"mpdr.manifold={out}/manifold-0,{out}/manifold-1/model.h5"
    words = ["train", tiny, f"out={given}", "mpdr.latents="]
    bench.done(*words, both, "train.nae_epochs=3")
    bench.same(given, out)
    bench.done(*words, f"mpdr.manifold={out}/manifold-0", code=2,
               says=["another configuration", "- # frozen autoencoder 1: latent 5, checksum"])
    bench.done("train", tiny, f"out={other}", "objective=ae", "train.ae_epochs=1")
    bench.done(*words, f"mpdr.manifold={other},{out}/manifold-1", code=2,
               says=["another configuration", "- # frozen autoencoder 0: latent 3, checksum"])


def check_log(bench, scalar):
    """No reconstruction: no share of the variance, and no verdict on it."""
    with (scalar / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    explained = {row["valid_explained"] for row in rows}
    bench.failures.check(explained == {""}, f"valid_explained of a scalar: {explained}")
    found = any(float(row["valid_e_plus"] or 0) for row in rows)
    bench.failures.check(found, "nothing was validated")


def check_verdict(bench, scalar):
    """Nothing that it says of reconstructions or of E+ as a unit; energies on a linear axis."""
    page = (scalar / "report.html").read_text()
    verdict = re.search(r'<div class="verdict g(\d)"><strong>[^<]*: (\w+)<', page)
    bench.failures.check(verdict and verdict[2] in ("healthy", "doubtful"),
                         f"the verdict on a scalar energy: {verdict and verdict[0]}")
    with (scalar / "report/training-energies.csv").open() as file:
        energies = [float(row["energy"]) for row in csv.DictReader(file) if row["energy"]]
    bench.failures.check(min(energies) < 0, "no negative energies in the report")
    bench.failures.check("error per feature" not in page, "a scalar has no error")


def check_scalar(bench, out):
    config, scalar = bench.folder / "scalar.yaml", bench.folder / "scalar"
    config.write_text(SCALAR)
    bench.done("train", config, f"out={scalar}", code=2, says=["mpdr.manifold", "objective ae"])
    bench.done("train", config, f"out={scalar}", f"mpdr.manifold={out}/manifold-0,{out}/manifold-1")
    check_log(bench, scalar)
    bench.done("score", scalar, *TOY)
    bench.done("evidence", scalar, *TOY, "evidence.chains=16", "evidence.steps=4")
    bench.done("report", scalar)
    check_verdict(bench, scalar)
    bench.done("export", scalar, f"out={bench.folder}/onnx", says=["energy.onnx (opset"])
    found = sorted(path.name for path in (bench.folder / "onnx").iterdir())
    bench.failures.check(found == ["energy.onnx"], f"export left {found}")
    for command in ("encode", "reconstruct"):
        bench.done(command, scalar, *TOY, code=2, says=["without decoder", "energy scalar"])
    bench.done("sample", scalar, code=2, says=["without decoder"])


def check_refusals(bench, tiny, out):
    free = f"out={bench.folder}/free"

    def refuse(says, *words):
        bench.done("train", tiny, free, *words, code=2, says=says)

    refuse(["mpdr.latents", "found 3,x"], "mpdr.latents=3,x")
    refuse(["features: found 2e+06"], "mpdr.latents=3,2000000")
    refuse(["mpdr.manifold", "nothing before a comma"], "mpdr.manifold=,", "mpdr.latents=")
    refuse(["mpdr.latents", "beside mpdr.manifold"], f"mpdr.manifold={out}/manifold-0")
    refuse(["nowhere", "No such file"], "mpdr.manifold=nowhere", "mpdr.latents=")
    refuse(["mpdr.sigma_low", "found 0.5", "0.3"], "mpdr.sigma_low=0.5")
    refuse(["mpdr.z_recovery", "found -1"], "mpdr.z_recovery=-1")
    refuse(["nae.mode: found cd with objective mpdr"], "nae.mode=cd")
    refuse(["nae.x_warm: found true with objective mpdr"], "nae.x_warm=true")
    refuse(["without frozen autoencoders"], f"out={bench.folder}/plain")
    refuse(["energy", "scalar", "decoder"], "energy=scalar")
    refuse(["samples of 1 x 8 x 8", "1 x 12 x 12"], "data.image_size=12", "mpdr.latents=",
           f"mpdr.manifold={out}/manifold-0", "net.encoder=[{dense: 3}]",
           "net.decoder=[{dense: 144}]")
    bench.failures.check(not (bench.folder / "free").exists(), "a refused run left something")


def main():
    binary, helper, source = sys.argv[1:4]
    tiny = pathlib.Path(source) / "configs/tiny-mpdr.yaml"
    with scratch() as folder:
        bench = Bench(binary, helper, pathlib.Path(folder))
        out = bench.folder / "run"
        check_phases(bench, tiny, out)
        check_given(bench, tiny, out)
        check_scalar(bench, out)
        check_refusals(bench, tiny, out)
        bench.failures.finish()


main()
