#!/usr/bin/env python3
"""Contract C3: whatever is wrong with the input ends on three ranks with exit code 2 and one
message that says where, what was found, what was wanted.

Usage: test_bad_input.py BINARY SOURCE_ROOT
"""

import os
import pathlib
import shutil
import subprocess
import sys

from harness import Failures, run, scratch, set_energy

RANKS = 3


class Bench:
    def __init__(self, binary, source, folder):
        self.binary, self.source, self.folder = binary, source, folder
        self.tiny = source / "configs/tiny.yaml"
        self.fixtures = source / "tests/data/fixtures"
        self.failures = Failures()

    def expect(self, name, words, *fragments, **options):
        """The program ends with 2 and one message that holds all fragments."""
        options.setdefault("ranks", RANKS)
        done = run(self.binary, *words, **options)
        _, *messages = ("\n" + done.err).split("\njetnae: ")
        good = done.code == 2 and len(messages) == 1 and all(f in messages[0] for f in fragments)
        self.failures.check(
            good, f"{name}: want exit code 2 and one message with {fragments}\n{done}"
        )
        print(f"{name}: {messages[0].splitlines()[0] if messages else 'no message'}", flush=True)

    def train(self, *words):
        return ["train", self.tiny, f"out={self.folder / 'run'}", "threads=1", *words]

    def read(self, path, *words):
        return self.train(
            "data.source=toptag", f"data.input={path}", "data.train_limit=all", *words
        )

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


def with_energy(bench, name, row, energy):
    """A copy of the table in which a row's first constituent has this energy."""
    return bench.file(
        name, set_energy((bench.fixtures / "jets_plain.h5").read_bytes(), row, energy)
    )


