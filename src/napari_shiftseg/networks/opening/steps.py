"""Steps before and after a network: those of a pixel, and those of a whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Values = tuple[float, ...]  # one for all channels, or one a channel


def _by_channel(values: Values, ndim: int) -> NDArray[np.float32]:
    r"""Shape values so that they stand at the channels of (channels, \*spatial)."""
    return np.array(values, np.float32).reshape(-1, *[1] * (ndim - 1))


@dataclass(frozen=True)
class Linear:
    """``(v − offset) · gain``."""

    offset: Values
    gain: Values

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        r"""Return (channels, \*spatial), each pixel by itself."""
        offset, gain = (_by_channel(v, values.ndim) for v in (self.offset, self.gain))
        return (values - offset) * gain


@dataclass(frozen=True)
class Clip:
    """Values below ``low`` are raised to it, those above ``high`` lowered."""

    low: Values
    high: Values

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        r"""Return (channels, \*spatial), each pixel by itself."""
        low, high = (_by_channel(v, values.ndim) for v in (self.low, self.high))
        return np.clip(values, low, high)


@dataclass(frozen=True)
class Threshold:
    """1 above the threshold, 0 elsewhere."""

    above: Values

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        r"""Return (channels, \*spatial), each pixel by itself."""
        return np.asarray(values > _by_channel(self.above, values.ndim), np.float32)


@dataclass(frozen=True)
class Whole:
    """Whole numbers of a type, as a cast to it cuts them; "bool" is 0 or 1."""

    dtype: str

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        r"""Return (channels, \*spatial), each pixel by itself."""
        if self.dtype == "bool":
            return np.asarray(values != 0, np.float32)
        limits = np.iinfo(self.dtype)
        return np.clip(np.trunc(values), limits.min, limits.max)


@dataclass(frozen=True)
class Sigmoid:
    """``1 / (1 + exp(−v))``."""

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        r"""Return (channels, \*spatial), each pixel by itself."""
        # written with tanh, no value overflows
        return np.asarray(0.5 * np.tanh(0.5 * values) + 0.5, np.float32)


@dataclass(frozen=True)
class Softmax:
    """``exp(v) / Σ exp(v)`` over the channels."""

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        r"""Return (channels, \*spatial), each pixel by itself."""
        grown = np.exp(values - values.max(axis=0, keepdims=True))
        return grown / grown.sum(axis=0, keepdims=True)  # type: ignore[no-any-return]


# of a pixel by itself: the same for a tile as for the whole image
Pixelwise = Linear | Clip | Threshold | Whole | Sigmoid | Softmax


@dataclass(frozen=True)
class Statistic:
    """A step that looks at the whole image first; then it is one of a pixel.

    "zero_mean_unit_variance": ``(v − mean) / (standard deviation + eps)``.
    "scale_range": ``(v − low) / (high − low + eps)`` of two percentiles.
    "clip": to two percentiles.
    """

    kind: Literal["zero_mean_unit_variance", "scale_range", "clip"]
    per_channel: bool  # by itself, or over all channels together
    low: float = 0.0  # percentiles
    high: float = 100.0
    eps: float = 1e-6
    of_raw: bool = False  # percentiles of the image as it is, before all other steps

    def of(self, image: NDArray[np.float32]) -> Linear | Clip:
        r"""Return the step of a pixel that this is in an image.

        Parameters
        ----------
        image : array
            (channels, \*spatial), whole.
        """
        parts = list(image) if self.per_channel else [image]
        if self.kind == "zero_mean_unit_variance":
            offset = tuple(float(part.mean(dtype=np.float64)) for part in parts)
            spread = [float(part.std(dtype=np.float64)) for part in parts]
            return Linear(offset, tuple(1 / (each + self.eps) for each in spread))
        bounds = [np.percentile(part, (self.low, self.high)) for part in parts]
        low, high = (tuple(map(float, ends)) for ends in zip(*bounds, strict=True))
        if self.kind == "clip":
            return Clip(low, high)
        width = [b - a + self.eps for a, b in zip(low, high, strict=True)]
        return Linear(low, tuple(1 / each for each in width))


@dataclass(frozen=True)
class GreyRule:
    """How the grey values of one image are read: the same in every tile of it."""

    steps: tuple[Pixelwise, ...]

    def __call__(self, image: NDArray[np.generic]) -> NDArray[np.float32]:
        r"""Read (channels, \*spatial), whole or a tile of it."""
        values = np.asarray(image, np.float32)
        for step in self.steps:
            values = step(values)
        return np.asarray(values, np.float32)


@dataclass(frozen=True)
class Intensity:
    """How a network wants grey values read, found of each image as a whole."""

    steps: tuple[Pixelwise | Statistic, ...] = ()

    def of(self, image: NDArray[np.generic]) -> GreyRule:
        r"""Return the rule of an image: never of a tile, or tiles would not agree.

        Parameters
        ----------
        image : array
            (channels, \*spatial), the whole one.
        """
        raw = values = np.asarray(image, np.float32)
        rule: list[Pixelwise] = []
        for step in self.steps:
            if isinstance(step, Statistic):
                step = step.of(raw if step.of_raw else values)
            rule.append(step)
            values = step(values)
        return GreyRule(tuple(rule))
