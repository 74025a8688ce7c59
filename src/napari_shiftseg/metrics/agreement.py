"""Two label images compared object by object: the same, split, merged, in one alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.label_blocks import block_of, boxes, chunk_of, sliceable
from napari_shiftseg.metrics.object_sums import Runs, Sums, beginnings
from napari_shiftseg.progress import Progress, exhaust

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.metrics.measuring import Table

    Numbers = NDArray[np.int64]

KINDS = ("matched", "split", "merged", "only_a", "only_b")
IOU = 0.5  # above it two objects are the same
MOSTLY = 0.5  # of its pixels, above which a piece lies in an object
A_PIECE = 0.05  # of an object, above which a piece of it counts


@dataclass(frozen=True)
class Agreement:
    """What became of the objects of a label image in another one.

    Attributes
    ----------
    table : dict of str to ndarray
        A row for each pair that belongs together, and for each object that is in one
        image alone: ``kind``, ``label_a`` and ``label_b`` (0: none), ``iou`` of the
        two (of an object alone with that of the other image it overlaps most),
        ``area_a``, ``area_b`` in pixels, and the centroid of its object of a, of what
        is in b alone of that: ``centroid_y``, ``centroid_x``, ...
    iou : float
        Above which two are the same.
    objects_a, objects_b : int
        Objects of each image.
    """

    table: Table = field(repr=False)
    iou: float
    objects_a: int
    objects_b: int

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each kind.

        Pairs that match, objects of a that are split, objects of b that merge several,
        objects in one image alone.
        """
        kind = self.table["kind"]
        whole = {"split": "label_a", "merged": "label_b"}
        found = {}
        for name in KINDS:
            own = kind == name
            rows = self.table[whole[name]][own] if name in whole else kind[own]
            found[name] = len(np.unique(rows)) if name in whole else len(rows)
        return found

    @property
    def kinds_of_a(self) -> dict[int, str]:
        """The kind of each object of a."""
        return self._kinds("label_a")

    @property
    def kinds_of_b(self) -> dict[int, str]:
        """The kind of each object of b."""
        return self._kinds("label_b")

    def _kinds(self, column: str) -> dict[int, str]:
        """Return kinds by label; an object in two rows has that of the first one."""
        pairs = zip(self.table[column].tolist(), self.table["kind"], strict=True)
        found: dict[int, str] = {}
        for label, kind in pairs:
            if label:
                found.setdefault(label, str(kind))
        return found


def compare_labels(
    a: ArrayLike | Any, b: ArrayLike | Any, iou: float = IOU
) -> Agreement:
    r"""Compare two label images object by object.

    An object of a is *split* where at least two objects of b lie in it: more than half
    of each, and each of them takes more than a twentieth of it. An object of b is
    *merged* where at least two objects of a lie in it in that way. Of the others two
    are *matched* whose intersection over union

    .. math:: \mathrm{IoU} = \frac{|a \cap b|}{|a \cup b|}

    is above `iou`; below 0.5 the best pairs come first. What is left is in one image
    alone (*only_a*, *only_b*), whether it overlaps with another object or not. Swapped
    images give the same with split and merged swapped.

    Parameters
    ----------
    a, b : array_like of int
        Of one shape, 0 is background; NumPy, dask or zarr, read block by block. On
        every axis the same number is the same object: frames need numbers of their own.
    iou : float
        Above it two objects are the same, 0 to below 1.

    Returns
    -------
    Agreement
        Its ``table`` has a row for each pair, and for each object alone.

    Raises
    ------
    ValueError
        If the shapes differ, the threshold is out of range, or an image is not of whole
        numbers from 0 upward.
    """
    return exhaust(compare_labels_steps(a, b, iou))


def compare_labels_steps(
    a: ArrayLike | Any, b: ArrayLike | Any, iou: float = IOU
) -> Generator[Progress, None, Agreement]:
    """Compare two label images; yields `Progress`, see `compare_labels`."""
    if not 0 <= iou < 1:
        raise ValueError(f"iou must be from 0 to below 1, got {iou}")
    one, other = sliceable(a), sliceable(b)
    shape = tuple(one.shape)
    if shape != tuple(other.shape):
        raise ValueError(
            f"both label images must have one shape, got {shape} and "
            f"{tuple(other.shape)}: give two of the same image, or of the same part"
        )
    parts, every = [], list(boxes(shape, chunk_of(one, len(shape))))
    both = [_sums_of(np.zeros((0,) * len(shape), np.uint8), (0,) * len(shape))] * 2
    sums = [[each] for each in both]
    for done, box in enumerate(every):
        yield Progress(done, len(every), stage="comparing")
        blocks = [block_of(labels, (), box) for labels in (one, other)]
        origin = tuple(side.start for side in box)
        for found, block in zip(sums, blocks, strict=True):
            found.append(_sums_of(block, origin))
        parts.append(_shared(*blocks))
    of_a, of_b = (Sums.together(each) for each in sums)
    pairs = _added(np.concatenate([np.zeros((3, 0), np.int64), *parts], axis=1))
    overlaps = Overlaps.of(pairs, of_a, of_b)
    return Agreement(_table(overlaps, iou), iou, len(of_a.label), len(of_b.label))


def _sums_of(block: NDArray[np.integer], origin: tuple[int, ...]) -> Sums:
    return Sums.of(Runs.of(block, origin), origin)


