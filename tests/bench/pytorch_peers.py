#!/usr/bin/env python3
"""Measure in PyTorch what `jetnae bench` measures: steps and scores of the reference networks.

Needs torch (torch.compile needs g++, too) and, for the scores, if it is there, onnxruntime with
onnx. One thread; bind it to a core, which jetnae then shares:

    taskset -c 1 ./pytorch_peers.py build/jetnae

jetnae is measured before and after the others, and its better figure counts, as theirs does. Prints
case,value,unit,of_peak like `jetnae bench`, one line for each way to run PyTorch (of_peak is empty:
the peak is jetnae's to measure), then one table, samples/s, with how many times faster jetnae is
than the best of them. Ten minutes; --nets jets-dense takes one.
"""
import argparse
import csv
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

SEQUENCES = 512


class Sphere(nn.Module):
    def forward(self, z):
        return functional.normalize(z, dim=1)


def conv(inputs, outputs):
    return spectral_norm(nn.Conv2d(inputs, outputs, 3, padding=1))


def back(inputs, outputs):
    return spectral_norm(nn.ConvTranspose2d(inputs, outputs, 3, padding=1))


def dense(inputs, outputs):
    return spectral_norm(nn.Linear(inputs, outputs))


class Network(nn.Module):
    """configs/jets-nae-published.yaml"""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            conv(1, 8), nn.PReLU(), conv(8, 8), nn.PReLU(), nn.MaxPool2d(2),
            conv(8, 8), nn.PReLU(), conv(8, 8), nn.PReLU(), conv(8, 1), nn.PReLU(),
            nn.Flatten(), dense(400, 100), nn.PReLU(), dense(100, 3), Sphere())
        self.decoder = nn.Sequential(
            dense(3, 100), nn.PReLU(), dense(100, 400), nn.PReLU(), nn.Unflatten(1, (1, 20, 20)),
            back(1, 8), nn.PReLU(), back(8, 8), nn.PReLU(),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            back(8, 8), nn.PReLU(), back(8, 1), nn.Sigmoid())

    def forward(self, x):
        return self.decoder(self.encoder(x))

    def energy(self, x):
        return (x - self(x)).square().mean((1, 2, 3))

    def latent_energy(self, z):
        return self.energy(self.decoder(z))


class Dense(nn.Module):
    """configs/jets-dense.yaml; (N, 1600)"""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(1600, 400), nn.PReLU(), nn.Linear(400, 400), nn.PReLU(), nn.Linear(400, 20),
            nn.Linear(20, 400), nn.PReLU(), nn.Linear(400, 400), nn.PReLU(), nn.Linear(400, 1600))

    def energy(self, x):
        return (x - self.layers(x)).square().mean(1)


class Recurrent(nn.Module):
    """configs/jets-gru.yaml, every point there; (N, T, F)"""

    def __init__(self, points=50):
        super().__init__()
        self.points = points
        self.reader, self.code = nn.GRU(3, 64, batch_first=True), nn.Linear(64, 16)
        self.writer, self.out = nn.GRU(16, 64, batch_first=True), nn.Linear(64, 3)

    def forward(self, x):
        _, last = self.reader(x)
        code = self.code(last[0])
        return self.out(self.writer(code[:, None].expand(-1, self.points, -1))[0])

    def energy(self, x):
        return (x - self(x)).square().mean((1, 2))


class EdgeConv(nn.Module):
    """As PyTorch codes of arXiv 1801.07829 have it: a linear layer on every edge; (N, T, F). Or,
    per_point, by the same identity as jetnae: W1 x_i + W2 (x_j - x_i) = (W1 - W2) x_i + W2 x_j."""

    def __init__(self, features, channels, per_point):
        super().__init__()
        self.inner, self.per_point = nn.Linear(2 * features, channels), per_point

    def forward(self, x, index):
        sample = torch.arange(len(x))[:, None, None]
        if self.per_point:
            first, second = self.inner.weight.chunk(2, 1)
            own = functional.linear(x, first - second, self.inner.bias)
            most = functional.linear(x, second)[sample, index].amax(2)
            return functional.leaky_relu(own + most, 0.2)
        other = x[sample, index]  # (N, T, K, F)
        own = x[:, :, None].expand_as(other)
        edges = functional.leaky_relu(self.inner(torch.cat([own, other - own], 3)), 0.2)
        return edges.amax(2)


