"""What the pixels of one tensor see of the input image, along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import floor, gcd, lcm
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Interval = tuple[int, int] | None  # first and last input pixel; None: it sees none


@dataclass(frozen=True)
class Sight:
    """The input pixels that each pixel of a tensor sees, for all its phases.

    Pixel j + k·q sees the interval of phase j, shifted by k·q / rate input pixels,
    where q is the number of phases: the tensor repeats after so many of its own pixels,
    and after the *period* ``q / rate`` of the input's.
    """

    rate: Fraction = Fraction(1)  # own pixels an input pixel
    phases: tuple[Interval, ...] = ((0, 0),)
    # where the middle of pixel 0 lies in the input; that of pixel j is j / rate further
    middle: Fraction = Fraction(0)

    @property
    def period(self) -> int:
        """``q / rate``, in input pixels."""
        return int(len(self.phases) / self.rate)

    def at(self, pixel: int) -> Interval:
        """Return the input pixels that one pixel, of any number, sees."""
        times, phase = divmod(pixel, len(self.phases))
        seen = self.phases[phase]
        shift = times * self.period
        return seen and (seen[0] + shift, seen[1] + shift)

    def window(self, width: int, stride: int, dilation: int, before: int) -> Sight:
        """Return the sight after a convolution or pooling.

        Pixel o reads pixels ``o·stride − before + t·dilation`` for t < width. It
        repeats with o by q / gcd(q, stride).
        """
        number = len(self.phases) // gcd(len(self.phases), stride)
        taps = range(-before, -before + width * dilation, dilation)
        phases = tuple(
            _hull(self.at(o * stride + t) for t in taps) for o in range(number)
        )
        middle = Fraction((width - 1) * dilation, 2) - before
        return Sight(self.rate / stride, phases, self.middle + middle / self.rate)

    def spread(self, width: int, stride: int, dilation: int, before: int) -> Sight:
        """Return the sight after a transposed convolution.

        Pixel i is written to ``i·stride − before + t·dilation`` for t < width.
        """
        number = len(self.phases) * stride
        phases = []
        for o in range(number):
            places = (o + before - t * dilation for t in range(width))
            phases.append(
                _hull(self.at(i // stride) for i in places if i % stride == 0)
            )
        middle = (before - Fraction((width - 1) * dilation, 2)) / stride
        return Sight(
            self.rate * stride, tuple(phases), self.middle + middle / self.rate
        )

    def resized(self, scale: Fraction, mode: str, half_pixel: bool) -> Sight:
        """Return the sight after an interpolation; mode: nearest, linear or cubic.

        Pixel o reads about ``(o + ½) / scale − ½`` (half-pixel) or ``o / scale``.
        """
        number = scale.numerator * len(self.phases)
        number //= gcd(len(self.phases), scale.denominator)
        phases = tuple(
            _hull(self.at(i) for i in _read(o, scale, mode, half_pixel))
            for o in range(number)
        )
        middle = (1 / scale - 1) / 2 if half_pixel or mode == "nearest" else Fraction(0)
        return Sight(self.rate * scale, phases, self.middle + middle / self.rate)

    def shifted(self, by: int) -> Sight:
        """Return the sight with `by` pixels cropped before pixel 0; < 0: padded."""
        phases = tuple(self.at(j + by) for j in range(len(self.phases)))
        return Sight(self.rate, phases, self.middle + by / self.rate)


def _read(o: int, scale: Fraction, mode: str, half_pixel: bool) -> list[int]:
    """Return the pixels that pixel o of an interpolation reads with a weight."""
    if mode == "nearest":
        place = (o + Fraction(1, 2)) / scale if half_pixel else o / scale
        return [floor(place)]
    place = (o + Fraction(1, 2)) / scale - Fraction(1, 2) if half_pixel else o / scale
    first = floor(place)
    if place == first:
        return [first]
    return [first, first + 1] if mode == "linear" else list(range(first - 1, first + 3))


def joined(sights: Sequence[Sight]) -> Sight:
    """Return the sight of a tensor that is made of others, pixel by pixel.

    Raises
    ------
    ValueError
        If they are not equally fine.
    """
    if len({s.rate for s in sights}) > 1:
        rates = " and ".join(sorted({str(s.rate) for s in sights}))
        raise ValueError(f"joins tensors of {rates} pixels an input pixel")
    number = reduce(lcm, (len(s.phases) for s in sights))
    phases = tuple(_hull(s.at(j) for s in sights) for j in range(number))
    return Sight(sights[0].rate, phases, sights[0].middle)


def _hull(seen: object) -> Interval:
    intervals = [i for i in seen if i is not None]  # type: ignore[attr-defined]
    if not intervals:
        return None
    return min(i[0] for i in intervals), max(i[1] for i in intervals)
