"""The architecture of our U-Net, within bounds: its file but the weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod
from typing import Any, Literal

from pydantic import Field, model_validator

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.embeddings.kinds import spatial_channels
from napari_shiftseg.geometry.network_shape import Padding  # noqa: TC001 pydantic reads it
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.geometry.window import is_whole
from napari_shiftseg.networks.config import NetworkConfig
from napari_shiftseg.text import brief

MOST = {
    "in_channels": 4096,
    "embedding_channels": 4096,
    "features": 2**16,
    "growth": 16,
    "convolutions": 8,
}
MOST_LEVELS, WIDEST_KERNEL = 16, 15
LARGEST_PERIOD, LARGEST_CONTEXT = 2**10, 2**11  # pixels an axis
MOST_WEIGHTS = 10**9  # 4 GB
MOST_WORK = 10**13  # products for one tile: minutes without a GPU
WRITTEN = (
    "name", "description", "ndim", "pooling_factors", "kernel_size", "convolutions",
    "features", "growth", "in_channels", "embedding_channels", "foreground", "padding",
    "upsampling", "normalization", "intensity", "clustering", "provenance",
)  # fmt: skip
WHY = "more would exhaust time or memory, and no network needs it"


def check_bounds(config: ModelConfig) -> None:
    """Refuse what would exhaust time or memory."""
    for name, most in MOST.items():
        _at_most(name, getattr(config, name), most)
    check_levels(len(config.pooling_factors))
    _at_most("kernel_size", max(config.kernel_size), WIDEST_KERNEL)
    for level in config.pooling_factors:
        _at_most("a pooling factor", max(level), LARGEST_PERIOD)
    for axis in config.shape.axes:
        _at_most("the period", axis.period, LARGEST_PERIOD)
        _at_most("the context", axis.context or axis.halo, LARGEST_CONTEXT)
    _at_most("the number of weights", weights_of(config), MOST_WEIGHTS)
    _at_most("the work for one tile", work_of(config), MOST_WORK)


def check_levels(number: int) -> None:
    """Refuse more pooling levels than any network has, before they are listed."""
    _at_most("the number of pooling levels", number, MOST_LEVELS)


def weights_of(config: ModelConfig) -> int:
    """Return how many weights the network has, without making it."""
    return sum(_weights_of_levels(config))


def work_of(config: ModelConfig) -> int:
    """Return about how many products its smallest tile takes."""
    pixels = prod(axis.input_for(1 + 2 * axis.halo) for axis in config.shape.axes)
    work = 0
    for weights, factors in zip(
        _weights_of_levels(config), (*config.pooling_factors, ()), strict=True
    ):
        work += pixels * weights
        pixels = pixels // prod(factors) + 1
    return work


def _weights_of_levels(config: ModelConfig) -> list[int]:
    kernel, features = prod(config.kernel_size), config.level_features
    norm = 2 * (config.normalization == "batch")

    def block(given: int, made: int) -> int:
        widths = pairwise([given, *[made] * config.convolutions])
        return sum((kernel * a + 1 + norm) * b for a, b in widths)

    ways_down = zip((config.in_channels, *features[:-1]), features, strict=True)
    weights = [block(given, made) for given, made in ways_down]
    weights[0] += (features[0] + 1) * config.out_channels
    for level, factors in enumerate(config.pooling_factors):
        fine, coarse = features[level : level + 2]
        if config.upsampling == "learnt":
            weights[level] += (coarse * prod(factors) + 1) * fine
            coarse = fine
        weights[level] += block(fine + coarse, fine)
    return weights


def _at_most(name: str, value: Any, most: int) -> None:
    if value > most:
        raise ValueError(f"{name} must be at most {most:,}, got {brief(value)}: {WHY}")


Upsampling = Literal["learnt", "nearest"]
PerAxis = int | Sequence[int]


class ModelConfig(NetworkConfig):
    """Architecture of a U-Net, its clustering defaults and its provenance."""

    # per level (finest first), one factor an axis
    pooling_factors: tuple[tuple[int, ...], ...]
    kernel_size: tuple[int, ...]  # width of a convolution, per axis; odd
    convolutions: int = Field(default=2, ge=1)  # in a block
    features: int = Field(default=16, ge=1)  # channels at the finest level
    # factor by which the channels grow at each level
    growth: int = Field(default=2, ge=1)
    padding: Padding = "valid"
    upsampling: Upsampling = "learnt"
    # batch norm in eval mode is harmless to tiling; norms over space are not, and are
    # not offered
    normalization: Literal["none", "batch"] = "none"

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Give the fields in one order for ever: by it a training is known again."""
        return [(name, getattr(self, name)) for name in WRITTEN]

    @model_validator(mode="before")
    @classmethod
    def _usual_kernel(cls, given: Any) -> Any:
        is_open = isinstance(given, dict) and "clustering" not in given
        if is_open and given.get("embedding") == "spatial":
            return given | {"clustering": Clustering(kernel="learnt-spread")}
        return given

    @model_validator(mode="after")
    def _one_value_an_axis(self) -> ModelConfig:
        for name, values in (
            ("kernel_size", self.kernel_size),
            *(("pooling_factors", level) for level in self.pooling_factors),
        ):
            if len(values) != self.ndim:
                raise ValueError(
                    f"{name} needs {self.ndim} values, one an axis, got {values}"
                )
        spatial = spatial_channels(self.ndim)
        if self.embedding == "spatial" and self.embedding_channels != spatial:
            raise ValueError(
                f"a spatial embedding in {self.ndim} axes has {spatial} channels, a "
                f"place and its spread, got {self.embedding_channels}: leave out the "
                f"number of channels, or take another loss"
            )
        background = self.clustering.background_embedding
        if self.embedding == "spatial" and background is not None:
            raise ValueError(
                "the background has no middle, so a spatial embedding has no "
                "background_embedding: leave it out"
            )
        if background is not None and len(background) != self.embedding_channels:
            raise ValueError(
                f"background_embedding needs {self.embedding_channels} values, "
                f"one an embedding channel, got {len(background)}"
            )
        check_bounds(self)  # and the shape itself refuses impossible sizes
        if self.provenance and len(self.provenance.window) != self.ndim:
            raise ValueError(
                f"the training window needs {self.ndim} values, one an axis, got "
                f"{self.provenance.window}"
            )
        return self

    @property
    def level_features(self) -> tuple[int, ...]:
        """Channels of each level, finest first, the bottom last."""
        levels = len(self.pooling_factors) + 1
        return tuple(self.features * self.growth**i for i in range(levels))

    @property
    def shape(self) -> UNetShape:
        """Sizes of this network."""
        axes = tuple(
            AxisShape(
                factors=tuple(level[axis] for level in self.pooling_factors),
                kernel=self.kernel_size[axis],
                convolutions=self.convolutions,
                padding=self.padding,
            )
            for axis in range(self.ndim)
        )
        return UNetShape(axes, self.level_features, self.in_channels, self.out_channels)

    @property
    def architecture(self) -> dict[str, Any]:
        """How it is built, ready for JSON; per axis always a list."""
        axes = self.shape.axes
        return {
            "depth": [axis.depth for axis in axes],
            "pooling_factor": [_factor(axis.factors) for axis in axes],
            "padding": self.padding,
            "upsampling": self.upsampling,
            "normalization": self.normalization,
        }

    @classmethod
    def new(
        cls,
        ndim: int = 2,
        depth: PerAxis = 3,
        pooling_factor: PerAxis = 2,
        kernel_size: PerAxis = 3,
        **options: Any,
    ) -> ModelConfig:
        """Make a config from depth and pooling factor, each one value or one an axis.

        An axis that is less deep than the others pools at the coarsest levels only.

        Parameters
        ----------
        ndim : int
            Image axes, 1 to 3.
        depth, pooling_factor, kernel_size : int or sequence of int
            How often it pools, by which factor, and the width of its convolutions.
        **options
            Other attributes.

        Raises
        ------
        ValueError
            If a value is out of range or their number is not that of the axes.
        """
        if not (is_whole(ndim) and 1 <= ndim <= 3):
            raise ValueError(f"ndim must be 1, 2 or 3, got {ndim!r}")
        depths = _per_axis("depth", depth, ndim)
        factors = _per_axis("pooling_factor", pooling_factor, ndim)
        deepest = max(depths)
        check_levels(deepest)
        levels = tuple(
            tuple(
                factor if level >= deepest - own else 1
                for factor, own in zip(factors, depths, strict=True)
            )
            for level in range(deepest)
        )
        kernel = _per_axis("kernel_size", kernel_size, ndim)
        return cls(ndim=ndim, pooling_factors=levels, kernel_size=kernel, **options)


def _per_axis(name: str, value: PerAxis, ndim: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, Iterable) else (value,) * ndim
    if len(values) != ndim or not all(is_whole(v) and v >= 1 for v in values):
        raise ValueError(
            f"{name} needs one value or {ndim} (one an axis), each 1 or more, "
            f"got {value!r}"
        )
    return tuple(int(v) for v in values)


def _factor(factors: tuple[int, ...]) -> int | list[int]:
    """Return the pooling factor of an axis; one a level where they differ."""
    pooled = {f for f in factors if f > 1}
    return list(factors) if len(pooled) > 1 else max(factors, default=1)
