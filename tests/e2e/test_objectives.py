#!/usr/bin/env python3
"""Every objective, input and kind of layer: the same bits for any number of ranks and threads and
any instruction set, stopped half way and resumed or not.

Usage: test_objectives.py BINARY CONTENTS
"""

import pathlib
import sys

from harness import STOPPED, Failures, first_difference, isas, results, run, scratch

COMMON = """
data: {source: toy, toy_jets: 1000, image_size: 8, smooth: 1, valid_fraction: 0.3, block: 16, %s}
net: {encoder: [%s], decoder: [%s]}
train: {batch: 48, ae_epochs: 2, nae_epochs: 1, ae_rate: 1e-3, nae_rate: 1e-4, leaf: 2, steps: 9}
log: {steps: 1}
"""


def layers(text):
    """dense 64; relu -> {dense: 64}, relu"""
    words = [w.strip() for w in text.split(";") if w]
    return ", ".join("{%s}" % w if ":" in w else w for w in words)


def kind(encoder, decoder, data="", *options):
    return COMMON % (data or "bad_rows: error", layers(encoder), layers(decoder)), options


PLAIN = "dense: 12; prelu; dense: 4", "dense: 12; relu; dense: 64"
SCALAR = (  # nothing to reconstruct: no first phase
    "objective=nae",
    "energy=scalar",
    "nae.mode=cd",
    "nae.x_steps=3",
    "nae.temperature=1",
    "nae.gamma_unit=absolute",
    "train.ae_epochs=0",
    "train.nae_epochs=2",
)
KINDS = {
    "ae": kind(*PLAIN),
    "sparse": kind(
        "dense: 80; sigmoid", "dense: 64", "", "objective=sparse", "sparse.kl=0.1", "sparse.l1=1e-4"
    ),
    "denoise": kind(*PLAIN, "", "objective=denoise", "denoise.noise=salt_pepper"),
    "vae": kind(
        "dense: 12; relu; dense: 8; gaussian",
        "dense: 64; sigmoid",
        "",
        "objective=vae",
        "energy=bernoulli",
        "vae.anneal_steps=5",
    ),
    "vae-nae": kind(
        "dense: 12; relu; dense: 6; gaussian",
        "dense: 64; sigmoid",
        "",
        "objective=nae",
        "nae.pretrain=vae",
        "nae.x_sampler=mala",
        "nae.z_sampler=mala",
        "nae.x_steps=2",
        "nae.z_steps=2",
        "nae.temperature=auto",
        "train.ae_epochs=1",
    ),
    "gru": kind(
        "gru: {units: 9, masked: true}; dense: 4",
        "repeat: 8; gru: {units: 9, returns: sequence}; conv1d: {channels: 3, kernel: 1}",
        "view: sequence, points: 8",
        "energy=masked",
    ),
    "lstm": kind(
        "lstm: {units: 7, masked: true}; dense: 4",
        "repeat: 8; lstm: {units: 7, returns: sequence}; conv1d: {channels: 3, kernel: 1}",
        "view: sequence, points: 8",
        "energy=masked",
    ),
    "graph": kind(
        "edge_conv: {channels: 6, neighbours: 3, coordinates: true}; "
        "edge_conv: {channels: 8, neighbours: 3}; pool_points: mean; dense: 4",
        "dense: 12; prelu; dense: 24; reshape: {channels: 3, height: 1, width: 8}",
        "view: sequence, points: 8",
        "energy=chamfer",
        "data.normal=1",
    ),
    "chirp": kind(
        "conv1d: {channels: 4, kernel: 5, stride: 2, padding: 2}; prelu; "
        "conv1d: {channels: 2, kernel: 3, padding: 1}",
        "conv_transpose1d: {channels: 4, kernel: 4, stride: 2, padding: 1}; prelu; "
        "conv1d: {channels: 1, kernel: 3, padding: 1}",
        "",
        "data.source=chirp",
        "data.chirp_samples=32",
        "objective=denoise",
        "denoise.noise=masking",
        "denoise.level=0.2",
    ),
    "denoise-nae": kind(
        *PLAIN,
        "",
        "objective=nae",
        "nae.pretrain=denoise",
        "denoise.level=0.01",
        "nae.mode=cd",
        "nae.x_steps=3",
        "train.ae_epochs=1",
    ),
    "features": kind("dense: 8; prelu; dense: 2", "dense: 8; prelu; dense: 11", "view: features"),
    "features-nae": kind(
        "dense: 8; prelu; dense: 2",
        "dense: 8; prelu; dense: 11",
        "view: features",
        "objective=nae",
        "nae.mode=pcd",
        "nae.temperature=0.05",
        "nae.x_steps=3",
        "nae.x_noise=0.2",
        "nae.x_step_size=0.02",
        "train.ae_epochs=1",
        "log.wasserstein=true",
    ),
    "mpdr": kind(
        "dense: 12; prelu; dense: 4; sphere",
        "dense: 12; relu; dense: 64",
        "",
        "objective=mpdr",
        "mpdr.latents=4,2",
        "nae.chains=96",
        "nae.z_sampler=langevin",
        "nae.z_steps=3",
        "nae.z_step_size=0.1",
        "nae.z_noise=0.02",
        "nae.z_clip=unit",
        "nae.x_sampler=langevin",
        "nae.x_steps=3",
        "nae.x_step_size=10",
        "nae.x_noise=0.005",
        "nae.x_bounded=true",
        "nae.temperature=1",
        "train.nae_epochs=2",
    ),
    "mpdr-exact": kind(
        "dense: 8; prelu; dense: 3",
        "dense: 8; prelu; dense: 11",
        "view: features",
        "objective=mpdr",
        "nae.x_steps=3",
        "nae.z_steps=3",
        "nae.temperature=auto",
        "mpdr.z_recovery=1",
        "mpdr.x_recovery=1",
        "train.nae_epochs=2",
    ),
    "scalar": kind(
        "dense: 12; prelu; dense: 1",
        "",
        "",
        *SCALAR,
    ),
    "features-wnae": kind(
        "dense: 8; prelu; dense: 2; sphere",
        "dense: 8; tanh; dense: 11",
        "view: features",
        "objective=wnae",
        "nae.mode=pcd",
        "nae.temperature=0.05",
        "nae.x_sampler=langevin",
        "nae.x_steps=3",
        "nae.x_noise=0.2",
        "nae.x_bounded=true",
        "nae.x_low=-3",
        "nae.x_high=3",
        "train.ae_epochs=1",
        "train.select=wasserstein",
    ),
    "images-wnae": kind(
        "conv2d: {channels: 8, kernel: 3, padding: 1}; prelu; max_pool2d: 2; dense: 3; sphere",
        "dense: 128; relu; reshape: {channels: 8, height: 4, width: 4}; "
        "upsample: {factor: 2, mode: bilinear}; "
        "conv_transpose2d: {channels: 1, kernel: 3, padding: 1}; sigmoid",
        "",
        "objective=wnae",
        "nae.z_sampler=langevin",
        "nae.z_steps=2",
        "nae.z_step_size=1",
        "nae.z_noise=0.1",
        "nae.x_sampler=langevin",
        "nae.x_steps=3",
        "nae.x_noise=1e-3",
        "nae.temperature=1e-4",
        "net.spectral=true",
        "train.ae_epochs=1",
    ),
    "points-wnae": kind(
        "edge_conv: {channels: 4, neighbours: 3, coordinates: true}; "
        "gru: {units: 6, masked: true}; dense: 3; sphere",
        "repeat: 8; lstm: {units: 6, returns: sequence}; conv1d: {channels: 3, kernel: 1}",
        "view: sequence, points: 8",
        "objective=wnae",
        "energy=masked",
        "nae.mode=cd",
        "nae.temperature=0.01",
        "nae.x_sampler=langevin",
        "nae.x_steps=3",
        "nae.x_noise=0.02",
        "train.ae_epochs=1",
    ),
    "points-nae": kind(
        "edge_conv: {channels: 4, neighbours: 3}; pool_points: {pooling: mean, weighted: true}; "
        "dense: 1",
        "",
        "view: sequence, points: 8",
        *SCALAR,
    ),
    "lstm-wnae": kind(
        "conv1d: {channels: 4, kernel: 3, padding: 1}; prelu; lstm: {units: 6, reverse: true}; "
        "dense: 3; sphere",
        "repeat: 8; gru: {units: 6, returns: sequence}; conv1d: {channels: 3, kernel: 1}",
        "view: sequence, points: 8",
        "objective=wnae",
        "nae.z_steps=0",
        "nae.temperature=0.01",
        "nae.x_sampler=langevin",
        "nae.x_steps=3",
        "nae.x_noise=0.02",
        "train.ae_epochs=1",
    ),
    "lstm-nae": kind(
        "conv1d: {channels: 4, kernel: 3, padding: 1}; prelu; lstm: {units: 6, reverse: true}; "
        "dense: 3; sphere",
        "repeat: 8; lstm: {units: 6, returns: sequence}; conv1d: {channels: 3, kernel: 1}",
        "view: sequence, points: 8",
        "objective=nae",
        "nae.x_steps=3",
        "nae.z_steps=3",
        "nae.temperature=auto",
        "nae.z_sampler=mala",
        "nae.x_sampler=mala",
        "train.ae_epochs=1",
    ),
}


