"""Many images to files, tables and a page, in one call."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from napari_shiftseg.batch.order import BatchOrder
from napari_shiftseg.batch.run import batch_steps
from napari_shiftseg.pipeline.settings import OfSegment, Settings, spelled
from napari_shiftseg.progress import exhaust
from napari_shiftseg.report.batch_page import batch_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.batch.order import BatchOutcome


@spelled(OfSegment)
def segment_images(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]],
    output: str | PathLike[str],
    model: str | PathLike[str] = "",
    save: Sequence[str] = ("labels",),
    channel: str | None = None,
    series: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
    workers: int = 1,
    scheduler: str | None = None,
    **settings: Unpack[OfSegment],
) -> BatchOutcome:
    """Segment many images to files, tables of all of them, and a page.

    As ``shiftseg segment FOLDER -o OUTPUT`` does. An image that fails is named in its
    row, and the rest goes on.

    Parameters
    ----------
    inputs : path, or sequence of these
        Images, names of samples, folders and patterns.
    output : path
        Folder for the results, which mirror the folders of the images.
    model : str or path
        Name or file; empty: the usual one of each image.
    save, channel, series, overwrite, resume, workers, scheduler
        See `BatchOrder`.
    **settings
        Of `Settings`: window, stitching, border, region, device, ...

    Returns
    -------
    BatchOutcome
        Its ``rows``, one an image: status ("done", "skipped" or "failed"), error,
        objects, density, median_area, confidence, files, …

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no image, no such model, or a setting is out of range.
    FileExistsError
        If a file would be replaced that no such run wrote; it is named.
    OSError
        If the output cannot be written, or the disk is full.
    """
    several = [inputs] if isinstance(inputs, str | PathLike) else inputs
    order = BatchOrder(
        tuple(map(Path, several)), Path(output), fspath(model), Settings(**settings),
        tuple(save), channel, series, overwrite, resume, workers, scheduler,
    )  # fmt: skip
    return exhaust(batch_steps(order, batch_page))
