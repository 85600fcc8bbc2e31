#!/usr/bin/env python3
"""Write pytorch_values.txt: what PyTorch makes of the cases below, for test_pytorch.c.

Needs torch (Debian: python3-torch). Run it in this folder when cases change:

    ./make_pytorch_values.py > pytorch_values.txt

Layers are written as in nets.h, inputs and weights are the numbers of some() there, so the file
holds results only. PyTorch computes in double.
"""
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import spectral_norm
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

LAYERS = """
dense 5 | 3 2 2
dense 4 bias=0 | 7 1 1
conv2d 3 kernel=3 padding=1 | 2 5 4
conv2d 2 kernel=3 stride=2 padding=1 | 3 6 5
conv2d 4 kernel=4 bias=0 | 2 4 4
conv2d 8 kernel=3 padding=1 | 8 4 5
conv_transpose2d 3 kernel=3 padding=1 | 2 4 3
conv_transpose2d 2 kernel=3 stride=2 padding=1 output_padding=1 | 3 3 4
conv_transpose2d 2 kernel=4 stride=3 bias=0 | 2 2 3
conv_transpose2d 8 kernel=3 | 8 2 4
max_pool2d 2 | 2 5 6
max_pool2d 3 stride=2 | 2 7 6
avg_pool2d 2 | 2 4 7
avg_pool2d 3 stride=1 | 1 5 4
upsample 2 | 2 3 2
upsample 3 | 1 2 2
upsample 2 mode=1 | 2 3 4
upsample 3 mode=1 | 1 3 2
upsample 2 mode=1 align_corners=1 | 2 3 4
upsample 3 mode=1 align_corners=1 | 1 4 2
relu | 2 3 2
leaky_relu 0.2 | 2 3 2
prelu | 2 3 2
elu 0.7 | 2 3 2
sigmoid | 2 3 2
tanh | 2 3 2
softplus | 2 3 2
linear | 2 3 2
reshape 3 height=4 | 2 3 2
sphere | 5 1 1
conv1d 3 kernel=5 padding=2 | 2 1 9
conv1d 4 kernel=4 stride=3 padding=1 | 3 1 10
conv_transpose1d 3 kernel=4 stride=2 padding=1 | 2 1 5
conv_transpose1d 2 kernel=3 stride=2 padding=1 output_padding=1 bias=0 | 3 1 4
edge_conv 5 neighbours=3 | 4 1 9
edge_conv 18 neighbours=4 coordinates=1 slope=0.1 | 3 1 7
edge_conv 4 neighbours=8 pooling=1 bias=0 | 5 1 10
pool_points 0 | 4 1 6
pool_points 1 | 3 1 5
pool_points 2 weighted=1 | 3 1 6
gru 4 | 3 1 5
gru 3 returns=1 reverse=1 | 2 1 4
gru 5 masked=1 | 3 1 6
gru 4 returns=1 masked=1 | 2 1 7
lstm 4 | 3 1 5
lstm 3 returns=1 reverse=1 | 2 1 4
lstm 5 masked=1 | 3 1 6
lstm 4 returns=1 masked=1 | 2 1 7
repeat 3 | 4 1 1
"""

NET = """
conv2d 4 kernel=3 padding=1 spectral=1; prelu; max_pool2d 2;
conv2d 8 kernel=3 padding=1 spectral=1; prelu; conv2d 8 kernel=3 padding=1 spectral=1; prelu;
dense 6 spectral=1; prelu; dense 3 spectral=1; sphere
| dense 16 spectral=1; prelu; reshape 1 height=4 width=4;
conv_transpose2d 8 kernel=3 padding=1 spectral=1; prelu; upsample 2 mode=1;
conv_transpose2d 1 kernel=3 padding=1 spectral=1; sigmoid
| 1 8 8
"""
SAMPLES, STEPS, RATE, EPSILON = 16, 2, 1e-2, 1e-3


def some(stream, n):
    """The numbers of nets.h."""
    mask = 0xFFFFFFFF
    numbers = []
    for i in range(n):
        v = (i * 2654435761 + stream * 0x9E3779B9) & mask
        v = ((v ^ v >> 16) * 0x85EBCA6B) & mask
        v = ((v ^ v >> 13) * 0xC2B2AE35) & mask
        v ^= v >> 16
        numbers.append(((v >> 8) * 2 - 0xFFFFFF) / 0x1000000)
    return torch.tensor(numbers, dtype=torch.float32).double()


class Sphere(nn.Module):
    def forward(self, x):
        return x / x.flatten(1).norm(dim=1).view(-1, *[1] * (x.dim() - 1))


