"""Images that are long along one axis, and what becomes of their size."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.networks.finding.legal_sizes import spacing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.networks.finding.subject import Subject

LONG = (128, 256, 384, 512, 768, 1024)  # lengths tried, along the axis
LARGEST_PERIOD = 64  # looked for one by one
LARGEST_SHIFT = 192  # of a multiple of most periods


@dataclass(frozen=True)
class Bar:
    """An image size that is long along one axis."""

    axis: int
    size: tuple[int, ...]

    @property
    def length(self) -> int:
        """Pixels along the axis."""
        return self.size[self.axis]

    def of(self, length: int) -> Bar:
        """Return the bar of another length."""
        size = (*self.size[: self.axis], length, *self.size[self.axis + 1 :])
        return Bar(self.axis, size)


def bars_of(subject: Subject, axis: int, readable: tuple[int, ...]) -> Iterator[Bar]:
    """Yield bars that it reads, shorter first; at least one."""
    short, last = Bar(axis, readable), 0
    for length in () if subject.fixed_size else LONG:
        if prod(short.of(length).size) > subject.most_pixels:
            break
        for n in range(max(length, last + 1), length + 2 * LARGEST_PERIOD):
            if subject.output_size(short.of(n).size):
                last = n
                yield short.of(n)
                break
    if not last:
        yield short


def outputs_of(subject: Subject, bar: Bar) -> int:
    """Return the output's length along the axis; 0 if the bar is refused."""
    size = subject.output_size(bar.size)
    return size[bar.axis] if size else 0


def along(y: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return (places along the axis, everything else) of a prediction."""
    moved = np.moveaxis(y, 2 + axis, 0)
    return moved.reshape(moved.shape[0], -1)


def slope_of(subject: Subject, bar: Bar) -> Fraction:
    """Return output pixels an input pixel, before the period is known.

    From a bar that is longer by a multiple of most periods; if there is none, from this
    one, which is taken to lose pixels where it gives more than half of them.
    """
    number = outputs_of(subject, bar)
    if not subject.fixed_size:
        more = LARGEST_SHIFT
        longer = outputs_of(subject, bar.of(bar.length + more))
        if longer > number:
            return Fraction(longer - number, more).limit_denominator(LARGEST_PERIOD)
    ratio = Fraction(number, bar.length).limit_denominator(LARGEST_PERIOD)
    return Fraction(1) if Fraction(1, 2) < ratio < 1 else ratio


def least_lossy(
    subject: Subject, bar: Bar, period: int, scale: Fraction
) -> tuple[Bar, int]:
    """Return a bar whose size loses no pixel, and input pixels that have no output.

    Of all lengths within a period that with the fewest, if it can be none below 0.
    """
    lost: dict[int, int] = {}
    for length in range(bar.length, bar.length + (1 if subject.fixed_size else period)):
        number = outputs_of(subject, bar.of(length))
        if number:
            lost[length] = int(length - number / scale)
    best = min(lost, key=lambda n: (lost[n] < 0, abs(lost[n]), n), default=bar.length)
    return bar.of(best), max(lost.get(best, 0), 0)


def scale_of(subject: Subject, bar: Bar, period: int) -> Fraction:
    """Return output pixels an input pixel."""
    number = outputs_of(subject, bar)
    for times in () if subject.fixed_size else (1, 2, 4):
        longer = outputs_of(subject, bar.of(bar.length + times * period))
        if longer:
            return Fraction(longer - number, times * period)
    return Fraction(number, bar.length)


def sizes_of(
    subject: Subject, bar: Bar, period: int, scale: Fraction, reach: int | None
) -> tuple[int, int, int, bool]:
    """Return (multiple, remainder, smallest) of the legal sizes, and if all are read.

    Legal are sizes that lose as many pixels as this bar, and answer alike in the
    middle.
    """
    if subject.fixed_size:
        return 0, 0, bar.length, False
    lost = bar.length - outputs_of(subject, bar) / scale
    known = subject.answer(subject.noise(bar.of(bar.length + period).size))
    x = subject.noise(bar.of(bar.length + period).size)

    def is_legal(length: int) -> bool:
        index = (slice(None),) * (2 + bar.axis) + (slice(length),)
        y = subject.answer(x[index])
        if y is None or length - y.shape[2 + bar.axis] / scale != lost:
            return False
        if known is None or reach is None or length < bar.length:
            return True
        number = floor((length - reach) * scale) - 1
        one, two = along(y, bar.axis)[:number], along(known, bar.axis)[:number]
        far = np.abs(one - two).max(initial=0)
        return bool(far <= 1e4 * subject.precision * np.abs(two).max(initial=0))

    legal = {bar.length % period} | {
        n % period for n in range(bar.length + 1, bar.length + period) if is_legal(n)
    }
    multiple = spacing(legal, period)
    any_size = multiple < period and lost == 0
    if any_size:
        multiple = period
    remainder = 0 if any_size else bar.length % multiple
    smallest = next(
        n for n in range(remainder or multiple, bar.length + 1, multiple)
        if n >= bar.length or is_legal(n)
    )  # fmt: skip
    return multiple, remainder, smallest, any_size
