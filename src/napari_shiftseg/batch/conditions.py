"""Counts and areas per condition: the first folder below the one that was given."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_shiftseg.batch.order import BatchRow

NO_FOLDER = "(no sub-folder)"


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
    """

    name: str
    objects: tuple[int, ...]
    areas: tuple[float, ...]

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

    Parameters
    ----------
    rows : iterable of BatchRow
    """
    found: dict[str, list[BatchRow]] = {}
    for row in rows:
        if row.status != "failed":
            found.setdefault(row.condition or NO_FOLDER, []).append(row)
    return tuple(
        Condition(
            name,
            tuple(row.objects for row in own),
            tuple(row.median_area for row in own if not isnan(row.median_area)),
        )
        for name, own in sorted(found.items())
    )
