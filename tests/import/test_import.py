#!/usr/bin/env python3
"""`jetnae import`: networks that PyTorch made score as PyTorch says, from HDF5 and safetensors,
by order and by map, and can be trained on; words for state dicts that do not fit.

Usage: test_import.py BINARY CONTENTS SOURCE_ROOT
"""

import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(sys.argv[3]) / "tests/e2e"))
from harness import Failures, contents, run, scratch  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent / "fixtures"
CONV = "{channels: %d, kernel: 3, padding: 1}"
CONFIG = "objective: ae\ndata: {source: hdf5, x: /x, normal: all}\nnet: {encoder: [%s], decoder: [%s]}\n"
NETWORKS = {
    "images": (
        "conv2d: 4; prelu; conv2d: 4; prelu; max_pool2d: 2; conv2d: 4; prelu; conv2d: 4; prelu;"
        "conv2d: 1; prelu; dense: 12; prelu; dense: 3; sphere",
        "dense: 12; prelu; dense: 16; prelu; reshape: {channels: 1, height: 4, width: 4};"
        "conv_transpose2d: 4; prelu; conv_transpose2d: 4; prelu; upsample: {factor: 2, mode: bilinear};"
        "conv_transpose2d: 4; prelu; conv_transpose2d: 1; sigmoid",
    ),
    "sequences": (
        "gru: 6; dense: 4",
        "repeat: 7; lstm: {units: 5, returns: sequence}; conv1d: {channels: 3, kernel: 1}",
    ),
    "features": ("dense: 2; prelu", "dense: 5"),
}
FEATURES_MAP = """
# ours            theirs
encoder.0.weight  squeeze.weight
encoder.0.bias    squeeze.bias   # of the code
encoder.1.slope   slope.weight
decoder.0.weight  expand.weight
decoder.0.bias    expand.bias
input.mean        norm_mean
input.scale       norm_std
-                 steps
"""


def layer(text):
    name, _, value = text.strip().partition(": ")
    if name.startswith("conv") and value.isdigit():
        value = CONV % int(value)
    return "{%s: %s}" % (name, value) if value else name


def write_config(folder, name):
    parts = [", ".join(map(layer, part.split(";"))) for part in NETWORKS[name]]
    path = folder / f"{name}.yaml"
    path.write_text(CONFIG % tuple(parts))
    return path


def numbers(helper, path):
    return [float.fromhex(line.split()[-1]) for line in contents_of(helper, path, "/energy")]


def contents_of(helper, path, dataset):
    done = run(helper, path, dataset, ranks=0)
    return done.out.split("\n")[:-1]


def split(path):
    """Header and data of a safetensors file."""
    raw = path.read_bytes()
    (n,) = struct.unpack("<Q", raw[:8])
    return json.loads(raw[8 : 8 + n]), raw[8 + n :]


def join(path, header, data):
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def changed(folder, change):
    """A copy of the images' weights with another header."""
    header, data = split(HERE / "images.safetensors")
    change(header)
    return join(folder / "changed.safetensors", header, data)


def bad_files(folder):
    """Weights and what is said of them."""
    whole = (HERE / "images.safetensors").read_bytes()
    weight = "encoder.0.parametrizations.weight.original"

    def file(name, data):
        (folder / name).write_bytes(data)
        return folder / name

    def shape(header):
        header[weight]["shape"] = [1, 4, 3, 3]

    yield (
        changed(folder, lambda h: h.pop("encoder.2.bias")),
        "found nothing for encoder.2.bias; want the same",
    )
    yield (
        changed(folder, shape),
        (
            "encoder.0.weight for encoder.0.weight: found the shape 1 x 4 x 3 x 3, want 4 x 1 x 3 x 3"
        ),
    )
    yield (
        changed(folder, lambda h: h.update(more=h["encoder.0.bias"])),
        "found more, which no layer takes",
    )
    yield (
        changed(folder, lambda h: h[weight].update(dtype="F64")),
        f"{weight}: data_offsets makes no sense",
    )
    yield (
        changed(folder, lambda h: h[weight].update(data_offsets=[0, 10**9])),
        "truncated or damaged",
    )
    yield (
        changed(folder, lambda h: h[weight].update(shape=[2**40, 2**40])),
        f"{weight}: shape makes no sense",
    )
    yield changed(folder, lambda h: h[weight].update(dtype="I64")), "not floating-point"
    yield file("cut.safetensors", whole[:-100]), "truncated or damaged"
    yield file("head.safetensors", whole[:200]), "truncated or damaged"
    yield (
        file("text.safetensors", struct.pack("<Q", 4) + b"{a}}"),
        "the header is no JSON object",
    )
    yield file("torch.pt", b"PK\3\4" + whole), "neither HDF5 nor safetensors"
    yield file("cut.h5", (HERE / "images.h5").read_bytes()[:20000]), "truncated or damaged"
    yield HERE / "images_samples.h5", "found nothing for encoder.0.weight"
    yield folder / "nothing.h5", "No such file or directory"


