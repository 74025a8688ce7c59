r"""One sum of labels, whatever the blocks; and what the usual rule gives instead.

    python benchmarks/blocks.py IMAGE -o blocks_output
    python benchmarks/blocks.py -m volumes.safetensors --size 96x256x256

Segments an image into stores: in chunks of 64, 160 and 512 pixels, in blocks of one
tile and of many, by 1, 2 and 4 workers, in two orders, and in memory. The SHA-256 of
the labels must be one. With other windows it may be another, as rounding may turn a
tie: the adjusted Rand index says how far.

Beside it, on the same embedding, stands the rule of other programs: each block is
clustered by itself with an overlap of twice the diameter of the objects, and labels
that touch over the border of two blocks are united. Its false merges and false splits
are counted against the labels of the whole image.

Without IMAGE, a mosaic of generated nuclei of 2,048² pixels is taken, and for a model
of volumes one of 96×256×256 voxels. Across how many of the faces between its tiles
objects lie is printed, too.
"""

from __future__ import annotations

import argparse
from itertools import product
from math import gamma, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import adjusted_rand_score

from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.distributed.blocks import Blocks
from napari_shiftseg.distributed.crew import threads
from napari_shiftseg.distributed.order import StoreOrder
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.geometry.tiling import chunks, widened
from napari_shiftseg.geometry.window import parse_window
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores.folders import writable_folder
from napari_shiftseg.stores.label_sum import labels_sum
from napari_shiftseg.stores.reading import Source, image_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation


CHUNKS, WORKERS, ORDERS = (64, 160, 512), (1, 2, 4), (None, 7)
BLOCKS = {"one tile": 1, "many tiles": 2**21}
RULE = {2: (256, 320, 512), 3: (48, 64, 96)}  # blocks of the usual rule, by axes
WINDOW = {2: "496", 3: "48x96x96"}
OTHERS = {2: ("240", "1008"), 3: ("32x64x64", "96x128x128")}
SIZE = {2: "2048x2048", 3: "96x256x256"}