class Graph(nn.Module):
    """configs/jets-graph.yaml, every point there; (N, T, F)"""

    def __init__(self, per_point, points=40):
        super().__init__()
        self.first, self.second = EdgeConv(3, 64, per_point), EdgeConv(67, 128, per_point)
        self.code = nn.Sequential(nn.Linear(128, 64), nn.PReLU(), nn.Linear(64, 16))
        self.decoder = nn.Sequential(
            nn.Linear(16, 128), nn.PReLU(), nn.Linear(128, 128), nn.PReLU(),
            nn.Linear(128, 3 * points), nn.Unflatten(1, (points, 3)))

    def forward(self, x):
        with torch.no_grad():
            plane = x[:, :, 1:3]
            index = torch.cdist(plane, plane).topk(8, largest=False).indices
        y = torch.cat([x, self.first(x, index)], 2)
        return self.decoder(self.code(self.second(y, index).mean(1)))

    def energy(self, x):
        """chamfer_pt"""
        y = self(x)
        square = (x[:, :, None] - y[:, None]).square().sum(3)
        p, q = x[:, :, 0].clamp(min=0), y[:, :, 0].clamp(min=0)
        return ((p * square.amin(2)).sum(1) / p.sum(1) +
                (q * square.amin(1)).sum(1) / q.sum(1).clamp(min=1e-20))


def clipped(gradient, most=0.01):
    norm = gradient.norm(dim=-1, keepdim=True)
    return gradient * (most / norm.clamp(min=most))


