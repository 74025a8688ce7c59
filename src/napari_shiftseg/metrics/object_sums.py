"""What is added up of objects over blocks: pixels, moments, boxes, brightness.

All but the sums of grey values are whole numbers, so blocks give what the whole gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

MOST_EXACT = 2**62  # that a whole number of 64 bits holds, with room


@dataclass(frozen=True)
class Runs:
    """Stretches of pixels along the last axis, each of one object, sorted by label.

    Of one object they are in the order of a scan.
    """

    label: Numbers  # (runs,)
    at: Numbers  # (axes, runs), the first pixel, in the image
    length: Numbers  # (runs,)
    begins: Numbers  # (objects,), where the runs of the next object begin
    order: Numbers  # (runs,), place of each among all runs of the block
    starts: Numbers  # of all runs of the block, the background's too, in it as a line

    @classmethod
    def of(cls, block: NDArray[np.integer], origin: Sequence[int]) -> Runs:
        """Find the runs of a block.

        Parameters
        ----------
        block : ndarray of int
            Labels, 0 is background.
        origin : sequence of int
            Its first pixel in the image.
        """
        line = block.ravel()
        changes = np.ones(block.size, dtype=bool)
        np.not_equal(line[1:], line[:-1], out=changes[1:])
        changes[:: max(1, block.shape[-1])] = True
        starts = np.flatnonzero(changes)
        length = np.diff(starts, append=block.size)
        label = line[starts].astype(np.int64)
        order = np.argsort(label, kind="stable")
        order = order[np.searchsorted(label[order], 1) :]  # no background
        label = label[order]
        at = np.stack(np.unravel_index(starts[order], block.shape))
        at += np.reshape(np.asarray(origin, dtype=np.int64), (-1, 1))
        return cls(label, at, length[order], beginnings(label), order, starts)

    @property
    def objects(self) -> Numbers:
        """Labels of the objects, upward."""
        return self.label[self.begins]

    def stretches(self, line: NDArray[Any], ufunc: np.ufunc) -> NDArray[Any]:
        """Reduce the pixels of each object, (objects,), by `np.add`, `np.minimum`, ...

        Parameters
        ----------
        line : ndarray
            Pixels of the block, one after another.
        ufunc : ufunc
        """
        if not len(self.begins):
            return np.zeros(0)
        each = ufunc.reduceat(line, self.starts)[self.order]
        return np.asarray(ufunc.reduceat(each, self.begins))


def beginnings(keys: NDArray[Any]) -> Numbers:
    """Return where in sorted keys another one begins; (n,) or (columns, n)."""
    rows = np.atleast_2d(keys)
    new = np.ones(rows.shape[1], dtype=bool)
    new[1:] = (rows[:, 1:] != rows[:, :-1]).any(axis=0)
    return np.flatnonzero(new)


def pairs_of(ndim: int) -> list[tuple[int, int]]:
    """Return the pairs of axes of which there are second moments."""
    return list(combinations_with_replacement(range(ndim), 2))


@dataclass(frozen=True)
class Sums:
    """What is added up of objects, sorted by label.

    Attributes
    ----------
    label, area : ndarray of int64
        (objects,)
    first, after : ndarray of int64
        (axes, objects), the box, half-open.
    once, twice : ndarray
        (axes, objects), (pairs, objects): sums of x and of x·y over the pixels, counted
        from `anchor`.
    anchor : ndarray of int64
        (axes, objects)
    total, lowest, highest : ndarray of float64
        (channels, objects), of the grey values.
    """

    label: Numbers
    area: Numbers
    first: Numbers
    after: Numbers
    once: NDArray[Any]
    twice: NDArray[Any]
    anchor: Numbers
    total: NDArray[np.float64] = field(repr=False)
    lowest: NDArray[np.float64] = field(repr=False)
    highest: NDArray[np.float64] = field(repr=False)

    @classmethod
    def of(
        cls, runs: Runs, origin: Sequence[int], light: Sequence[NDArray[Any]] = ()
    ) -> Sums:
        """Add up the objects of a block.

        Parameters
        ----------
        runs : Runs
        origin : sequence of int
            First pixel of the block, from which is counted.
        light : sequence of ndarray
            Grey values of the block, one a channel.
        """
        begins, n, ndim = runs.begins, runs.length, len(runs.at)
        start = np.reshape(np.asarray(origin, dtype=np.int64), (-1, 1))
        x = runs.at - start
        steps = n * (n - 1) // 2  # Σ of 0 … n − 1
        once = x * n
        once[-1] += steps
        twice = np.empty((len(pairs_of(ndim)), len(n)), dtype=np.int64)
        for row, (a, b) in enumerate(pairs_of(ndim)):
            twice[row] = x[a] * once[b]
        twice[-1] = x[-1] * (x[-1] * n + 2 * steps) + steps * (2 * n - 1) // 3
        end = runs.at + 1
        end[-1] += n - 1
        lines = [np.asarray(each, dtype=np.float64).ravel() for each in light]
        add, low, high = (
            np.array([runs.stretches(line, how) for line in lines]).reshape(
                len(lines), len(begins)
            )
            for how in (np.add, np.minimum, np.maximum)
        )
        return cls(
            runs.objects, _reduced(np.add, n, begins),
            _reduced(np.minimum, runs.at, begins), _reduced(np.maximum, end, begins),
            _reduced(np.add, once, begins), _reduced(np.add, twice, begins),
            np.repeat(start, len(begins), axis=1), add, low, high,
        )  # fmt: skip

    @classmethod
    def together(cls, parts: Sequence[Sums]) -> Sums:
        """Add up what blocks gave; moments are counted from the box of each object.

        Parameters
        ----------
        parts : sequence of Sums
            One or more.
        """
        every = {
            name: np.concatenate([getattr(part, name) for part in parts], axis=-1)
            for name in cls.__dataclass_fields__
        }
        order = np.argsort(every["label"], kind="stable")
        every = {name: values[..., order] for name, values in every.items()}
        begins = beginnings(every["label"])
        first = _reduced(np.minimum, every["first"], begins)
        after = _reduced(np.maximum, every["after"], begins)
        of = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(order)))
        area = _reduced(np.add, every["area"], begins)
        once, twice = _moved(every, first[:, of], _is_exact(area, first, after))
        return cls(
            every["label"][begins], area, first, after,
            _reduced(np.add, once, begins), _reduced(np.add, twice, begins), first,
            _reduced(np.add, every["total"], begins),
            _reduced(np.minimum, every["lowest"], begins),
            _reduced(np.maximum, every["highest"], begins),
        )  # fmt: skip

    @property
    def centroid(self) -> NDArray[np.float64]:
        """Mean place of the pixels, (axes, objects)."""
        return np.asarray(self.anchor + self.once / self.area, dtype=np.float64)

    def covariance(self, sizes: Sequence[float]) -> NDArray[np.float64]:
        """Return the covariance of the places of the pixels, (objects, axes, axes).

        Parameters
        ----------
        sizes : sequence of float
            Of a pixel along each axis.
        """
        ndim, mean = len(self.anchor), self.once / self.area
        found = np.empty((len(self.label), ndim, ndim))
        for row, (a, b) in enumerate(pairs_of(ndim)):
            value = self.twice[row] / self.area - mean[a] * mean[b]
            found[:, a, b] = found[:, b, a] = value * sizes[a] * sizes[b]
        return found


def _reduced(ufunc: np.ufunc, values: NDArray[Any], begins: Numbers) -> NDArray[Any]:
    """Reduce values along the last axis, from each beginning to the next."""
    if not len(begins):
        return values[..., :0]
    return np.asarray(ufunc.reduceat(values, begins, axis=-1))


def _is_exact(area: Numbers, first: Numbers, after: Numbers) -> bool:
    """Whether sums of squares of places in the boxes are whole numbers of 64 bits."""
    if not len(area):
        return True
    side = (after - first).max(axis=0).astype(float)
    return bool((area * side**2).max() < MOST_EXACT)


def _moved(
    every: dict[str, NDArray[Any]], anchor: Numbers, is_exact: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return moments counted from other places."""
    kind = np.int64 if is_exact else np.float64
    shift = (every["anchor"] - anchor).astype(kind)
    n, once, twice = (every[name].astype(kind) for name in ("area", "once", "twice"))
    for row, (a, b) in enumerate(pairs_of(len(shift))):
        twice[row] += shift[a] * once[b] + shift[b] * once[a] + n * shift[a] * shift[b]
    return once + n * shift, twice
