"""The table of objects: where each is, how large, of what shape, and how bright."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.convexity import Extents, hull_volume
from napari_shiftseg.metrics.label_blocks import block_of, boxes, chunk_of, sliceable
from napari_shiftseg.metrics.measuring_checks import light_of, offset_of, spacing_of
from napari_shiftseg.metrics.object_sums import Runs, Sums
from napari_shiftseg.metrics.pieces import Pieces
from napari_shiftseg.progress import Progress, exhaust

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Box

    Steps = Generator[Progress, None, "Table"]

Table = dict[str, "NDArray[Any]"]  # column → (objects,), all of one length
SPATIAL = "ZYX"
FRAME, PLANE = "T", "P"  # axes along which every place has objects of its own
LEADING = {FRAME: "frame", PLANE: "plane"}
USUAL = PLANE + FRAME + SPATIAL
UNITS = {"µm": "um", "\u03bcm": "um", "Å": "angstrom"}  # as columns spell them
MEASURING = "measuring"  # stage of the progress


def measure(
    labels: ArrayLike | Any,
    image: ArrayLike | Any | None = None,
    spacing: float | Sequence[float] | None = None,
    *,
    axes: str | None = None,
    offset: Sequence[int] | None = None,
    unit: str = "um",
    channels: Sequence[str] = (),
    solidity: bool = True,
) -> Table:
    r"""Measure the objects of a label image: a row an object, as scikit-image would.

    What scikit-image's ``regionprops`` gives, in one reading of the pixels, block by
    block: labels and image may be NumPy, dask or zarr, and of any size. Columns, of
    axes ``y`` and ``x``, or ``z``, ``y`` and ``x``:

    ======================================  ===========================================
    label                                   number of the object
    frame, plane                            place on the axes T and P, from 0
    area                                    pixels, in volumes too
    area_um2, volume_um3                    the same in units, if `spacing` is known
    centroid_y, …                           mean place of its pixels, in pixels
    centroid_y_um, …                        the same in units
    bbox_y0, …, bbox_y1, …                  its box in pixels, half-open
    axis_major_length, axis_minor_length    of the ellipse (ellipsoid) of the same
                                            second moments: 4√λ of the largest and the
                                            least variance λ (in 3-D √20λ), in pixels
    axis_major_length_um, …                 the same in units, of the ellipse there
    eccentricity                            √(1 − λ₂/λ₁), 2-D only; 0 is a circle; in
                                            units if `spacing` is known
    solidity                                pixels / pixels of its convex hull
    mean_, min_, max_, sum_intensity        of the grey values; of several channels
                                            ``mean_intensity_NAME``
    touches_border                          whether its box reaches the border of the
                                            labels, where it may go on
    parts                                   face-connected pieces; 1 is whole
    ======================================  ===========================================

    All but intensities comes of whole numbers, and is the same bit for bit whatever
    the blocks; sums of float intensities agree to about 1e-12.

    Parameters
    ----------
    labels : array_like of int
        ([leading,] \*spatial), 0 is background; numbers may have gaps. Floats that are
        whole numbers are taken, too.
    image : array_like, optional
        Of the same shape, or with one axis more, of channels: before the spatial axes,
        or first, or last.
    spacing : float or sequence of float, optional
        Distance of two pixels along each spatial axis, in `unit`; one for all axes.
    axes : str, optional
        A letter an axis: T (frames) or P (planes), at each place of which are other
        objects, then Z, Y, X. The last letters of PTZYX if not given: three axes are a
        volume, ``"TYX"`` are frames.
    offset : sequence of int, optional
        Pixel of the full image at which the labels begin, per spatial axis; it is added
        to centroids and boxes.
    unit : str
        Of `spacing`.
    channels : sequence of str
        Names of the channels; those without are called by their number, from 1.
    solidity : bool
        Whether to compute it: of 3-D objects it takes most of the time. Not a number
        for objects in 3-D that lie in a plane, or in a box of more than 2²⁵ pixels.

    Returns
    -------
    dict of str to ndarray
        Columns, as above; ``pandas.DataFrame(table)`` takes it.

    Raises
    ------
    ValueError
        If the labels are no whole numbers from 0 upward, labels and image differ in
        shape, or spacing, axes or offset do not go with them.
    """
    steps = measure_steps(
        labels, image, spacing, axes=axes, offset=offset, unit=unit, channels=channels,
        solidity=solidity,
    )  # fmt: skip
    return exhaust(steps)


def measure_steps(
    labels: ArrayLike | Any,
    image: ArrayLike | Any | None = None,
    spacing: float | Sequence[float] | None = None,
    *,
    axes: str | None = None,
    offset: Sequence[int] | None = None,
    unit: str = "um",
    channels: Sequence[str] = (),
    solidity: bool = True,
) -> Steps:
    """Measure the objects of a label image; yields `Progress`, see `measure`."""
    pixels = sliceable(labels)
    names = axes_of(len(pixels.shape), axes)
    spatial = len(names.lstrip(FRAME + PLANE))
    light, at = (None, 0) if image is None else light_of(image, pixels.shape, spatial)
    subject = Subject(
        pixels, light, at, spatial, spacing_of(spacing, spatial),
        offset_of(offset, spatial), unit, tuple(channels), solidity,
    )  # fmt: skip
    leading = pixels.shape[: len(names) - spatial]
    places = list(np.ndindex(leading))
    if not places:  # no frame
        nothing = replace(subject, labels=np.zeros((0,) * spatial, np.uint8))
        table = yield from nothing.measured((), 1)
        return _placed(table, names, (0,) * len(leading))
    tables = []
    for place in places:
        table = yield from subject.measured(place, len(places))
        tables.append(_placed(table, names, place))
    return {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}


def _placed(table: Table, names: str, place: tuple[int, ...]) -> Table:
    """Return a table with the place of its frame after the label."""
    number = len(table["label"])
    at = {LEADING[n]: np.full(number, i) for n, i in zip(names, place, strict=False)}
    return {"label": table.pop("label"), **at, **table}


def axes_of(ndim: int, axes: str | None) -> str:
    """Return a letter an axis of labels.

    Parameters
    ----------
    ndim : int
        Axes of the labels.
    axes : str or None
        As given; see `measure`.
    """
    names = (axes or USUAL[-ndim:]).upper()
    spatial = names.lstrip(FRAME + PLANE)
    are_known = bool(spatial) and SPATIAL.endswith(spatial)
    if len(names) != ndim or len(set(names)) < ndim or not are_known:
        raise ValueError(
            f"axes must name the {ndim} axes of the labels: T (frames) or P (planes), "
            f"each at most once, then ZYX, YX or X; got {axes!r}"
        )
    return names


@dataclass(frozen=True)
class Subject:
    """Labels and image, as they are measured."""

    labels: Any
    light: Any  # an image, or None
    channels_at: int  # which of its axes, -1: none
    spatial: int  # number of axes of an object
    sizes: tuple[float, ...]  # of a pixel; empty: not known
    offset: tuple[int, ...]
    unit: str
    names: tuple[str, ...]  # of channels
    solidity: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one frame."""
        return tuple(self.labels.shape[-self.spatial :])

    @cached_property
    def boxes(self) -> list[Box]:
        """The blocks of a frame."""
        return list(boxes(self.shape, chunk_of(self.labels, self.spatial)))

    @property
    def channels(self) -> range:
        """Of the image."""
        if self.light is None:
            return range(0)
        several = self.light.shape[self.channels_at] if self.channels_at >= 0 else 1
        return range(several)

    def measured(self, place: tuple[int, ...], places: int) -> Steps:
        """Measure a frame; yields `Progress` of so many frames."""
        pieces, extents = Pieces(), Extents()
        parts = [self._no_objects()]
        done = self._number(place) * len(self.boxes)
        for box in self.boxes:
            yield Progress(done, places * len(self.boxes), stage=MEASURING)
            block = block_of(self.labels, place, box)
            origin = [side.start for side in box]
            runs = Runs.of(block, origin)
            parts.append(Sums.of(runs, origin, list(self._light(place, box))))
            pieces.add(block, box, runs)
            if self.solidity and self.spatial == 2:
                extents.add(runs)
            done += 1
        sums = Sums.together(parts)
        table = self._places(sums) | self._shapes(sums)
        if self.solidity and self.spatial == 2:
            table["solidity"] = sums.area / extents.hull_areas(sums.label)
        elif self.solidity and self.spatial == 3:
            table["solidity"] = yield from self._solidities(sums, place)
        table |= self._intensities(sums)
        edge = np.reshape(self.shape, (-1, 1))
        touches = (sums.first == 0) | (sums.after == edge)
        return {
            **table, "touches_border": touches.any(axis=0),
            "parts": pieces.of(sums.label),
        }  # fmt: skip

    def _no_objects(self) -> Sums:
        none, origin = np.zeros((0,) * self.spatial, np.uint8), (0,) * self.spatial
        return Sums.of(Runs.of(none, origin), origin, [none] * len(self.channels))

    def _number(self, place: tuple[int, ...]) -> int:
        """Return the number of a frame, from 0."""
        leading = self.labels.shape[: len(place)]
        return int(np.ravel_multi_index(place, leading)) if place else 0

    def _light(self, place: tuple[int, ...], box: Box) -> Iterable[NDArray[Any]]:
        """Read the grey values of a box, channel by channel."""
        for channel in self.channels:
            key: list[Any] = [*place, *box]
            if self.channels_at >= 0:
                key.insert(self.channels_at, channel)
            yield np.asarray(self.light[tuple(key)])

    def _places(self, sums: Sums) -> Table:
        """Return label, area, centroid and box."""
        letters = SPATIAL[-self.spatial :].lower()
        unit = UNITS.get(self.unit, self.unit)
        table: Table = {"label": sums.label, "area": sums.area}
        if self.sizes:
            kind = ("length", "area", "volume")[self.spatial - 1]
            power = "" if self.spatial == 1 else self.spatial
            table[f"{kind}_{unit}{power}"] = sums.area * prod(self.sizes)
        start = np.reshape(self.offset, (-1, 1))
        middle, first, after = sums.centroid + start, sums.first, sums.after
        table |= {f"centroid_{n}": x for n, x in zip(letters, middle, strict=True)}
        for letter, x, size in zip(letters, middle, self.sizes, strict=False):
            table[f"centroid_{letter}_{unit}"] = x * size
        for end, edge in enumerate((first + start, after + start)):
            table |= {f"bbox_{n}{end}": x for n, x in zip(letters, edge, strict=True)}
        return table

    def _shapes(self, sums: Sums) -> Table:
        """Return lengths of axes and eccentricity; none in 1-D."""
        if self.spatial == 1:
            return {}
        least, most = self._variances(sums, (1.0,) * self.spatial)
        table = self._axes(least, most)
        if self.sizes:
            least, most = self._variances(sums, self.sizes)
            table |= self._axes(least, most, f"_{UNITS.get(self.unit, self.unit)}")
        if self.spatial == 2:
            ratio = np.divide(least, most, out=np.ones_like(most), where=most > 0)
            table["eccentricity"] = np.sqrt(1 - ratio)
        return table

    def _variances(
        self, sums: Sums, sizes: Sequence[float]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the least and the largest variance of the places of the pixels."""
        upward = np.linalg.eigvalsh(sums.covariance(sizes))
        variance = np.clip(upward, 0, None)
        return variance[:, 0], variance[:, -1]

    def _axes(
        self, least: NDArray[np.float64], most: NDArray[np.float64], unit: str = ""
    ) -> Table:
        scale = 16 if self.spatial == 2 else 20
        return {
            f"axis_major_length{unit}": np.sqrt(scale * most),
            f"axis_minor_length{unit}": np.sqrt(scale * least),
        }

    def _solidities(
        self, sums: Sums, place: tuple[int, ...]
    ) -> Generator[Progress, None, NDArray[np.float64]]:
        """Compare volumes with their hulls; what begins in a block is read together."""
        found = np.full(len(sums.label), np.nan)
        for members in self._by_block(sums).values():
            yield Progress(0, 1, stage="measuring solidity")
            first = sums.first[:, members].min(axis=1)
            after = sums.after[:, members].max(axis=1)
            box = tuple(slice(*bounds) for bounds in zip(first, after, strict=True))
            block = block_of(self.labels, place, box)
            for i in members:
                begin, end = sums.first[:, i] - first, sums.after[:, i] - first
                own = block[tuple(map(slice, begin, end))] == sums.label[i]
                found[i] = sums.area[i] / hull_volume(own)
        return found

    def _by_block(self, sums: Sums) -> dict[tuple[int, ...], list[int]]:
        """Return the objects by the block in which their boxes begin."""
        sides = [max((b[a].stop - b[a].start for b in self.boxes), default=1)
                 for a in range(self.spatial)]  # fmt: skip
        members = defaultdict(list)
        for i, at in enumerate((sums.first // np.reshape(sides, (-1, 1))).T.tolist()):
            members[tuple(at)].append(i)
        return members

    def _intensities(self, sums: Sums) -> Table:
        """Return how bright objects are, of each channel."""
        table: Table = {}
        for channel in self.channels:
            name = f"_{self._name(channel)}" if len(self.channels) > 1 else ""
            total = sums.total[channel]
            table |= {
                f"mean_intensity{name}": total / sums.area,
                f"min_intensity{name}": sums.lowest[channel],
                f"max_intensity{name}": sums.highest[channel],
                f"sum_intensity{name}": total,
            }
        return table

    def _name(self, channel: int) -> str:
        named = self.names[channel] if channel < len(self.names) else ""
        return named or str(channel + 1)
