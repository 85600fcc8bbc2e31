#!/usr/bin/env python3
"""What the documentation tells a reader to type works: the commands of README.md and of every
`--help`, in their order, as they stand, on toy jets in the top-tagging layout and made-up digits;
the rows of README's table; the heads of the configurations, as far as reading them.

Trainings end after two steps, and what takes minutes is told to do less of it (LESS).

Usage: test_documentation.py BINARY SOURCE_ROOT
"""

import gzip
import json
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time

BINARY, ROOT = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
sys.path.insert(0, str(ROOT / "tests/e2e"))
from harness import MPI, Failures, scratch  # noqa: E402

# Behind the words of a command.
LESS = {
    "generate": "generate.jets=2000",
    "train": "train.steps=2 log.steps=1",
    "scan": "train.steps=2 data.train_limit=500 scan.values=0,1 scan.seeds=1",
    "sample": "sample.count=32",
    "evidence": "evidence.chains=16 evidence.steps=10 nae.temperature=1",
    "bench": "cases=read",
}
# Said to whom else: what runs these.
ELSEWHERE = {
    "jobs/quickstart": "jobs/check",
    "jobs/check": "whoever runs this",
    "jobs/pipeline.sh": "tests/slurm",
    "jobs/benchmark": "test_benchmark.py",
    "sbatch": "tests/slurm",
    "meson": "jobs/check; tests/library installs",
    "cc": "tests/library",
}
FIRST = ("jetnae", "build/jetnae", "mpirun", "python3", "examples/", *ELSEWHERE)


def commands(text, indent):
    """Indented lines that begin as commands do."""
    text = text.replace("\\\n", " ")
    lines = re.findall(rf"^{indent}(\S.*)$", text, flags=re.M)
    return [re.sub("  +", " ", line) for line in lines if line.startswith(FIRST)]


def stands_for_others(line):
    return re.search(r"\b[A-Z]{3}|\.\.\.", line)


def spans(text):
    """Commands in running text, without those that stand for others."""
    return re.findall(r"`(jetnae \w+ [^`]+)`", text.replace("\n", " "))


def lacks_modules(line):
    """Whether a line of Python wants what is not here."""
    for path in re.findall(r"\S+\.py", line):
        line += (ROOT / path).read_text()
    wanted = set(re.findall(r"\b(?:h5py|onnx|matplotlib|numpy)\b", line))
    test = ["python3", "-c", "".join(f"import {name}\n" for name in wanted)]
    return subprocess.run(test, capture_output=True).returncode != 0


class Reader:
    """Types commands in a folder that looks like the sources after a build."""

    def __init__(self, folder, failures):
        self.folder, self.failures, self.count = folder, failures, 0
        for name in ("configs", "examples", "jobs", "tests"):
            (folder / name).symlink_to(ROOT / name)
        cases = "\n".join(f'{name}) set -- "$@" {more};;' for name, more in LESS.items())
        (folder / "build").mkdir()
        jetnae = folder / "build/jetnae"
        jetnae.write_text(f'#!/bin/sh\ncase $1 in\n{cases}\nesac\nexec {BINARY} "$@"\n')
        jetnae.chmod(0o755)
        (folder / "mpirun").write_text(f'#!/bin/sh\nshift\nPATH=${{PATH#*:}} exec {MPI} "$@"\n')
        (folder / "mpirun").chmod(0o755)
        self.env = {**os.environ, "PATH": f"{folder}:{folder}/build:{os.environ['PATH']}"}
        self.env["OMP_NUM_THREADS"] = "1"

    def types(self, line):
        start = time.monotonic()
        done = subprocess.run(
            line, shell=True, cwd=self.folder, env=self.env, capture_output=True, text=True
        )
        self.count += 1
        print(f"{time.monotonic() - start:6.1f} s  {line}", flush=True)
        self.failures.check(
            done.returncode == 0, f"{line}\n{done.returncode}\n{done.stdout[-500:]}{done.stderr}"
        )

    def types_all(self, lines):
        for line in lines:
            if line.startswith(tuple(ELSEWHERE)) or stands_for_others(line):
                continue
            without = "jetnae report" in line and not shutil.which("gnuplot")
            if without or line.startswith("python3") and lacks_modules(line):
                print(f"skipped: {line}")
            else:
                self.types(line)


def write_idx(path, shape, data):
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(header + data, 1))


def make_digits(folder):
    """Files as MNIST has them: bars, at places that follow from the label."""
    n, side = 8300, 28
    labels = bytes(i * 7 % 10 for i in range(n))
    rows = [bytes(side * 2 * c) + b"\xff" * (side * 3) for c in range(10)]
    data = b"".join(rows[c].ljust(side * side, b"\0") for c in labels)
    write_idx(folder / "t10k-images-idx3-ubyte.gz", (n, side, side), data)
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", (n,), labels)
    write_idx(folder / "fashion/t10k-images-idx3-ubyte.gz", (20, side, side), data[-20 * 784 :])


