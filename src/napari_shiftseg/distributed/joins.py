"""What is done once for all blocks, between the passes: numbers alone, no pixels."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.cluster import background_mode
from napari_shiftseg.clustering.joining import join, within
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.stored_rows import StoredRows
from napari_shiftseg.distributed.arrays import save, save_all
from napari_shiftseg.distributed.job import read_parts
from napari_shiftseg.distributed.spots import are_large, find_spots

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.joining import Joined
    from napari_shiftseg.distributed.job import Job


def find_modes(job: Job) -> Generator[None]:
    """Find the modes of all pixels, scope "global", in the order of a scan.

    Parameters
    ----------
    job : Job
        Predicted.
    """
    if job.table("modes").exists():
        return
    settings, config, plan = job.clustering, job.model.config, job.blocks.plan
    first = np.load(job.raw.path(0), mmap_mode="r")
    channels = len(first) - config.foreground - len(config.classes)
    rows: Any = StoredRows(
        job.embedding, job.shape, channels, first.dtype,
        job.foreground if config.foreground else None, plan.offset,
    )  # fmt: skip
    modes: NDArray[Any] = np.zeros((0, channels), first.dtype)
    centre: NDArray[Any] = np.zeros(channels)
    if len(rows):
        shift = MeanShift(
            settings.bandwidth, kernel=settings.kernel, device=job.settings.device
        )
        yield from shift.find_steps(rows, rows.positions)
        modes, centre = shift.cluster_centers_, shift.centre
    background = background_mode(modes, settings)
    save_all(job.table("modes"), modes=modes, centre=centre, background=background)


def join_parts(job: Job) -> None:
    """Join the parts of all blocks; give each component to the block it begins in.

    Parameters
    ----------
    job : Job
        Its blocks separated.
    """
    blocks = job.blocks
    known = [read_parts(job.about_parts(n)) for n in range(len(blocks))]
    far = job.is_global and not job.clustering.split_far_parts
    joined = join(known, blocks.neighbours(), far)
    is_kept = joined.sizes >= job.clustering.min_size
    if job.is_global:
        number = np.concatenate([[0], np.where(is_kept, np.cumsum(is_kept), 0)])
        for n, of_part in enumerate(joined.of_part):
            save(job.table("labels", n), number[of_part].astype(np.int32))
        with np.load(job.table("modes")) as found:
            modes = len(found["modes"])
        save_all(job.table("objects"), count=is_kept.sum(), modes=modes)
        return
    _hand_out(job, joined, np.flatnonzero(is_kept))


def _hand_out(job: Job, joined: Joined, kept: NDArray[np.int64]) -> None:
    large = are_large(joined.low[kept], joined.high[kept], job.neighbourhood)
    if large.any():
        wide = kept[large]
        find_spots(job, wide + 1, joined.low[wide], joined.high[wide])
        kept = kept[~large]
    places = within(job.shape, joined.first[kept])
    owner = np.array([job.blocks.holding(place) for place in places], np.int64)
    by_owner = kept[np.argsort(owner, kind="stable")]
    ends = np.cumsum(np.bincount(owner, minlength=len(job.blocks)))
    for n, of_part in enumerate(joined.of_part):
        save(job.table("components", n), of_part)
        own = by_owner[ends[n - 1] if n else 0 : ends[n]]
        save_all(
            job.owned(n), component=own + 1, low=joined.low[own], high=joined.high[own]
        )


def number_objects(job: Job) -> None:
    """Give numbers to the objects of all components, in the order of these.

    Parameters
    ----------
    job : Job
        Its blocks clustered.
    """
    component, low, high, block, begin, modes = [], [], [], [], [], 0
    for n in range(len(job.blocks)):
        with np.load(job.pieces(n)) as known:
            component.append(known["component"])
            low.append(known["low"])
            high.append(known["high"])
            block.append(np.full(len(low[-1]), n))
            sizes = (high[-1] - low[-1]).prod(1)
            begin.append(np.cumsum(sizes) - sizes)
            modes += int(known["modes"])
    if job.has_tissue:
        with np.load(job.table("united")) as united:
            component.append(united["component"])
            modes += int(united["modes"])
    order = np.argsort(np.concatenate(component), kind="stable")
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(1, len(order) + 1)
    begins = np.cumsum([0, *map(len, component)])
    for n, (first, end) in enumerate(pairwise(begins)):
        name = n if n < len(job.blocks) else "tissue"
        save(job.table("labels", name), np.concatenate([[0], number[first:end]]))
    boxes = {"low": low, "high": high, "block": block, "begin": begin}
    save_all(
        job.table("objects"), count=len(order), modes=modes,
        **{name: np.concatenate(each) for name, each in boxes.items()},
    )  # fmt: skip


def figures(job: Job) -> dict[str, Any]:
    """Return how many objects and modes there are."""
    with np.load(job.table("objects")) as known:
        return {"objects": int(known["count"]), "modes": int(known["modes"])}
