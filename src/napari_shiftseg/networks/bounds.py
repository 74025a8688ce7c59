"""Bounds of what the config of a model may say.

They lie far above any network in use. A file from elsewhere that goes beyond them would
keep the program busy for hours, or take all memory, before it is found to be useless.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from napari_shiftseg.text import brief, readable, visible

if TYPE_CHECKING:
    from napari_shiftseg.networks.config import ModelConfig

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
LONGEST_NAME = 255  # of a file, on all systems
WHY = "more would exhaust time or memory, and no network needs it"

# what a person reads is text and nothing else, on a terminal as on a label
DECODED = BeforeValidator(lambda w: readable(w) if isinstance(w, str) else w)
Name = Annotated[str, Field(max_length=LONGEST_NAME), DECODED, AfterValidator(visible)]
Text = Annotated[str, DECODED, AfterValidator(lambda text: visible(text, "\n\t"))]
Pixels = Annotated[int, Field(ge=1, le=2**20)]


def check_bounds(config: ModelConfig) -> None:
    """Refuse what would exhaust time or memory.

    Raises
    ------
    ValueError
        If a value is beyond its bound; it is named.
    """
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