def make_state_dict(path):
    """As examples/export_pytorch.py writes that of its ReferenceNetwork, with all weights 0.01."""
    conv, back = [(8, 1), (8, 8), (8, 8), (8, 8), (1, 8)], [(1, 8), (8, 8), (8, 8), (8, 1)]
    dense = {"encoder": [(100, 400), (3, 100)], "decoder": [(100, 3), (400, 100)]}
    layers = {
        "encoder": [(o, i, 3, 3) for o, i in conv] + dense["encoder"],
        "decoder": dense["decoder"] + [(i, o, 3, 3) for i, o in back],
    }
    tensors = {}
    for part, shapes in layers.items():
        for k, shape in enumerate(shapes):
            outputs = shape[1] if part == "decoder" and len(shape) == 4 else shape[0]
            tensors[f"{part}.{2 * k}.weight"], tensors[f"{part}.{2 * k}.bias"] = shape, (outputs,)
            last = k == len(shapes) - 1
            if not last:
                tensors[f"{part}.{2 * k + 1}.weight"] = (1,)
    header, at = {}, 0
    for name, shape in tensors.items():
        size = 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + struct.pack("<f", 0.01) * (at // 4))


def make_data(reader):
    for seed, (name, jets) in enumerate({"train": 5000, "val": 600, "test": 400}.items()):
        reader.types(
            f"{BINARY} generate out={name}.h5 generate.jets={jets} generate.table=true "
            f"data.toy_seed={seed + 10} quiet=true"
        )
    make_digits(reader.folder)
    make_state_dict(reader.folder / "autoencoder.safetensors")


def check_helps(reader):
    overview = subprocess.check_output([BINARY, "--help"], text=True)
    names = re.findall(r"^  ([a-z]+) {2,}\S", overview, flags=re.M)
    reader.failures.check(len(names) >= 16, f"--help: found {names}")
    reader.types_all(commands(overview.split("\n\n  generate")[0], "  "))
    for name in names:
        text = subprocess.check_output([BINARY, name, "--help"], text=True)
        lines = commands(text, "  ")
        reader.failures.check(any(name in line for line in lines), f"{name} --help: no example")
        reader.types_all(lines)
    return names


def check_readme(reader, names):
    text = (ROOT / "README.md").read_text()
    lines = commands(text, "    ")
    reader.failures.check(len(lines) > 15, f"README.md: found {lines}")
    reader.types_all(lines + spans(text))
    for name in names:
        reader.failures.check(re.search(rf"`(jetnae )?{name}\b", text), f"README.md: no {name}")
    rows = re.findall(r"^\|.*\| `(jets-[^`]*)` \|", text, flags=re.M)
    reader.failures.check(len(rows) >= 12, f"README.md: found the rows {rows}")
    for i, row in enumerate(rows):
        name, _, options = row.partition(" ")
        run = f"train configs/{name}.yaml data.input=train.h5 data.valid=val.h5 out=row{i}"
        reader.types(f"jetnae {run} {options}")
        reader.types(f"jetnae score row{i} data.input=test.h5")


def check_c(reader):
    """The lines of C that README shows, as a reader puts them into a function."""
    blocks = re.findall(r"```c\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S)
    reader.failures.check(len(blocks) == 1, f"README.md: found {len(blocks)} blocks of C")
    head = "#include <jetnae.h>\n#include <stdio.h>\nint use(float *x, const float *p4, double *energy,"
    program = f"{head} int slots, long n) {{\n{blocks[0]}\nreturn 0; }}\n"
    (reader.folder / "use.c").write_text(program)
    reader.types(f"cc -Wall -Werror -fsyntax-only -I{ROOT}/include use.c")


def check_configurations(reader):
    text = (ROOT / "README.md").read_text()
    for path in sorted((ROOT / "configs").glob("*.yaml")):
        reader.failures.check(f"`{path.name}`" in text, f"README.md: no {path.name}")
        head = path.read_text().replace("\\\n#", " ")
        for line in re.findall(rf"^# +((?:mpirun|jetnae) .*{path.name}.*)$", head, flags=re.M):
            line = re.sub(r"^mpirun -n \d+ | #.*", "", line)
            reader.types(re.sub(r"^jetnae \w+", "jetnae config", line) + " >config.txt")


def main():
    failures = Failures()
    with scratch() as folder:
        reader = Reader(pathlib.Path(folder), failures)
        make_data(reader)
        names = check_helps(reader)
        (reader.folder / "runs").rename(reader.folder / "earlier")
        reader.types("jetnae train configs/quickstart.yaml out=quickstart/nae-direct")
        check_readme(reader, names)
        check_c(reader)
        check_configurations(reader)
        print(f"{reader.count} commands")
    failures.finish()


if __name__ == "__main__":
    main()