def slope(energy, x):
    """Its gradient to the state alone: no parameter's gradient is made."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(energy(x).sum(), x)[0]


def langevin(energy, x, step, noise, anneal=False, sphere=False):
    for i in range(30):
        now = noise / (1 + i) if anneal else noise
        x = x - step * clipped(slope(energy, x)) + now * torch.randn_like(x)
        if sphere:
            x = functional.normalize(x, dim=1)
    return x.detach()


class Trainer:
    """One way to run the network: `wrap` makes a function into what is run."""

    def __init__(self, layout, wrap):
        torch.manual_seed(1)
        self.network = Network().to(memory_format=layout)
        self.x = torch.rand(64, 1, 40, 40).to(memory_format=layout)
        self.z = functional.normalize(torch.randn(64, 3), dim=1)
        self.adam = torch.optim.Adam(self.network.parameters(), lr=1e-5)
        self.energy = wrap(self.network.energy)
        self.latent_energy = wrap(self.network.latent_energy)

    def update(self, loss):
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()

    def ae_step(self):
        self.update(self.energy(self.x).mean())

    def negatives(self):
        """Chains see the weights of the step as they are: no power iteration inside, and the
        division by sigma once."""
        self.network.eval()
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        with parametrize.cached():
            z = langevin(self.latent_energy, self.z, 100, 0.01, sphere=True)
            x = self.network.decoder(z).detach()
            x = langevin(self.energy, x, 50, 1e-4, anneal=True)
        for parameter in self.network.parameters():
            parameter.requires_grad_(True)
        self.network.train()
        return x

    def nae_step(self):
        """Data and negatives in one pass: one power iteration for both, as in jetnae."""
        x = self.negatives()
        plus, minus = self.energy(torch.cat([self.x, x])).chunk(2)
        self.update(plus.mean() - minus.mean() + minus.square().mean())

    def score(self, jets):
        with torch.inference_mode():
            return self.energy(self.x[:jets])


class PlainTrainer:
    """A network without spectral norm or chains, on x of any shape."""

    def __init__(self, network, x, wrap):
        torch.manual_seed(1)
        self.network, self.x = network, x
        self.adam = torch.optim.Adam(self.network.parameters(), lr=1e-5)
        self.energy = wrap(self.network.energy)

    def step(self):
        self.adam.zero_grad()
        self.energy(self.x).mean().backward()
        self.adam.step()

    def score(self):
        with torch.inference_mode():
            return self.energy(self.x)


def frozen(network):
    """The network with its weights divided for good, as scoring has it."""
    network.eval()
    for module in network.modules():
        if parametrize.is_parametrized(module):
            parametrize.remove_parametrizations(module, "weight")


def best_seconds(work, seconds):
    for _ in range(2):
        work()
    best, until = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        work()
        now = time.perf_counter()
        best = min(best, now - start)
        if now > until:
            return best


def measure_torch(name, layout, wrap, seconds):
    trainer = Trainer(layout, wrap)
    yield f"nae_step.jets@{name}", 64 / best_seconds(trainer.nae_step, seconds)
    yield f"ae_step.jets@{name}", 64 / best_seconds(trainer.ae_step, seconds)
    frozen(trainer.network)
    yield f"score.jets@{name}", 64 / best_seconds(lambda: trainer.score(64), seconds)
    yield f"score16.jets@{name}", 16 / best_seconds(lambda: trainer.score(16), seconds)
    yield f"score1.jets@{name}", 1 / best_seconds(lambda: trainer.score(1), seconds)


def plain_cases(name, nets):
    """The way to run it, the network, its jets: of sequences enough at once for PyTorch to do its
    best, of images what the step takes."""
    if "jets-dense" in nets:
        yield f"jets-dense@{name}", Dense(), torch.rand(128, 1600)
    if "jets-gru" in nets:
        yield f"jets-gru@{name}", Recurrent(), torch.rand(SEQUENCES, 50, 3)
    if "jets-graph" not in nets:
        return
    for per_point in False, True:
        way = f"{name}-per-point" if per_point else name
        yield f"jets-graph@{way}", Graph(per_point), torch.rand(SEQUENCES, 40, 3)


def measure_plain(name, nets, wrap, seconds):
    for case, network, x in plain_cases(name, nets):
        trainer = PlainTrainer(network, x, wrap)
        yield f"ae_step.{case}", len(x) / best_seconds(trainer.step, seconds)
        yield f"score.{case}", len(x) / best_seconds(trainer.score, seconds)


def measure_onnx(seconds):
    """Scores in ONNX Runtime; nothing where it, or what exports to it, is not installed."""
    try:
        import io
        import onnxruntime
        network = Network()
        frozen(network)
        file = io.BytesIO()
        torch.onnx.export(network, torch.rand(1, 1, 40, 40), file, input_names=["x"],
                          output_names=["y"], dynamic_axes={"x": {0: "jets"}, "y": {0: "jets"}},
                          dynamo=False)
    except ImportError:
        return
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # it warns of Flatten's shape at every call
    session = onnxruntime.InferenceSession(file.getvalue(), options)
    for name, jets in ("score", 64), ("score16", 16), ("score1", 1):
        x = torch.rand(jets, 1, 40, 40).numpy()

        def score(x=x):
            return ((x - session.run(None, {"x": x})[0]) ** 2).mean((1, 2, 3))
        yield f"{name}.jets@onnxruntime", jets / best_seconds(score, seconds)


def measure(ways, nets, seconds):
    table = {"eager": (torch.contiguous_format, lambda f: f),
             "channels-last": (torch.channels_last, lambda f: f),
             "compile": (torch.contiguous_format, torch.compile),
             "compile-channels-last": (torch.channels_last, torch.compile)}
    for way in ways:
        if way == "onnxruntime":
            yield from measure_onnx(seconds) if "jets" in nets else ()
            continue
        layout, wrap = table[way]
        if "jets" in nets:
            yield from measure_torch(way, layout, wrap, seconds)
        if layout == torch.contiguous_format:
            yield from measure_plain(way, nets, wrap, seconds)


def measure_jetnae(program):
    """{case: samples/s}"""
    out = subprocess.run([program, "bench", "csv=true", "cases=.jets"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return {row["case"]: float(row["value"]) for row in csv.DictReader(out.splitlines())}


def print_table(own, found):
    """found: {case: {way: samples/s}}"""
    ways = list(dict.fromkeys(way for rates in found.values() for way in rates))
    widths = [20, 9] + [max(9, len(way)) for way in ways] + [6]

    def line(cells):
        print("  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths)))
    line(["case", "jetnae", *ways, "times"])
    for case, rates in found.items():
        cells = [f"{rates[way]:.0f}" if way in rates else "" for way in ways]
        line([case, f"{own[case]:.0f}", *cells, f"{own[case] / max(rates.values()):.2f}"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("jetnae", nargs="?", help="the program, to be measured beside them")
    parser.add_argument("--ways", default="eager,channels-last,compile,compile-channels-last,"
                        "onnxruntime")
    parser.add_argument("--nets", default="jets,jets-dense,jets-gru,jets-graph")
    parser.add_argument("--seconds", type=float, default=2, help="for each case")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found, own = {}, measure_jetnae(arguments.jetnae) if arguments.jetnae else {}
    print("case,value,unit,of_peak")
    for name, rate in measure(arguments.ways.split(","), arguments.nets.split(","),
                              arguments.seconds):
        case, way = name.split("@")
        found.setdefault(case, {})[way] = rate
        print(f"{name},{rate:.6g},samples/s,", flush=True)
    if arguments.jetnae:
        again = measure_jetnae(arguments.jetnae)
        print_table({case: max(own[case], again[case]) for case in own}, found)


if __name__ == "__main__":
    main()