class Reshape(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(-1, *self.shape)


class Recurrent(nn.Module):
    """(N, F, 1, T) to (N, H, 1, T or 1); masked samples end at their first point of zeros."""

    def __init__(self, inner, returns=0, masked=0, reverse=0):
        super().__init__()
        self.inner, self.whole, self.masked, self.reverse = inner, returns, masked, reverse

    def forward(self, x):
        sequence = x.squeeze(2).transpose(1, 2)
        lengths = (sequence != 0).any(2).sum(1) if self.masked else [x.shape[3]] * len(x)
        if self.reverse:
            sequence = sequence.flip(1)
        packed = pack_padded_sequence(sequence, lengths, batch_first=True, enforce_sorted=False)
        y, last = self.inner(packed)
        if not self.whole:
            h = last[0] if isinstance(last, tuple) else last
            return h[0, :, :, None, None]
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=x.shape[3])
        return (y.flip(1) if self.reverse else y).transpose(1, 2).unsqueeze(2)


class Repeat(nn.Module):
    def __init__(self, points):
        super().__init__()
        self.points = points

    def forward(self, x):
        return x.flatten(1)[:, :, None, None].expand(-1, -1, 1, self.points)


class EdgeConv(nn.Module):
    """(N, F, 1, T) to (N, O (+ 3), 1, T), edge by edge; points of zeros are left out."""

    def __init__(self, channels, features, neighbours=8, pooling=0, slope=0.2, coordinates=0,
                 bias=1):
        super().__init__()
        self.inner = nn.Linear(2 * features, channels, bias=bool(bias))
        self.neighbours, self.mean, self.slope = neighbours, pooling, slope
        self.coordinates = coordinates

    def forward(self, x):
        points = x.squeeze(2).transpose(1, 2)  # (N, T, F)
        there = (points != 0).any(2)
        far = torch.cdist(points[:, :, 1:3], points[:, :, 1:3])
        far = far.masked_fill(~there[:, None, :], float("inf"))
        near, index = far.topk(min(self.neighbours, x.shape[3]), largest=False)
        sample = torch.arange(len(x))[:, None, None]
        other = points[sample, index]  # (N, T, K, F)
        own = points[:, :, None].expand_as(other)
        edges = functional.leaky_relu(self.inner(torch.cat([own, other - own], 3)), self.slope)
        alive = near.isfinite()[:, :, :, None]
        if self.mean:
            y = edges.where(alive, 0.).sum(2) / alive.sum(2).clamp(min=1)
        else:
            y = edges.masked_fill(~alive, float("-inf")).amax(2)
        y = y.where(there[:, :, None], 0.)
        if self.coordinates:
            y = torch.cat([points[:, :, :3].where(there[:, :, None], 0.), y], 2)
        return y.transpose(1, 2).unsqueeze(2)


class PoolPoints(nn.Module):
    """(N, F, 1, T) to (N, F, 1, 1) over the points that are not zeros."""

    def __init__(self, pooling, weighted=0):
        super().__init__()
        self.pooling, self.weighted = pooling, weighted

    def forward(self, x):
        there = (x != 0).any(1, keepdim=True).to(x.dtype)
        weight = x[:, :1] if self.weighted else there
        if self.pooling == 1:
            return x.masked_fill(there == 0, float("-inf")).amax(3, keepdim=True)
        total = (weight * x).sum(3, keepdim=True)
        return total if self.pooling == 2 else total / weight.sum(3, keepdim=True)


def upsample(factor, mode=0, align_corners=0):
    if not mode:
        return nn.Upsample(scale_factor=factor, mode="nearest")
    return nn.Upsample(scale_factor=factor, mode="bilinear", align_corners=bool(align_corners))


def dense(features, shape, bias=1):
    size = shape[0] * shape[1] * shape[2]
    linear = nn.Linear(size, features, bias=bool(bias))
    return linear, nn.Sequential(nn.Flatten(), linear, Reshape(features, 1, 1))


CONVOLUTIONS = {"conv2d": nn.Conv2d, "conv_transpose2d": nn.ConvTranspose2d,
                "conv1d": nn.Conv1d, "conv_transpose1d": nn.ConvTranspose1d}


def conv(kind, shape, channels, bias=1, **options):
    options = {{"kernel": "kernel_size"}.get(k, k): v for k, v in options.items()}
    layer = kind(shape[0], channels, bias=bool(bias), **options)
    if kind in (nn.Conv1d, nn.ConvTranspose1d):
        return layer, nn.Sequential(nn.Flatten(2), layer, nn.Unflatten(2, (1, -1)))
    return layer, layer


