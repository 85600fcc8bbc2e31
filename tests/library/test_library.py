#!/usr/bin/env python3
"""libjetnae: the same bits as the program for every view of a jet, from several threads; no MPI
linked, only its public names visible; words, and no end, for files that are no models.

Usage: test_library.py BINARY LIBRARY COMPARE DAMAGE EXAMPLE SOURCE_ROOT [BUILD_ROOT]

With BUILD_ROOT the example is also compiled as others do it: against what `meson install` leaves, by
what pkg-config says.
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(sys.argv[6]) / "tests/e2e"))
from harness import Failures, run, scratch  # noqa: E402

CONFIG = """
objective: ae
energy: %s
seed: 3
data: {source: hdf5, layout: p4, x: /p4, normal: all, bad_rows: skip, valid_fraction: 0.2, %s}
net: {encoder: [%s], decoder: [%s]}
train: {batch: 16, ae_epochs: 1}
"""
# energy, options of the data, encoder, decoder
VIEWS = {
    "image": (
        "mse",
        "image_size: 12, width_eta: 0.05, width_phi: 0.04, pixel_merge: last, smooth: 1.3,"
        "power: 0.7, pixel_sum: 2, constituents: 9",
        "{conv2d: {channels: 8, kernel: 3, padding: 1}}, prelu, {max_pool2d: 2}, {dense: 3}, sphere",
        "{dense: 144}, sigmoid",
    ),
    "sequence": (
        "masked",
        "points: 7",
        "{gru: 9}, {dense: 4}",
        "{repeat: 7}, {lstm: {units: 3, returns: sequence}}",
    ),
    "features": ("mse", "constituents: 20", "{dense: 6}, gaussian", "{dense: 11}"),
}


def text(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def check_links(library, failures):
    linked = text("ldd", library)
    failures.check("hdf5" in linked, f"ldd: found no HDF5\n{linked}")
    for name in ("libmpi", "open-rte", "openmpi", "mpich", "blas", "yaml", "gomp"):
        failures.check(name not in linked, f"ldd: found {name}\n{linked}")
    names = [
        line.split()[-1] for line in text("nm", "-D", "--defined-only", library).splitlines()
    ]
    header = (pathlib.Path(sys.argv[6]) / "include/jetnae.h").read_text()
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    public = set(re.findall(r"\b(jetnae_\w+)\(", header))
    failures.check(set(names) == public, f"nm: found {sorted(names)}, want {sorted(public)}")


def installed_example(folder, source, build):
    """The example, and the environment in which it finds the library."""
    done = run("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder, ranks=0)
    pc = next(iter(folder.rglob("jetnae.pc")), None)
    if done.code or not pc:
        return None, done
    env = {"PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(folder)}
    line = f"cc {source}/examples/score.c $(pkg-config --cflags --libs jetnae) -o {folder}/score"
    done = run("sh", "-ec", line, ranks=0, env=env)
    return {"LD_LIBRARY_PATH": str(pc.parents[1])}, done


def main():
    binary, library, compare, damage, example = sys.argv[1:6]
    p4 = pathlib.Path(sys.argv[6]) / "tests/data/fixtures/images.h5"
    failures = Failures()
    check_links(library, failures)

    def expect(*words):
        done = run(*words, ranks=0)
        failures.check(done.code == 0, done)
        return done.out

    with scratch() as folder:
        folder = pathlib.Path(folder)
        for view, (energy, data, encoder, decoder) in VIEWS.items():
            out, config = folder / view, folder / f"{view}.yaml"
            config.write_text(CONFIG % (energy, f"view: {view}, {data}", encoder, decoder))
            words = (f"data.input={p4}", "data.source=hdf5", "quiet=true")
            expect(binary, "train", config, f"out={out}", *words)
            expect(binary, "score", out, *words)
            expect(binary, "encode", out, *words)
            # Undoing standardisation rounds: those inputs are not what was scored.
            shown = str(view != "features").lower()
            expect(binary, "reconstruct", out, *words, f"reconstruct.input={shown}")
            files = [out / f"{name}.h5" for name in ("scores", "codes", "reconstructions")]
            print(view, expect(compare, out / "model.h5", p4, *files).strip())

        image = folder / "image"
        print(expect(damage, image / "model.h5", folder / "damaged.h5").strip())

        # The example, on zeros.
        (folder / "zeros").write_bytes(bytes(4 * 144 * 21))
        rows = expect(example, image / "model.h5", folder / "zeros").split()
        failures.check(len(rows) == 21 and len(set(rows)) == 1, f"example: found {rows}")
        if len(sys.argv) > 7:
            env, done = installed_example(folder / "root", sys.argv[6], sys.argv[7])
            failures.check(done.code == 0 and env, done)
            own = folder / "root/score"
            done = run(own, image / "model.h5", folder / "zeros", ranks=0, env=env)
            failures.check(done.out.split() == rows, f"installed\n{done}")
            linked = run("ldd", own, ranks=0, env=env).out
            failures.check("libmpi" not in linked and "root/" in linked, f"ldd: {linked}")
        for path, want in {
            folder
            / "nothing.h5": "No such file or directory; want a model written by jetnae train",
            folder / "zeros": "not an HDF5 file; want a model",
            image / "scores.h5": "an HDF5 file, but not a model",
            folder: "not a file",
        }.items():
            done = run(example, path, folder / "zeros", ranks=0)
            failures.check(done.code == 2 and f"{path}: {want}" in done.err, done)
    failures.finish()


if __name__ == "__main__":
    main()
