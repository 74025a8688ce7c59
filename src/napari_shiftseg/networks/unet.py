"""The U-Net, and its .safetensors file: the weights and, in the header, the config."""

from __future__ import annotations

from math import prod, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from napari_shiftseg.networks.header import (
    CONFIG_KEY,
    CheckpointError,
    find_model,
    read_unet_config,
)
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        r"""Return the finer level's features; the skip is cropped to the middle.

        Parameters
        ----------
        coarse : Tensor
            (batch, features, \*size), from the coarser level.
        skip : Tensor
            (batch, features, \*size), from the way down; larger.
        """
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

    computed_by = "torch"

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
        r"""Predict one raw output; an input that loses pixels in pooling is refused.

        Parameters
        ----------
        x : Tensor
            (batch, in_channels, \*legal input)

        Returns
        -------
        Tensor
            (batch, embedding_channels [+ 1 foreground logit [+ classes]], \*raw
            output)
        """
        # while it is traced, sizes are no numbers
        if not torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
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
    """Make an untrained U-Net of this config; see `new_model`.

    Parameters
    ----------
    config : ModelConfig
    seed : int
        Of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = UNet(config)
        for layer in model.modules():
            if isinstance(layer, CONVOLUTIONS):
                _kaiming(layer)
    return model.eval()


def begin_with(model: UNet, start: UNet) -> None:
    """Give a model the weights of another one, to go on with them.

    Where their last layers differ, it keeps its own weights but for what both have: an
    embedding of the same kind and channels, a foreground logit, the same classes.

    Parameters
    ----------
    model : UNet
        Changed.
    start : UNet
        Of the same architecture but for the last layer.
    """
    weights = start.state_dict()
    own, known = (_channels_by_use(config) for config in (model.config, start.config))
    if own != known:
        for name, mine in model.head.state_dict(prefix="head.").items():
            taken = mine.clone()
            for use in own.keys() & known.keys():
                taken[own[use]] = weights[name][known[use]]
            weights[name] = taken
    model.load_state_dict(weights)


def _channels_by_use(config: ModelConfig) -> dict[tuple[Any, ...], slice]:
    """Return which output channels are what; keys are equal where the use is."""
    embedding, logit = config.embedding_channels, config.foreground
    uses: dict[tuple[Any, ...], slice] = {}
    uses["embedding", config.embedding, embedding] = slice(embedding)
    if logit:
        uses["foreground",] = slice(embedding, embedding + 1)
    if config.classes:
        uses["classes", config.classes] = slice(embedding + logit, None)
    return uses


def _kaiming(layer: Any) -> None:
    """Draw weights of variance 2 / fan-in (He et al., ICCV 2015), biases 0.

    With the stride of a transposed convolution equal to its width, each output pixel
    sees one weight per input channel.
    """
    transposed = isinstance(layer, tuple(TRANSPOSED.values()))
    fan_in = layer.in_channels * (1 if transposed else prod(layer.kernel_size))
    nn.init.normal_(layer.weight, std=sqrt(2 / fan_in))
    nn.init.zeros_(layer.bias)


VARIANCE = "running_var"  # of batch norm, whose root is taken


def unsound(weights: Mapping[str, Tensor]) -> str:
    """Say which weights let every prediction be NaN; empty if there are none."""
    for name, values in weights.items():
        number = int((~values.isfinite()).sum())
        if number:
            return f"{number} of {values.numel()} values of {name} are NaN or infinite"
        if name.endswith(VARIANCE) and (values < 0).any():
            return f"{name} is a variance and has values below 0"
    return ""


# of a number format that torch does not know, too
UNREADABLE = (
    ValueError, RuntimeError, TypeError, KeyError, AttributeError, OverflowError,
    SafetensorError,
)  # fmt: skip


def load_unet(source: str | Path) -> UNet:
    """Load a model of ours in eval mode, on the CPU, in float32.

    Parameters
    ----------
    source : str or Path
        The name of a bundled model or of one in the user's folder, or a path to a
        .safetensors file.

    Raises
    ------
    FileNotFoundError
        If there is neither a model nor a file of this name.
    CheckpointError
        If the file is no checkpoint of ours, is cut off, holds a pickle, or its
        weights do not fit its config or are not finite.
    """
    path = find_model(source)
    config = read_unet_config(path)
    try:
        model = _filled(config, path).eval()
    except UNREADABLE as error:
        first = str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"{path.name}: the weights do not fit the config ({first}); "
            f"the file is damaged or was put together by hand"
        ) from None
    fault = unsound(model.state_dict())
    if fault:
        raise CheckpointError(
            f"{path.name}: {fault}, so that no prediction is finite; its training "
            f"failed or the file is damaged, take another model"
        )
    return model


def _filled(config: ModelConfig, path: Path) -> UNet:
    """Return the network with the weights of a file; memory is taken for no others."""
    with torch.device("meta"):
        model = UNet(config)
    empty = model.state_dict()
    with safe_open(path, framework="pt") as stored:
        sizes = {n: tuple(stored.get_slice(n).get_shape()) for n in stored.keys()}  # noqa: SIM118
        _check_sizes({n: tuple(w.shape) for n, w in empty.items()}, sizes)
        weights = {
            name: stored.get_tensor(name).to(weight.dtype, copy=True)
            for name, weight in empty.items()
        }
    model.load_state_dict(weights, assign=True)
    return model


def _check_sizes(
    expected: dict[str, tuple[int, ...]], stored: dict[str, tuple[int, ...]]
) -> None:
    for name, size in expected.items():
        if name not in stored:
            raise ValueError(f"{name} is missing")
        if stored[name] != size:
            raise ValueError(f"{name} is of {list(stored[name])}, not {list(size)}")
    for name in stored:
        if name not in expected:
            raise ValueError(f"{brief(name)} is of no layer")


def save_model(
    model: UNet, path: str | Path, dtype: torch.dtype = torch.float32
) -> Path:
    """Write weights and config to one file, whole or not at all.

    Parameters
    ----------
    model : UNet
    path : str or Path
        Of the .safetensors file; an old file survives a failure.
    dtype : torch.dtype
        In which floating-point weights are stored; float16 halves the file. Those that
        it cannot hold (variances of batch norm may be large) stay as they are.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    weights = {name: _stored(w, dtype) for name, w in model.state_dict().items()}
    return _write(weights, model.config, Path(path))


def copy_model(
    source: str | Path, path: str | Path, config: ModelConfig | None = None
) -> Path:
    """Write a model to another file, its weights to the bit as they are stored.

    Parameters
    ----------
    source : str or Path
        The name of a bundled model, or a path to a .safetensors file.
    path : str or Path
        Of the .safetensors file; an old file survives a failure.
    config : ModelConfig, optional
        Of the same network; that of the source if not given.

    Raises
    ------
    FileNotFoundError, CheckpointError, OSError
        As `load_unet` and `save_model`.
    """
    known = load_unet(source).config  # refuses what is no model
    return _write(load_file(find_model(source)), config or known, Path(path))


def _write(weights: dict[str, torch.Tensor], config: ModelConfig, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = ModelConfig.model_validate(config.model_dump())  # as it will be read
    with whole_or_not_at_all(path) as unfinished:
        unfinished.write_bytes(save(weights, {CONFIG_KEY: known.model_dump_json()}))
    return path


def _stored(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    stored = weight.to(dtype) if weight.is_floating_point() else weight
    if (stored.isinf() & weight.isfinite()).any():
        stored = weight
    return stored.contiguous().cpu()
