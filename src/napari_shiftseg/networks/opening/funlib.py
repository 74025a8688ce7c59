"""The U-Net of funlib.learn.torch, by its parameter names; written anew."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from napari_shiftseg.networks.unet import CONVOLUTION, POOLING, TRANSPOSED

if TYPE_CHECKING:
    from collections.abc import Sequence

ACTIVATIONS = (
    "ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "Softplus", "Tanh", "Sigmoid",
    "Identity",
)  # fmt: skip
Sizes = tuple[int, ...]


def _sizes(given: Any, ndim: int) -> Sizes:
    """Return one value an axis; a whole number stands for all of them."""
    return (given,) * ndim if isinstance(given, int) else tuple(given)


class ConvPass(nn.Module):
    """Convolutions one after the other, each followed by an activation.

    Parameters
    ----------
    channels : sequence of int
        Read by the first, then given by each.
    kernels : sequence of tuple of int
        Width of each along each axis.
    activation : str or None
    padding : str
        "valid" or "same".
    """

    def __init__(
        self,
        channels: Sequence[int],
        kernels: Sequence[Sizes],
        activation: str | None,
        padding: str,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for (read, made), kernel in zip(pairwise(channels), kernels, strict=True):
            pad = tuple(k // 2 for k in kernel) if padding == "same" else 0
            layers.append(CONVOLUTION[len(kernel)](read, made, kernel, padding=pad))
            if activation is not None:
                layers.append(getattr(nn, activation)())
        self.conv_pass = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, channels, \*size'), smaller if valid."""
        return self.conv_pass(x)  # type: ignore[no-any-return]


class Up(nn.Module):
    """Brings a level to the size of the finer one: learnt, or by repetition.

    Parameters
    ----------
    factor : tuple of int
    channels : int or None
        None: by repetition.
    """

    def __init__(self, factor: Sizes, channels: int | None) -> None:
        super().__init__()
        self.up: nn.Module
        if channels is None:
            self.up = nn.Upsample(scale_factor=tuple(map(float, factor)))
        else:
            self.up = TRANSPOSED[len(factor)](channels, channels, factor, factor)


class FunlibUNet(nn.Module):
    """A U-Net as funlib.learn.torch has it, with one decoder, in 2 or 3 axes.

    After each upsampling of a valid net, features are cropped so that what its
    convolutions leave is a multiple of all the factors from here down: the output
    repeats with the period, whatever the size.

    Parameters
    ----------
    in_channels, num_fmaps, fmap_inc_factor : int
    downsample_factors : sequence of sequence of int
        Of each level, one an axis, the finest first.
    kernel_size_down, kernel_size_up : sequence, optional
        Of each level, a list of kernels; usually two of width 3.
    activation : str or None
        A class of ``torch.nn``.
    fov, voxel_size : sequence, optional
        Of no effect.
    num_fmaps_out : int, optional
        Channels of the output.
    num_heads : int
        1: others give several images.
    constant_upsample : bool
    padding : str
        "valid" or "same".

    References
    ----------
    https://github.com/funkelab/funlib.learn.torch, ``models/unet.py``.
    """

    def __init__(
        self,
        in_channels: int,
        num_fmaps: int,
        fmap_inc_factor: int,
        downsample_factors: Sequence[Sequence[int]],
        kernel_size_down: Sequence[Sequence[Any]] | None = None,
        kernel_size_up: Sequence[Sequence[Any]] | None = None,
        activation: str | None = "ReLU",
        fov: Any = None,
        voxel_size: Any = None,
        num_fmaps_out: int | None = None,
        num_heads: int = 1,
        constant_upsample: bool = False,
        padding: str = "valid",
    ) -> None:
        super().__init__()
        if num_heads != 1:
            raise ValueError(
                f"num_heads must be 1, got {num_heads}: a net of one image"
            )
        if activation is not None and activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}")
        if padding not in ("valid", "same"):
            raise ValueError(f'padding must be "valid" or "same", got {padding!r}')
        self.factors = [tuple(each) for each in downsample_factors]
        ndim, levels = len(self.factors[0]), len(self.factors)
        if ndim not in (2, 3):
            raise ValueError(f"2 or 3 axes are read, got factors of {ndim}")
        down, self.up_kernels = (
            [[_sizes(kernel, ndim) for kernel in level] for level in given]
            if given is not None
            else [[(3,) * ndim] * 2] * number
            for given, number in (
                (kernel_size_down, levels + 1),
                (kernel_size_up, levels),
            )
        )
        self.is_valid = padding == "valid"
        maps = [num_fmaps * fmap_inc_factor**level for level in range(levels + 1)]
        read = [in_channels, *maps[:-1]]
        out = [num_fmaps_out or maps[0], *maps[1:]]
        self.l_conv = nn.ModuleList(
            ConvPass([read[i], *[maps[i]] * len(down[i])], down[i], activation, padding)
            for i in range(levels + 1)
        )
        self.l_down = nn.ModuleList(POOLING[ndim](f, f) for f in self.factors)
        ups = (
            Up(self.factors[i], None if constant_upsample else maps[i + 1])
            for i in range(levels)
        )
        self.r_up = nn.ModuleList([nn.ModuleList(ups)])
        rights = (
            ConvPass(
                [maps[i] + maps[i + 1], *[out[i]] * len(self.up_kernels[i])],
                self.up_kernels[i], activation, padding,
            )
            for i in range(levels)
        )  # fmt: skip
        self.r_conv = nn.ModuleList([nn.ModuleList(rights)])

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, num_fmaps_out, \*size').

        Parameters
        ----------
        x : Tensor
            (batch, in_channels, \*size), divisible by the factors at each level.
        """
        lefts = []
        for conv, pool, factor in zip(
            self.l_conv, self.l_down, self.factors, strict=False
        ):
            lefts.append(x := conv(x))
            sizes = x.shape[2:]
            if any(size % f for size, f in zip(sizes, factor, strict=True)):
                raise ValueError(f"{tuple(sizes)} pixels cannot be pooled by {factor}")
            x = pool(x)
        x = self.l_conv[-1](x)
        for i in reversed(range(len(lefts))):
            x = self.r_up[0][i].up(x)  # type: ignore[index]
            if self.is_valid:
                x = _cropped(x, self._kept(i, x.shape[2:]))
            left = _cropped(lefts[i], tuple(x.shape[2:]))
            x = self.r_conv[0][i](torch.cat([left, x], dim=1))  # type: ignore[index]
        return x

    def _kept(self, level: int, sizes: Sequence[int]) -> Sizes:
        """Return the largest size whose convolutions leave a multiple of factors."""
        kept = []
        for axis, size in enumerate(sizes):
            factor = prod(each[axis] for each in self.factors[level:])
            eaten = sum(kernel[axis] - 1 for kernel in self.up_kernels[level])
            left = (size - eaten) // factor * factor
            if left < 1:
                raise ValueError(f"{tuple(sizes)} pixels are too few at level {level}")
            kept.append(left + eaten)
        return tuple(kept)


def _cropped(x: Tensor, sizes: Sizes) -> Tensor:
    """Return the middle of an image."""
    for axis, size in enumerate(sizes, 2):
        x = x.narrow(axis, (x.shape[axis] - size) // 2, size)
    return x
