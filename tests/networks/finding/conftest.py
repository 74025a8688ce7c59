"""Networks of all kinds, and what is true of them by brute force."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from fractions import Fraction
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from monai.networks.nets import BasicUNet
from monai.networks.nets import UNet as MonaiUNet
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

CONV = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
UP = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
POOL = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
CONVOLUTIONS = (*CONV.values(), *UP.values())
ACT = nn.ReLU


def block(ndim, read, made, padding="same", mode="zeros", norm=None, act=ACT):
    """Two convolutions, as in most U-Nets."""
    layers = []
    for channels in (read, made):
        how = {"padding": int(padding == "same"), "padding_mode": mode}
        layers.append(CONV[ndim](channels, made, 3, **how))
        layers += [norm(made)] if norm else []
        layers.append(act())
    return nn.Sequential(*layers)


class Attention(nn.Module):
    """Every position looks at all others."""

    def __init__(self, channels):
        super().__init__()
        self.q, self.k, self.v = (nn.Conv2d(channels, channels, 1) for _ in range(3))

    def forward(self, x):
        q, k, v = (f(x).flatten(2) for f in (self.q, self.k, self.v))
        weights = torch.softmax(q.transpose(1, 2) @ k, dim=-1)
        return x + (v @ weights.transpose(1, 2)).reshape(x.shape)


class Excitation(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels):
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Sigmoid()
        )

    def forward(self, x):
        return x * self.weigh(x)


class UNet(nn.Module):
    """A U-Net, valid (its skips are cropped) or padded; factors per level and axis."""

    def __init__(self, factors, features=3, padding="same", up="learnt", bottom=None,
                 norm=None, mode="zeros", align=None, ndim=None):  # fmt: skip
        super().__init__()
        ndim, f = ndim or len(factors[0]), features
        how = {"padding": padding, "norm": norm, "mode": mode}
        self.down = nn.ModuleList(
            block(ndim, f if i else 1, f, **how) for i in range(len(factors))
        )
        self.pool = nn.ModuleList(POOL[ndim](factor) for factor in factors)
        self.bottom = nn.Sequential(block(ndim, f, f, **how), *(bottom or []))
        self.up = nn.ModuleList(
            UP[ndim](f, f, factor, factor) if up == "learnt"
            else nn.Upsample(scale_factor=factor, mode=up, align_corners=align)
            for factor in factors
        )  # fmt: skip
        self.join = nn.ModuleList(block(ndim, 2 * f, f, **how) for _ in factors)
        self.head = CONV[ndim](f, 2, 1)

    def forward(self, x):
        skips = []
        for down, pool in zip(self.down, self.pool, strict=True):
            x = down(x)
            skips.append(x)
            factor = pool.kernel_size
            if any(n % f for n, f in zip(x.shape[2:], factor, strict=True)):
                raise RuntimeError(f"cannot pool {tuple(x.shape)} by {factor}")
            x = pool(x)
        x = self.bottom(x)
        for up, join in zip(reversed(self.up), reversed(self.join), strict=True):
            x, skip = up(x), skips.pop()
            for axis in range(2, x.ndim):
                surplus = skip.shape[axis] - x.shape[axis]
                skip = skip.narrow(axis, surplus // 2, x.shape[axis])
            x = join(torch.cat([skip, x], 1))
        return self.head(x)


class Decoded(nn.Module):
    """As pytorch-3dunet: the coarser level is stretched to the size of the finer."""

    def __init__(self, norm=True):
        super().__init__()
        groups = (lambda c: nn.GroupNorm(2, c)) if norm else None
        self.one, self.two = block(2, 1, 4, norm=groups), block(2, 4, 4, norm=groups)
        self.join = block(2, 8, 4, norm=groups)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        fine = self.one(x)
        coarse = self.two(functional.max_pool2d(fine, 2))
        coarse = functional.interpolate(coarse, size=fine.shape[2:], mode="nearest")
        return self.head(self.join(torch.cat([fine, coarse], 1)))


class Residual(nn.Module):
    """A ResNet-FCN: strided stem and blocks; stretched back, or coarse as it is."""

    def __init__(self, strides=(2,), back=True):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 7, 2, 3), nn.BatchNorm2d(4), ACT())
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(4, 4, 3, s, 1), ACT(), nn.Conv2d(4, 4, 3, 1, 1))
            for s in strides
        )
        self.short = nn.ModuleList(nn.Conv2d(4, 4, 1, s) for s in strides)
        self.head, self.back = nn.Conv2d(4, 2, 1), back

    def forward(self, x):
        y = self.pool(self.stem(x))
        for one, short in zip(self.blocks, self.short, strict=True):
            y = torch.relu(one(y) + short(y))
        y = self.head(y)
        return (
            functional.interpolate(y, x.shape[2:], mode="bilinear") if self.back else y
        )


class Pyramid(nn.Module):
    """Dilated convolutions beside a mean over the whole image, as in DeepLab."""

    def __init__(self):
        super().__init__()
        self.near = nn.Conv2d(1, 3, 3, padding=2, dilation=2)
        self.far, self.head = nn.Conv2d(3, 3, 1), nn.Conv2d(6, 2, 1)

    def forward(self, x):
        y = torch.relu(self.near(x))
        mean = self.far(functional.adaptive_avg_pool2d(y, 1))
        mean = functional.interpolate(mean, size=y.shape[2:], mode="bilinear")
        return self.head(torch.cat([y, mean], 1))


class Branching(nn.Module):
    """Control flow that depends on grey values: nothing can export it."""

    def __init__(self):
        super().__init__()
        self.layers = block(2, 1, 2)

    def forward(self, x):
        return self.layers(x) if x.abs().max() > 0 else x.expand(-1, 2, -1, -1)


def shuffled():
    return nn.Sequential(
        nn.PixelUnshuffle(3), nn.Conv2d(9, 18, 3, padding=1), ACT(), nn.PixelShuffle(3),
        nn.Conv2d(2, 2, 3, padding=1),
    )  # fmt: skip


def dilated():
    def layer(read, dilation):
        return nn.Conv2d(read, 3, 3, padding=dilation, dilation=dilation,
                         padding_mode="reflect")  # fmt: skip

    return nn.Sequential(layer(1, 1), ACT(), layer(3, 2), ACT(), layer(3, 4))


def monai(kind, **how):
    if kind is BasicUNet:
        return BasicUNet(
            2, in_channels=1, out_channels=2, features=(4, 4, 4, 4, 4, 4), **how
        )
    return MonaiUNet(2, 1, 2, channels=(3, 4, 5), strides=(2, 2), **how)


def kaiming(module, seed):
    """Return a copy in double with weights of variance 2 / fan-in and no bias."""
    module = copy.deepcopy(module).double()
    random = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, (*CONVOLUTIONS, nn.Linear)):
            transposed = isinstance(layer, tuple(UP.values()))
            into = layer.weight.shape[0 if transposed else 1]
            taps = 1 if transposed else prod(layer.weight.shape[2:])
            with torch.no_grad():
                layer.weight.normal_(0, sqrt(2 / into / taps), generator=random)
                layer.bias.zero_()
    return module


@dataclass
class TorchProbed:
    """A torch module as a `Probed`."""

    module: nn.Module
    ndim: int = 2
    in_channels: int = 1
    out_channels: int | None = None
    fixed_size: tuple[int, ...] | None = None
    readable: bool = True

    def predict(self, x):
        dtype = next(self.module.parameters()).dtype
        if self.fixed_size and x.shape[2:] != self.fixed_size:
            raise ValueError("another size")
        with torch.no_grad():
            return self.module(torch.from_numpy(x).to(dtype)).numpy()

    def graph(self):
        return self.module if self.readable else None

    def reinitialised(self, seed):
        new = kaiming(self.module, seed)
        return TorchProbed(new, self.ndim, fixed_size=self.fixed_size)


@dataclass(frozen=True)
class Truth:
    """What is so along one axis."""

    period: int
    before: int | None
    after: int | None


@dataclass(frozen=True)
class Case:
    """A network and what its maker knows of it; the rest is brute force."""

    make: Callable[[], nn.Module]
    padding: str
    cause: str = ""  # that tiles cannot be exact
    ndim: int = 2
    size: int = 64  # that it reads, long enough to see its context
    short: int = 16  # of the other axes
    scale: Fraction = Fraction(1)  # output pixels an input pixel

    @property
    def module(self):
        torch.manual_seed(0)
        return self.make().eval()

    def truth(self, axis) -> Truth:
        return brute_force(kaiming(self.module, 1), self, axis)


def brute_force(module, case, axis) -> Truth:
    """Try every shift, and follow a NaN from every pixel of a period."""
    size = [case.short] * case.ndim
    size[axis] = case.size
    period = next(d for d in range(1, 65) if repeats(module, case, size, axis, d))
    before, after = -1, -1
    for column in range(case.size // 2, case.size // 2 + period):
        x = np.ones((1, 1, *size))
        np.moveaxis(x, 2 + axis, 0)[column] = np.nan
        y = run(module, x)
        reached = np.isnan(np.moveaxis(y, 2 + axis, 0)).reshape(y.shape[2 + axis], -1)
        seen = np.flatnonzero(reached.any(axis=1))
        if len(seen) == len(reached):
            return Truth(period, None, None)
        eaten = int(case.size - len(reached) / case.scale) // 2
        first, last = (int(o / case.scale) + eaten for o in (seen[0], seen[-1]))
        before, after = max(before, last - column), max(after, column - first)
    return Truth(period, before, after)


def run(module, x) -> np.ndarray:
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy()


def repeats(module, case, size, axis, shift) -> bool:
    """Whether rolling an image rolls the answer, on a torus where nothing has a border.

    Of the padded convolutions; what cannot be closed to a torus is compared in the
    middle, of two crops.
    """
    random = np.random.default_rng(5)
    if case.cause and case.padding == "zeros":
        x = random.normal(size=(1, 1, *size))
        torus = copy.deepcopy(module)
        for layer in torus.modules():
            if isinstance(layer, tuple(CONV.values())):
                layer.padding_mode = "circular"
        one, two = run(torus, np.roll(x, shift, 2 + axis)), run(torus, x)
        return bool(np.allclose(one, np.roll(two, shift, 2 + axis), atol=1e-9))
    long = list(size)
    long[axis] += shift
    x = np.moveaxis(random.normal(size=(1, 1, *long)), 2 + axis, 0)
    one, two = (
        np.moveaxis(run(module, np.ascontiguousarray(np.moveaxis(part, 0, 2 + axis))),
                    2 + axis, 0)
        for part in (x[shift:], x[: len(x) - shift])
    )  # fmt: skip
    moved = shift * case.scale
    if moved != int(moved):
        return False
    moved, margin = int(moved), len(one) // 3
    part = slice(margin, len(one) - margin - moved)
    there = slice(margin + moved, len(one) - margin)
    return bool(np.allclose(one[part], two[there], atol=1e-9))


def valid(*factors, **how):
    return lambda: UNet(factors, padding="valid", **how)


def same(*factors, **how):
    return lambda: UNet(factors, **how)


CASES: dict[str, Any] = {
    "valid l=1": Case(valid((2, 2)), "valid", size=98, short=18),
    "valid l=2": Case(valid((2, 2), (2, 2)), "valid", size=164, short=44),
    "valid l=3, 1-D": Case(
        valid((2,), (2,), (2,), features=6), "valid", ndim=1, size=316
    ),
    "valid l=4, 1-D": Case(valid(*[(2,)] * 4, features=6), "valid", ndim=1, size=700),
    "valid 2x3": Case(valid((2, 3)), "valid", size=88, short=28),
    "valid 3-D": Case(
        valid((1, 2, 2), up="nearest"), "valid", ndim=3, size=98, short=20
    ),
    "padded l=2, nearest": Case(same((2, 2), (2, 2), up="nearest"), "zeros", size=112),
    "padded l=3, bilinear": Case(same(*[(2, 2)] * 3, up="bilinear"), "zeros", size=256),
    "padded l=4": Case(same(*[(2, 2)] * 4, features=5), "zeros", size=480),
    "padded 3-D": Case(same((1, 2, 2), (2, 2, 2)), "zeros", ndim=3, size=112, short=8),
    "mirror padded": Case(same((2, 2), mode="reflect"), "reflect"),
    "basic unet": Case(lambda: monai(BasicUNet, norm="batch"), "zeros", size=480),
    "basic unet, instance": Case(
        lambda: monai(BasicUNet), "zeros", "instance norm", size=256
    ),
    "monai unet": Case(lambda: monai(MonaiUNet, norm="batch"), "zeros"),
    "monai residual unet": Case(
        lambda: monai(MonaiUNet, norm="batch", num_res_units=2), "zeros", size=96
    ),
    "group norm": Case(Decoded, "zeros", "group norm"),
    "residual, 4": Case(
        lambda: Residual(strides=(1,), back=False),
        "zeros",
        size=96,
        scale=Fraction(1, 4),
    ),
    "residual, 8": Case(Residual, "zeros", size=192),
    "no pooling": Case(lambda: block(2, 1, 2), "zeros"),
    "one by one": Case(lambda: nn.Sequential(nn.Conv2d(1, 2, 1), ACT()), "none"),
    "dilated": Case(dilated, "reflect"),
    "pixel shuffle": Case(shuffled, "zeros", size=96, short=24),
    "attention": Case(
        same((2, 2), (2, 2), bottom=[Attention(3)]), "zeros", "attention", size=96
    ),
    "excitation": Case(
        same((2, 2), bottom=[Excitation(3)]), "zeros", "squeeze-and-excitation"
    ),
    "pyramid": Case(Pyramid, "zeros", "global pooling"),
    "larger": Case(
        lambda: nn.Sequential(block(2, 1, 2), nn.Upsample(scale_factor=2)),
        "zeros",
        scale=Fraction(2),
    ),
    "valid, larger": Case(
        lambda: nn.Sequential(block(2, 1, 2, "valid"), nn.Upsample(scale_factor=2)),
        "valid",
        scale=Fraction(2),
    ),
    "valid, coarse": Case(
        lambda: nn.Sequential(block(2, 1, 2, "valid"), nn.AvgPool2d(3)),
        "valid",
        size=94,
        scale=Fraction(1, 3),
    ),
}


@pytest.fixture(scope="session", params=list(CASES))
def case(request) -> Case:
    """Each network."""
    return CASES[request.param]


@pytest.fixture
def probed():
    """Make a `Probed` of a module in eval mode, or as it is."""

    def make(module, **how):
        return TorchProbed(module, **how)

    return make


@pytest.fixture
def nets():
    """Makers of some networks by name."""
    return {"unet": same, "valid": valid, "block": block, "branching": Branching,
            "basic": BasicUNet,
            "kaiming": kaiming, "monai": monai}  # fmt: skip
