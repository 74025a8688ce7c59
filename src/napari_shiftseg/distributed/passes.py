"""The passes over the blocks of a job: what is done with each block by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_shiftseg.clustering.basins import Basins
from napari_shiftseg.clustering.cluster import NO_BACKGROUND
from napari_shiftseg.clustering.components import Components
from napari_shiftseg.clustering.joining import parts_of
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.modes import Pixels
from napari_shiftseg.device import resolve_device
from napari_shiftseg.distributed.arrays import save_all, write_durably
from napari_shiftseg.distributed.job import (
    StoredEmbedding,
    component_tables,
    components_in,
    write_parts,
)
from napari_shiftseg.geometry.tiling import chunks
from napari_shiftseg.inference.predict import embed_steps
from napari_shiftseg.progress import Returning

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.joining import Parts
    from napari_shiftseg.distributed.job import Job
    from napari_shiftseg.geometry.tiling import Box

    Clustering = Generator[tuple[int, int], None, Objects]
    Separating = Generator[None, None, tuple[NDArray[np.int32], Parts]]

Result = TypeVar("Result")


class StoppedError(Exception):
    """A block was left because nobody wants it any more."""


def embed(
    job: Job, number: int, watch: Callable[[int, int], bool] | None = None
) -> None:
    """Predict a block; keep by what, what the user should know, and the prediction.

    Parameters
    ----------
    job : Job
    number : int
        Of the block.
    watch : callable, optional
        Is told the number and how many tiles are done, between tiles and while one
        takes long; says whether to leave the block.
    """
    settings, plan = job.settings, job.blocks.block(number).plan
    # one by one: together with others a tile's numbers may be rounded otherwise
    how = settings.device, settings.precision, settings.batch or 1
    steps = Returning(
        embed_steps(
            job.image, job.model, plan, *how, views=settings.views,
            engine=settings.engine,
        )
    )  # fmt: skip
    notes = []
    for progress in steps:
        if watch is not None and watch(number, progress.done // settings.views):
            raise StoppedError
        notes.append(progress.note)
    device = resolve_device(settings.device).type
    by = steps.value.engine if device == "cpu" else f"{steps.value.engine} on {device}"
    job.predicted.record(str(number), {"by": by, "notes": [*filter(None, notes)]})
    job.raw.write(number, steps.value.raw)


def separate(
    job: Job, number: int, watch: Callable[[int, int], bool] | None = None
) -> None:
    """Part a block: its foreground, or the pixels of each mode, into connected parts.

    Parameters
    ----------
    job, number, watch
        See `embed`.
    """
    numbers, parts = unless_left(_separating(job, number), number, watch)
    job.parts.write(number, numbers)
    write_parts(job.about_parts(number), parts)


def _separating(job: Job, number: int) -> Separating:
    box = job.blocks.block(number).box
    values: Any
    if job.is_global:
        values = yield from _modes_steps(job, box)
    else:
        values = job.foreground(box)
    yield
    found = parts_of(values, box, job.shape)
    yield
    return found


AT_ONCE = 2**18  # pixels whose nearest mode is looked for


def _modes_steps(job: Job, box: Box) -> Generator[None, None, NDArray[np.int32]]:
    r"""Return 1 + the nearest mode of each pixel, 0 for the background, (\*box)."""
    settings = job.clustering
    with np.load(job.table("modes")) as known:
        modes, centre, background = (
            known[name] for name in ("modes", "centre", "background")
        )
    shift = MeanShift(
        settings.bandwidth, kernel=settings.kernel, device=job.settings.device
    ).found_before(modes, centre)
    embedding = job.embedding(box)
    inside = np.ones(embedding.shape[1:], np.bool_)
    if job.model.config.foreground:
        inside = job.foreground(box)
    nearest = np.full(inside.shape, NO_BACKGROUND, np.int32)
    rows = embedding[:, inside].T
    found = np.empty(len(rows), np.int32)
    for part in chunks(len(rows), AT_ONCE):
        yield
        found[part] = shift.nearest(rows[part])
    nearest[inside] = found
    nearest[nearest == int(background)] = NO_BACKGROUND
    return nearest + 1


BEYOND = 1 / 4  # of a block, that a component reaches beyond to be read by itself


def cluster(
    job: Job, number: int, watch: Callable[[int, int], bool] | None = None
) -> None:
    """Cluster the components that begin in a block, each whole, wherever it lies.

    Those that lie in the block, or hardly leave it, are read together. Any other is
    read by itself, and of its embedding no more at once than one neighbourhood: what
    is read at once depends neither on the image nor on where far components end.

    Parameters
    ----------
    job, number, watch
        See `embed`.
    """
    with np.load(job.owned(number)) as known:
        owned, low, high = (known[name] for name in ("component", "low", "high"))
    component: list[NDArray[np.int64]] = [owned[:0]]
    lows, highs, modes = [low[:0]], [high[:0]], 0
    tables = component_tables(job)

    def write(file: BinaryIO) -> None:
        nonlocal modes
        for group in _near_ones(job.blocks.block(number).box, low, high):
            lows.append(low[group].min(0, keepdims=True))
            highs.append(high[group].max(0, keepdims=True))
            box = tuple(map(slice, lows[-1][0].tolist(), highs[-1][0].tolist()))
            steps, components = _clustered(job, box, owned[group], tables)
            objects = unless_left(steps, number, watch)
            of_object = np.zeros(len(objects.mode_of), np.int64)
            of_object[objects.labels] = components
            of_object = of_object[1:]
            before = sum(map(len, component))
            np.add(objects.labels, before, objects.labels, where=objects.labels > 0)
            file.write(objects.labels.data)
            component.append(of_object)
            modes += len(objects.modes)

    write_durably(job.drawings(number), write)
    save_all(
        job.pieces(number), component=np.concatenate(component), modes=modes,
        low=np.concatenate(lows), high=np.concatenate(highs),
    )  # fmt: skip


def _near_ones(
    box: Box, low: NDArray[np.int64], high: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    """Yield components that are read together: those near a block, then one by one."""
    start = np.array([side.start for side in box])
    stop = np.array([side.stop for side in box])
    margin = BEYOND * (stop - start)
    near = ((low >= start - margin) & (high <= stop + margin)).all(1)
    if near.any():
        yield np.flatnonzero(near)
    yield from np.flatnonzero(~near)[:, None]


def _clustered(
    job: Job,
    box: Box,
    owned: NDArray[np.int64],
    tables: Callable[[int], NDArray[np.int64]],
) -> tuple[Clustering, NDArray[np.int64]]:
    """Cluster components of a box as they would be in the whole image.

    Returns the steps to that, and of which component each pixel is, or all are.
    """
    plan, settings = job.blocks.plan, job.clustering
    corner = [start + side.start for start, side in zip(plan.offset, box, strict=True)]
    components: Any = owned
    embedding: Any = StoredEmbedding(job, box)
    if len(owned) > 1:
        components = components_in(job, box, tables)
        inside = np.isin(components, owned)
        embedding = job.embedding(box)
    else:
        inside = components_in(job, box, tables, int(owned[0]))
    pixels = Pixels(embedding, corner, job.settings.device)
    if settings.method == "mean-shift":
        found = Components(pixels, settings, inside, job.neighbourhood)
    else:
        begins = [side.start for side in box]
        found = Basins(pixels, settings, inside, begins, job.shape)
    return found.steps(), components


def unless_left(
    steps: Generator[Any, None, Result],
    number: int,
    watch: Callable[[int, int], bool] | None,
) -> Result:
    """Run to the end and return what is returned, unless nobody wants the block.

    Parameters
    ----------
    steps : generator
    number, watch
        See `embed`.

    Raises
    ------
    StoppedError
        If nobody wants the block any more.
    """
    running = Returning(steps)
    for _ in running:
        if watch is not None and watch(number, 0):
            raise StoppedError
    return running.value
