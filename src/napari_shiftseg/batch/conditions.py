"""Counts and areas per condition: the first folder below the one that was given."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, prod
from statistics import fmean, median
from typing import TYPE_CHECKING

from napari_shiftseg.samples.catalogue import VOLUME_MODEL
from napari_shiftseg.text import by, number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_shiftseg.batch.order import BatchRow

NO_FOLDER = "(no sub-folder)"


@dataclass(frozen=True)
class Size:
    """How the size of objects is given.

    Attributes
    ----------
    column : str
        In a table.
    title : str
        Above a plot.
    """

    column: str
    title: str


IN_PIXELS = Size("median_area", "median area (pixels)")
IN_UNITS = (
    Size("median_area_um2", "median area (µm²)"),
    Size("median_volume_um3", "median volume (µm³)"),
)


@dataclass(frozen=True)
class Condition:
    """The images of one condition that were segmented.

    Attributes
    ----------
    name : str
        Of the folder.
    objects : tuple of int
        Of each image.
    areas : tuple of float
        Median area of each image that has objects.
    size : Size
        Of the areas.
    """

    name: str
    objects: tuple[int, ...]
    areas: tuple[float, ...]
    size: Size = IN_PIXELS

    @property
    def images(self) -> int:
        """How many there are."""
        return len(self.objects)

    @property
    def total(self) -> int:
        """Objects of all images."""
        return sum(self.objects)

    @property
    def mean_objects(self) -> float:
        """Objects an image, the mean over images."""
        return fmean(self.objects)

    @property
    def median_area(self) -> float | None:
        """Median over images of their median area; None: no image has objects."""
        return median(self.areas) if self.areas else None


def conditions(rows: Iterable[BatchRow]) -> tuple[Condition, ...]:
    """Group images by condition, in the order of their names; failed ones are left out.

    Sizes are in units where all images have a pixel size, and as many axes; else in
    pixels.

    Parameters
    ----------
    rows : iterable of BatchRow
    """
    found: dict[str, list[BatchRow]] = {}
    for row in rows:
        if row.status != "failed":
            found.setdefault(row.condition or NO_FOLDER, []).append(row)
    size = _size_of([row for own in found.values() for row in own])
    return tuple(
        Condition(
            name,
            tuple(row.objects for row in own),
            tuple(area for row in own if not isnan(area := _area(row, size))),
            size,
        )
        for name, own in sorted(found.items())
    )


def incomparable(rows: Iterable[BatchRow]) -> tuple[str, ...]:
    """Say why counts and sizes of images cannot be compared as they are.

    Parameters
    ----------
    rows : iterable of BatchRow
        Those that failed are left out, and those whose size is not known.
    """
    known = [row for row in rows if row.status != "failed" and row.shape]
    volumes = sum(row.model == VOLUME_MODEL for row in known)
    sizes = sorted({(row.side("Y"), row.side("X")) for row in known}, key=prod)
    series = {row.side("T") or 1 for row in known}
    said = []
    if 0 < volumes < len(known):
        said.append(
            f"{number_of(volumes, 'volume')} beside planes: their sizes are of voxels, "
            f"not of pixels; compare each kind by itself"
        )
    if len(sizes) > 1:
        said.append(
            f"images of {by(sizes[0])} to {by(sizes[-1])} pixels: objects an image "
            f"depend on its size; compare the density in the summary"
        )
    if len(series) > 1:
        said.append(
            f"{min(series):,} to {max(series):,} frames an image: objects are those of "
            f"all frames; compare the density, which is of a frame"
        )
    return tuple(said)


def _size_of(rows: Sequence[BatchRow]) -> Size:
    """Return in what sizes of all images can be given."""
    for size in IN_UNITS:
        if all(size.column in row.in_units for row in rows):
            return size
    return IN_PIXELS


def _area(row: BatchRow, size: Size) -> float:
    return row.median_area if size is IN_PIXELS else row.in_units[size.column]
