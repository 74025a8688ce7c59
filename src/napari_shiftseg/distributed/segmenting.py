"""An image on disk to a store of labels: what is checked, recorded and kept."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import zarr

from napari_shiftseg.distributed.crew import crew_of
from napari_shiftseg.distributed.figures import record_of
from napari_shiftseg.distributed.journal import (
    Journal,
    differences,
    remove,
    unfinished,
)
from napari_shiftseg.distributed.order import StoreOrder
from napari_shiftseg.distributed.run import SCALES, Run
from napari_shiftseg.distributed.table import table_beside, table_steps
from napari_shiftseg.inference.views import channels_of
from napari_shiftseg.intensity.no_data import is_without_data
from napari_shiftseg.pipeline.segmentation import NO_DATA
from napari_shiftseg.pipeline.series import frames_of
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Progress, exhaust, told
from napari_shiftseg.stores.axes import UNNAMED, axis_names
from napari_shiftseg.stores.image import as_array
from napari_shiftseg.stores.lazy import places_of
from napari_shiftseg.stores.own_stores import OURS, record_in
from napari_shiftseg.stores.reading import Source, image_for
from napari_shiftseg.stores.tables import write_table
from napari_shiftseg.stores.zarr_image import is_zarr

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from napari_shiftseg.distributed.journal import Steps
    from napari_shiftseg.distributed.output import Output
    from napari_shiftseg.distributed.workers import Crew
    from napari_shiftseg.networks import TiledNetwork


RESUME = "give the same again with resume=True to go on"


def segment_to_store(
    image: str | Path | Any,
    model: TiledNetwork,
    output: str | Path,
    *,
    channel: int | str | None = None,
    series: int | None = None,
    axes: str = "",
    save: Sequence[str] = ("labels",),
    chunk: int | None = None,
    float16: bool = False,
    workers: int = 1,
    scheduler: str | Any | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **settings: Any,
) -> dict[str, Any]:
    r"""Segment an image of any size into an OME-Zarr store, block by block.

    The labels are those of `segment`, whatever the blocks, the chunks, the workers and
    their order: blocks are groups of the tiles of one plan, components of the
    foreground are joined over the faces of blocks, and each is clustered whole.

    Parameters
    ----------
    image : str, Path or array_like
        A file or a store, see `read_image`, of which no more is read than a tile needs;
        or ([leading,] \*spatial), NumPy, dask or zarr.
    model : TiledNetwork
    output : str or Path
        The store to be made, ``labels.zarr``.
    channel, series
        See `read_image`.
    axes : str
        Of an array, the names of those before the spatial ones: "t" or "z"; see
        `segment`.
    save : sequence of str
        Of labels, gradient, embedding.
    chunk : int, optional
        Of the store, pixels along each spatial axis; 512, of volumes 64.
    float16 : bool
        Whether the embedding is kept in 16 bits.
    workers : int
        Blocks that threads of this process work on at once.
    scheduler : str or Client, optional
        Of a dask cluster that does the work instead: its address, or a client. All its
        workers must see the image and the folder of the output.
    resume : bool
        Whether to go on with a run that was stopped, or killed. Of one that is done
        what was found is returned.
    overwrite : bool
        Whether what is there is replaced.
    **settings
        Of `Settings`: window, device, views, bandwidth, ...

    Returns
    -------
    dict
        ``labels_sha256``, ``objects``, ``blocks``, ... ready for JSON; ``table`` is the
        CSV of the objects beside the store, ``labels_objects.csv``, see `measure`.

    Raises
    ------
    ValueError
        If a setting is out of range, the image cannot be read or holds no data, or the
        run under way is another one; the differences are named.
    FileExistsError
        If there is a store of this name, or a run under way.
    OSError
        If the disk is full, another process is at work on the run, or a cluster lost
        its workers for good; what is done is kept.
    """
    if isinstance(image, (str, Path)):
        source = image_for(model.config, Path(image), channel, series, lazily=True)
    else:
        pixels = as_array(image)
        ndim = model.config.image_axes
        leading = axes.upper() or UNNAMED * (pixels.ndim - ndim)
        source = Source("image", pixels, leading + axis_names(ndim, ndim))
    chosen = Settings(**settings)
    order = StoreOrder(
        source, model, chosen, Path(output).resolve(), chunk, tuple(save), float16
    )  # fmt: skip
    with crew_of(workers, scheduler) as crew:
        return exhaust(segment_to_store_steps(order, crew, resume, overwrite))


def segment_to_store_steps(
    order: StoreOrder,
    crew: Crew,
    resume: bool = False,
    overwrite: bool = False,
    shuffled: int | None = None,
    follow: Callable[..., None] | None = None,
) -> Generator[Progress, None, dict[str, Any]]:
    """Segment an image into a zarr store, block by block; yields `Progress`.

    Beside the store a folder of its name with ``.unfinished`` holds what a run that
    was stopped, or killed, goes on with. The store has its name once it is whole.

    Parameters
    ----------
    order : StoreOrder
    crew : Crew
        Who works on the blocks.
    resume : bool
        Whether to go on with a run that was begun.
    overwrite : bool
        Whether a store, or a run, that is there is replaced.
    shuffled : int, optional
        Seed of the order in which blocks are handed out.
    follow : callable, optional
        See `Run`.

    Returns
    -------
    dict
        Figures of the run, ready for JSON.

    Raises
    ------
    FileExistsError
        If there is a store of this name, or a run under way.
    ValueError
        If the run under way is another one; the differences are named.
    OSError
        If the disk is full, another process is at work on the run, or a cluster lost
        its workers for good; what is done is kept.
    """
    began = perf_counter()
    journal = Journal(unfinished(order.target))
    with journal.held(), _resumable(order.target):
        known = yield from told(LOOKING, prod(order.shape), _seen, order)
        device, engine = crew.computes(order.settings)
        about = {**known, "device": device, "engine": engine}
        done = _finished(order, about, journal, resume, overwrite)
        if done is not None:
            yield Progress(1, 1, DONE.format(order.target.name), "done")
            return done
        journal.begin(about)
        order = _with_its_window(order, journal.steps)
        if overwrite:
            journal.steps.record(REPLACES)
        output = order.output(journal.work / UNDER_WAY)
        if not journal.steps.has(MADE):
            _make(order, output, journal.work)
            journal.steps.record(MADE)
        run = Run(
            order.pixels, order.model, order.settings, journal.work, output, crew,
            order.block_pixels, order.leading, shuffled, follow,
        )  # fmt: skip
        figures = yield from run.steps()
        table = yield from table_steps(order, output, figures["objects"])
        write_table(table_beside(order.target), table)
        report = record_of(order, figures, perf_counter() - began)
        report["table"] = str(table_beside(order.target))
        _finish(order, about, journal, output, report)
    return report


def _seen(order: StoreOrder) -> dict[str, Any]:
    """Look at the image: by what the run is known again.

    Raises
    ------
    ValueError
        If there is nothing to be segmented.
    """
    frames = frames_of(order.pixels, order.model) or [()]
    if all(is_without_data(order.pixels[at]) for at in frames):
        raise ValueError(f"the image holds no data: {NO_DATA}")
    return order.about


def _make(order: StoreOrder, output: Output, folder: Path) -> None:
    """Make the store, its arrays empty."""
    shutil.rmtree(output.folder, ignore_errors=True)
    config = order.model.config
    logits = config.foreground + len(config.classes)
    channels = channels_of(config, order.settings.views)
    output.make(channels - logits, order.half)
    if len(output.shape) > output.ndim:
        output.make_planes(folder / "planes.zarr")


def _finished(
    order: StoreOrder,
    about: dict[str, Any],
    journal: Journal,
    resume: bool,
    overwrite: bool,
) -> dict[str, Any] | None:
    """Return the report of a run that is done; refuse to lose another's results."""
    target, is_there = order.target, order.target.exists() or order.target.is_symlink()
    known = record_in(target) if resume and is_there else {}
    changed = differences(known["about"], about) if known else ""
    if _has_moved(journal):
        remove(journal.folder)
        if known and not changed:
            return dict(known["report"])
    replaces = resume and journal.is_there and journal.steps.has(REPLACES)
    if overwrite or replaces:
        if is_there:
            _refuse_to_lose(target, order.source)
        if not resume:
            remove(journal.folder)
        return None
    if journal.is_there and not resume:
        raise FileExistsError(
            f"{journal.folder.name} is an unfinished run: {RESUME}, or add "
            f"overwrite=True to begin anew"
        )
    if not is_there:
        _refuse_a_table(journal, table_beside(target))
        return None
    if known and not changed:
        remove(journal.folder)
        return dict(known["report"])
    why = f", and is of another run: {changed}" if changed else ""
    why = ", and no run of this program made it" if resume and not known else why
    raise FileExistsError(
        f"{target} is already there{why}: give another name, or add overwrite=True to "
        f"replace it"
    )