def sums(
    source: Source, model: TiledNetwork, folder: Path, asked: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Segment into stores, each in another way; yields what differed and the sum."""

    def run(
        how: dict[str, Any], chunk: int, block: int, workers: int, seed: Any
    ) -> Any:
        order = StoreOrder(
            source, model, Settings(**asked), folder / "out.zarr", chunk, block=block
        )
        with threads(workers) as crew:
            steps = segment_to_store_steps(order, crew, overwrite=True, shuffled=seed)
            report = exhaust(steps)
        return how | {name: report[name] for name in ("objects", "labels_sha256")}

    for chunk in CHUNKS:
        yield run({"chunk": chunk}, chunk, BLOCKS["many tiles"], 1, None)
    for workers in WORKERS:
        yield run({"workers": workers}, 512, BLOCKS["one tile"], workers, None)
    for seed in ORDERS:
        yield run({"order": seed or "scan"}, 512, BLOCKS["one tile"], 2, seed)


def boxes(shape: Sequence[int], size: int) -> list[Box]:
    """Cut a shape into blocks of this size."""
    return list(product(*(chunks(n, size) for n in shape)))


def by_the_usual_rule(
    result: Segmentation, model: TiledNetwork, size: int, overlap: int
) -> NDArray[np.int32]:
    """Cluster overlapping blocks, keep their middles, unite labels that touch.

    Parameters
    ----------
    result : Segmentation
        Of the whole image: the embedding and the foreground are its own.
    model : TiledNetwork
    size, overlap : int
        Pixels of a block, and what it sees on each side besides.
    """
    settings = result.settings.clustering(model.config)
    foreground = result.prediction().foreground(settings.foreground_threshold)
    drawn = np.zeros(result.shape, np.int32)
    before = 0
    for box in boxes(result.shape, size):
        wide = widened(box, overlap, result.shape)
        inside = tuple(
            slice(s.start - w.start, s.stop - w.start)
            for s, w in zip(box, wide, strict=True)
        )
        steps = cluster_steps(
            result.embeddings[(slice(None), *wide)], settings,
            None if foreground is None else foreground[wide],
            [s.start for s in wide], device="cpu",
        )  # fmt: skip
        labels = exhaust(steps).labels[inside]
        drawn[box] = np.where(labels > 0, labels + before, 0)
        before = max(before, int(drawn.max()))
    return united(drawn, size)


def united(labels: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """Give labels one number that touch over the border of two blocks."""
    pairs = []
    for axis in range(labels.ndim):
        for at in range(size, labels.shape[axis], size):
            a, b = labels.take(at - 1, axis), labels.take(at, axis)
            both = (a > 0) & (b > 0)
            pairs.append(np.stack([a[both], b[both]]))
    a, b = np.concatenate(pairs, axis=1)
    number = int(labels.max()) + 1
    graph = coo_array((np.ones(len(a)), (a, b)), (number, number))
    group = connected_components(graph, directed=False)[1].astype(np.int32)
    return np.where(labels > 0, group[labels] + 1, 0).astype(np.int32)


def main() -> None:
    parser = argparse.ArgumentParser(description="One sum of labels.")
    parser.add_argument("image", type=Path, nargs="?")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument("-o", "--output", type=Path, default=Path("blocks_output"))
    parser.add_argument("--window")
    parser.add_argument("--others", nargs="*")
    parser.add_argument("--size", help="of the mosaic, as 2048x2048")
    asked = parser.parse_args()
    model = load_unet(asked.model)
    ndim = model.config.ndim
    folder = writable_folder(asked.output)
    size = tuple(map(int, (asked.size or SIZE[ndim]).split("x")))
    source = given(asked.image, model, size)
    settings = {"window": parse_window(asked.window or WINDOW[ndim]), "device": "cpu"}
    whole = segment(np.asarray(source.data), model, **settings)
    first = {"in memory": "", "objects": whole.objects}
    print("an object lies across {} of {} faces of tiles".format(*crossed(whole)))
    rows = [first | {"labels_sha256": labels_sum(whole.labels)}]
    print(rows[0], flush=True)
    for row in sums(source, model, folder, settings):
        print(row, flush=True)
        rows.append(row)
    found = {row["labels_sha256"] for row in rows}
    print(f"{len(rows)} runs, {len(found)} sum(s)")
    for window in OTHERS[ndim] if asked.others is None else asked.others:
        how = {"window": parse_window(window), "device": "cpu"}
        other = segment(np.asarray(source.data), model, **how)
        index = adjusted_rand_score(whole.labels.ravel(), other.labels.ravel())
        print(f"window {window}: adjusted Rand index {index:.7f}")
    areas = np.bincount(whole.labels.ravel())[1:]
    ball = pi ** (ndim / 2) / gamma(ndim / 2 + 1)  # of radius 1
    diameter = round(float(np.median(2 * (areas / ball) ** (1 / ndim))))
    print(f"usual rule, overlap 2 x {diameter} pixels, against the whole image:")
    for side in RULE[ndim]:
        labels = by_the_usual_rule(whole, model, side, 2 * diameter)
        score = object_scores(whole.labels, labels)
        print(
            f"blocks of {side}: {len(np.unique(labels)) - 1} objects, "
            f"{score.false_merges} false merges, {score.false_splits} false splits, "
            f"{labels_sum(labels)[:12]}"
        )


def crossed(result: Segmentation) -> tuple[int, int]:
    """Return across how many faces of tiles an object lies, and how many there are."""
    tiles = Blocks.of(result.plan, 1)
    faces = [*tiles.neighbours()]
    there = 0
    for axis, before, after in faces:
        here = result.labels[tiles.block(before).box].take(-1, axis)
        beyond = result.labels[tiles.block(after).box].take(0, axis)
        there += bool(((here == beyond) & (here > 0)).any())
    return there, len(faces)


def given(image: Path | None, model: TiledNetwork, size: tuple[int, ...]) -> Source:
    """Read an image lazily, or make a mosaic of nuclei."""
    if image is not None:
        return image_for(model.config, image, lazily=True)
    made = make_sample("nuclei" if len(size) == 2 else "nuclei-3d").image
    along = (np.arange(n) % m for n, m in zip(size, made.shape, strict=True))
    return Source("mosaic", np.asarray(made)[np.ix_(*along)], "ZYX"[-len(size) :])


if __name__ == "__main__":
    main()