def check_files(bench):
    jets = (bench.fixtures / "jets.h5").read_bytes()
    bench.expect("no file", bench.read("no/such/file.h5"), "no/such/file.h5", "No such file")
    top = ("data.label=/labels/top", "data.weight=/labels/top")  # 0 for the normal class
    twin = ("data.source=hdf5", f"data.input={bench.fixtures / 'twin.h5'}", "data.x=/p4")
    weightless = bench.train(*twin, "data.layout=p4", "data.train_limit=all", *top)
    bench.expect("all weights 0", weightless, "twin.h5", "the weight 0 for all", "data.weight")
    bench.expect(
        "not HDF5",
        bench.read(bench.file("text.h5", "pt eta phi\n" * 99)),
        "text.h5",
        "want an HDF5 file",
    )
    bench.expect(
        "truncated",
        bench.read(bench.file("short.h5", jets[: len(jets) * 3 // 5])),
        "short.h5",
        "truncated",
    )
    bench.expect(
        "foreign HDF5", bench.read(bench.fixtures / "twin.h5"), "twin.h5", "want one table"
    )
    bench.expect(
        "wrong width", bench.read(bench.fixtures / "bad_width.h5"), "bad_width.h5", "803"
    )
    bench.expect(
        "wrong members",
        bench.read(bench.fixtures / "bad_members.h5"),
        "bad_members.h5",
        "found members pt",
        "want values_block_0",
    )
    bench.expect(
        "missing filter",
        bench.read(bench.fixtures / "bad_filter.h5"),
        "bad_filter.h5",
        "found filter 3",
    )
    middle = len(jets) // 2
    damaged = jets[:middle] + b"\xff" * 400 + jets[middle + 400 :]
    bench.expect(
        "damaged Blosc frame",
        bench.read(bench.file("damaged.h5", damaged)),
        "damaged.h5",
        "want a sound chunk",
    )
    bench.expect(
        "not IDX",
        bench.train("data.source=idx", f"data.input={bench.folder / 'text.h5'}"),
        "text.h5",
    )


def check_outputs(bench):
    jets = bench.file("input.h5", (bench.fixtures / "jets.h5").read_bytes())
    for command in (["prepare"], ["train", bench.tiny, "data.source=auto"]):
        bench.expect(
            f"{command[0]} over its input",
            [*command, f"data.input={jets}", f"out={jets}"],
            "input.h5",
            "which this command reads",
        )


def check_rows(bench):
    bench.expect(
        "NaN",
        bench.read(with_energy(bench, "nan.h5", 17, float("nan"))),
        "nan.h5",
        "row 17",
        "not finite",
        "data.bad_rows",
    )
    bench.expect(
        "negative energy",
        bench.read(with_energy(bench, "negative.h5", 23, -5.0)),
        "negative.h5",
        "row 23",
        "negative energy",
        "data.bad_rows",
    )


def check_options(bench):
    bench.expect("unknown key", bench.train("train.bacth=64"), "train.bacth", "train.batch")
    bench.expect(
        "out of range",
        bench.train("nae.x_step_size=-0.1"),
        "nae.x_step_size",
        "found -0.1",
        "want",
    )
    bench.expect("not a number", bench.train("train.batch=many"), "train.batch", "found many")
    bench.expect(
        "batch", bench.train("train.batch=24"), "train.batch", "found 24", "multiple of 16"
    )
    bench.expect(
        "pixels standardised",
        bench.train("energy=bernoulli", "data.standardise=true"),
        "energy: found bernoulli with standardised samples",
        "data.standardise=false",
    )
    features = bench.source / "configs/jets-features.yaml"
    bench.expect(
        "features as pixels",
        ["train", features, "data.source=toy", "energy=bernoulli", f"out={bench.folder / 'run'}"],
        "energy: found bernoulli with standardised samples",
    )
    bench.expect("unknown command", ["trian"], "trian", "train")
    bench.expect("unknown ISA", bench.train("isa=mmx"), "isa", "mmx")
    text = bench.tiny.read_text()
    line = 1 + [t.strip() for t in text.splitlines()].index("batch: 64")
    broken = bench.file("broken.yaml", text.replace("batch: 64", "batch: -64"))
    bench.expect(
        "file and line",
        ["train", broken, f"out={bench.folder / 'run'}"],
        f"broken.yaml:{line}: ",
        "train.batch",
        "found -64",
    )
    broken = bench.file("tabs.yaml", "train:\n\t- batch: [\n")
    bench.expect("no YAML", ["train", broken, f"out={bench.folder / 'run'}"], "tabs.yaml:2")
    bench.expect("no such configuration", ["train", "no/such.yaml", "out=x"], "no/such.yaml")


def check_network(bench):
    text = bench.tiny.read_text()
    last = "- conv_transpose2d: {channels: 1, kernel: 3, padding: 1}"
    broken = bench.file(
        "wide.yaml", text.replace(last, last.replace("channels: 1", "channels: 2"))
    )
    bench.expect(
        "network that does not fit",
        ["train", broken, f"out={bench.folder / 'run'}"],
        "decoder",
        "2 x 8 x 8",
        "1 x 8 x 8",
    )
    broken = bench.file("layer.yaml", text.replace("- max_pool2d: 2", "- max_pol2d: 2"))
    bench.expect(
        "unknown layer",
        ["train", broken, f"out={bench.folder / 'run'}"],
        "max_pol2d",
        "max_pool2d",
    )
    broken = bench.file("kernel.yaml", text.replace("- max_pool2d: 2", "- max_pool2d: 9"))
    bench.expect(
        "layer larger than its input",
        ["train", broken, f"out={bench.folder / 'run'}"],
        "encoder layer",
        "max_pool2d",
    )


def check_models(bench):
    """Leaves a run behind that other checks use."""
    out = bench.folder / "trained"
    done = run(bench.binary, "train", bench.tiny, f"out={out}", "train.steps=2", "threads=1")
    if not bench.failures.check(done.code == 0, f"train 2 steps\n{done}"):
        return
    bench.expect(
        "directory of another configuration",
        ["train", bench.tiny, f"out={out}", "seed=2", "threads=1"],
        "trained",
        "- seed: 1",
        "+ seed: 2",
        "fresh=true",
    )
    before = (out / "config.yaml").read_bytes()
    fewer = ["train", bench.tiny, f"out={out}", "threads=1"]
    bench.expect("fewer epochs", [*fewer, "train.ae_epochs=0"], "train.ae_epochs: found 0", "at least 1")
    bench.expect("fewer steps", [*fewer, "train.steps=1"], "train.steps: found 1", "at least 2")
    bench.failures.check(
        (out / "config.yaml").read_bytes() == before, "a refused run changed config.yaml"
    )
    (out / "model.h5").unlink()
    done = run(bench.binary, *fewer, "train.steps=2")
    good = done.code == 0 and "made again" in done.err and (out / "model.h5").exists()
    bench.failures.check(good, f"a finished run without its model\n{done}")
    toy = ["data.source=toy", "data.toy_jets=64", "threads=1"]
    bench.expect("no run", ["score", bench.folder / "nowhere", *toy], "nowhere")
    model = (out / "model.h5").read_bytes()
    bench.expect(
        "truncated model",
        ["score", bench.file("model.h5", model[:-999]), *toy],
        "model.h5",
        "truncated",
    )
    bench.expect(
        "not a model", ["score", bench.fixtures / "jets.h5", *toy], "jets.h5", "not a model"
    )
    images = bench.fixtures / "five-images-idx3-ubyte.gz"
    bench.expect(
        "samples of another shape",
        ["score", out, "data.source=idx", f"data.input={images}", "threads=1"],
        "1 x 4 x 3",
        "1 x 8 x 8",
    )
    bench.expect(
        "no place for the scores",
        ["score", out, *toy, f"out={bench.folder}/no/scores.h5"],
        "no/scores.h5",
        "cannot be written",
    )
    device, link = bench.folder / "device", bench.folder / "link.h5"
    os.mkfifo(device)
    link.symlink_to("elsewhere.h5")
    for path, what in (device, "the device or pipe"), (link, "the link"):
        for command in (["score", out], ["generate"], ["encode", out]):
            bench.expect("out= is no file", [*command, *toy, f"out={path}"], f"out: found {what}")
    bench.failures.check(device.is_fifo() and link.is_symlink(), "out= replaced what is no file")
    scores = bench.folder / "scores.h5"
    os.symlink("/dev/full", f"{scores}.tmp")
    bench.expect(
        "disk full under the scores",
        ["score", out, *toy, f"out={scores}"],
        "scores.h5",
        "No space left",
    )


def check_memory(bench):
    bench.expect(
        "more data than memory", bench.train("data.toy_jets=2000000000"), "data.memory_gb"
    )
    bench.expect(
        "no room in shared memory",
        bench.train("data.toy_jets=2000000000", "data.memory_gb=1e9"),
        "shared memory",
        "found",
        "want",
    )


def train_with_room(bench, small, room):
    """A short run with `room` bytes free: either it succeeds or it says why not."""
    free = os.statvfs(small).f_bavail * os.statvfs(small).f_frsize
    (small / "ballast").write_bytes(b"x" * (free - room))
    run = ["train", bench.tiny, f"out={small / 'run'}", "threads=1", "train.steps=2"]
    bench.expect(f"{room} bytes free while training", run, "small/run", "No space left")
    shutil.rmtree(small / "run", ignore_errors=True)
    (small / "ballast").unlink()


def check_disk_full(bench):
    """Training on a file system of 256 kB, where one can be made: every write meets its end."""
    small = bench.folder / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", small]
    if os.geteuid() or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        print("disk full while training: not checked, no small file system can be mounted here")
        return
    try:
        for pages in (2, 8, 14, 20, 22, 24, 26, 28):
            train_with_room(bench, small, 4096 * pages)
    finally:
        subprocess.run(["umount", small], check=True)


def main():
    binary, source = sys.argv[1], pathlib.Path(sys.argv[2])
    with scratch() as folder:
        bench = Bench(binary, source, pathlib.Path(folder))
        for check in (
            check_files,
            check_outputs,
            check_rows,
            check_options,
            check_network,
            check_models,
            check_memory,
            check_disk_full,
        ):
            check(bench)
    bench.failures.finish()


main()