def plain(name, first, options):
    """A layer without a weight matrix."""
    if name in ("max_pool2d", "avg_pool2d"):
        kind = nn.MaxPool2d if name == "max_pool2d" else nn.AvgPool2d
        return kind(first, options.get("stride"))
    if name == "upsample":
        return upsample(first, **options)
    if name == "pool_points":
        return PoolPoints(first, **options)
    if name == "repeat":
        return Repeat(first)
    if name == "reshape":
        return Reshape(first, options.get("height", 1), options.get("width", 1))
    return {"relu": nn.ReLU, "leaky_relu": lambda: nn.LeakyReLU(first), "prelu": nn.PReLU,
            "elu": lambda: nn.ELU(first), "sigmoid": nn.Sigmoid, "tanh": nn.Tanh,
            "softplus": nn.Softplus, "linear": nn.Identity, "sphere": Sphere}[name]()


def number(text):
    return float(text) if "." in text else int(text)


def layer(text, shape):
    """The module that holds the weights, and the one to run."""
    name, *words = text.split()
    first = number(words.pop(0)) if words and "=" not in words[0] else 2
    options = {k: number(v) for k, v in (word.split("=") for word in words)}
    spectral = options.pop("spectral", 0)
    if name == "dense":
        inner, outer = dense(first, shape, **options)
    elif name in CONVOLUTIONS:
        inner, outer = conv(CONVOLUTIONS[name], shape, first, **options)
    elif name in ("gru", "lstm"):
        inner = (nn.GRU if name == "gru" else nn.LSTM)(shape[0], first, batch_first=True)
        outer = Recurrent(inner, **options)
    elif name == "edge_conv":
        outer = EdgeConv(first, shape[0], **options)
        inner = outer.inner
    else:
        inner = outer = plain(name, first, options)
    if spectral:
        spectral_norm(inner, dim=1 if name == "conv_transpose2d" else 0)
    return inner.double(), outer.double()


def weights(module):
    """Weights, then biases, of the parameters that are trained."""
    names = ("weight_orig", "weight", "bias", "weight_ih_l0", "weight_hh_l0", "bias_ih_l0",
             "bias_hh_l0")
    own = dict(module.named_parameters())
    return [own[name] for name in names if name in own]


def fill(parameters, numbers):
    at = 0
    with torch.no_grad():
        for p in parameters:
            p.copy_(numbers[at:at + p.numel()].reshape(p.shape))
            at += p.numel()


def show(name, *tensors):
    numbers = [float(v) for t in tensors for v in t.detach().flatten()]
    print(name, len(numbers), *(f"{v:.7g}" for v in numbers))


def gradients(parameters):
    return [p.grad for p in parameters]


def layer_case(line):
    text, _, shape = line.partition(" | ")
    shape = [int(v) for v in shape.split()]
    inner, outer = layer(text, shape)
    own = weights(inner)
    fill(own, some(1, sum(p.numel() for p in own)))
    x = some(2, 2 * shape[0] * shape[1] * shape[2]).reshape(2, *shape)
    if "masked" in text or "edge" in text or "points" in text:  # the second sample is three points shorter
        x[1, :, :, -3:] = 0
    x.requires_grad_()
    y = outer(x)
    y.backward(some(3, y.numel()).reshape(y.shape))
    print("layer", line)
    show("y", y)
    show("dx", x.grad)
    show("dw", *gradients(own))


def chain(text, shape):
    inners, outers = [], []
    for line in text.split(";"):
        inner, outer = layer(line, shape)
        shape = outer.eval()(torch.rand(1, *shape).double()).shape[1:]
        inners.append(inner)
        outers.append(outer.train())
    return inners, outers, shape


def start_spectral(inners):
    """u is some(4, ...), v follows from it in the first power iteration."""
    modules = [m for m in inners if hasattr(m, "weight_u")]
    numbers, at = some(4, sum(m.weight_u.numel() for m in modules)), 0
    for m in modules:
        m.weight_u.copy_(numbers[at:at + m.weight_u.numel()])
        at += m.weight_u.numel()


def net_case(text):
    encoder, decoder, shape = " ".join(text.split()).split(" | ")
    inners, outers, latent = chain(encoder, [int(v) for v in shape.split()])
    more_inners, more_outers, _ = chain(decoder, latent)
    inners, net = inners + more_inners, nn.Sequential(*outers, *more_outers)
    own = [p for m in inners for p in weights(m)]
    fill(own, 0.5 * some(1, sum(p.numel() for p in own)))
    start_spectral(inners)
    dim = 64
    x = (0.5 + 0.5 * some(2, SAMPLES * dim)).reshape(SAMPLES, 1, 8, 8)
    adam = torch.optim.Adam(own, lr=RATE, eps=EPSILON)
    print("net", encoder, "|", decoder, "|", shape)
    for step in range(STEPS):
        adam.zero_grad()
        loss = ((x - net(x)) ** 2).mean()
        loss.backward()
        adam.step()
        show("loss", loss)
        if step == 0:
            show("gradient", *gradients(own))
    show("weights", *own)


for case in LAYERS.strip().splitlines():
    layer_case(case)
net_case(NET)
