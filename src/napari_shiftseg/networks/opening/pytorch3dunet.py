"""The networks of pytorch-3dunet, by their parameter names; written anew."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_shiftseg.networks.unet import BATCH_NORM, CONVOLUTION, POOLING, TRANSPOSED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "r": lambda: nn.ReLU(inplace=True),
    "l": lambda: nn.LeakyReLU(inplace=True),
    "e": lambda: nn.ELU(inplace=True),
}
NAMES = {"r": "ReLU", "l": "LeakyReLU", "e": "ELU"}
SLOPE = 0.1  # of the leaky ReLU after a residual block


class SingleConv(nn.Sequential):
    """One convolution with what goes before and after it, by letters.

    "c" convolution, "r", "l", "e" activations, "g" group norm, "b" batch norm, "d" and
    "D" dropout.

    Parameters
    ----------
    ndim, read, made : int
        Image axes, channels in and out.
    order : str
        Of the letters.
    groups : int
        Of a group norm; one where channels are fewer.
    padding : int
        Zeros at each end.
    dropout : float
    """

    def __init__(
        self,
        ndim: int,
        read: int,
        made: int,
        order: str,
        groups: int,
        padding: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if "c" not in order or order[0] in "rle" or set(order) - set("crlegbdD"):
            raise ValueError(
                f"layer_order must hold c, begin with no activation and be of the "
                f"letters crlegbdD, got {order!r}"
            )
        for place, letter in enumerate(order):
            channels = read if place < order.index("c") else made
            if letter in ACTIVATIONS:
                self.add_module(NAMES[letter], ACTIVATIONS[letter]())
            elif letter == "c":
                has_bias = not set("gb") & set(order)
                conv = CONVOLUTION[ndim](read, made, 3, padding=padding, bias=has_bias)
                self.add_module("conv", conv)
            elif letter == "g":
                number = groups if channels >= groups else 1
                self.add_module("groupnorm", nn.GroupNorm(number, channels))
            elif letter == "b":
                self.add_module("batchnorm", BATCH_NORM[ndim](channels))
            elif letter == "d":
                self.add_module("dropout", nn.Dropout(dropout))
            else:
                self.add_module("dropout2d", nn.Dropout2d(dropout))


class DoubleConv(nn.Sequential):
    """Two convolutions; on the way down the first makes half of the channels."""

    def __init__(
        self,
        ndim: int,
        read: int,
        made: int,
        is_down: bool,
        order: str,
        groups: int,
        padding: int,
        upscale: int,
        dropout: float | Sequence[float],
    ) -> None:
        middle = made
        if is_down:
            middle = max(made if upscale == 1 else made // 2, read)
        given = dropout if isinstance(dropout, (list, tuple)) else (dropout, dropout)
        super().__init__()
        for i, (a, b) in enumerate(pairwise((read, middle, made))):
            conv = SingleConv(ndim, a, b, order, groups, padding, given[i])
            self.add_module(f"SingleConv{i + 1}", conv)


class ResNetBlock(nn.Module):
    """Two convolutions beside a shortcut, which a third brings to their channels."""

    def __init__(
        self, ndim: int, read: int, made: int, order: str, groups: int
    ) -> None:
        super().__init__()
        self.conv1: nn.Module = nn.Identity()
        if read != made:
            self.conv1 = CONVOLUTION[ndim](read, made, 1)
        self.conv2 = SingleConv(ndim, made, made, order, groups)
        quiet = "".join(letter for letter in order if letter not in "rel")
        self.conv3 = SingleConv(ndim, made, made, quiet, groups)
        self.non_linearity: nn.Module = nn.ReLU(inplace=True)
        if "l" in order:
            self.non_linearity = nn.LeakyReLU(SLOPE, inplace=True)
        elif "e" in order:
            self.non_linearity = nn.ELU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, made, \*size)."""
        shortcut = self.conv1(x)
        return self.non_linearity(self.conv3(self.conv2(shortcut)) + shortcut)  # type: ignore[no-any-return]


class ChannelExcitation(nn.Module):
    """Scales channels by a function of their means over the whole tile."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, channels)
        self.fc2 = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, channels, \*size)."""
        means = x.flatten(2).mean(dim=2)
        scale: Tensor = torch.sigmoid(self.fc2(F.relu(self.fc1(means))))
        return x * scale.reshape(*scale.shape, *[1] * (x.ndim - 2))


class PixelExcitation(nn.Module):
    """Scales pixels by a function of their channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv3d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, channels, \*size)."""
        return x * torch.sigmoid(self.conv(x))


class Excitation(nn.Module):
    """The larger of both excitations."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cSE = ChannelExcitation(channels)
        self.sSE = PixelExcitation(channels)

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, channels, \*size)."""
        larger: Tensor = torch.max(self.cSE(x), self.sSE(x))
        return larger


class ResNetBlockSE(ResNetBlock):
    """A residual block with squeeze and excitation after it."""

    def __init__(
        self, ndim: int, read: int, made: int, order: str, groups: int
    ) -> None:
        super().__init__(ndim, read, made, order, groups)
        self.se_module = Excitation(made)

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, made, \*size)."""
        return self.se_module(super().forward(x))  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """Pooling, but for the finest level, and a block."""

    def __init__(self, pooling: nn.Module | None, block: nn.Module) -> None:
        super().__init__()
        self.pooling = pooling or nn.Identity()
        self.basic_module = block

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, channels, \*size')."""
        return self.basic_module(self.pooling(x))  # type: ignore[no-any-return]