def bad_maps():
    """Maps of the features and what is said of them."""
    yield (
        FEATURES_MAP.replace("slope.weight", "slop.weight"),
        "has no tensor slop.weight; did you mean slope.weight?",
    )
    yield (
        FEATURES_MAP.replace("decoder.0.bias ", "decoder.0.bia "),
        "did you mean decoder.0.bias?",
    )
    yield FEATURES_MAP.replace("-  ", "#  "), "found steps, which no layer takes"
    yield FEATURES_MAP.replace("input.mean", "# "), "found norm_mean, which no layer takes"
    yield FEATURES_MAP.replace("input.mean", "-"), "found one of input.mean and input.scale"
    yield FEATURES_MAP + "encoder.0.bias expand.bias\n", ":11: found encoder.0.bias twice"
    yield FEATURES_MAP + "encoder.0.bias\n", ":11: found 1 words, want two"
    yield (
        FEATURES_MAP.replace("norm_std", "squeeze.bias", 1).replace(
            "   squeeze.bias", "   norm_std", 1
        ),
        ("found the shape 5, want 2"),
    )


def main():
    binary, helper, _ = sys.argv[1:]
    failures = Failures()
    with scratch() as folder:
        folder = pathlib.Path(folder)
        (folder / "map.txt").write_text(FEATURES_MAP)
        configs = {name: write_config(folder, name) for name in NETWORKS}

        def bring(name, weights, *words):
            data = f"data.input={HERE}/{name}_samples.h5"
            return run(
                binary,
                "import",
                configs[name],
                data,
                f"import.weights={weights}",
                *words,
                ranks=0,
            )

        def samples(name):
            return f"data.input={HERE}/{name}_samples.h5", "data.source=hdf5", "quiet=true"

        def agrees(name, out):
            done = run(binary, "score", out, *samples(name), ranks=0)
            if not failures.check(done.code == 0, done):
                return
            found = numbers(helper, out / "scores.h5")
            want = numbers(helper, HERE / f"{name}_samples.h5")
            worst = max(abs(f - w) / w for f, w in zip(found, want, strict=True))
            print(f"{out.name}: {len(want)} energies, largest difference {worst:.1e}")
            failures.check(want and worst < 1e-5, f"{out.name}: found {found}, want {want}")

        def expect(name, end, *words):
            out = folder / f"{name}_{end}"
            done = bring(name, HERE / f"{name}.{end}", f"out={out}", *words)
            if failures.check(done.code == 0, done):
                agrees(name, out)

        def train(name, start, out, *words):
            words = (f"out={folder / out}", "train.batch=16", "data.valid_fraction=0.3", *words)
            if start:
                words = (f"train.start={folder / start}/model.h5", *words)
            return run(binary, "train", configs[name], *samples(name), *words, ranks=0)

        expect("images", "h5")
        expect("images", "safetensors")
        expect("sequences", "h5")
        expect("features", "safetensors", f"import.map={folder}/map.txt")

        def refuse(done, text):
            failures.check(done.code == 2 and text in done.err, f"want: {text}\n{done}")

        for weights, text in bad_files(folder):
            refuse(bring("images", weights, f"out={folder}/bad"), text)
        for text, message in bad_maps():
            (folder / "bad.txt").write_text(text)
            words = (f"import.map={folder}/bad.txt", f"out={folder}/bad")
            refuse(bring("features", HERE / "features.safetensors", *words), message)
        failures.check(not (folder / "bad").exists(), "a directory is left behind")
        words = f"out={folder}/images_h5"
        refuse(bring("images", HERE / "images.h5", words), "found a model; want another out=")
        refuse(bring("images", HERE / "images.h5"), "out: found nothing")
        # Training goes on from there: a step of no length changes nothing.
        step = ("train.ae_epochs=1", "train.ae_rate=1e-12")
        for name, start in (("features", "features_safetensors"), ("images", "images_h5")):
            done = train(name, start, f"{name}_trained", *step)
            if failures.check(done.code == 0, done):
                agrees(name, folder / f"{name}_trained")
        refuse(
            train("features", None, "features_trained", *step), "begins with weights, checksum"
        )
        refuse(
            train("features", "images_h5", "other", *step),
            "(train.start): found a model for samples of 1 x 8 x 8, want 5 x 1 x 1",
        )
        done = bring("images", HERE / "images.h5", words, "fresh=true")
        failures.check(done.code == 0, done)
    failures.finish()


if __name__ == "__main__":
    main()
