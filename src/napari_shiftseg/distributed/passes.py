"""The passes over the blocks of a job: what is done with each block by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.cluster import NO_BACKGROUND
from napari_shiftseg.clustering.components import Components
from napari_shiftseg.clustering.joining import parts_of
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.modes import Pixels
from napari_shiftseg.device import resolve_device
from napari_shiftseg.distributed.arrays import save_all
from napari_shiftseg.distributed.job import write_parts
from napari_shiftseg.geometry.rescaling import widths_of
from napari_shiftseg.inference.predict import embed_steps
from napari_shiftseg.progress import Returning

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.distributed.job import Job
    from napari_shiftseg.geometry.tiling import Box

    Clustering = Generator[tuple[int, int], None, Objects]


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


def separate(job: Job, number: int) -> None:
    """Part a block: its foreground, or the pixels of each mode, into connected parts.

    Parameters
    ----------
    job, number
        See `embed`.
    """
    box = job.blocks.block(number).box
    values = _modes_in(job, box) if job.is_global else job.foreground(box)
    numbers, parts = parts_of(values, box, job.shape)
    job.parts.write(number, numbers)
    write_parts(job.about_parts(number), parts)


def _modes_in(job: Job, box: Box) -> NDArray[np.int32]:
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
    nearest[inside] = shift.nearest(embedding[:, inside].T)
    nearest[nearest == int(background)] = NO_BACKGROUND
    return nearest + 1


def cluster(
    job: Job, number: int, watch: Callable[[int, int], bool] | None = None
) -> None:
    """Cluster the components that begin in a block, each whole, wherever it lies.

    Parameters
    ----------
    job, number, watch
        See `embed`.
    """
    with np.load(job.owned(number)) as known:
        owned, low, high = (known[name] for name in ("component", "low", "high"))
    if not len(owned):
        nowhere = np.zeros(len(job.shape), np.int64)
        save_all(
            job.pieces(number), labels=nowhere[:0], low=nowhere, high=nowhere,
            component=nowhere[:0], modes=0,
        )  # fmt: skip
        return
    box = tuple(map(slice, low.min(0).tolist(), high.max(0).tolist()))
    components = _components_in(job, box)
    steps = _clustered(job, box, np.isin(components, owned))
    objects = _unless_left(steps, number, watch)
    of_object = np.zeros(len(objects.mode_of), np.int64)
    of_object[objects.labels] = components
    save_all(
        job.pieces(number),
        labels=objects.labels,
        low=low.min(0),
        high=high.max(0),
        component=of_object[1:],
        modes=len(objects.modes),
    )


def _components_in(job: Job, box: Box) -> NDArray[np.int64]:
    r"""Return the component of each pixel of a box, 0 where there is none, (\*box)."""

    def as_components(number: int, parts: NDArray[Any]) -> NDArray[np.int64]:
        of_part: NDArray[np.int64] = np.load(job.table("components", number))
        return np.asarray(of_part[parts])

    return job.parts.read(box, as_components)


def _clustered(job: Job, box: Box, inside: NDArray[np.bool_]) -> Clustering:
    """Cluster the components of a box as they would be in the whole image."""
    plan = job.blocks.plan
    corner = [start + side.start for start, side in zip(plan.offset, box, strict=True)]
    provenance = job.model.config.provenance
    window = provenance.window if provenance else None
    pixels = Pixels(job.embedding(box), corner, job.settings.device)
    settings = job.clustering
    found = Components(pixels, settings, inside, widths_of(window, None))
    return found.steps()


def _unless_left(
    steps: Clustering, number: int, watch: Callable[[int, int], bool] | None
) -> Objects:
    """Run to the end, unless nobody wants the block any more."""
    running = Returning(steps)
    for _ in running:
        if watch is not None and watch(number, 0):
            raise StoppedError
    return running.value
