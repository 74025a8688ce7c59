"""Labels of a run, or mended ones, in the files that other programs read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import zarr

from napari_shiftseg.stores.axes import ORDER, Distance
from napari_shiftseg.stores.ome_zarr import LABELS, Pyramid, make_image
from napari_shiftseg.stores.outlines import write_geojson, write_rois
from napari_shiftseg.stores.own_stores import OURS
from napari_shiftseg.stores.pixel_files import label_dtype, write_pixels
from napari_shiftseg.stores.tiff import numbered
from napari_shiftseg.stores.tracks import TIME, check_time, write_tracks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.stores.axes import Calibration
    from napari_shiftseg.stores.outlines import Table


@dataclass(frozen=True)
class LabelImage:
    """Labels, and all that a file is to say of them.

    Attributes
    ----------
    labels : ndarray of int
        One axis a letter of `axes`; 0 is background.
    axes : str
        Of T, Z, Y, X, in this order; Q for others, before these.
    whole : str
        The last axes, those of an image in which objects are whole: of frames that are
        linked all of them.
    offset : tuple of int
        Image pixel at which the labels begin, of the last axes.
    calibration : dict
    origin : dict
        Where the first pixel of the image is, by letter, in the unit of its size.
    image : str
        What the image is called.
    path : str
        Of its file; empty: it has none.
    table : mapping of str to ndarray, optional
        Of the objects, a row each.
    """

    labels: NDArray[np.integer]
    axes: str
    whole: str = ""
    offset: tuple[int, ...] = ()
    calibration: Calibration = field(default_factory=dict)
    origin: dict[str, float] = field(default_factory=dict)
    image: str = ""
    path: str = ""
    table: Table | None = None

    def write(self, kind: str, path: Path) -> None:
        """Write a file of one of the `KINDS`, or a store.

        Parameters
        ----------
        kind : str
        path : Path
            Of a file, or an empty folder, that may be lost; see `all_or_none`.

        Raises
        ------
        ValueError
            If these labels cannot be written so.
        """
        _WRITERS[kind](self, path)

    def tiff(self, path: Path) -> None:
        """Write the labels as an OME-TIFF."""
        about = numbered(self.whole) if self.whole else ""
        pixels = label_dtype(np.asarray(self.labels))
        write_pixels(path, pixels, self.axes, self.calibration, about)

    def rois(self, path: Path) -> None:
        """Write outlines for ImageJ."""
        write_rois(path, self.labels, self.axes, self.offset)

    def geojson(self, path: Path) -> None:
        """Write outlines for QuPath."""
        write_geojson(path, self.labels, self.axes, self.offset, self.table)

    def tracks(self, path: Path) -> None:
        """Write a table for trackers."""
        linked = TIME in self.whole
        write_tracks(path, self.labels, self.axes, self.offset, linked)

    def store(self, path: Path) -> None:
        """Write the labels as OME-Zarr 0.5, with a pyramid."""
        check_axes(self.axes)
        plane = sum(axis in "ZYX" for axis in self.axes)
        near = (1,) * (len(self.axes) - plane)
        pyramid = Pyramid(
            self.labels.shape, self.axes, (*near, *(CHUNK[plane],) * plane), plane
        )
        known = {
            "about": {"image": self.path or self.image},
            "report": {"image": self.image, "whole": self.whole.lower()},
        }
        levels = make_image(
            path, pyramid, "int32", self.calibration, LABELS, origin=self._begin
        )
        zarr.open_group(str(path), mode="r+").attrs[OURS] = known
        for level, step in zip(levels, pyramid.steps, strict=True):
            every = tuple(slice(None, None, n) for n in step)
            zarr.open_array(str(level), mode="r+")[:] = np.asarray(self.labels[every])

    @property
    def _begin(self) -> dict[str, float]:
        """Where the labels begin, of the axes on which that is not 0."""
        offset = dict(zip(self.axes[::-1], self.offset[::-1], strict=False))
        one = Distance(1.0, "pixel")
        begins = {
            axis: self.origin.get(axis, 0.0)
            + offset.get(axis, 0) * self.calibration.get(axis, one).size
            for axis in self.axes
        }
        return {axis: at for axis, at in begins.items() if at}


CHUNK = {1: 65_536, 2: 512, 3: 64}  # pixels, by the number of axes in space
_WRITERS: dict[str, Callable[[LabelImage, Path], None]] = {
    "labels": LabelImage.tiff,
    "rois": LabelImage.rois,
    "geojson": LabelImage.geojson,
    "tracks": LabelImage.tracks,
    "zarr": LabelImage.store,
}
KINDS = tuple(_WRITERS)
ENDINGS = {
    "labels": "_labels.tif", "rois": "_rois.zip", "geojson": "_objects.geojson",
    "tracks": "_tracks.csv", "zarr": "_labels.zarr",
}  # fmt: skip


def check_axes(axes: str) -> None:
    """Refuse axes that OME-Zarr has no name for.

    Raises
    ------
    ValueError
        If there is one.
    """
    if not set(axes) <= set(ORDER):
        raise ValueError(
            f"OME-Zarr knows the axes t, c, z, y and x, but those of the image are "
            f"{axes.lower()}: name its axes, or save the labels as a TIFF"
        )


def check_kinds(kinds: tuple[str, ...], axes: str) -> None:
    """Refuse, before any work, what cannot be made of an image of these axes.

    Parameters
    ----------
    kinds : tuple of str
    axes : str
        Of the labels.

    Raises
    ------
    ValueError
        If one cannot; which, and why.
    """
    if "tracks" in kinds:
        check_time(axes)
    if "zarr" in kinds:
        check_axes(axes)
    if {"rois", "geojson"} & set(kinds) and len(axes) < 2:
        raise ValueError(
            "outlines need rows and columns, but the image is a line: leave out rois "
            "and geojson"
        )
