"""Two objects of a frame: how far apart they lie, and what lies between."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import label as connected

from napari_shiftseg.explain.distance import distances, merging_bandwidth
from napari_shiftseg.mending.boxes import hull
from napari_shiftseg.metrics.seams import as_float, step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.explain.evidence import Evidence
    from napari_shiftseg.geometry.tiling import Box


ALIKE = 0.1  # bandwidths; embeddings of corresponding pixels that are nearer are equal
MOSTLY = 0.5  # of the pairs of pixels where two objects touch
JUMP = 2.0  # times the steps inside the objects: then a tile border parts them
STEP = 0.01  # of the foreground thresholds that are tried


@dataclass(frozen=True)
class TileBorder:
    """A tile border parts two objects; the further tile begins at a pixel of the axis.

    `share` is the part of their neighbouring pixels that lie on either side of it,
    `jump` the mean step of the embedding there / that along this axis inside the
    objects: inf where there is none inside.
    """

    axis: str
    at: int
    share: float
    jump: float


@dataclass(frozen=True)
class TwoObjects:
    """Two objects of a frame, by their labels."""

    evidence: Evidence
    labels: tuple[int, int]

    @cached_property
    def apart(self) -> tuple[int, ...]:
        """Pixels from the middle of one object to that of the other, per axis."""
        first, second = (self.evidence.indices(n).mean(0) for n in self.labels)
        return tuple(int(x) for x in np.rint(second - first))

    @cached_property
    def distance(self) -> float:
        """Bandwidths between their modes."""
        return float(distances(*self._modes, self.evidence.clustering))

    @property
    def bandwidth(self) -> float:
        """The smallest that gives them one mode; see `merging_bandwidth`."""
        one, other = (self.evidence.embeddings(n) for n in self.labels)
        return merging_bandwidth(one, other, self._modes, self.evidence.clustering)

    @property
    def are_alike(self) -> bool:
        """Whether they lie n·p apart and have equal embeddings at every pixel.

        Pixel x of one corresponds to pixel x + `apart` of the other. Objects that look
        the same, in the same surroundings, n·p apart, have equal embeddings there: the
        network repeats after a period.
        """
        predicted = self.evidence.predicted
        if predicted.rescaling is not None:  # periods are those of the rescaled image
            return False
        if not whole_periods(self.apart, predicted.plan.shape.period):
            return False
        labels, here = self.evidence.labels, self.evidence.indices(self.labels[0])
        there = here + np.asarray(self.apart)
        inside = ((there >= 0) & (there < labels.shape)).all(1)
        here, there = here[inside], there[inside]
        both = labels[tuple(there.T)] == self.labels[1]
        if not both.any():
            return False
        e: Any = self.evidence.predicted.embedding
        first, second = (e[(slice(None), *x[both].T)] for x in (here, there))
        apart = distances(first, second, self.evidence.clustering)
        return float(apart.mean()) <= ALIKE

    @property
    def share_a_window(self) -> bool | None:
        """Whether one training window can show pixels of both; None: not known."""
        window = self.evidence.training_window
        if window is None:
            return None
        axes = zip(*map(self.evidence.box, self.labels), strict=True)
        gaps = [max(a.start - b.stop, b.start - a.stop) + 2 for a, b in axes]
        return all(gap <= n for gap, n in zip(gaps, window, strict=True))

    @property
    def touch(self) -> bool:
        """Whether they have neighbouring pixels (by faces)."""
        return any(pairs.any() for pairs in self._meetings)

    @cached_property
    def are_in_two_components(self) -> bool:
        """Whether they lie in components of the foreground, and share none."""
        one, other = self._components
        return bool(one) and bool(other) and one.keys().isdisjoint(other)

    @property
    def touching_threshold(self) -> float | None:
        """The largest foreground threshold that joins components of both.

        In steps of 0.01 below the present one; None if not even 0.01 does. The search
        halves their range: what is connected stays so when the threshold is lowered.
        """
        one, other = (list(found.values()) for found in self._components)

        def are_apart(threshold: float) -> bool:
            foreground = self.evidence.predicted.foreground(threshold)
            parts = connected(foreground, connectivity=1)
            return {parts[at] for at in one}.isdisjoint(parts[at] for at in other)

        present = self.evidence.clustering.foreground_threshold
        tried = [round(n * STEP, 2) for n in range(1, ceil(present / STEP - 1e-9))]
        joined = bisect_left(tried, True, key=are_apart)
        return tried[joined - 1] if joined else None

    @property
    def tile_border(self) -> TileBorder | None:
        """The tile border that parts them.

        Most of their common line lies on it, and the embedding jumps there. Only
        borders that make seams are looked at: not those of exact tiles.
        """
        predicted = self.evidence.predicted
        lines = [
            (int(self._meetings[axis].take(at - 1 - along.start, axis).sum()), axis, at)
            for axis, along in enumerate(self._box)
            if predicted.plan.seamed[axis]
            for at in predicted.boundaries[axis]
            if along.start < at < along.stop
        ]
        most, axis, at = max(lines, default=(0, 0, 0))
        pairs = sum(int(meeting.sum()) for meeting in self._meetings)
        if most <= MOSTLY * pairs or (jump := self._jump(axis, at)) < JUMP:
            return None
        name, pixel = self.evidence.names[axis], at + predicted.offset[axis]
        return TileBorder(name, pixel, most / pairs, jump)

    def _jump(self, axis: int, at: int) -> float:
        """Return the step across a border / that inside the objects; 0: not known."""
        embedding = self.evidence.predicted.embedding[(slice(None), *self._box)]
        steps = step(as_float(embedding), axis)
        here, there = _sides(self._labels, axis)
        inside = steps[(here == there) & (here > 0)]
        before = at - 1 - self._box[axis].start
        across = steps.take(before, axis)[self._meetings[axis].take(before, axis)]
        if not across.any() or not len(inside):
            return 0.0
        return float(across.mean() / inside.mean()) if inside.any() else inf

    @cached_property
    def _modes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return self.evidence.mode(self.labels[0]), self.evidence.mode(self.labels[1])

    @cached_property
    def _components(self) -> list[dict[int, tuple[int, ...]]]:
        return [self.evidence.components_of(n) for n in self.labels]

    @cached_property
    def _box(self) -> Box:
        return hull(map(self.evidence.box, self.labels))

    @cached_property
    def _labels(self) -> NDArray[Any]:
        """Labels of a box around both, 0 but for both."""
        labels = self.evidence.labels[self._box]
        return np.where(np.isin(labels, self.labels), labels, 0)

    @cached_property
    def _meetings(self) -> list[NDArray[np.bool_]]:
        """Along each axis, the pairs of pixels at which they touch."""
        sides = [_sides(self._labels, axis) for axis in range(self._labels.ndim)]
        return [(a != b) & (a > 0) & (b > 0) for a, b in sides]


def whole_periods(apart: tuple[int, ...], period: tuple[int, ...]) -> bool:
    """Whether a distance is n·p along every axis, and not 0 along all.

    Parameters
    ----------
    apart : tuple of int
        In pixels, per axis.
    period : tuple of int
        Of the network, per axis.
    """
    return any(apart) and not any(n % p for n, p in zip(apart, period, strict=True))


def _sides(labels: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return pixels and their next neighbours along an axis, one fewer."""
    before = (slice(None),) * axis
    return labels[(*before, slice(None, -1))], labels[(*before, slice(1, None))]
