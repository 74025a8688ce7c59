"""Outlines of objects in files of others: ROIs of ImageJ, GeoJSON of QuPath.

In both, as here, pixel (y, x) covers the square from x to x + 1 and y to y + 1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

from napari_shiftseg.metrics.outlines import outlines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.metrics.outlines import Outline

    Table = Mapping[str, NDArray[Any]]


MOVE, LINE, CLOSE = 0, 1, 4  # of a path, as Java's PathIterator numbers them
VERSION = 227  # of the format, that of ImageJ 1.52
READABLE = 0o644  # permissions of a file that is unpacked
LARGEST = 32767  # of a whole number in a ROI; beyond it, floats
TO_NAME = ("label", "class", "looked_at")  # columns of a table that are no measurement
PLACES = {"plane": "Z", "frame": "T"}  # columns of a table that say where a row is


@dataclass(frozen=True)
class Placed:
    """The outline of an object in one plane of an image.

    Attributes
    ----------
    at : dict of str to int
        Position on the axes before y and x, from 0, by letter.
    index : int
        Number of the plane, all planes counted one after the other.
    offset : tuple of int
        Image pixel (y, x) at which the labels begin.
    """

    outline: Outline
    at: dict[str, int]
    index: int
    offset: tuple[int, int]

    def rings(self) -> Iterator[list[list[list[int]]]]:
        """Yield the rings of each part, the outer one first, as [x, y] of the image."""
        top, left = self.offset
        for part in self.outline.parts:
            yield [
                [[x + left, y + top] for y, x in ring]
                for ring in (part.outer, *part.holes)
            ]


def placed_outlines(
    labels: NDArray[np.integer], axes: str = "", offset: Sequence[int] = ()
) -> Iterator[Placed]:
    r"""Yield the outlines of all planes, one after the other.

    Parameters
    ----------
    labels : ndarray of int
        ([T,] [Z,] y, x); 0 is background.
    axes : str
        A letter an axis; planes (Z) are meant where there are none.
    offset : sequence of int
        Image pixel at which the labels begin, of the last axes.

    Raises
    ------
    ValueError
        If there are no rows and columns.
    """
    if labels.ndim < 2:
        raise ValueError(
            f"an outline needs rows and columns (y, x), got labels of the shape "
            f"{labels.shape}: save them as a TIFF"
        )
    begin = (*(0,) * (labels.ndim - len(offset)), *offset)
    letters = (axes or "TZYX"[-labels.ndim :])[:-2]
    for index, position in enumerate(np.ndindex(labels.shape[:-2])):
        places = zip(letters, position, begin[:-2], strict=False)
        at = {letter: place + first for letter, place, first in places}
        for outline in outlines(labels[position]):
            yield Placed(outline, at, index, (begin[-2], begin[-1]))


def write_rois(
    path: Path,
    labels: NDArray[np.integer],
    axes: str = "",
    offset: Sequence[int] = (),
) -> int:
    r"""Write the outlines of objects as ROIs for ImageJ's ROI manager, a ZIP file.

    A ROI is named by its label. Objects of one ring are traced ROIs, as the wand makes
    them; those with holes, or of several parts, are composite ones. A stack has a ROI
    for each plane that an object is in.

    Parameters
    ----------
    path : Path
        Of a file that may be lost; see `all_or_none`.
    labels, axes, offset
        See `placed_outlines`.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    ValueError
        If there are no rows and columns.
    """
    number = 0
    with ZipFile(path, "w") as file:
        for placed in placed_outlines(labels, axes, offset):
            roi, number = _roi(placed), number + 1
            where = "".join(f"-{k.lower()}{n + 1}" for k, n in placed.at.items())
            named = ZipInfo(f"{roi.name}{where}.roi")  # always of the same date
            named.external_attr = READABLE << 16
            file.writestr(named, roi.tobytes(), ZIP_DEFLATED, 1)
    return number


def _roi(placed: Placed) -> ImagejRoi:
    """Return an outline as a ROI; positions of ImageJ are counted from 1."""
    parts = list(placed.rings())
    rings = [np.array(ring, np.int64) for part in parts for ring in part]
    left, top = np.min([ring.min(axis=0) for ring in rings], axis=0).tolist()
    right, bottom = np.max([ring.max(axis=0) for ring in rings], axis=0).tolist()
    is_large = max(right, bottom) > LARGEST
    name, shown = str(placed.outline.label), ROI_OPTIONS.OVERLAY_LABELS
    roi = ImagejRoi(name=name, options=shown, version=VERSION)
    _set_position(roi, placed)
    if not is_large:  # else ImageJ takes the box of the path
        roi.left, roi.top, roi.right, roi.bottom = left, top, right, bottom
    if len(rings) > 1:
        path = _path(rings)
        roi.roitype = ROI_TYPE.RECT
        roi.shape_roi_size, roi.multi_coordinates = len(path), path
        return roi
    (ring,) = rings
    roi.roitype = ROI_TYPE.TRACED
    roi.n_coordinates = len(ring)
    roi.integer_coordinates = (ring - (roi.left, roi.top)).astype(np.int32)
    if is_large:
        roi.options |= ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        roi.integer_coordinates = np.zeros(ring.shape, np.int32)
        roi.subpixel_coordinates = ring.astype(np.float32)
    return roi


def _set_position(roi: ImagejRoi, placed: Placed) -> None:
    """Say at which plane a ROI is; of one axis by its number, of two by both."""
    at = placed.at
    if set(at) == {"T", "Z"}:
        roi.z_position, roi.t_position = at["Z"] + 1, at["T"] + 1
    elif at:
        alone = next(iter(at.values())) if len(at) == 1 else placed.index
        roi.position = alone + 1


def _path(rings: Iterable[NDArray[np.int64]]) -> NDArray[np.float32]:
    """Return rings as one path: move to the first vertex, lines, close."""
    path: list[float] = []
    for ring in rings:
        (x, y), *others = ring.tolist()
        path += MOVE, x, y
        for x, y in others:
            path += LINE, x, y
        path.append(CLOSE)
    return np.array(path, np.float32)


def write_geojson(
    path: Path,
    labels: NDArray[np.integer],
    axes: str = "",
    offset: Sequence[int] = (),
    table: Table | None = None,
) -> int:
    r"""Write the outlines of objects as GeoJSON, as QuPath reads it.

    A FeatureCollection of detections, in pixels of the full resolution, each with its
    label as name and, from a table, class and measurements. ``plane`` of a geometry
    says in which plane and frame of the image it is, from 0.

    Parameters
    ----------
    path : Path
        Of a file that may be lost; see `all_or_none`.
    labels, axes, offset
        See `placed_outlines`.
    table : mapping of str to ndarray, optional
        A row an object: ``label``, and the columns that are to be kept.

    Returns
    -------
    int
        How many features there are.

    Raises
    ------
    ValueError
        If there are no rows and columns, or the table has no column of labels.
    """
    known = _Rows(table or {})
    number = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for placed in placed_outlines(labels, axes, offset):
            file.write(",\n" if number else "\n")
            file.write(json.dumps(_feature(placed, known), allow_nan=False))
            number += 1
        file.write("\n]}\n")
    return number


def _feature(placed: Placed, known: _Rows) -> dict[str, Any]:
    """Return an outline as a feature of GeoJSON; rings end where they begin."""
    parts = [[[*ring, ring[0]] for ring in part] for part in placed.rings()]
    geometry: dict[str, Any] = {"type": "MultiPolygon", "coordinates": parts}
    if len(parts) == 1:
        geometry = {"type": "Polygon", "coordinates": parts[0]}
    if placed.at:
        z, t = placed.at.get("Z", 0), placed.at.get("T", 0)
        geometry["plane"] = {"c": -1, "z": z, "t": t}
    name = {"objectType": "detection", "name": str(placed.outline.label)}
    said = known.of(placed.outline.label, placed.at)
    return {"type": "Feature", "geometry": geometry, "properties": name | said}


class _Rows:
    """The rows of a table, found by label, plane and frame."""

    def __init__(self, table: Table) -> None:
        if table and "label" not in table:
            raise ValueError(
                f"a table of objects has a column label, got {', '.join(table)}: make "
                f"it with measure"
            )
        self._places = [name for name in PLACES if name in table]
        keys = [table[name].tolist() for name in ("label", *self._places) if table]
        self._rows = {key: n for n, key in enumerate(zip(*keys, strict=True))}
        self._classes = table["class"].tolist() if "class" in table else None
        self._figures = {
            name: column.tolist()
            for name, column in table.items()
            if name not in (*TO_NAME, *PLACES) and column.dtype.kind in "biuf"
        }

    def of(self, label: int, at: Mapping[str, int]) -> dict[str, Any]:
        """Return the properties of an object: its class, finite measurements."""
        row = self._rows.get((label, *(at.get(PLACES[p], 0) for p in self._places)))
        if row is None:
            return {}
        said: dict[str, Any] = {}
        if self._classes is not None and self._classes[row]:
            said["classification"] = {"name": self._classes[row]}
        figures = {
            name: float(column[row])
            for name, column in self._figures.items()
            if isfinite(column[row])
        }
        return said | ({"measurements": figures} if figures else {})
