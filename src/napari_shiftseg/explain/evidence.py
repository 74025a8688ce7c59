"""What is known of the pixels and the objects of one frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.special import expit
from skimage.measure import label as connected

from napari_shiftseg.explain.distance import distances, mean_embedding
from napari_shiftseg.geometry.rescaling import region_of
from napari_shiftseg.geometry.window import is_whole
from napari_shiftseg.mending.boxes import corner_of
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.geometry.rescaling import Rescaling
    from napari_shiftseg.geometry.tiling import Box, Region, TilePlan
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Made
    from napari_shiftseg.pipeline.result import Prediction

    Numbers = tuple[int, ...]


AXES = ("z", "y", "x")  # of an image whose axes have no other names


@dataclass(frozen=True)
class Place:
    """Where a pixel lies; one value an axis."""

    pixel: Point  # of the image
    index: Point  # of the result, which begins at its offset
    tile: tuple[int, ...]  # the tile that predicted it, counted from 0 along each axis
    # its position in the raw output of that tile, modulo the period. Where tiles are
    # exact, that is (x − context/2) mod p; in naive tiles it jumps at their borders.
    phase: tuple[int, ...]


def place_of(
    plan: TilePlan, pixel: Sequence[int], rescaling: Rescaling | None = None
) -> Place:
    """Return where a pixel of the image lies.

    Parameters
    ----------
    plan : TilePlan
        That was carried out.
    pixel : sequence of int
        Of the image, in array order.
    rescaling : Rescaling, optional
        Of the image that it is a plan of; tile and phase are those of the nearest pixel
        there.

    Raises
    ------
    ValueError
        If the pixel is not one of the image, or was not predicted.
    """
    region = region_of(plan, rescaling)
    at = own = _checked((rescaling or plan).image_shape, region, pixel)
    if rescaling is not None:
        at = tuple(int(rescaling.nearest(axis)[x]) for axis, x in enumerate(own))
    tiles = tuple(
        next(i for i, tile in enumerate(axis.tiles) if x < tile.stop)
        for axis, x in zip(plan.axes, at, strict=True)
    )
    kept = [axis.tiles[t] for axis, t in zip(plan.axes, tiles, strict=True)]
    return Place(
        pixel=own,
        index=tuple(x - start for x, (start, _) in zip(own, region, strict=True)),
        tile=tiles,
        phase=tuple(
            (x - tile.origin + axis.halo) % period
            for x, tile, axis, period in zip(
                at, kept, plan.axes, plan.shape.period, strict=True
            )
        ),
    )


def _checked(size: tuple[int, ...], region: Region, pixel: Sequence[int]) -> Point:
    if len(pixel) != len(size) or not all(is_whole(x) for x in pixel):
        raise ValueError(
            f"a pixel of this image has {len(size)} whole numbers, one an axis, got "
            f"{tuple(pixel)}: round the position, and leave out axes such as time"
        )
    at = tuple(int(x) for x in pixel)
    if not all(0 <= x < n for x, n in zip(at, size, strict=True)):
        raise ValueError(
            f"the pixel must lie in the image of {by(size)} pixels, got {at}: point at "
            f"the image"
        )
    if not all(a <= x < b for x, (a, b) in zip(at, region, strict=True)):
        raise ValueError(
            f"the pixel must lie in what was predicted, {region}, got {at}: "
            f"predict this part of the image too"
        )
    return at


@dataclass(frozen=True)
class Evidence:
    """What is known of one frame after its clustering, and after edits of it.

    Raises
    ------
    ValueError
        If the labels are not those of this prediction, or a name is missing.
    """

    predicted: Prediction
    # (*spatial) as predicted, 0 is background; they may have been edited
    labels: NDArray[Any] = field(repr=False)
    modes: NDArray[Any] = field(repr=False)  # (modes, channels)
    clustering: Clustering  # that made the labels
    # (objects + 1,), each object's mode as an index in `modes`, -1 where it has none.
    # The mean embedding stands for the mode of an object that is not in it.
    mode_of: NDArray[Any] | None = field(default=None, repr=False)
    # names of the axes; "y" and "x", or "z", "y" and "x" if not given
    axes: tuple[str, ...] = ()
    # output window the loss saw, per axis (``provenance.window``)
    training_window: tuple[int, ...] | None = None
    # the edits that acted on the labels, the oldest first; None if not known
    made: Sequence[Made] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        shape = self.predicted.embedding.shape[1:]
        if np.shape(self.labels) != shape:
            raise ValueError(
                f"the labels must have the shape of what was predicted, {shape}, got "
                f"{np.shape(self.labels)}: give those of the same run and frame"
            )
        if self.axes and len(self.axes) != len(shape):
            raise ValueError(
                f"axes must name {len(shape)} axes, got {self.axes}: leave out those "
                f"of time and channels"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes, in array order."""
        return self.axes or AXES[-np.ndim(self.labels) :]

    def place(self, pixel: Sequence[int]) -> Place:
        """Return where a pixel of the image lies; see `place_of`."""
        known = self.predicted
        return place_of(known.plan, pixel, known.rescaling)

    def object_at(self, place: Place) -> int:
        """Return the label there; 0 is background."""
        return int(self.labels[place.index])

    def embedding_at(self, place: Place) -> NDArray[Any]:
        """Return the embedding there, (channels,)."""
        embedding: Any = self.predicted.embedding
        return np.asarray(embedding[(slice(None), *place.index)])

    def foreground_at(self, place: Place) -> float | None:
        """Return the probability that it is foreground, None if it is not known."""
        logit = self.predicted.logit
        return None if logit is None else float(expit(logit[place.index]))

    def is_clustered(self, place: Place) -> bool:
        """Whether the mean shift saw the pixel: all of them, or the foreground."""
        foreground = self.foreground_at(place)
        return foreground is None or foreground > self.clustering.foreground_threshold

    def nearest_mode(self, place: Place) -> int | None:
        """Return the index of the nearest mode; None if there is no mode."""
        if len(self.modes) == 0:
            return None
        point = self.embedding_at(place)[:, None]
        return int(distances(point, self.modes.T, self.clustering).argmin())

    def box(self, label: int) -> Box:
        """Return the smallest box around an object, in the result."""
        box: Box = self._boxes[label - 1]
        return box

    def indices(self, label: int) -> NDArray[np.int64]:
        """Return the pixels of an object in the result, (pixels, axes)."""
        box = self.box(label)
        found: NDArray[np.int64] = np.argwhere(self.labels[box] == label)
        return found + corner_of(box)

    def embeddings(self, label: int) -> NDArray[Any]:
        """Return the embeddings of an object's pixels, (pixels, channels).

        On the sphere only those with a direction count, if there are some.
        """
        box = self.box(label)
        boxed = np.asarray(self.predicted.embedding[(slice(None), *box)])
        rows: NDArray[Any] = boxed[:, self.labels[box] == label].T
        if self.clustering.kernel == "von-mises-fisher" and rows.any():
            rows = rows[rows.any(axis=1)]
        return rows

    def mode_index(self, label: int) -> int | None:
        """Return the index of an object's mode; None where it has none of its own."""
        if self.mode_of is None or not 0 < label < len(self.mode_of):
            return None
        index = int(self.mode_of[label])
        return None if index < 0 else index

    def mode(self, label: int) -> NDArray[Any]:
        """Return an object's mode, or its mean embedding: (channels,)."""
        index = self.mode_index(label)
        if index is not None:
            return np.asarray(self.modes[index])
        return mean_embedding(self.embeddings(label), self.clustering)

    @property
    def has_modes(self) -> bool:
        """Whether objects are those of modes, and not parts of the foreground."""
        return self.clustering.method == "mean-shift"

    @cached_property
    def components(self) -> NDArray[np.int64] | None:
        r"""Connected components of the foreground, (\*spatial), 0 outside.

        None where the clustering knows none: modes of scope "global".
        """
        if self.has_modes and self.clustering.scope != "component":
            return None
        threshold = self.clustering.foreground_threshold
        foreground = self.predicted.foreground(threshold)
        return None if foreground is None else connected(foreground, connectivity=1)

    def components_of(self, label: int) -> dict[int, Point]:
        """Return the components that an object lies in, and a pixel of it in each."""
        if self.components is None:
            return {}
        pixels = self.indices(label)
        found, first = np.unique(self.components[tuple(pixels.T)], return_index=True)
        named = zip(found.tolist(), pixels[first].tolist(), strict=True)
        return {number: tuple(pixel) for number, pixel in named if number}

    def component_box(self, number: int) -> Box:
        """Return the smallest box around a component, in the result."""
        box: Box = self._component_boxes[number - 1]
        return box

    def rivals(self, place: Place) -> NDArray[Any]:
        """Return the modes that a pixel could have gone to, (modes, channels).

        All of them; with scope "component" those of the objects in its component.
        """
        if self.components is None or self.mode_of is None:
            return self.modes
        component = int(self.components[place.index])
        if component == 0:
            return self.modes[:0]
        box = self._component_boxes[component - 1]
        there = np.unique(self.labels[box][self.components[box] == component])
        found = [self.mode_index(int(label)) for label in there]
        return self.modes[sorted({i for i in found if i is not None})]

    def history(
        self, places: Sequence[Place]
    ) -> Iterator[tuple[Made, Numbers, Numbers]]:
        """Go back through the edits, from the newest one.

        Yields each edit with the numbers that the places had before and after it.
        """
        after = tuple(self.object_at(place) for place in places)
        for made in reversed(self.made or ()):
            before = tuple(
                made.change.number_at(place.index, made.change.before, number)
                for place, number in zip(places, after, strict=True)
            )
            yield made, before, after
            after = before

    def is_edited(self, place: Place) -> bool:
        """Whether an edit changed the object there, or made it background."""
        label = self.object_at(place)
        return any(
            label in made.change.numbers if label else before[0] != 0
            for made, before, _ in self.history([place])
        )

    @cached_property
    def _boxes(self) -> list[Any]:
        return list(ndimage.find_objects(self.labels))

    @cached_property
    def _component_boxes(self) -> list[Any]:
        return list(ndimage.find_objects(self.components))