class Learnt(nn.Module):
    """A transposed convolution, brought to the size of the finer level."""

    def __init__(self, ndim: int, read: int, made: int) -> None:
        super().__init__()
        self.conv_transposed = TRANSPOSED[ndim](
            read, made, 3, stride=2, padding=1, bias=False
        )

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        r"""Return (batch, made, \*size)."""
        return F.interpolate(self.conv_transposed(x), size=size)


class Upsampling(nn.Module):
    """Brings a level to the size of the finer one."""

    def __init__(self, mode: str, learnt: nn.Module | None) -> None:
        super().__init__()
        self.mode = mode
        if learnt is not None:
            self.upsample = learnt

    def forward(self, x: Tensor, size: Sequence[int]) -> Tensor:
        r"""Return (batch, channels, \*size)."""
        if self.mode == "deconv":
            return self.upsample(x, size)  # type: ignore[no-any-return]
        return x if self.mode == "none" else F.interpolate(x, size=size, mode=self.mode)


class Decoder(nn.Module):
    """Upsampling, the skip joined or added, and a block."""

    def __init__(self, upsampling: nn.Module, is_sum: bool, block: nn.Module) -> None:
        super().__init__()
        self.upsampling, self.is_sum, self.basic_module = upsampling, is_sum, block

    def forward(self, skip: Tensor, x: Tensor) -> Tensor:
        r"""Return (batch, channels, \*size of the skip)."""
        x = self.upsampling(x, skip.shape[2:])
        joined = skip + x if self.is_sum else torch.cat((skip, x), dim=1)
        return self.basic_module(joined)  # type: ignore[no-any-return]


class UNet3DUNet(nn.Module):
    """A U-Net of pytorch-3dunet: plain, residual, or with squeeze and excitation.

    Parameters
    ----------
    ndim : int
        2 or 3.
    kind : str
        "double", "residual" or "excited".
    in_channels, out_channels : int
    final_sigmoid : bool
        Whether the output is a sigmoid; else it is a softmax.
    f_maps : int or sequence of int
        Channels at the finest level, doubled at each; or those of each.
    layer_order : str
        See `SingleConv`.
    num_groups, num_levels, conv_padding, conv_upscale : int
    is_segmentation : bool
        Whether there is a sigmoid or softmax at all.
    upsample : str or None
        "default", "nearest", "bilinear", "trilinear", "area", "deconv", or None.
    dropout_prob : float or pair of float
        Of no effect on a trained network.
    **unused
        What the library ignores, too.

    References
    ----------
    https://github.com/wolny/pytorch-3dunet, ``unet3d/model.py``.
    """

    def __init__(
        self,
        ndim: int,
        kind: str,
        in_channels: int,
        out_channels: int,
        final_sigmoid: bool = True,
        f_maps: int | Sequence[int] = 64,
        layer_order: str = "gcr",
        num_groups: int = 8,
        num_levels: int | None = None,
        is_segmentation: bool = True,
        conv_padding: int = 1,
        conv_upscale: int = 2,
        upsample: str | None = "default",
        dropout_prob: float | Sequence[float] = 0.1,
        **unused: Any,
    ) -> None:
        super().__init__()
        is_double = kind == "double"
        levels = num_levels or (4 if is_double else 5)
        if isinstance(f_maps, int):
            f_maps = [f_maps * 2**level for level in range(levels)]
        if len(f_maps) < 2:
            raise ValueError(f"f_maps needs 2 levels or more, got {f_maps}")
        mode = "none" if upsample is None else upsample
        is_sum = mode == "default" and not is_double
        if mode == "default":
            mode = "nearest" if is_double else "deconv"

        def block(read: int, made: int, is_down: bool) -> nn.Module:
            if is_double:
                return DoubleConv(
                    ndim, read, made, is_down, layer_order, num_groups, conv_padding,
                    conv_upscale, dropout_prob,
                )  # fmt: skip
            residual = ResNetBlockSE if kind == "excited" else ResNetBlock
            return residual(ndim, read, made, layer_order, num_groups)

        reads = [in_channels, *f_maps[:-1]]
        self.encoders = nn.ModuleList(
            Encoder(POOLING[ndim](2) if i else None, block(read, made, True))
            for i, (read, made) in enumerate(zip(reads, f_maps, strict=True))
        )
        self.decoders = nn.ModuleList()
        for coarse, fine in pairwise(reversed(f_maps)):
            is_joined = is_double and upsample != "deconv"
            read = coarse + fine if is_joined else coarse
            learnt = Learnt(ndim, read, fine) if mode == "deconv" else None
            up = Upsampling(mode, learnt)
            inner = block(fine if is_sum else read, fine, False)
            self.decoders.append(Decoder(up, is_sum, inner))
        self.final_conv = CONVOLUTION[ndim](f_maps[0], out_channels, 1)
        self.final_activation: nn.Module = nn.Identity()
        if is_segmentation:
            self.final_activation = nn.Sigmoid() if final_sigmoid else nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        r"""Return (batch, out_channels, \*size)."""
        skips = []
        for encoder in self.encoders:
            skips.append(x := encoder(x))
        for decoder, skip in zip(self.decoders, skips[-2::-1], strict=True):
            x = decoder(skip, x)
        return self.final_activation(self.final_conv(x))  # type: ignore[no-any-return]
