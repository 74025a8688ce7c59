"""How grey values are read: which is 0 and which is 1, and what holds no data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any, Literal

from napari_shiftseg.text import grey

Asked = Literal["auto"] | tuple[float, float]
REMEDY = (
    "replace them first, for example with numpy.nan_to_num, or read NaN as no data "
    "(ignore_nan, --ignore-nan)"
)


@dataclass(frozen=True)
class Reading:
    """How the user wants grey values read.

    Parameters
    ----------
    intensity : "auto" or (float, float)
        Grey values that are read as 0 and 1; "auto": they are found in the image, as
        the model says.
    invert : bool
        Whether objects are dark on a bright background: the higher value is read as 0.
    ignore_nan : bool
        Whether NaN and infinite pixels are no data, not an error.

    Raises
    ------
    ValueError
        If the two values are not finite or the second is not above the first.
    """

    intensity: Asked = "auto"
    invert: bool = False
    ignore_nan: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.intensity, str):
            if self.intensity != "auto":
                raise ValueError(
                    f'the intensity must be "auto" or two grey values, got '
                    f"{self.intensity!r}"
                )
            return
        try:
            low, high = map(float, self.intensity)
        except (TypeError, ValueError):
            low, high = inf, inf
        if not (isfinite(low) and isfinite(high) and low < high):
            raise ValueError(
                f"the intensity needs two grey values, the first below the second, "
                f"for example 100:1100, got {written(self.intensity)}"
            )


def written(intensity: object) -> str:
    """Write an intensity as the command line takes it: ``100:1100``."""
    if isinstance(intensity, (tuple, list)):
        return ":".join(
            f"{v:.12g}" if isinstance(v, (int, float)) else str(v) for v in intensity
        )
    return str(intensity)


def parse_intensity(text: str) -> Asked:
    """Read "auto", or two grey values as ``100:1100``."""
    if text.strip().lower() == "auto":
        return "auto"
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        raise ValueError(
            f"the intensity needs two grey values, the first below the second, for "
            f"example 100:1100, or auto, got {text!r}"
        ) from None
    return low, high


@dataclass(frozen=True)
class Scale:
    """How grey values are read: v as (v − low) / (high − low), or 1 less that."""

    # grey values that are read as 0 and as 1; the other way round where inverted. Equal
    # ones: every pixel is read as 0.
    low: float = 0.0
    high: float = 1.0
    inverted: bool = False  # whether objects are dark on a bright background
    ground: float = 0.0  # grey value that stands in for pixels without data
    # grey values that hold no data: of borders, and of bars and text
    no_data: tuple[float, ...] = ()
    # grey values that hold no data where all pixels of a square have them
    in_blocks: tuple[float, ...] = ()
    # pixels read as more than this, or as very dark, are read as the median of their
    # neighbours, and nothing is read as more than twice this or as less than −1;
    # infinite: all is read as it is
    ceiling: float = inf
    ignore_nan: bool = False  # whether what is not finite holds no data
    notes: tuple[str, ...] = ()  # what the user should know
    # `low` and `high` of each frame of a stack whose frames are read each in its own
    # way; this scale is that of the others, or of the first
    frames: tuple[tuple[float, float], ...] = ()
    # `low` and `high` of each channel, where these are read each in its own way
    channels: tuple[tuple[float, float], ...] = ()
    is_standardized: bool = False  # whether they are mean, and mean and deviation

    def each_channel(self) -> tuple[Scale, ...]:
        """Return the scales of the channels; one for all where they are read alike."""
        ends = self.channels or ((self.low, self.high),)
        return tuple(replace(self, low=a, high=b, channels=()) for a, b in ends)

    @property
    def offset(self) -> float:
        """A pixel v is read as ``(v − offset) · gain``."""
        return self.high if self.inverted else self.low

    @property
    def gain(self) -> float:
        """See `offset`."""
        if not self.high > self.low:
            return 1.0
        return (-1 if self.inverted else 1) / (self.high - self.low)

    @property
    def sentence(self) -> str:
        """Say what is read as 0 and what as 1: "reads 102 … 1,100 as 0 … 1"."""
        if (self.low, self.high, self.inverted) == (0, 1, False):
            return "reads grey values as they are"
        if not self.high > self.low:
            return f"reads {grey(self.low)} as 0"
        if self.is_standardized:
            mean, above = (1, 0) if self.inverted else (0, 1)
            return (
                f"reads the mean, {grey(self.low)}, as {mean}, and a standard "
                f"deviation above it, {grey(self.high)}, as {above}"
            )
        ends = "1 … 0" if self.inverted else "0 … 1"
        return f"reads {grey(self.low)} … {grey(self.high)} as {ends}"

    def figures(self) -> dict[str, Any]:
        """Return these values, ready for JSON; `low` the mean where it is one."""
        frames = {"frames": [[*ends] for ends in self.frames]} if self.frames else {}
        return {
            "low": self.low,
            "high": self.high,
            "inverted": self.inverted,
            "no_data": [*self.no_data, *self.in_blocks],
            **({"standardized": True} if self.is_standardized else {}),
            **frames,
        }


@dataclass(frozen=True)
class Rule:
    """How a network that was made elsewhere has its grey values scaled.

    ============== ==================================================
    kind           read as 0 and as 1
    ============== ==================================================
    linear         these two grey values
    quantiles      the grey values at these two percentiles
    standardized   the mean, and the mean and a standard deviation
    ============== ==================================================

    All are of the whole image, never of a tile: a rule of the tile's own is a seam.

    Raises
    ------
    ValueError
        If the kind is unknown, or the second value is not above the first.
    """

    kind: Literal["linear", "quantiles", "standardized"]
    low: float = 0.0
    high: float = 1.0
    least: float = 1e-6  # added to the range, where it is found in the image
    per_channel: bool = False  # whether each channel has its own

    @property
    def sentence(self) -> str:
        """Say it in words: "mean 0 and standard deviation 1"."""
        of = "each channel" if self.per_channel else "the whole image"
        if self.kind == "standardized":
            return f"mean 0 and standard deviation 1 of {of}"
        if self.kind == "quantiles":
            return f"percentile {self.low:g} to {self.high:g} of {of} as 0 … 1"
        return f"{grey(self.low)} … {grey(self.high)} as 0 … 1"

    def __post_init__(self) -> None:
        if self.kind not in ("linear", "quantiles", "standardized"):
            raise ValueError(f"no rule for grey values is called {self.kind!r}")
        if not self.low < self.high:
            raise ValueError(
                f"the first value of a rule must be below the second, got {self.low:g} "
                f"and {self.high:g}"
            )


AS_IS = Scale()
USUAL_READING = Reading()