def _refuse_a_table(journal: Journal, table: Path) -> None:
    """Refuse to replace a table that this run did not begin to write."""
    if table.exists() and not journal.is_there:
        raise FileExistsError(
            f"{table} is already there: give another name, or add overwrite=True to "
            f"replace it"
        )


def _has_moved(journal: Journal) -> bool:
    """Whether the store has its name already: the run was killed right after."""
    return (
        journal.is_there
        and journal.steps.has(MADE)
        and not (journal.work / UNDER_WAY).exists()
    )


LOOKING = Progress(0, 1, stage="looking at the image")
DONE = "{} is already done: this is what was found"
MADE = "made"
UNDER_WAY = "store.zarr"  # in the folder of a run, until the store has its name
REPLACES = "replaces"  # what a run has recorded that was begun with overwrite
WINDOW = "window"


def _with_its_window(order: StoreOrder, steps: Steps) -> StoreOrder:
    """Return an order with the window that its run began with.

    One that was not asked for depends on the memory that is free.
    """
    if not steps.has(WINDOW):
        steps.record(WINDOW, list(order.plan.window))
    window = tuple(steps.given(WINDOW))
    return replace(order, settings=replace(order.settings, window=window))


def _refuse_to_lose(target: Path, source: Source) -> None:
    """Refuse to replace what is no zarr store, or holds the image itself."""
    lies = [Path(source.path).resolve()] if source.path else []
    for place in (*lies, *places_of(source.data)):
        if target.resolve() not in (place, *place.parents):
            continue
        raise ValueError(f"{target} holds the image itself: give another name")
    if not is_zarr(target):
        raise FileExistsError(
            f"{target} is there and is no zarr store, so it is not replaced: give "
            f"another name"
        )


def _finish(
    order: StoreOrder,
    about: dict[str, Any],
    journal: Journal,
    output: Output,
    report: dict[str, Any],
) -> None:
    """Give the store its record and its name, and remove what is no longer needed."""
    for part in output.folder.rglob("*.partial"):  # zarr's, of a killed write
        part.unlink(missing_ok=True)
    group = zarr.open_group(str(output.folder), mode="r+")
    scales = journal.steps.given(SCALES)
    group.attrs[OURS] = {"about": about, "report": report, "scales": scales}
    remove(order.target)
    os.replace(output.folder, order.target)
    remove(journal.folder)


@contextmanager
def _resumable(target: Path) -> Iterator[None]:
    """Let an error of a full disk say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        kept = ", what was done is kept" if Journal(unfinished(target)).keeps else ""
        raise OSError(
            f"{target}: the disk is full{kept}: free some space, then {RESUME}"
        ) from None