def main():
    binary, helper = sys.argv[1], sys.argv[2]
    failures = Failures()

    def train(folder, name, ranks, *options):
        config = folder / f"{name}.yaml"
        text, words = KINDS[name]
        config.write_text(text)
        words = ["objective=ae", *words] if "objective" not in " ".join(words) else list(words)
        return run(binary, "train", config, *words, "quiet=true", *options, ranks=ranks)

    with scratch() as folder:
        folder = pathlib.Path(folder)
        for name in KINDS:
            one, other = folder / name / "one", folder / name / "other"
            (folder / name).mkdir()
            done = train(folder, name, 1, "threads=1", f"isa={isas()[-1]}", f"out={one}")
            if not failures.check(done.code == 0, f"{name}\n{done}"):
                continue
            again = [f"out={other}", "threads=2"]
            done = train(folder, name, 2, "isa=c", "train.steps=4", *again)
            failures.check(done.code in (0, STOPPED), f"{name}, first half\n{done}")
            done = train(folder, name, 3, *again)
            failures.check(done.code == 0, f"{name}, second half\n{done}")
            found, want = results(helper, other), results(helper, one)
            for file in want:
                if found.get(file) != want[file]:
                    text = first_difference(found.get(file, []), want[file])
                    failures.check(False, f"{name}/{file}: {text}")
            failures.check(len(want["log.csv"]) == 10, f"{name}: rows {len(want['log.csv'])}")
    failures.finish()


if __name__ == "__main__":
    main()
