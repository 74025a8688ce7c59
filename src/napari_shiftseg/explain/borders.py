"""Where two objects touch, and whether a tile border put the line there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import label as connected

from napari_shiftseg.explain.thresholds import paired_distances
from napari_shiftseg.metrics.seams import as_float, step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.explain.evidence import Box, Evidence


ALIKE = 0.1  # bandwidths; embeddings of corresponding pixels that are nearer are equal


def middles_apart(evidence: Evidence, one: int, other: int) -> tuple[int, ...]:
    """Return how far the middle of one object is from that of the other.

    The difference of their mean positions in whole pixels, one value an axis.
    """
    first, second = (evidence.indices(label).mean(0) for label in (one, other))
    return tuple(int(x) for x in np.rint(second - first))


def modes_apart(evidence: Evidence, one: int, other: int) -> float:
    """Return the distance of the modes of two objects, in bandwidths."""
    first, second = (evidence.mode(label)[None] for label in (one, other))
    return float(paired_distances(first, second, evidence.clustering)[0])


def is_whole_periods(evidence: Evidence, apart: Sequence[int]) -> bool:
    """Whether a distance is n·p along every axis, and not 0 along all."""
    period = evidence.predicted.plan.shape.period
    return any(apart) and not any(n % p for n, p in zip(apart, period, strict=True))


def corresponding_distance(
    evidence: Evidence, one: int, other: int, apart: Sequence[int]
) -> float | None:
    """Return the mean distance of corresponding pixels of two objects, in bandwidths.

    Pixel x of one object corresponds to pixel x + `apart` of the other. Objects that
    look the same, in the same surroundings, n·p apart, have equal embeddings there:
    the network repeats after a period. None where no pixels correspond.
    """
    here = evidence.indices(one)
    there = here + np.asarray(apart)
    shape = np.array(evidence.labels.shape)
    inside = ((there >= 0) & (there < shape)).all(1)
    here, there = here[inside], there[inside]
    both = evidence.labels[tuple(there.T)] == other
    if not both.any():
        return None
    first, second = (_at(evidence, pixels[both]) for pixels in (here, there))
    return float(paired_distances(first, second, evidence.clustering).mean())


def within_a_window(evidence: Evidence, one: int, other: int) -> bool | None:
    """Whether one training window can show pixels of both objects.

    None where the training window is not known.
    """
    if evidence.training_window is None:
        return None
    gaps = [
        max(a.start - b.stop, b.start - a.stop) + 2  # with a pixel of either
        for a, b in zip(evidence.box(one), evidence.box(other), strict=True)
    ]
    return all(
        gap <= window
        for gap, window in zip(gaps, evidence.training_window, strict=True)
    )


def seam_between(evidence: Evidence, one: int, other: int) -> bool:
    """Whether a tile border that makes seams lies between the middles of two boxes."""
    plan = evidence.predicted.plan
    along = zip(
        plan.seamed, plan.boundaries, evidence.box(one), evidence.box(other),
        strict=True,
    )  # fmt: skip
    return any(
        seamed and np.ptp(np.searchsorted(borders, [_middle(a), _middle(b)], "right"))
        for seamed, borders, a, b in along
    )


def are_alike(evidence: Evidence, one: int, other: int, apart: tuple[int, ...]) -> bool:
    """Whether objects lie n·p apart and have equal embeddings at every pixel."""
    if not is_whole_periods(evidence, apart):
        return False
    distance = corresponding_distance(evidence, one, other, apart)
    return distance is not None and distance <= ALIKE


def apart_text(evidence: Evidence, apart: tuple[int, ...]) -> str:
    """Write ``48 = 3·16 px apart in x``; n·p only where it is so on every axis."""
    periods = evidence.predicted.plan.shape.period
    whole = is_whole_periods(evidence, apart)
    parts = [
        f"{abs(n)}{f' = {abs(n) // p}·{p}' if whole else ''} px {{}}in {name}"
        for n, p, name in zip(apart, periods, evidence.names, strict=True)
        if n
    ]
    if not parts:
        return "with one middle"
    return " and ".join(
        part.format("" if i else "apart ") for i, part in enumerate(parts)
    )


def _middle(bounds: slice) -> int:
    return int(bounds.start + bounds.stop) // 2


def _at(evidence: Evidence, pixels: NDArray[np.int64]) -> NDArray[Any]:
    """Return the embeddings of pixels of the result, (pixels, channels)."""
    found = evidence.predicted.embedding[(slice(None), *pixels.T)]
    return np.asarray(found).T


BESIDE = 3  # steps on either side of a tile border that it is compared with
MOSTLY = 0.5  # of the pairs of pixels where two objects touch
JUMP = 2.0  # times the steps beside it: then a tile border is what parts the objects


@dataclass(frozen=True)
class TileBorder:
    """A tile border on which two objects touch.

    Attributes
    ----------
    axis : int
        Across which it lies.
    at : int
        Image pixel at which the further tile begins.
    share : float
        Pairs of pixels of both objects that lie across it / all such pairs.
    jump : float or None
        Mean step of the embedding across it, over those pairs / mean step beside it:
        up to 3 px before and behind, in the same rows and within one of the objects.
        inf where there is no step beside it; None where the objects have no pixels
        there.
    """

    axis: int
    at: int
    share: float
    jump: float | None

    @property
    def parts_them(self) -> bool:
        """Whether most of the line lies on it, and the embedding jumps there."""
        return self.share > MOSTLY and self.jump is not None and self.jump >= JUMP


def touch(evidence: Evidence, one: int, other: int) -> bool:
    """Whether two objects have neighbouring pixels (by faces)."""
    labels = _boxed(evidence, one, other)
    return any(_meet(labels, axis).any() for axis in range(labels.ndim))


def may_be_linked(evidence: Evidence, one: int, other: int) -> bool:
    """Whether what lies between two objects may join them when modes merge.

    They are linked by objects that touch one another, by foreground, or perhaps by
    objects that were dropped because they were small.
    """
    clustering = evidence.clustering
    between = evidence.labels > 0
    foreground = evidence.predicted.foreground(clustering.foreground_threshold)
    if foreground is not None:
        between |= foreground
    elif clustering.min_size > 1:
        return True
    islands = connected(between, connectivity=1)
    first, second = (
        set(islands[tuple(evidence.indices(label).T)].tolist())
        for label in (one, other)
    )
    return not first.isdisjoint(second)


def tile_border_between(evidence: Evidence, one: int, other: int) -> TileBorder | None:
    """Return the tile border on which most of two objects' common line lies.

    Only borders that make seams are looked at: not those of exact tiles.

    Parameters
    ----------
    evidence : Evidence
    one, other : int
        Two objects.

    Returns
    -------
    TileBorder or None
        None where they do not touch at any such border.
    """
    plan = evidence.predicted.plan
    labels, box = _boxed(evidence, one, other), _box_of(evidence, one, other)
    meet = [_meet(labels, axis) for axis in range(labels.ndim)]
    borders = [
        (int(_line(pairs, axis, border - 1 - box[axis].start).sum()), axis, border)
        for axis, pairs in enumerate(meet)
        if plan.seamed[axis]
        for border in plan.boundaries[axis]
        if box[axis].start < border < box[axis].stop
    ]
    number, axis, border = max(borders, default=(0, 0, 0))
    if number == 0:
        return None
    return TileBorder(
        axis=axis,
        at=border + plan.offset[axis],
        share=number / sum(int(pairs.sum()) for pairs in meet),
        jump=_jump(evidence, box, labels, meet[axis], axis, border),
    )


def _jump(
    evidence: Evidence,
    box: Box,
    labels: NDArray[Any],
    meet: NDArray[np.bool_],
    axis: int,
    border: int,
) -> float | None:
    e = as_float(evidence.predicted.embedding[(slice(None), *box)])
    steps = step(e, axis)
    middle = border - 1 - box[axis].start
    rows = _line(meet, axis, middle)
    across = float(_line(steps, axis, middle)[rows].mean())
    within = _pairs(labels, axis)
    beside = [
        _line(steps, axis, at)[rows & (here == there) & (here > 0)]
        for at in range(middle - BESIDE, middle + BESIDE + 1)
        if at != middle and 0 <= at < steps.shape[axis]
        for here, there in [(_line(side, axis, at) for side in within)]
    ]
    values = np.concatenate([np.empty(0), *beside])
    if len(values) == 0:
        return None
    mean = float(values.mean())
    return across / mean if mean > 0 else (np.inf if across > 0 else 1.0)


def _meet(labels: NDArray[Any], axis: int) -> NDArray[np.bool_]:
    """Return the pairs of neighbours along an axis that belong to one object each."""
    here, there = _pairs(labels, axis)
    both: NDArray[np.bool_] = (here != there) & (here > 0) & (there > 0)
    return both


def _pairs(labels: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return pixels and their next neighbours along an axis, one fewer."""
    before = (slice(None),) * axis
    return labels[(*before, slice(None, -1))], labels[(*before, slice(1, None))]


def _line(values: NDArray[Any], axis: int, at: int) -> NDArray[Any]:
    """Return the values at one place along an axis."""
    line: NDArray[Any] = values.take(at, axis)
    return line


def _box_of(evidence: Evidence, one: int, other: int) -> Box:
    """Return the smallest box around two objects."""
    return tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop))
        for a, b in zip(evidence.box(one), evidence.box(other), strict=True)
    )


def _boxed(evidence: Evidence, one: int, other: int) -> NDArray[Any]:
    """Return the labels in a box around two objects, all others 0."""
    labels = evidence.labels[_box_of(evidence, one, other)]
    return np.where((labels == one) | (labels == other), labels, 0)
