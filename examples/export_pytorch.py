#!/usr/bin/env python3
"""Take a PyTorch model to jetnae: its state dict as safetensors or HDF5, for `jetnae import`.

    ./export_pytorch.py checkpoint.pt autoencoder.safetensors
    jetnae import configs/jets-conv.yaml import.weights=autoencoder.safetensors out=runs/imported
    jetnae score runs/imported data.input=test.h5

Needs torch, and h5py for HDF5. checkpoint.pt holds a state dict, or a dict with one under
"state_dict" or "model". ReferenceNetwork is the network of configs/jets-conv.yaml: names like its
own need no map. Others want a text file with lines `ours theirs` (jetnae import --help).
"""

import json
import struct
import sys

import torch
from torch import nn
from torch.nn.utils import spectral_norm

DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.int64: "I64"}


class Sphere(nn.Module):
    def forward(self, z):
        return z / z.norm(dim=1, keepdim=True)


class ReferenceNetwork(nn.Module):
    """configs/jets-conv.yaml, layer by layer; `size` and `channels` are 40 and 8 there."""

    def __init__(self, size=40, channels=8, wide=100, code=3, norm=spectral_norm):
        super().__init__()
        half, c = size // 2, channels

        def conv(i, o):
            return [norm(nn.Conv2d(i, o, 3, padding=1)), nn.PReLU()]

        def back(i, o):
            return [norm(nn.ConvTranspose2d(i, o, 3, padding=1)), nn.PReLU()]

        def dense(i, o):
            return [norm(nn.Linear(i, o)), nn.PReLU()]

        self.encoder = nn.Sequential(
            *conv(1, c), *conv(c, c), nn.MaxPool2d(2), *conv(c, c), *conv(c, c), *conv(c, 1),
            nn.Flatten(), *dense(half * half, wide), norm(nn.Linear(wide, code)), Sphere(),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            *dense(code, wide), *dense(wide, half * half), nn.Unflatten(1, (1, half, half)),
            *back(1, c), *back(c, c), nn.Upsample(scale_factor=2, mode="bilinear"),
            *back(c, c), norm(nn.ConvTranspose2d(c, 1, 3, padding=1)), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x):
        return self.decoder(self.encoder(x))

    def energy(self, x):
        return ((x - self(x)) ** 2).flatten(1).mean(1)


def write_hdf5(path, tensors):
    import h5py

    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            file[name] = tensor.numpy()


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + size],
        }
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.numpy().tobytes())


def write(path, state_dict):
    tensors = {name: t.detach().cpu().contiguous() for name, t in state_dict.items()}
    (write_safetensors if path.endswith(".safetensors") else write_hdf5)(path, tensors)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    found = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
    for key in ("state_dict", "model"):
        found = found.get(key, found)
    write(sys.argv[2], found)


if __name__ == "__main__":
    main()