def _shared(one: NDArray[Any], other: NDArray[Any]) -> Numbers:
    """Return the objects that share pixels in a block, and how many: (3, pairs)."""
    both = (one > 0) & (other > 0)
    pairs = np.stack([one[both], other[both]]).astype(np.int64)
    ones = np.ones((1, pairs.shape[1]), np.int64)
    return _added(np.concatenate([pairs, ones]))


def _added(pairs: Numbers) -> Numbers:
    """Add up the pixels of equal pairs, sorted by a, then b."""
    pairs = pairs[:, np.lexsort((pairs[1], pairs[0]))]
    begins = beginnings(pairs[:2])
    if not len(begins):
        return pairs
    pixels = np.add.reduceat(pairs[2], begins)
    return np.stack([*pairs[:2, begins], pixels])


@dataclass(frozen=True)
class Overlaps:
    """Pairs of objects that share pixels; objects are numbered from 0, upward."""

    a: Numbers  # (pairs,)
    b: Numbers
    iou: NDArray[np.float64]
    in_a: NDArray[np.bool_]  # whether that of b lies in that of a, and is a piece of it
    in_b: NDArray[np.bool_]
    of_a: Sums
    of_b: Sums

    @classmethod
    def of(cls, pairs: Numbers, of_a: Sums, of_b: Sums) -> Overlaps:
        """Return the overlaps of objects by labels and pixels of pairs, (3, pairs)."""
        a, b = (
            np.searchsorted(of_a.label, pairs[0]),
            np.searchsorted(of_b.label, pairs[1]),
        )
        shared, size_a, size_b = pairs[2], of_a.area[a], of_b.area[b]
        in_a = (shared > MOSTLY * size_b) & (shared > A_PIECE * size_a)
        in_b = (shared > MOSTLY * size_a) & (shared > A_PIECE * size_b)
        return cls(a, b, shared / (size_a + size_b - shared), in_a, in_b, of_a, of_b)

    def parted(self, whole: Numbers, lies_in: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which pairs are of an object in which two or more lie."""
        pieces = np.bincount(whole[lies_in], minlength=int(whole.max(initial=-1)) + 1)
        return np.asarray(lies_in & (pieces[whole] > 1))


def _table(overlaps: Overlaps, iou: float) -> Table:
    """Return the rows: matched, split, merged, only in a, only in b."""
    o, number_a, number_b = overlaps, len(overlaps.of_a.label), len(overlaps.of_b.label)
    split, merged = o.parted(o.a, o.in_a), o.parted(o.b, o.in_b)
    taken_a, taken_b = np.zeros(number_a, bool), np.zeros(number_b, bool)
    taken_a[o.a[split | merged]] = taken_b[o.b[split | merged]] = True
    matched = _matched(o, iou, taken_a, taken_b)
    kinds, rows_a, rows_b, alike = [], [], [], []
    for kind, which in (("split", split), ("merged", merged), ("matched", matched)):
        at = np.flatnonzero(which)
        kinds.append(np.full(len(at), kind, dtype="U7"))
        rows_a.append(o.a[at])
        rows_b.append(o.b[at])
        alike.append(o.iou[at])
    for kind, taken, own, number in (
        ("only_a", taken_a, o.a, number_a),
        ("only_b", taken_b, o.b, number_b),
    ):
        best = np.zeros(number)
        np.maximum.at(best, own, o.iou)
        alone = np.flatnonzero(~taken)
        nothing = np.full(len(alone), -1)
        kinds.append(np.full(len(alone), kind, dtype="U7"))
        rows_a.append(alone if kind == "only_a" else nothing)
        rows_b.append(nothing if kind == "only_a" else alone)
        alike.append(best[alone])
    a, b = np.concatenate(rows_a), np.concatenate(rows_b)
    letters = "ptzyx"[-len(o.of_a.anchor) :]
    middle = np.where(a >= 0, _taken(o.of_a.centroid, a), _taken(o.of_b.centroid, b))
    return {
        "kind": np.concatenate(kinds),
        "label_a": _taken(o.of_a.label, a), "label_b": _taken(o.of_b.label, b),
        "iou": np.concatenate(alike),
        "area_a": _taken(o.of_a.area, a), "area_b": _taken(o.of_b.area, b),
        **{f"centroid_{n}": x for n, x in zip(letters, middle, strict=True)},
    }  # fmt: skip


def _taken(values: NDArray[Any], at: Numbers) -> NDArray[Any]:
    """Return the values at these places; 0 for -1."""
    padded = np.concatenate([values, np.zeros_like(values[..., :1])], axis=-1)
    if not values.shape[-1]:
        padded = np.zeros((*values.shape[:-1], 1), values.dtype)
    return np.asarray(padded[..., at])


def _matched(
    o: Overlaps, iou: float, taken_a: NDArray[np.bool_], taken_b: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the pairs that match, the best first; they are taken then."""
    found = np.zeros(len(o.a), dtype=bool)
    free = ~(taken_a[o.a] | taken_b[o.b])
    enough = np.flatnonzero((o.iou > iou) & free)
    for at in enough[np.argsort(-o.iou[enough], kind="stable")].tolist():
        if not (taken_a[o.a[at]] or taken_b[o.b[at]]):
            found[at] = taken_a[o.a[at]] = taken_b[o.b[at]] = True
    return found
