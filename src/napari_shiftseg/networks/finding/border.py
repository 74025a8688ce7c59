"""The padding, by probing: what a network takes an image to be beyond its border.

That it sees nothing there, or the other end of the image, shows to the last digit.
Which of the others it is shows by degrees only, since each layer pads anew: an image is
continued by hand as a padding would continue it, and the nearest is named. Flat images
part zeros from all that repeats the edge; images that alternate from pixel to pixel,
which a reflection goes on with and a repetition does not, part these two.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from numpy.typing import NDArray

    from napari_shiftseg.networks.finding.found import Padding
    from napari_shiftseg.networks.finding.subject import Subject

RIM = 2  # outputs at each end whose differences are looked at
DRAWS = 6  # images, of which the mean is taken
# (difference from a repeated edge) / (from zeros), of flat images. 100 small networks:
# 0.64 to 3.5 with zeros, 0 to 0.5 with reflections, 0 to 0.8 with repeated edges
ZEROS, SURELY_ZEROS, SURELY_NOT = 0.6, 1.0, 0.45
# (difference from a reflection) / (from a repeated edge), of alternating images: 0 to
# 0.5 with reflections, 0.75 to 1.9 with repeated edges
REFLECTS, SURELY_REFLECTS = 0.6, 0.4


@dataclass(frozen=True)
class Border:
    """One axis of a network at whose border is looked.

    Attributes
    ----------
    size : tuple of int
        An input that it reads, long along the axis.
    lost : int
        Input pixels without an output.
    reach : int or None
        How far it sees; None: the whole tile.
    """

    subject: Subject
    axis: int
    size: tuple[int, ...]
    period: int
    scale: Fraction
    lost: int
    reach: int | None

    def answer(self, x: NDArray[Any]) -> NDArray[Any] | None:
        """Return (places along the axis, everything else)."""
        y = self.subject.answer(x)
        if y is None:
            return None
        moved = np.moveaxis(y, 2 + self.axis, 0)
        return moved.reshape(moved.shape[0], -1)

    def shaped(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return numbers, one a pixel of the axis, as an image that is flat else."""
        shape = [1] * (2 + len(self.size))
        shape[2 + self.axis] = len(values)
        return values.reshape(shape)


def padding_of(border: Border) -> tuple[Padding | None, bool]:
    """Return the padding along an axis, and whether it is sure; None: not known."""
    if border.subject.fixed_size:
        return None, False
    if _sees_other_end(border):
        return "circular", True
    if _is_free_of_border(border):
        if border.lost:
            return "valid", True
        return (None, False) if border.reach is None else ("none", True)
    if border.reach is None:
        return "zeros", False  # a continued image changes what is seen of the whole
    reflects = _ratio(border, _alternating, "reflect", "edge")
    flat = _ratio(border, _flat, "edge", "constant")
    if reflects is None or flat is None:
        return None, False
    if flat > ZEROS:
        return "zeros", flat > SURELY_ZEROS
    if reflects < REFLECTS:
        return "reflect", flat < SURELY_NOT and reflects < SURELY_REFLECTS
    return "replicate", flat < SURELY_NOT


def _sees_other_end(border: Border) -> bool:
    """Whether the last input pixel changes the first output, but not the middle one."""
    if border.reach is None:
        return False
    x = border.subject.noise(border.size)
    other = x.copy()
    other[(slice(None),) * (2 + border.axis) + (-1,)] += 100
    one, two = border.answer(x), border.answer(other)
    if one is None or two is None:
        return False
    changed = np.abs(one - two).max(axis=1) > 1e4 * border.subject.precision
    return bool(changed[0] and not changed[len(changed) // 2])


def _is_free_of_border(border: Border) -> bool:
    """Whether an image and a part of it are answered alike, up to the part's border.

    A network that sees the whole tile is shown a flat image instead, whose answer then
    repeats with the period up to the border.
    """
    step = border.period
    if border.reach is None:
        y = border.answer(np.ones((1, border.subject.channels, *border.size)))
        shift = int(step * border.scale)
        one, two = (y[shift:], y[:-shift]) if y is not None else (None, None)
    else:
        margin = -(-(border.reach + 1) // step) * step
        size = list(border.size)
        size[border.axis] += 2 * margin
        x = border.subject.noise(size)
        index = (slice(None),) * (2 + border.axis) + (slice(margin, -margin),)
        one, y = border.answer(x[index]), border.answer(x)
        first = floor(margin * border.scale)
        two = None if y is None or one is None else y[first : first + len(one)]
    if one is None or two is None or one.shape != two.shape:
        return False
    far = np.abs(one - two).max()
    return bool(far <= 1e4 * border.subject.precision * np.abs(one).max())


def _flat(border: Border, draw: int) -> NDArray[Any]:
    """Return an image that is constant along the axis, and differs across it."""
    across = list(border.size)
    across[border.axis] = 1
    values = 3 * (-1) ** draw * np.abs(border.subject.noise(across, seed=50 + draw))
    flat = border.shaped(np.zeros(border.size[border.axis]))
    return np.asarray(values + flat)


def _alternating(border: Border, draw: int) -> NDArray[Any]:
    across = list(border.size)
    across[border.axis] = 1
    signs = (-1.0) ** np.arange(border.size[border.axis])
    amplitude: NDArray[Any] = 3 * border.subject.noise(across, seed=50 + draw)
    return np.asarray(amplitude * border.shaped(signs))


def _ratio(
    border: Border, image: Callable[[Border, int], NDArray[Any]], one: str, two: str
) -> float | None:
    """Return how far from one continuation a network answers, over that from another.

    The mean difference at the rim between the answer to an image, and to the same image
    continued by numpy's pad modes `one` and `two`; the mean over some images.
    """
    far = np.zeros(2)
    for draw in range(DRAWS):
        x = image(border, draw)
        y = border.answer(x)
        pair = [_difference(border, x, y, mode) for mode in (one, two)]
        if None in pair:
            return None
        differences = np.array(pair, dtype=float)
        far += differences / max(differences.sum(), np.finfo(float).tiny)
    return float(far[0] / far[1]) if far[1] else float("inf")


def _difference(
    border: Border, x: NDArray[Any], y: NDArray[Any] | None, mode: str
) -> float | None:
    """Return how far an answer is, at the rim, from that to the image continued."""
    reach = border.reach or 0
    margin = -(-max(reach // 2, border.period) // border.period) * border.period
    width = [(0, 0)] * x.ndim
    width[2 + border.axis] = (margin, margin)
    large = border.answer(np.pad(x, width, mode=mode))  # type: ignore[call-overload]
    if y is None or large is None:
        return None
    first = floor(margin * border.scale)
    off = np.abs(y - large[first : first + len(y)])
    return float(np.concatenate([off[:RIM], off[-RIM:]]).mean())
