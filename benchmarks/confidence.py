r"""How well the confidence of objects finds those that are wrong.

    python benchmarks/confidence.py dsb2018 -o confidence_output
    python benchmarks/confidence.py dsb2018 --part test -o confidence_output

An object is wrong if its intersection over union with every true object is 0.5 or less.
Objects are looked at from the least sure on, by the confidence and by each feature of
it alone, and are judged by

- AUROC: how often a wrong object stands before a right one,
- how many of the first tenth are wrong,
- which share of the wrong ones is among the first quarter, of all images together, and
  image by image, as they are mended.

The reliability curve says how many objects of each confidence are right: ten bins of
equal width, the bars one standard error. ``results.csv``, ``reliability.csv``,
``reliability.png`` and ``.svg`` are written.

The folder holds ``val/`` or another ``--part``, with ``images/`` and ``labels/``. The
confidence is that of the model's file; ``--learn train`` learns it on another part
instead, ``--usual`` takes that of models that have learnt none. ``--views`` and
``--stitching naive --window 36`` say how images are predicted: the last lines tell how
many of the objects that a border of tiles cuts are wrong.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score

from napari_shiftseg.cli.terminal import note, print_table, with_progress
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.networks.confidence_rule import FEATURES
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.figures_of_merit import Table, cell, write_csv
from napari_shiftseg.results.confidence import USUAL_RULE
from napari_shiftseg.results.learning import judged_steps, learn_steps
from napari_shiftseg.stores.folders import writable_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.networks.confidence_rule import ConfidenceRule
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample

    Features = dict[str, np.ndarray]

FIRST, LOOKED_AT = 0.1, 0.25  # of all objects
BINS = 10
DPI = 144
HEADER = (
    "by", "AUROC", "wrong in the first 10 %", "of the wrong in the first 25 %",
    "image by image",
)  # fmt: skip
UNSURE_IF_LOW = ("margin", "foreground")


def found_in(wrong: np.ndarray, doubt: np.ndarray, share: float) -> int:
    """Count the wrong objects among the most doubtful share of them."""
    order = np.argsort(-doubt.astype(float), kind="stable")
    return int(wrong[order[: round(len(order) * share)]].sum())


def figures(wrong: Sequence[np.ndarray], doubt: Sequence[np.ndarray]) -> list[float]:
    """Judge an order: the figures of a row, see `HEADER`.

    Parameters
    ----------
    wrong : sequence of ndarray of bool
        (objects,) of each image.
    doubt : sequence of ndarray
        (objects,) of each image; the higher, the sooner it is looked at.
    """
    every, doubts = np.concatenate(wrong), np.concatenate(doubt)
    by_image = [found_in(*each, LOOKED_AT) for each in zip(wrong, doubt, strict=True)]
    return [
        float(roc_auc_score(every, doubts)),
        found_in(every, doubts, FIRST) / round(len(every) * FIRST),
        found_in(every, doubts, LOOKED_AT) / every.sum(),
        sum(by_image) / every.sum(),
    ]


def rows_of(tables: Sequence[Features], rule: ConfidenceRule) -> list[tuple[Any, ...]]:
    """Judge the rule, and each feature alone."""
    wrong = [table["wrong"].astype(bool) for table in tables]
    doubts = {
        "a perfect order": wrong,
        "confidence": [-rule.predict(table) for table in tables],
    }
    for name in (*FEATURES, "disagreement"):
        sign = -1 if name in UNSURE_IF_LOW else 1
        values = [sign * table[name] for table in tables]
        if np.ptp(np.concatenate(values)) > 0:  # NaN is not
            doubts[name] = values
    return [(name, *figures(wrong, doubt)) for name, doubt in doubts.items()]


def reliability(wrong: np.ndarray, confidence: np.ndarray) -> list[tuple[float, ...]]:
    """Return mean confidence, share that is right, and number of objects of each bin.

    Parameters
    ----------
    wrong, confidence : ndarray
        (objects,)
    """
    number = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = [np.flatnonzero(number == each) for each in range(BINS)]
    return [
        (float(confidence[at].mean()), float(1 - wrong[at].mean()), len(at))
        for at in bins
        if len(at)
    ]


def draw(rows: Sequence[tuple[float, ...]], title: str) -> Figure:
    """Draw the reliability curve."""
    figure = Figure(figsize=(4, 4), layout="constrained")
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    sure, right, objects = np.array(rows).T
    error = np.sqrt(right * (1 - right) / objects)
    panel.errorbar(sure, right, error, fmt="o-", capsize=3, color="#0072b2")
    panel.set(xlabel="confidence", ylabel="share of objects that are right")
    panel.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title=title)
    return figure


def tables_of(
    samples: Sequence[Sample], model: UNet, settings: Settings
) -> list[Features]:
    """Segment images; return the features of their objects, and which are wrong."""
    found = []
    for number, sample in enumerate(samples):
        note(f"image {number + 1} of {len(samples)}")
        found += with_progress(judged_steps(sample, model, settings))
    return found


def about_cuts(tables: Sequence[Features]) -> str:
    """Say how many of the objects that borders of tiles cut are wrong."""
    cut = np.concatenate([table["cut"] for table in tables]).astype(bool)
    wrong = np.concatenate([table["wrong"] for table in tables])
    if not cut.any():
        return "no object is cut by a border of tiles"
    return (
        f"{cut.sum()} objects are cut by a border of tiles, {wrong[cut].mean():.0%} of "
        f"them wrong; of the others {wrong[~cut].mean():.1%}"
    )


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="How good the confidence is.")
    parser.add_argument("data", type=Path, help="folder of the parts")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--part", default="val")
    parser.add_argument("--learn", help="part to learn the confidence on")
    parser.add_argument("--usual", action="store_true", help="the usual rule")
    parser.add_argument("--images", type=int, default=0, help="only so many; 0: all")
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--stitching", default="cropped")
    parser.add_argument("--window")
    asked = parser.parse_args()
    output, model = writable_folder(asked.output), load_unet(asked.model)
    settings = Settings(
        views=asked.views, stitching=asked.stitching, window=asked.window
    )
    rule = model.config.confidence or USUAL_RULE
    if asked.usual:
        rule = USUAL_RULE
    if asked.learn:
        learnt_on = read_data(asked.data / asked.learn).samples
        rule = with_progress(learn_steps(learnt_on, model, settings), unit="step")
    samples = read_data(asked.data / asked.part).samples
    tables = tables_of(samples[: asked.images or None], model, settings)
    rows = rows_of(tables, rule)
    wrong = np.concatenate([table["wrong"] for table in tables])
    confidence = np.concatenate([rule.predict(table) for table in tables])
    curve = reliability(wrong, confidence)
    title = f"{asked.model} on {asked.data.name}/{asked.part}"
    print_table(list(HEADER), [[row[0], *map(cell, row[1:])] for row in rows])
    print(f"{len(wrong)} objects of {title}, {wrong.mean():.1%} wrong")
    print(about_cuts(tables))
    names = ("confidence", "right", "objects")
    print_table(list(names), [[cell(value) for value in row] for row in curve])
    write_csv(output / "results.csv", Table(HEADER, tuple(rows)))
    write_csv(output / "reliability.csv", Table(names, tuple(curve)))
    for ending in ("png", "svg"):
        draw(curve, title).savefig(output / f"reliability.{ending}", dpi=DPI)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"confidence: {error}")
