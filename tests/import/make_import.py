#!/usr/bin/env python3
"""Write fixtures/: networks with random weights, samples, and their energies by PyTorch alone.

Needs torch and h5py. Weights are float32, energies are worked out in double.

    images       the reference network, made small, under spectral normalization; as HDF5 with
                 weight_orig, weight_u, weight_v, as safetensors with parametrizations
    sequences    recurrent layers
    features     linear layers behind standardisation, under other names
"""

import pathlib
import sys

import h5py
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm as modern_norm

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "examples"))
from export_pytorch import ReferenceNetwork, write  # noqa: E402

N = 40


class Recurrent(nn.Module):
    def __init__(self, kind, inputs, units, last):
        super().__init__()
        self.layer, self.last = kind(inputs, units, batch_first=True), last

    def forward(self, x):
        y = self.layer(x)[0]
        return y[:, -1] if self.last else y


class Sequences(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(Recurrent(nn.GRU, 3, 6, True), nn.Linear(6, 4))
        self.decoder = nn.Sequential(Recurrent(nn.LSTM, 4, 5, False), nn.Conv1d(5, 3, 1))

    def energy(self, x):
        z = self.encoder(x.mT)
        y = self.decoder[0](z[:, None].expand(-1, x.shape[-1], -1))
        return ((x - self.decoder[1](y.mT)) ** 2).flatten(1).mean(1)


class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("norm_mean", torch.tensor([100.0, 3, 0.5, -2, 0]))
        self.register_buffer("norm_std", torch.tensor([20.0, 1, 0.1, 3, 1e-3]))
        self.register_buffer("steps", torch.tensor(7))
        self.squeeze, self.slope, self.expand = nn.Linear(5, 2), nn.PReLU(), nn.Linear(2, 5)

    def energy(self, x):
        x = (x - self.norm_mean) / self.norm_std
        return ((x - self.expand(self.slope(self.squeeze(x)))) ** 2).mean(1)


def put(name, module, x, *ends):
    for end in ends:
        write(str(HERE / "fixtures" / f"{name}.{end}"), module.state_dict())
    with h5py.File(HERE / "fixtures" / f"{name}_samples.h5", "w") as file:
        # A sequence is an image of one row.
        file["x"] = x.numpy() if x.ndim != 3 else x.numpy()[:, :, None]
        file["energy"] = module.double().energy(x.double()).detach().numpy()


def image_networks():
    """The same weights twice, with both ways to normalise them."""
    torch.manual_seed(1)
    old = ReferenceNetwork(8, 4, 12)
    old.train()(torch.rand(4, 1, 8, 8))  # power iterations
    new = ReferenceNetwork(8, 4, 12, norm=modern_norm).eval()
    values = old.state_dict()
    renamed = {
        key: values[
            key.replace("parametrizations.weight.original", "weight_orig").replace(
                "parametrizations.weight.0._", "weight_"
            )
        ]
        for key in new.state_dict()
    }
    new.load_state_dict(renamed)
    return old.eval(), new


def main():
    (HERE / "fixtures").mkdir(exist_ok=True)
    old, new = image_networks()
    x = torch.rand(N, 1, 8, 8)
    put("images", new, x, "safetensors")
    put("images", old, x, "h5")
    torch.manual_seed(2)
    put("sequences", Sequences(), torch.rand(N, 3, 7), "h5")
    features = Features()
    features.slope.weight.data[0] = 0.3
    put(
        "features",
        features,
        torch.randn(N, 5) * features.norm_std + features.norm_mean,
        "safetensors",
    )


main()
