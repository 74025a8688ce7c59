"""Objects of a time series as a table that trackers read, beside the labels."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import find_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


TIME = "T"
BEFORE = ("time",)
AFTER = ("id", "parent_id", "track_id", "seg_id")


def write_tracks(
    path: Path,
    labels: NDArray[np.integer],
    axes: str,
    offset: Sequence[int] = (),
    is_linked: bool = False,
) -> int:
    r"""Write a row an object and frame, as napari-track-edit (motile_tracker) reads it.

    The columns are time, [z,] y, x, id, parent_id, track_id, seg_id. The place is the
    pixel of the object that is nearest to its centroid, in pixels; `seg_id` is the
    label there, `id` a number that no other row has. Where frames are linked, an object
    of one label is one track, and `parent_id` is that of the frame before in which it
    was; else both are empty, for the tracker to find.

    Parameters
    ----------
    path : Path
        Of a file that may be lost; see `all_or_none`.
    labels : ndarray of int
        One axis a letter of `axes`; 0 is background.
    axes : str
        Of the letters T, Z, Y, X.
    offset : sequence of int
        Image pixel at which the labels begin, of the last axes.
    is_linked : bool
        Whether one label is one object in all frames.

    Returns
    -------
    int
        How many rows there are.

    Raises
    ------
    ValueError
        If there is no axis of time.
    """
    check_time(axes)
    series = np.moveaxis(labels, axes.index(TIME), 0)
    letters = axes.replace(TIME, "")
    begin = (*(0,) * (len(letters) - len(offset)), *offset)[-len(letters) :]
    latest: dict[int, int] = {}
    number = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*BEFORE, *letters.lower(), *AFTER))
        for time, frame in enumerate(series):
            for label, pixel in _places(frame):
                number += 1
                place = (at + first for at, first in zip(pixel, begin, strict=True))
                track = (latest.get(label, ""), label) if is_linked else ("", "")
                writer.writerow((time, *place, number, *track, label))
                latest[label] = number
    return number


def check_time(axes: str) -> None:
    """Refuse axes without time, which have no tracks.

    Raises
    ------
    ValueError
        If there is none.
    """
    if TIME not in axes:
        raise ValueError(
            f"tracks are those of a time series, but no axis of this image is called "
            f"time, its axes are {', '.join(axes.lower())}: leave out tracks, or name "
            f"the axis t in the file"
        )


def _places(frame: NDArray[np.integer]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield each label and its pixel nearest to its centroid."""
    for label, box in enumerate(find_objects(frame), start=1):
        if box is not None:
            pixels = np.argwhere(frame[box] == label)
            away = ((pixels - pixels.mean(axis=0)) ** 2).sum(axis=1)
            pixel: Any = pixels[away.argmin()].tolist()
            first = (side.start for side in box)
            yield label, tuple(a + b for a, b in zip(pixel, first, strict=True))
