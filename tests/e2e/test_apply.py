#!/usr/bin/env python3
"""What is done with a trained model: encode, reconstruct, sample, outliers of score. Files are
compared with what Python makes of other files, and over ranks, threads and instruction sets.

Usage: test_apply.py BINARY CONTENTS SOURCE_ROOT
"""

import math
import pathlib
import re
import subprocess
import sys

from harness import Failures, run, scratch, set_energy

TOY = ["data.source=toy", "data.toy_jets=90"]
ONE = {"ranks": 1, "words": ["threads=1"]}
MANY = {"ranks": 3, "words": ["threads=2", "isa=c"]}


class Bench:
    def __init__(self, binary, helper, source, folder):
        self.binary, self.helper, self.source, self.folder = binary, helper, source, folder
        self.failures = Failures()
        self.check = self.failures.check

    def run(self, *words, ranks=1):
        done = run(self.binary, *words, ranks=ranks)
        self.check(done.code == 0, f"want success\n{done}")
        return done

    def refused(self, *words, says):
        done = run(self.binary, *words, ranks=2)
        one = ("\n" + done.err).count("\njetnae: ") == 1
        good = done.code == 2 and one and all(s in done.err for s in says)
        self.check(good, f"want exit code 2 and {says}\n{done}")

    def values(self, path, name):
        done = subprocess.run(
            [self.helper, path, name], capture_output=True, text=True, check=True
        )
        return [float.fromhex(line) for line in done.stdout.split()]

    def both(self, name, command, *words):
        """The command on one rank and on three: the same arrays. Returns the path."""
        paths = []
        for how in (ONE, MANY):
            paths.append(self.folder / f"{len(paths)}-{name}")
            self.run(*command, *words, f"out={paths[-1]}", *how["words"], ranks=how["ranks"])
        arrays = [
            subprocess.run([self.helper, p], capture_output=True, text=True).stdout for p in paths
        ]
        self.check(len(arrays[0]) > 100, f"{name}: nothing in it")
        self.check(arrays[0] == arrays[1], f"{name}: other bits on three ranks")
        return paths[0]

    def train(self, name, config, *words):
        out = self.folder / name
        self.run("train", config, f"out={out}", "threads=2", *words)
        return out

    def config(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


def close(a, b, relative=1e-12):
    return math.isclose(a, b, rel_tol=relative)


def rows(flat, width):
    return [flat[i : i + width] for i in range(0, len(flat), width)]


def mean_square(a, b):
    return sum((x - y) ** 2 for x, y in zip(a, b)) / len(a)


def check_rows(bench, nae):
    """Reconstructions have the energies that score gives; a refused row is NaN in every file."""
    table = bench.folder / "nan.h5"
    fixture = bench.source / "tests/data/fixtures/jets_plain.h5"
    table.write_bytes(set_energy(fixture.read_bytes(), 17, math.nan))
    jets = ["data.source=toptag", f"data.input={table}", "data.bad_rows=skip"]
    codes = bench.both("codes.h5", ["encode", nae], *jets)
    recon = bench.both("recon.h5", ["reconstruct", nae], *jets, "reconstruct.input=true")
    scores = bench.both("scores.h5", ["score", nae], *jets)
    energy = bench.values(scores, "energy")
    code = rows(bench.values(codes, "code"), 3)
    x = rows(bench.values(recon, "input"), 64)
    y = rows(bench.values(recon, "reconstruction"), 64)
    bench.check(len(energy) == len(code) == len(x) == len(y) == 100, "number of rows")
    for i, e in enumerate(energy):
        if i == 17:
            bench.check(all(map(math.isnan, [e, *code[i], *x[i], *y[i]])), "row 17 is not NaN")
            continue
        bench.check(close(mean_square(x[i], y[i]), e), f"energy of row {i}")
        bench.check(abs(sum(z * z for z in code[i]) - 1) < 1e-5, f"code {i} is off the sphere")
    for path in (codes, recon):
        bench.check(
            bench.values(path, "label") == bench.values(scores, "label"), f"{path}: labels"
        )
    one = bench.folder / "range.h5"
    bench.run("encode", nae, *jets, "rows.from=20", "rows.to=23", f"out={one}")
    bench.check(rows(bench.values(one, "code"), 3) == code[20:23], "a range of rows")


def auc(background, signal):
    wins = sum((s > b) + 0.5 * (s == b) for s in signal for b in background)
    return wins / (len(background) * len(signal))


def check_outliers(bench, nae):
    words = ["score", nae, *TOY, "score.outliers=constant,noise", "seed=4"]
    path = bench.both("outliers.h5", words)
    done = bench.run(*words, f"out={path}")
    label = bench.values(path, "label")
    energy = [e for e, l in zip(bench.values(path, "energy"), label) if l == 0]
    for i, name in enumerate(("constant", "noise")):
        want = auc(energy, bench.values(path, f"outliers/{i}"))
        found = re.search(rf"^{name}: AUC ([0-9.]+) \+-", done.out, re.M)
        bench.check(found and abs(float(found[1]) - want) < 6e-5, f"{name}: AUC {want}\n{done}")
    bench.refused("score", nae, *TOY, "score.outliers=no.h5", says=["score.outliers", "no.h5"])
    images = bench.source / "tests/data/fixtures/five-images-idx3-ubyte.gz"
    bench.refused(
        "score", nae, *TOY, f"score.outliers=noise,{images}", says=["five-images", "1 x 4 x 3"]
    )


def check_chains(bench, nae):
    path = bench.both("samples.h5", ["sample", nae], "sample.count=37")
    z = rows(bench.values(path, "z"), 3)
    x = bench.values(path, "x")
    bench.check(len(z) == 37 and len(x) == 37 * 64, "number of samples")
    bench.check(min(x) >= 0 and max(x) <= 1, "samples are out of bounds")
    bench.check(all(abs(sum(c * c for c in v) - 1) < 1e-5 for v in z), "codes off the sphere")
    bench.check(all(e > 0 for e in bench.values(path, "energy")), "energies")
    other = bench.folder / "other.h5"
    bench.run("sample", nae, "sample.count=37", "seed=9", f"out={other}")
    bench.check(rows(bench.values(other, "z"), 3) != z, "another seed gives the same samples")
    still = bench.folder / "still.h5"
    bench.run("sample", nae, "sample.count=37", "nae.x_steps=0", f"out={still}")
    bench.check(
        bench.values(still, "x") == bench.values(still, "x_latent")
        and bench.values(still, "x_latent") == bench.values(path, "x_latent"),
        "without visible steps the samples are the decoded latent chains",
    )
    bench.refused("sample", nae, "sample.walk=grid", says=["sample.walk", "nae"])


def check_visible_chains(bench, pcd):
    """Chains that start in x: noise at first, and then what they say of it is what score says."""
    path = bench.both("visible.h5", ["sample", pcd], "sample.count=21")
    still = bench.folder / "noise.h5"
    bench.run("sample", pcd, "sample.count=400", "nae.x_steps=0", f"out={still}")
    noise = bench.values(still, "x")
    mean = sum(noise) / len(noise)
    square = sum(v * v for v in noise) / len(noise)
    bench.check(
        abs(mean - 1 / 2) < 0.01 and abs(square - 1 / 3) < 0.01 and 0 <= min(noise),
        f"fresh chains: found mean {mean} and mean square {square}, want those of (0, 1)",
    )
    bench.check(bench.values(path, "x") != noise[: 21 * 64], "the chains did not move")
    again = bench.folder / "again.h5"
    bench.run("score", pcd, f"data.input={path}", "data.source=hdf5", "data.x=/x", f"out={again}")
    energy = zip(bench.values(path, "energy"), bench.values(again, "energy"))
    bench.check(all(abs(a - b) < 1e-6 * b for a, b in energy), "energies of samples")
    bench.refused("sample", pcd, "nae.mode=cd", says=["nae.mode", "found cd", "nae.mode=pcd"])


def check_prior(bench):
    text = (bench.source / "configs/tiny.yaml").read_text()
    text = text.replace("- dense: 3\n    - sphere", "- dense: 6\n    - gaussian")
    vae = bench.train("vae", bench.config("vae.yaml", text), "objective=vae", "train.steps=20")
    path = bench.both("prior.h5", ["sample", vae], "sample.count=4000")
    z = rows(bench.values(path, "z"), 3)
    for k in range(3):
        mean = sum(v[k] for v in z) / 4000
        square = sum(v[k] ** 2 for v in z) / 4000
        bench.check(abs(mean) < 5 / math.sqrt(4000), f"prior: mean {mean}")
        bench.check(abs(square - 1) < 5 * math.sqrt(2 / 4000), f"prior: mean square {square}")
    grid = bench.both("grid.h5", ["sample", vae], "sample.walk=grid", "sample.walk_steps=5")
    want = [[c, r, 0] for r in range(-2, 3) for c in range(-2, 3)]
    bench.check(rows(bench.values(grid, "z"), 3) == want, "grid")
    line = bench.both("line.h5", ["sample", vae], "sample.walk=line", "sample.count=3")
    z = rows(bench.values(line, "z"), 3)
    bench.check(len(z) == 27, "number of points")
    for i, v in enumerate(z):
        a, b, s = z[i // 9 * 9], z[i // 9 * 9 + 8], i % 9 / 8
        bench.check(
            all(abs(p - (q + s * (r - q))) < 1e-5 for p, q, r in zip(v, a, b)), f"line, point {i}"
        )
    bench.check(z[:3] == rows(bench.values(path, "z"), 3)[:1] + z[1:3], "a line starts at a draw")


PAIRS = """
objective: ae
data: {source: hdf5, x: noisy, target: mirror, bad_rows: skip, valid_fraction: 0.2}
net:
  encoder: [dense: 8, prelu, dense: 2]
  decoder: [dense: 8, prelu, dense: 6]
train: {batch: 16, ae_epochs: 60, ae_rate: 1e-2, leaf: 1}
"""


def check_pairs(bench):
    """The clean partner, here upside down, is what training, score and reconstruct look at."""
    config = bench.config("pairs.yaml", PAIRS)
    data = [f"data.input={bench.source / 'tests/data/fixtures/pairs.h5'}"]
    out = bench.train("pairs", config, *data)
    path = bench.both("clean.h5", ["reconstruct", out], *data, "reconstruct.input=true")
    done = bench.run("reconstruct", out, *data, f"out={path}")
    scores = bench.both("pair-scores.h5", ["score", out], *data)
    y = rows(bench.values(path, "reconstruction"), 6)
    clean = rows(bench.values(bench.source / "tests/data/fixtures/pairs.h5", "mirror"), 6)
    noisy = rows(bench.values(bench.source / "tests/data/fixtures/pairs.h5", "noisy"), 6)
    energy = bench.values(scores, "energy")
    before = after = 0
    for i in range(96):
        if i == 41:
            bench.check(math.isnan(energy[i]), "row 41 is not NaN")
            continue
        bench.check(close(mean_square(y[i], clean[i]), energy[i]), f"energy of pair {i}")
        before += mean_square(noisy[i], clean[i])
        after += mean_square(y[i], clean[i])
    gain = 10 * math.log10(before / after)
    found = re.search(r"gain (-?[0-9.]+) dB", done.out)
    bench.check(found and abs(float(found[1]) - gain) < 6e-3, f"gain {gain}\n{done}")
    # Training on the input itself gives 4 dB here, on the target 20.
    bench.check(gain > 15, f"training on clean targets gains only {gain} dB")
    wrong = ["train", config, *data, f"out={bench.folder / 'no'}"]
    bench.refused(*wrong, "objective=nae", says=["objective", "nae"])
    bench.refused(*wrong, "data.target=fewer", says=["[95, 6]"])
    bench.refused("sample", out, says=["objective ae", "vae or nae"])


def check_bad(bench, nae):
    bench.refused("encode", nae, *TOY, "out=no/such/codes.h5", says=["no/such", "be written"])
    bench.refused("reconstruct", nae, *TOY, "rows.from=91", says=["rows.from", "91", "90"])
    bench.refused("encode", bench.folder / "nowhere", *TOY, says=["nowhere"])


POINTS = """
objective: nae
energy: masked
data: {source: toy, toy_jets: 100, view: sequence, points: 6}
net:
  encoder: [gru: {units: 4, masked: true}, dense: 2]
  decoder: [dense: 18, reshape: {channels: 3, height: 1, width: 6}]
train: {batch: 32, ae_epochs: 1, nae_epochs: 1}
nae: {mode: cd, temperature: 0.1, x_steps: 1}
"""


def check_points(bench):
    """Chains of jets start at jets, which say how many constituents there are."""
    jets = bench.train("points", bench.config("points.yaml", POINTS))
    says = ["leaves absent points out"]
    bench.refused("sample", jets, "nae.mode=pcd", says=says)
    bench.refused("evidence", jets, *TOY, says=says)


def main():
    binary, helper, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    with scratch() as folder:
        bench = Bench(binary, helper, source, pathlib.Path(folder))
        nae = bench.train("nae", source / "configs/tiny.yaml")
        check_rows(bench, nae)
        check_outliers(bench, nae)
        check_chains(bench, nae)
        check_visible_chains(bench, bench.train("pcd", source / "configs/tiny.yaml", "nae.mode=pcd"))
        check_prior(bench)
        check_pairs(bench)
        check_bad(bench, nae)
        check_points(bench)
    bench.failures.finish()


main()
