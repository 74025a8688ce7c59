r"""Components too large to be held, as tissue is, clustered by many workers.

What `piece_together` does with a component in memory is done here with the
neighbourhoods whose corners lie in a block, whatever the blocks (see `Tissue`):

1. `part`: the pieces of each neighbourhood;
2. `match`: which pieces of two that overlap are one object, and how large pieces are;
3. `unite`: the objects, of all pieces at once: numbers, no pixels;
4. `settle`: what each neighbourhood keeps; scraps go to the nearest object, which is
   looked for as far as it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from napari_shiftseg.clustering.components import connected, nearest_steps
from napari_shiftseg.clustering.modes import Pixels, groups_of, same_pieces
from napari_shiftseg.distributed.arrays import save, save_all, write_durably
from napari_shiftseg.distributed.job import (
    StoredEmbedding,
    component_tables,
    components_in,
)
from napari_shiftseg.distributed.passes import unless_left
from napari_shiftseg.distributed.spots import (
    MATCHED,
    PARTED,
    PIECES,
    SCRAP,
    SETTLED,
    Tissue,
    within_box,
)
from napari_shiftseg.geometry.tiling import widened

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from napari_shiftseg.distributed.job import Job
    from napari_shiftseg.geometry.tiling import Box

    Piecing = Generator[Any, None, tuple[NDArray[np.int32], NDArray[Any]]]
    Pairs = list[tuple[int, int]]
    Matching = Generator[None, None, tuple[Pairs, list[NDArray[np.int64]]]]
    Settling = Generator[None, None, NDArray[np.int32]]


FIRST = 16  # pixels about a neighbourhood, in which the nearest object is looked for


def part(
    job: Job, number: int, watch: Callable[[int, int], bool] | None = None
) -> None:
    """Find the pieces of the neighbourhoods of a block.

    Parameters
    ----------
    job : Job
    number : int
        Of the block.
    watch : callable, optional
        Is told the number, again and again; says whether to leave the block.
    """
    tissue, pieces, modes = Tissue(job), [0], 0
    tables = component_tables(job)

    def write(file: BinaryIO) -> None:
        nonlocal modes
        for spot in tissue.of(number):
            box = tissue.box(spot)
            inside = components_in(job, box, tables, tissue.component(spot))
            steps = _pieces_steps(job, box, inside)
            image, found = unless_left(steps, number, watch)
            file.write(np.ascontiguousarray(image).data)
            pieces.append(int(image.max(initial=0)))
            modes += len(found)

    write_durably(job.tissue(number, PIECES), write)
    save_all(job.tissue(number, PARTED), pieces=pieces[1:], modes=modes)


def _pieces_steps(job: Job, box: Box, inside: NDArray[np.bool_]) -> Piecing:
    yield  # reading took a while, too
    offset, settings = job.blocks.plan.offset, job.clustering
    corner = [start + side.start for start, side in zip(offset, box, strict=True)]
    embedding: Any = StoredEmbedding(job, box)
    pixels = Pixels(embedding, corner, job.settings.device)
    everywhere = tuple(slice(0, n) for n in inside.shape)
    (found,) = yield from pixels.find([(everywhere, inside)], settings)
    image, modes = yield from nearest_steps(pixels, found, everywhere, inside)
    pieces = connected(image) if settings.split_far_parts else image
    return pieces.astype(np.int32, copy=False), modes


def match(
    job: Job, number: int, watch: Callable[[int, int], bool] | None = None
) -> None:
    """Find which pieces of neighbourhoods that overlap are one object.

    Parameters
    ----------
    job, number, watch
        See `part`.
    """
    pairs, sizes = unless_left(_matching(job, number), number, watch)
    save_all(
        job.tissue(number, MATCHED),
        pairs=np.array(pairs, np.int64).reshape(-1, 2).T,
        sizes=np.concatenate(sizes, axis=1),
    )


def _matching(job: Job, number: int) -> Matching:
    tissue = Tissue(job)
    pairs: list[tuple[int, int]] = []
    sizes: list[NDArray[np.int64]] = [np.zeros((2, 0), np.int64)]
    for spot in tissue.of(number):
        yield
        box, pieces = tissue.box(spot), tissue.pieces(spot)
        own = pieces[within_box(tissue.kept(spot), box)]
        sizes.append(np.stack(np.unique(own[own > 0], return_counts=True)))
        for near in tissue.earlier(spot):
            pairs += same_pieces(box, pieces, tissue.box(near), tissue.pieces(near))
    return pairs, sizes


def unite(job: Job) -> None:
    """Make objects of all pieces: numbers alone, no pixels.

    Parameters
    ----------
    job : Job
        Its neighbourhoods matched.
    """
    tissue, modes = Tissue(job), 0
    pairs, sizes_of = [], []
    for n in range(len(job.blocks)):
        with np.load(job.tissue(n, MATCHED)) as matched:
            pairs.append(matched["pairs"])
            sizes_of.append(matched["sizes"])
        with np.load(job.tissue(n, PARTED)) as parted:
            modes += int(parted["modes"])
    number = int(tissue.pieces_in.sum()) + 1
    group = groups_of(np.concatenate(pairs, axis=1), number)
    sizes = np.zeros(int(group.max()) + 1, np.int64)
    piece, pixels = np.concatenate(sizes_of, axis=1)
    np.add.at(sizes, group[piece], pixels)
    component = np.zeros(len(sizes), np.int64)
    component[group[1:]] = np.repeat(tissue.components, tissue.pieces_in)
    is_kept = sizes >= max(job.clustering.min_size, 1)
    with_some = np.isin(component, component[is_kept])
    object_of = np.where(is_kept, np.cumsum(is_kept), np.where(with_some, SCRAP, 0))
    objects = object_of[group].astype(np.int32)
    objects[0] = 0
    save(job.table("spots", "objects"), objects)
    save_all(job.table("united"), component=component[is_kept], modes=modes)


def settle(
    job: Job, number: int, watch: Callable[[int, int], bool] | None = None
) -> None:
    """Draw what each neighbourhood keeps, scraps given to the nearest object.

    Parameters
    ----------
    job, number, watch
        See `part`.
    """
    tissue = Tissue(job)

    def write(file: BinaryIO) -> None:
        for spot in tissue.of(number):
            objects = unless_left(_settling(tissue, spot), number, watch)
            file.write(np.ascontiguousarray(objects).data)

    write_durably(job.tissue(number, SETTLED), write)


def _settling(tissue: Tissue, spot: int) -> Settling:
    """Return the objects that a neighbourhood keeps, each scrap in the nearest one.

    The nearest is sure once nothing that was not looked at is as near.
    """
    about, kept, margin = tissue.about(spot), tissue.kept(spot), 0
    corner = [side.start for side in about]
    shape = [side.stop - side.start for side in about]
    while True:
        yield
        there = widened(within_box(kept, about), margin, shape)
        box = tuple(
            slice(s.start + a, s.stop + a) for s, a in zip(there, corner, strict=True)
        )
        drawn = tissue.unsettled(tissue.component(spot), box)
        inside = within_box(kept, box)
        own: NDArray[np.int32] = drawn[inside]
        scraps = own == SCRAP
        if not scraps.any():
            return own
        if (drawn > 0).any():
            distances, nearest = ndimage.distance_transform_edt(
                drawn <= 0, return_indices=True
            )
            far = distances[inside][scraps]
            if (far < _room(kept, box, about)[scraps]).all():
                given = drawn[tuple(nearest)][inside]
                settled: NDArray[np.int32] = np.where(scraps, given, own)
                return settled
        margin = 2 * margin or FIRST


def _room(kept: Box, box: Box, about: Box) -> NDArray[np.float64]:
    r"""Return how far each pixel is from what was not looked at, (\*kept)."""
    shape = [side.stop - side.start for side in kept]
    room = np.full(shape, np.inf)
    for axis, (own, seen, all_) in enumerate(zip(kept, box, about, strict=True)):
        at = np.arange(own.start, own.stop, dtype=np.float64)
        before = np.inf if seen.start == all_.start else at - seen.start + 1
        after = np.inf if seen.stop == all_.stop else seen.stop - at
        along = np.minimum(before, after) + np.zeros(len(at))
        room = np.minimum(room, np.expand_dims(along, [*range(1, room.ndim - axis)]))
    return room


def draw_tissue(
    job: Job, box: Box, numbers: NDArray[np.integer], drawn: NDArray[np.int32]
) -> None:
    r"""Draw the objects of large components where they meet a box.

    Parameters
    ----------
    job : Job
    box : tuple of slice
    numbers : ndarray of int
        (objects + 1,), what they are called; on disk, perhaps.
    drawn : ndarray of int32
        (\*box), drawn into.
    """
    tissue = Tissue(job)
    for spot, both in tissue.keepers(box):
        labels = numbers[tissue.objects(spot)[within_box(both, tissue.kept(spot))]]
        np.copyto(drawn[within_box(both, box)], labels, where=labels > 0)
