"""The U-Net: 1-D to 3-D, valid or same padding, learnt or nearest upsampling."""

from __future__ import annotations

from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from napari_shiftseg.networks.config import ModelConfig

if TYPE_CHECKING:
    from napari_shiftseg.geometry.unet_shape import UNetShape

# torch's own annotations know one width for all axes only
CONVOLUTION: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, Any] = {
    1: nn.ConvTranspose1d,
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
CONVOLUTIONS = (*CONVOLUTION.values(), *TRANSPOSED.values())
POOLING = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
BATCH_NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class Block(nn.Sequential):
    """Convolutions of one level, each followed by batch norm (if any) and ReLU."""

    def __init__(self, config: ModelConfig, channels: int, features: int) -> None:
        layers: list[nn.Module] = []
        for _ in range(config.convolutions):
            layers.append(
                CONVOLUTION[config.ndim](
                    channels, features, config.kernel_size, padding=config.padding
                )
            )
            if config.normalization == "batch":
                layers.append(BATCH_NORM[config.ndim](features))
            layers.append(nn.ReLU(inplace=True))
            channels = features
        super().__init__(*layers)


class Up(nn.Module):
    """Bring the coarser level to the finer one's size and join its skip connection."""

    def __init__(self, config: ModelConfig, level: int) -> None:
        super().__init__()
        fine, coarse = config.level_features[level : level + 2]
        factor = config.pooling_factors[level]
        self.resize: nn.Module
        if config.upsampling == "learnt":
            self.resize = TRANSPOSED[config.ndim](coarse, fine, factor, stride=factor)
            joined = 2 * fine
        else:
            self.resize = nn.Upsample(scale_factor=factor, mode="nearest")
            joined = fine + coarse
        self.block = Block(config, joined, fine)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """Return the finer level's features; the skip is cropped to the middle."""
        grown = self.resize(coarse)
        for axis in range(2, grown.ndim):
            surplus = skip.shape[axis] - grown.shape[axis]
            skip = skip.narrow(axis, surplus // 2, grown.shape[axis])
        return self.block(torch.cat([skip, grown], dim=1))  # type: ignore[no-any-return]


class UNet(nn.Module):
    """A U-Net that predicts an embedding per pixel.

    Parameters
    ----------
    config : ModelConfig

    References
    ----------
    Ronneberger et al., MICCAI 2015; the sizes as in Rumberger et al., ICCV 2021.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.shape: UNetShape = config.shape
        features = config.level_features
        levels = len(config.pooling_factors)
        channels = (config.in_channels, *features[:-1])
        self.down = nn.ModuleList(
            Block(config, channels[i], features[i]) for i in range(levels)
        )
        self.pool = nn.ModuleList(
            POOLING[config.ndim](factor) for factor in config.pooling_factors
        )
        self.bottom = Block(config, channels[-1], features[-1])
        self.up = nn.ModuleList(Up(config, i) for i in range(levels))
        self.head = CONVOLUTION[config.ndim](features[0], config.out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        r"""Predict one raw output.

        Parameters
        ----------
        x : Tensor
            (batch, in_channels, \*legal input)

        Returns
        -------
        Tensor
            (batch, embedding_channels [+ 1 foreground logit], \*raw output)

        Raises
        ------
        IllegalInputError
            If the input would lose pixels in pooling.
        """
        self.shape.raw_output(tuple(x.shape[2:]))
        skips = []
        for block, pool in zip(self.down, self.pool, strict=True):
            x = block(x)
            skips.append(x)
            x = pool(x)
        x = self.bottom(x)
        for up in reversed(self.up):
            x = up(x, skips.pop())
        return self.head(x)  # type: ignore[no-any-return]

    @property
    def parameter_count(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.parameters())


def new_model(*, seed: int = 0, **options: Any) -> UNet:
    """Make an untrained U-Net with Kaiming-initialised weights, in eval mode.

    Parameters
    ----------
    seed : int
        Of the initialisation.
    **options
        ``ndim``, ``depth``, ``pooling_factor``, ``kernel_size`` (one value or one an
        axis) and the other attributes of `ModelConfig`.

    Raises
    ------
    ValueError
        If an option is unknown or out of range.
    """
    return build(ModelConfig.new(**options), seed=seed)


def build(config: ModelConfig, seed: int = 0) -> UNet:
    """Make an untrained U-Net of this config; see `new_model`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = UNet(config)
        for layer in model.modules():
            if isinstance(layer, CONVOLUTIONS):
                _kaiming(layer)
    return model.eval()


def _kaiming(layer: Any) -> None:
    """Draw weights of variance 2 / fan-in (He et al., ICCV 2015), biases 0.

    With the stride of a transposed convolution equal to its width, each output pixel
    sees one weight per input channel.
    """
    transposed = isinstance(layer, tuple(TRANSPOSED.values()))
    fan_in = layer.in_channels * (1 if transposed else prod(layer.kernel_size))
    nn.init.normal_(layer.weight, std=sqrt(2 / fan_in))
    nn.init.zeros_(layer.bias)
