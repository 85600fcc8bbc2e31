#!/usr/bin/env python3
"""`jetnae export`: models of every layer and energy, run by ONNX Runtime on what was scored and
encoded. Skipped where ONNX Runtime, NumPy or h5py is missing.

Usage: test_onnx.py BINARY SOURCE_ROOT
"""

import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import h5py
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

sys.path.insert(0, str(pathlib.Path(sys.argv[2]) / "tests/e2e"))
from harness import Failures, run  # noqa: E402

ROWS = 1000
HEAD = """
objective: ae
data: {source: hdf5, x: /x, normal: all, valid_fraction: 0.2, %s}
net: {encoder: [%s], decoder: [%s]}
train: {batch: 16, ae_epochs: 2, ae_rate: 1e-2}
"""
# shape of a sample, encoder, decoder, other options
MODELS = {
    "images": (
        (2, 8, 8),
        "conv2d: {channels: 8, kernel: 3, padding: 1}; prelu; conv2d: {channels: 8, kernel: 3};"
        "leaky_relu: 0.2; max_pool2d: 2; conv2d: {channels: 4, kernel: 3, stride: 2, padding: 1};"
        "elu: 0.7; avg_pool2d: 2; dense: 3; sphere",
        "dense: 16; softplus; reshape: {channels: 4, height: 2, width: 2};"
        "upsample: {factor: 2, mode: bilinear}; conv_transpose2d: {channels: 3, kernel: 3, padding: 1};"
        "relu; conv_transpose2d: {channels: 2, kernel: 3, stride: 2, padding: 1, output_padding: 1};"
        "tanh; linear",
    ),
    "inflated": (
        (1, 6, 6),
        "dense: 6; tanh; dense: 8; gaussian",
        "dense: 9; reshape: {channels: 1, height: 3, width: 3};"
        "upsample: {factor: 2, mode: bilinear, align_corners: true}; sigmoid",
    ),
    "nearest": (
        (1, 4, 4),
        "dense: 4",
        "dense: 4; reshape: {channels: 1, height: 2, width: 2}; upsample: 2; linear",
    ),
    "signals": (
        (1, 1, 24),
        "conv1d: {channels: 8, kernel: 5, padding: 2, stride: 2}; prelu; dense: 4",
        "dense: 96; reshape: {channels: 8, height: 1, width: 12};"
        "conv_transpose1d: {channels: 1, kernel: 5, padding: 2, stride: 2, output_padding: 1}",
    ),
    "sequences": (
        (3, 1, 6),
        "gru: {units: 7, masked: true, returns: sequence}; gru: {units: 5, masked: true}; dense: 4",
        "repeat: 6; lstm: {units: 6, returns: sequence}; gru: {units: 5, returns: sequence, reverse: true};"
        "conv1d: {channels: 3, kernel: 1}",
        "energy=masked",
    ),
    "sets": (
        (3, 1, 10),
        "edge_conv: {channels: 8, neighbours: 4, coordinates: true};"
        "edge_conv: {channels: 20, neighbours: 12, pooling: mean, slope: 0.1}; pool_points: max; dense: 4",
        "dense: 30; reshape: {channels: 3, height: 1, width: 10}",
        "energy=chamfer_pt",
    ),
    "means": (
        (4, 1, 7),
        "edge_conv: {channels: 6, neighbours: 3, bias: false};pool_points; dense: 4",
        "dense: 28; reshape: {channels: 4, height: 1, width: 7}",
        "energy=chamfer",
    ),
    "shares": (
        (3, 1, 6),
        "pool_points: {pooling: mean, weighted: true}; dense: 4",
        "dense: 18; reshape: {channels: 3, height: 1, width: 6}",
        "energy=chamfer_pt",
    ),
    "features": ((5, 1, 1), "dense: 8; relu; dense: 2", "dense: 5", "data.standardise=true"),
    "pixels": ((1, 4, 4), "dense: 6", "dense: 16; sigmoid", "energy=bernoulli"),
}


def layers(text):
    words = [w.strip() for w in text.split(";")]
    return ", ".join("{%s}" % w if ":" in w else w for w in words)


def samples(name, shape):
    x = np.random.default_rng(7).uniform(0, 1, (ROWS, *shape)).astype("float32")
    if name in ("sequences", "sets", "means", "shares"):
        for i in range(ROWS):
            x[i, :, :, 1 + i % shape[-1] :] = 0
        if name != "sequences":
            x[3] = 0  # a set without points
    if name == "features":
        x *= np.array([1000, 1, 30, 1e-3, 5], "float32").reshape(1, 5, 1, 1)
    return x


def result(model, x):
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def check_all_there(binary, failures):
    """No layer and no energy that MODELS leaves out."""
    reference = subprocess.check_output([binary, "config"], text=True)
    layer_names = re.findall(r"^(\w+)$", reference.split("--- layers")[1], flags=re.M)
    energies = re.search(r"^energy\n.*\n +one of ([\w, ]+);", reference, flags=re.M)[1].split(", ")
    text = str(MODELS) + "energy=mse"
    for name in layer_names + [f"energy={energy}" for energy in energies]:
        failures.check(re.search(rf"\b{name}\b", text), f"no model has {name}")
    failures.check(len(layer_names) > 20, f"found {layer_names}")


def main():
    binary = sys.argv[1]
    failures = Failures()
    check_all_there(binary, failures)

    def expect(name, *words):
        done = run(binary, *words, "quiet=true", ranks=1)
        return failures.check(done.code == 0, f"{name}\n{done}")

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, (shape, encoder, decoder, *more) in MODELS.items():
            x = samples(name, shape)
            file, config, out = folder / f"{name}.h5", folder / f"{name}.yaml", folder / name
            with h5py.File(file, "w") as h:
                h["x"] = x.reshape(ROWS, -1) if shape[1:] == (1, 1) else x
            config.write_text(HEAD % ("bad_rows: error", layers(encoder), layers(decoder)))
            data = f"data.input={file}"
            if not (
                expect(name, "train", config, data, f"out={out}", *more)
                and expect(name, "export", out, f"out={out}/onnx")
                and expect(name, "score", out, data)
                and expect(name, "encode", out, data)
                and expect(name, "reconstruct", out, data)
            ):
                continue
            for part in ("encoder", "decoder", "energy"):
                onnx.checker.check_model(onnx.load(f"{out}/onnx/{part}.onnx"), full_check=True)
            code = h5py.File(out / "codes.h5")["code"][:]
            wants = {
                "encoder": (x, code),
                "decoder": (code, h5py.File(out / "reconstructions.h5")["reconstruction"][:]),
                "energy": (x, h5py.File(out / "scores.h5")["energy"][:]),
            }
            for part, (given, want) in wants.items():
                found = result(f"{out}/onnx/{part}.onnx", given)
                want = want.reshape(found.shape)
                scale = np.abs(want) if part == "energy" else np.abs(want).max()
                worst = (np.abs(found - want) / np.maximum(scale, 1e-30)).max()
                print(f"{name}/{part}: {worst:.1e}")
                failures.check(worst < 1e-5, f"{name}/{part}: found a difference of {worst}")
    failures.finish()


if __name__ == "__main__":
    main()
