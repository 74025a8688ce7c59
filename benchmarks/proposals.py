r"""Average recall of object proposals, against grouping at one bandwidth.

    python benchmarks/proposals.py dsb2018 -o proposals_output

On images of nuclei, with the 50 test images of the 2018 Data Science Bowl: average
recall at IoU 0.5, 0.55 … 0.95 (Hosang et al., TPAMI 2016) of the first 10, 60 and of
all proposals an image.

The folder holds ``train/`` and ``test/``, each with ``images/`` and ``labels/``. How
well an object is likely to fit is learnt on ``train/`` (of ``--learn`` images, evenly
spaced), or read from ``--confidence``; ``confidence.safetensors`` and ``results.csv``
are written.

Rows are pooled groupings at several bandwidths about the model's own, and the grouping
at its own alone, each in several orders: by expected overlap less what was proposed
before, by expected overlap alone, by size, and as found. The last lines give by how
much pooling is better, with an interval: as many images are drawn with replacement,
10,000 times, and 95 % of the differences lie in it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.cli.terminal import note, print_table, with_progress
from napari_shiftseg.detection.confidence import read_confidence, save_confidence
from napari_shiftseg.detection.pool import Pool
from napari_shiftseg.detection.proposals import image_steps, learning_steps, ranked
from napari_shiftseg.detection.settings import Pooling
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.metrics.recall import IOUS, best_overlaps, overlaps
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.figures_of_merit import Table, cell, write_csv
from napari_shiftseg.stores.folders import writable_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.detection.confidence import Confidence
    from napari_shiftseg.detection.pool import Piece
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample

ALL = sys.maxsize
NUMBERS = (10, 60, ALL)
DRAWS = 10_000
BEST, PEER = "expected overlap, less what was before", "expected overlap"


@dataclass(frozen=True)
class Ranking:
    """Masks of each image in one order, and the recall of each of its true objects."""

    grouping: str
    order: str
    tables: tuple[np.ndarray, ...]  # of each image, (masks, true objects)

    def recalls(self, number: int) -> list[np.ndarray]:
        """Share of the thresholds that each true object passes, image by image."""
        best = [best_overlaps(table[:number]) for table in self.tables]
        return [np.mean([each > iou for iou in IOUS], axis=0) for each in best]

    def average_recall(self, number: int) -> float:
        return float(np.concatenate(self.recalls(number)).mean())

    @property
    def masks(self) -> float:
        """An image has, on average."""
        return float(np.mean([len(table) for table in self.tables]))


def orders(pool: Pool, scores: np.ndarray) -> dict[str, list[Piece]]:
    """The pieces of a pool in several orders."""
    by = (sorted(range(len(scores)), key=lambda i: -key[i])
          for key in (scores, [p.mask.sum() for p in pool.pieces]))  # fmt: skip
    expected, size = ([pool.pieces[i] for i in order] for order in by)
    return {
        BEST: list(ranked(pool, scores, len(scores))),
        PEER: expected,
        "size": size,
        "as found": list(pool.pieces),
    }


def alone(pool: Pool, bandwidth: float) -> list[int]:
    """Which pieces the grouping at this bandwidth finds, the first of all."""
    return [i for i, piece in enumerate(pool.pieces) if piece.bandwidth == bandwidth]


def rankings(
    samples: Sequence[Sample],
    model: UNet,
    settings: Settings,
    pooling: Pooling,
    confidence: Confidence,
) -> list[Ranking]:
    """Pool every image once, and rank what is found in all ways."""
    own = settings.clustering(model.config).bandwidth
    tables: dict[tuple[str, str], list[np.ndarray]] = {}
    for number, sample in enumerate(samples, start=1):
        steps = image_steps(sample.image, model, settings, pooling)
        pool = with_progress(steps, unit="step")
        note(f"image {number} of {len(samples)}: {len(pool.pieces)} objects")
        scores = confidence.predict(pool.features)
        single = alone(pool, own)
        groupings = {
            "pooled": (pool, scores),
            "alone": (
                Pool(tuple(pool.pieces[i] for i in single), pool.features.of(single)),
                scores[single],
            ),
        }
        for grouping, known in groupings.items():
            for order, pieces in orders(*known).items():
                table = overlaps(sample.labels, pieces)
                tables.setdefault((grouping, order), []).append(table)
    return [Ranking(*name, tuple(found)) for name, found in tables.items()]


def gains(one: Ranking, other: Ranking, number: int) -> tuple[float, float, float]:
    """By how much one ranking is better, and the interval of 95 % of resamplings."""
    one_of_each, other_of_each = (
        np.array([(r.sum(), len(r)) for r in ranking.recalls(number)]).T
        for ranking in (one, other)
    )
    images = len(one.tables)
    drawn = np.random.default_rng(0).integers(0, images, (DRAWS, images))
    ours, theirs = (
        each[0][drawn].sum(axis=1) / each[1][drawn].sum(axis=1)
        for each in (one_of_each, other_of_each)
    )
    low, high = np.quantile(ours - theirs, (0.025, 0.975))
    return one.average_recall(number) - other.average_recall(number), low, high


def report(found: Sequence[Ranking], folder: Path) -> None:
    """Print average recalls, and by how much pooling is better; write them."""
    header = ("grouping", "order", *(f"AR at {_said(n)}" for n in NUMBERS), "masks")
    rows = tuple(
        (r.grouping, r.order, *(r.average_recall(n) for n in NUMBERS), r.masks)
        for r in found
    )
    write_csv(folder / "results.csv", Table(header, rows))
    print_table(header, [[*row[:2], *map(cell, row[2:])] for row in rows])
    known = {(r.grouping, r.order): r for r in found}
    for number in NUMBERS:
        gain, low, high = gains(known["pooled", BEST], known["alone", PEER], number)
        said = f"{gain:+.3f} ({low:+.3f} to {high:+.3f})"
        print(f"AR at {_said(number)}: pooled − alone {said}")
    print(f"\nThe files are in {folder}")


def _said(number: int) -> str:
    return "all" if number == ALL else str(number)


def evenly(samples: Sequence[Sample], number: int | None) -> list[Sample]:
    """So many images, evenly spaced."""
    if number is None or number >= len(samples):
        return list(samples)
    at = np.linspace(0, len(samples) - 1, number).round().astype(int)
    return [samples[i] for i in at]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Average recall of proposals.")
    parser.add_argument("data", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument("-o", "--output", type=Path, default=Path("proposals_output"))
    parser.add_argument("--learn", type=int, default=95, help="images of train/ [95]")
    parser.add_argument("--images", type=int, help="images of test/ [all]")
    parser.add_argument("--confidence", type=Path, help="a file, in place of learning")
    parser.add_argument("--bandwidths", help="0.5,1 [0.35 to 2.8 of the model's own]")
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    if asked.learn < 1 or (asked.images is not None and asked.images < 1):
        parser.error("--learn and --images take 1 or more")
    return asked


def run(asked: argparse.Namespace) -> None:
    folder = writable_folder(asked.output)
    model, settings = load_unet(asked.model), Settings(device=asked.device)
    pooling = Pooling(asked.bandwidths)
    test = evenly(read_data(asked.data / "test", note).samples, asked.images)
    if asked.confidence:
        confidence = read_confidence(asked.confidence)
    else:
        learn = evenly(read_data(asked.data / "train", note).samples, asked.learn)
        steps = learning_steps(learn, model, settings, pooling)
        confidence = with_progress(steps, unit="step")
        save_confidence(confidence, folder / "confidence.safetensors")
        note(f"learnt from {confidence.objects} objects of {len(learn)} images")
    report(rankings(test, model, settings, pooling, confidence), folder)


if __name__ == "__main__":
    try:
        run(arguments())
    except (OSError, ValueError, MemoryError) as error:
        sys.exit(f"proposals: {error}")
