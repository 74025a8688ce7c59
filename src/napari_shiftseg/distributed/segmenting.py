"""An image on disk to a store of labels: what is checked, recorded and kept."""

from __future__ import annotations

import errno
import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import replace
from math import prod
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import zarr

from napari_shiftseg.distributed.arrays import write_durably
from napari_shiftseg.distributed.crew import crew_of
from napari_shiftseg.distributed.journal import Journal, remove
from napari_shiftseg.distributed.order import StoreOrder, unfinished
from napari_shiftseg.distributed.run import Run
from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.inference.views import Views
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.stores.axes import UNNAMED, axis_names
from napari_shiftseg.stores.image import as_array
from napari_shiftseg.stores.reading import Source, image_for
from napari_shiftseg.stores.zarr_image import is_zarr

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from napari_shiftseg.distributed.crew import Crew
    from napari_shiftseg.distributed.output import Output
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.progress import Progress


RESUME = "give the same command again with --resume to go on"


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
        Whether to go on with a run that was stopped, or killed.
    overwrite : bool
        Whether what is there is replaced.
    **settings
        Of `Settings`: window, device, views, bandwidth, ...

    Returns
    -------
    dict
        ``labels_sha256``, ``objects``, ``blocks``, ... ready for JSON.

    Raises
    ------
    ValueError
        If a setting is out of range, the image cannot be read, or the run under way is
        another one.
    FileExistsError
        If there is a store of this name, or a run under way.
    OSError
        If the disk is full; what is done is kept.
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
        If the disk is full; what is done is kept.
    """
    began = perf_counter()
    journal = Journal(unfinished(order.target))
    output = order.output(journal.folder / "store.zarr")
    about = order.about
    done = _finished(order, about, journal, resume, overwrite)
    if done is not None:
        return done
    with _resumable(order.target):
        journal.begin(about)
        order = _with_its_window(order, journal)
        if overwrite:
            journal.record(REPLACES)
        if not journal.has("made"):
            shutil.rmtree(output.folder, ignore_errors=True)
            seen = Views(None, order.settings.views, order.model.config)  # type: ignore[arg-type]
            logits = order.model.config.foreground + len(order.model.config.classes)
            output.make(seen.channels - logits, order.half)
            if len(output.shape) > output.ndim:
                output.make_planes(journal.folder / "planes.zarr")
            journal.record("made")
        run = Run(
            order.pixels, order.model, order.settings, journal.folder, output, crew,
            order.block, order.leading, shuffled,
        )  # fmt: skip
        figures = yield from run.steps()
        report = _report(order, figures, perf_counter() - began)
        _finish(order, about, journal, output, report)
    return report


def _finished(
    order: StoreOrder,
    about: dict[str, Any],
    journal: Journal,
    resume: bool,
    overwrite: bool,
) -> dict[str, Any] | None:
    """Return the report of a run that is done; refuse to lose another's results."""
    target, is_there = order.target, order.target.exists() or order.target.is_symlink()
    if overwrite or (resume and journal.has(REPLACES)):
        if is_there:
            _refuse_to_lose(target, order.source.path)
        if not resume:
            remove(journal.folder)
        return None
    if journal.is_there and not resume:
        raise FileExistsError(
            f"{journal.folder.name} is a run under way: {RESUME}, or add --overwrite "
            f"to begin anew"
        )
    if not is_there:
        return None
    known = _record_of(target)
    if resume and known.get("about") == json.loads(json.dumps(about)):
        remove(journal.folder)
        return dict(known["report"])
    raise FileExistsError(
        f"{target} is already there{', and is not of this run' if resume else ''}: "
        f"give another name with -o, or add --overwrite to replace it"
    )


REPLACES = "replaces"  # what a run has recorded that was begun with overwrite
WINDOW = "window.json"


def _with_its_window(order: StoreOrder, journal: Journal) -> StoreOrder:
    """Return an order with the window that its run began with.

    One that was not asked for depends on the memory that is free.
    """
    path = journal.folder / WINDOW
    if not path.exists():
        text = json.dumps(list(order.plan.window)).encode()
        write_durably(path, lambda file: file.write(text))
    window = tuple(json.loads(path.read_text(encoding="utf-8")))
    return replace(order, settings=replace(order.settings, window=window))


def _refuse_to_lose(target: Path, image: str) -> None:
    """Refuse to replace what is no zarr store, or holds the image itself."""
    if image and target.resolve() in (Path(image), *Path(image).parents):
        raise ValueError(f"{target} holds the image itself: give another name with -o")
    if not is_zarr(target):
        raise FileExistsError(
            f"{target} is there and is no zarr store, so it is not replaced: give "
            f"another name with -o"
        )


def _record_of(store: Path) -> dict[str, Any]:
    """Return what a store says of the run that made it; empty if it was no such run."""
    try:
        known = dict(zarr.open_group(str(store), mode="r").attrs).get(OURS)
    except (OSError, ValueError, KeyError):
        return {}
    return (
        known if isinstance(known, dict) and {"about", "report"} <= set(known) else {}
    )


OURS = "napari_shiftseg"  # key of our record among the attributes of a store


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
    group.attrs[OURS] = {"about": about, "report": report}
    remove(order.target)
    os.replace(output.folder, order.target)
    remove(journal.folder)


def _report(
    order: StoreOrder, figures: dict[str, Any], seconds: float
) -> dict[str, Any]:
    plan, notes = order.plan, [advise(order.plan).note, *figures.pop("notes")]
    return {
        "model": order.model.config.name, **figures, "window": list(plan.window),
        "stride": list(plan.stride), "period": list(plan.shape.period),
        "exact": plan.is_exact, "seconds": seconds,
        "notes": [*order.source.notes, *filter(None, notes)],
        "output": str(order.target), "shape": list(order.shape),
        "voxels": prod(order.shape),
    }  # fmt: skip


@contextmanager
def _resumable(target: Path) -> Iterator[None]:
    """Let an error of a full disk say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(
            f"{target}: the disk is full, what was done is kept: free some space, then "
            f"{RESUME}"
        ) from None
