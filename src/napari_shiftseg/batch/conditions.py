"""Counts and areas per condition: the first folder below the one that was given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from statistics import fmean, median
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


NO_FOLDER = "(no sub-folder)"


class Row(Protocol):
    """What is asked of a row of a batch."""

    @property
    def name(self) -> str:
        """Of the image below the folder that was given, with ``/``."""

    @property
    def status(self) -> str:
        """ "done", "failed" or "skipped"."""

    @property
    def objects(self) -> int:
        """How many were found."""

    @property
    def median_area(self) -> float | None:
        """Of the image's objects; None: it has none."""


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


def condition_of(name: str) -> str:
    """Return the condition of an image: its first folder.

    Parameters
    ----------
    name : str
        Of the image below the folder that was given, with ``/``.
    """
    parts = PurePosixPath(name).parts
    return parts[0] if len(parts) > 1 else NO_FOLDER


def conditions(rows: Iterable[Row]) -> tuple[Condition, ...]:
    """Group images by condition, in the order of their names; failed ones are left out.

    Parameters
    ----------
    rows : iterable of Row
    """
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.status in COUNTED:
            found.setdefault(condition_of(row.name), []).append(row)
    return tuple(
        Condition(
            name,
            tuple(row.objects for row in own),
            tuple(float(row.median_area) for row in own if row.median_area),
        )
        for name, own in sorted(found.items())
    )


COUNTED = ("done", "skipped")  # skipped: done before, with the same settings
