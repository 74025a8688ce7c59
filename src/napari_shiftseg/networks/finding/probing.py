"""The probing way: what a network does, whatever it is made of.

Along one axis after the other, in images that are long along it and small along the
rest: what changes when one column of pixels is changed (the context), by which shifts
of a pattern on a flat background the answer shifts alike (the period), which sizes are
read (the legal ones), and what happens at the border (the padding).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, product
from math import floor, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.networks.finding.bars import (
    LARGEST_PERIOD,
    LARGEST_SHIFT,
    Bar,
    along,
    bars_of,
    least_lossy,
    outputs_of,
    scale_of,
    sizes_of,
    slope_of,
)
from napari_shiftseg.networks.finding.border import Border, padding_of
from napari_shiftseg.networks.finding.found import AxisFound, Padding
from napari_shiftseg.networks.finding.subject import AnswersDiffer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_shiftseg.networks.finding.subject import Subject

FLAT = 512  # shortest in which a pattern is far from the border, whatever the context
PATTERN = 32  # length of the pattern that is shifted
# shifts with many divisors: a period that divides none of them is looked for one by one
COMMON_MULTIPLES = (
    LARGEST_SHIFT, 240, 336, 360, 96, 120, 168, 60, 84, 90, 48, 64, 32, 36, 24, 16
)  # fmt: skip
# of changed columns, in standard deviations of the noise; where a ReLU is off for one
# sign it is on for the other
AMPLITUDES = (4096.0, -4096.0)
SMALL = 16.0  # beside these, where weights as they are may be followed by a sigmoid
CHANGES = 2
SHORT, DRAWS_IF_SHORT = 1024, 8  # of an image with few pixels more are looked at
SHARP = 10.0  # a shift is refused if it misses by so many times what the best one does


@dataclass(frozen=True)
class AxisProbed:
    """What probing says along one axis; None: it could not say.

    Attributes
    ----------
    whole : bool
        Whether it sees the whole tile, however long.
    any_size : bool
        Whether it reads every size, although it has a period.
    sharp : bool
        Whether shifts were told apart by a wide margin.
    holds : bool
        Whether a shift by the graph's period shifts the answer alike, too.
    """

    period: int | None
    before: int | None
    after: int | None
    whole: bool
    padding: Padding | None
    padding_is_sure: bool
    eaten: tuple[int, int]
    multiple: int | None
    remainder: int
    smallest: int
    scale: Fraction
    any_size: bool
    sharp: bool
    holds: bool = False

    def found(self) -> AxisFound | None:
        """Return it as an `AxisFound`; None where something is not known."""
        if self.period is None or self.padding is None or self.multiple is None:
            return None
        return AxisFound(
            self.period, self.before, self.after, self.eaten, self.padding,
            self.multiple, self.remainder, self.smallest, self.scale,
        )  # fmt: skip


def probe_axis(
    subject: Subject, axis: int, readable: tuple[int, ...], claimed: int | None = None
) -> AxisProbed:
    """Probe along one axis.

    Parameters
    ----------
    subject : Subject
    axis : int
    readable : tuple of int
        A size that the network reads, in pixels.
    claimed : int, optional
        The period by its graph.

    Raises
    ------
    AnswersDiffer
        If it answers differently each time.
    OutOfTime
        After the deadline.
    """
    bars = bars_of(subject, axis, readable)
    tried: list[Bar] = []
    bar, reach = _rough_reach(subject, bars, tried)
    shifts = None
    for longer in chain([b for b in tried if b.length >= bar.length], bars):
        shifts = _shifts(subject, longer, reach, claimed)
        if shifts:
            bar = longer
            break
        if reach is not None and longer.length > 2 * reach + PATTERN + LARGEST_SHIFT:
            break  # there was room for every shift
    if shifts is None:
        lost = max(bar.length - outputs_of(subject, bar), 0)
        return AxisProbed(
            None, None, None, reach is None, None, False, (lost // 2, lost - lost // 2),
            None, 0, bar.length, Fraction(1), False, False,
        )  # fmt: skip
    period = shifts.period
    scale = scale_of(subject, bar, period)
    bar, lost = least_lossy(subject, bar, period, scale)
    eaten = (lost // 2, lost - lost // 2)
    before = after = None
    if reach is not None:
        before, after = _reach(subject, bar, period, scale, eaten[0])
    multiple, remainder, smallest, any_size = sizes_of(
        subject, bar, period, scale, reach
    )
    padding, is_sure = padding_of(
        Border(subject, axis, bar.size, period, scale, lost, reach)
    )
    return AxisProbed(
        period, before, after, reach is None, padding, is_sure, eaten, multiple,
        remainder, smallest, scale, any_size, shifts.sharp, shifts.claimed_holds,
    )  # fmt: skip


def _changed(subject: Subject, bar: Bar, column: int) -> tuple[int, int] | None:
    """Return the first and last output that a change of one column changes.

    A change shows what a gradient shows, of all outputs in one pass, and is not blind
    where a ReLU is off or a maximum took another pixel.

    Raises
    ------
    AnswersDiffer
        If nothing is changed and yet the answer differs.
    """
    seen: list[int] = []
    for draw in range(DRAWS_IF_SHORT if prod(bar.size) <= SHORT else 1):
        seen += _changed_of(subject, bar, column, subject.noise(bar.size, seed=draw))
    return (min(seen), max(seen)) if seen else None


def _changed_of(subject: Subject, bar: Bar, column: int, x: NDArray[Any]) -> list[int]:
    """Return the first and last output of an image that some change changes."""
    y, again = subject.answer(x), subject.answer(x)
    if y is None or again is None:
        return []
    if not np.array_equal(y, again):
        raise AnswersDiffer("it answers differently each time: a dropout was left on")
    places = np.zeros(y.shape[2 + bar.axis], dtype=bool)
    index = (slice(None),) * (2 + bar.axis) + (column,)
    generator = np.random.default_rng(1)
    changes = [generator.normal(size=x[index].shape) for _ in range(CHANGES)]
    limit = 4 * subject.precision * np.maximum(np.abs(y), np.abs(y).max() / 16)
    amplitudes = AMPLITUDES if subject.kaiming else (*AMPLITUDES, SMALL)
    for amplitude, change in product(amplitudes, changes):
        other = x.copy()
        other[index] += amplitude * change
        new = subject.answer(other)
        if new is not None:
            places |= (along(np.abs(new - y) - limit, bar.axis) > 0).any(axis=1)
    return [int(n) for n in np.flatnonzero(places)[[0, -1]]] if places.any() else []


def _rough_reach(
    subject: Subject, bars: Iterable[Bar], tried: list[Bar]
) -> tuple[Bar, int | None]:
    """Return the first bar whose ends do not see its middle, and how far those see.

    The reach is None if the ends of every bar see its middle: it sees the whole tile.
    Bars are appended to `tried`.
    """
    for bar in bars:
        tried.append(bar)
        seen = _changed(subject, bar, bar.length // 2)
        number = outputs_of(subject, bar)
        if seen is None:
            return bar, 0
        if seen[0] > 0 and seen[1] < number - 1:
            return bar, -(-(seen[1] - seen[0] + 1) * bar.length // number)
    return next((b for b in tried if b.length >= FLAT), tried[-1]), None


@dataclass(frozen=True)
class _Shifts:
    """The least shift that shifts the answer alike, and how sure that is."""

    period: int
    sharp: bool
    claimed_holds: bool  # whether a period that is claimed does, too


def _shifts(
    subject: Subject, bar: Bar, reach: int | None, claimed: int | None
) -> _Shifts | None:
    """Return the least shift that shifts the answer alike; None: there is none."""
    misses: dict[int, float] = {}

    def miss(shift: int) -> float:
        if shift not in misses:
            misses[shift] = _miss(subject, bar, shift)
        return misses[shift]

    room = bar.length - PATTERN - (reach or 0) // 2
    best = max(4 * subject.precision, 1e-13) * 256
    largest = best if subject.is_double else 1e-4
    multiples = [m for m in COMMON_MULTIPLES if m < room]
    start = next((m for m in multiples if miss(m) <= largest), None)
    if start is None:
        tried = range(1, min(LARGEST_PERIOD, room) + 1)
        start = next((n for n in tried if miss(n) <= largest), None)
        if start is None:
            return None
    limit = max(SHARP * misses[start], best if subject.is_double else best / 16)
    divisors = [n for n in range(1, start + 1) if start % n == 0]
    period = next((n for n in divisors if miss(n) <= limit), start)
    refused = [m for n, m in misses.items() if n % period]
    holds = claimed is not None and claimed < room and miss(claimed) <= limit
    return _Shifts(period, all(m > SHARP * limit for m in refused), holds)


def _miss(subject: Subject, bar: Bar, shift: int) -> float:
    """Return how much the answer to a shifted pattern is not the shifted answer.

    The largest difference around the pattern, relative to what the pattern changes.
    The background is flat, so that what a normalisation sees of the whole stays alike.
    """
    first = (bar.length - PATTERN - shift) // 2
    pattern = subject.noise(bar.of(PATTERN).size, seed=7)
    answers = []
    for start in (first, first + shift, None):
        x = np.full((1, subject.channels, *bar.size), 0.25)
        if start is not None:
            index = [slice(None)] * x.ndim
            index[2 + bar.axis] = slice(start, start + PATTERN)
            x[tuple(index)] = pattern
        y = subject.answer(x)
        if y is None:
            return float("inf")
        answers.append(along(y, bar.axis))
    one, two, flat = answers
    ratio = slope_of(subject, bar)
    lost = max(int(bar.length - len(one) / ratio), 0)
    moved = shift * ratio
    if moved.denominator != 1:
        return float("inf")
    begin = max(floor((first - lost // 2) * ratio), 0)
    end = min(floor((first + PATTERN - lost // 2) * ratio), len(one) - int(moved))
    if end <= begin:
        return float("inf")
    here, there = one[begin:end], two[begin + int(moved) : end + int(moved)]
    response = np.abs(here - flat[begin:end]).max()
    return float(np.abs(here - there).max() / response) if response else float("inf")


def _reach(
    subject: Subject, bar: Bar, period: int, scale: Fraction, eaten: int
) -> tuple[int, int]:
    """Return how far outputs see before and after their place, over all phases."""
    before, after = 0, 0
    roomy = bar.of(bar.length + 4 * period)
    if not subject.fixed_size and outputs_of(subject, roomy):
        bar = roomy
    for column in range(bar.length // 2, bar.length // 2 + period):
        seen = _changed(subject, bar, column)
        if seen:
            first, last = (floor(o / scale) + eaten for o in seen)
            before, after = max(before, last - column), max(after, column - first)
    return before, after
