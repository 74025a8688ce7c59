r"""Boundaries of objects: how much better an embedding shows them than the image does.

    python benchmarks/boundaries.py dsb2018 -o boundaries_output
    python benchmarks/boundaries.py --volume ovule_image.tif ovule_labels.tif

The first line takes a folder of data with the parts ``val`` and ``test``, each of
``images/`` and ``labels/``, and the model ``nuclei``. Read-outs are fitted to ``val``,
and so the best width of a Gaussian for the gradient of the raw image is chosen there;
all is scored on ``test``.

The second takes planes of a volume. A small 2-D network is trained on the first half of
them (in about ten minutes of one CPU core; a training that was stopped goes on),
read-outs are fitted to the next quarter, and the last one is scored. Between these
parts two planes are left out, for neighbours are alike. Where membranes are bright the
image is evidence of boundaries itself, and stands in the table, too.

F, precision and recall at the best threshold for all images, and F with each image at
its own, with a tolerance of 2 pixels: see ``boundary_scores``. In brackets: the images
drawn anew 10,000 times at that threshold, 95 % of the F lie there.

Predictions are kept in the output folder, in float32 (float16 would round places far
from the first pixel to a half of one), and read again the next time;
``results.csv`` has all figures. Of 117 images of nuclei they take about five minutes of
one CPU core.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from skimage.filters import gaussian, sobel

from napari_shiftseg.cli.terminal import note, print_table, with_progress
from napari_shiftseg.detection.boundaries import (
    BoundaryReadout,
    drawn,
    fitted,
)
from napari_shiftseg.detection.levels import level_steps
from napari_shiftseg.detection.prediction import prediction_steps
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.metrics.bootstrap import bootstrap_interval
from napari_shiftseg.metrics.boundaries import boundary_scores, true_boundaries
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.report.figures_of_merit import Table, write_csv
from napari_shiftseg.samples import Sample
from napari_shiftseg.stores.folders import writable_folder
from napari_shiftseg.stores.reading import read_image, read_labels
from napari_shiftseg.training.defaults import object_config
from napari_shiftseg.training.recipes import object_training
from napari_shiftseg.training.stopping import SUFFIX, Validation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.metrics.boundaries import BoundaryScores
    from napari_shiftseg.networks.unet import UNet

    Levels = dict[str, NDArray[np.float32]]

RAW_WIDTHS = (0.5, 1.0, 1.5, 2.0, 3.0)  # pixels, of Gaussians
ENDS = (1, 99.8)  # percentiles of an image that are read as 0 and 1
SHOWN = {  # levels that stand in the table by themselves
    "foreground 1": "foreground's gradient",
    "embedding 1": "embedding's gradient",
    "embedding 1 after 1": "embedding's gradient after 1 loop",
    "embedding 1 after 3": "embedding's gradient after 3 loops",
}
NETWORK = {"depth": 3, "features": 16}
WINDOW, STEPS, EVERY = 60, 1_000, 100  # pixels of a side; of the training
GAP = 2  # planes between two parts of a volume


@dataclass(frozen=True)
class Seen:
    """An image with its true labels, and all gradients of it and its prediction."""

    labels: NDArray[Any]
    image: NDArray[Any]  # 0 to 1, smoothed a little
    raw: Levels
    levels: Levels


def from_0_to_1(image: NDArray[Any]) -> NDArray[np.float64]:
    pixels = np.asarray(image, dtype=np.float64)
    low, high = np.percentile(pixels, ENDS)
    return ((pixels - low) / max(high - low, 1e-9)).clip(0, 1)


def raw_levels(pixels: NDArray[Any]) -> Levels:
    """Return Sobel's gradient of an image after Gaussians of several widths."""
    return {f"raw {w:g}": np.float32(sobel(gaussian(pixels, w))) for w in RAW_WIDTHS}


def predicted(sample: Sample, model: UNet, file: Path) -> Prediction:
    """Predict an image, or read what was predicted before (of old in float16: anew)."""
    plan = plan_tiles(sample.labels.shape, model.shape)
    if not _is_exact(file):
        steps = prediction_steps(sample.image, model, Settings(device="cpu"))
        found = with_progress(steps)
        file.parent.mkdir(parents=True, exist_ok=True)
        kept = {"e": found.embedding, "l": found.logit}
        np.savez(file, **{name: np.float32(of) for name, of in kept.items()})
    with np.load(file) as known:
        return Prediction(known["e"], known["l"], plan, ())


def _is_exact(file: Path) -> bool:
    if not file.exists():
        return False
    with np.load(file) as known:
        return known["e"].dtype == np.float32


def looked_at(
    samples: Mapping[int, Sample], model: UNet, folder: Path, part: str
) -> list[Seen]:
    """Compute all gradients of images, which have numbers in their part."""
    seen = []
    for number, sample in samples.items():
        prediction = predicted(sample, model, folder / f"{part}-{number:03}.npz")
        levels = exhaust(level_steps(prediction, model.config.clustering))
        pixels = from_0_to_1(sample.image)
        image = gaussian(pixels, 1)
        seen.append(Seen(sample.labels, image, raw_levels(pixels), levels))
        note(f"{part}: image {len(seen)} of {len(samples)}")
    return seen


def fit(seen: Sequence[Seen], of: str, model: str = "") -> BoundaryReadout:
    """Fit a read-out to the ``raw`` gradients of images, or to the ``levels``."""
    pixels = [
        drawn(getattr(each, of), true_boundaries(each.labels), number)
        for number, each in enumerate(seen)
    ]
    return fitted(pixels, model)


def scored(seen: Sequence[Seen], evidence: Sequence[Any]) -> BoundaryScores:
    return boundary_scores([each.labels for each in seen], evidence)


def best_width(seen: Sequence[Seen]) -> str:
    """Return the name of the raw gradient with the highest F."""
    f = {name: scored(seen, [s.raw[name] for s in seen]).ods for name in seen[0].raw}
    said = ", ".join(f"{name} {value:.3f}" for name, value in f.items())
    note(f"F of raw gradients where the width is chosen: {said}")
    return max(f, key=f.__getitem__)


def compared(
    learnt: Sequence[Seen],
    test: Sequence[Seen],
    model: UNet,
    folder: Path,
    is_bright: bool = False,
) -> dict[str, BoundaryScores]:
    """Fit to some images and score others, method by method.

    Where boundaries are bright the image itself is a method, too.
    """
    width = best_width(learnt)
    raw, fused = fit(learnt, "raw"), fit(learnt, "levels", model.config.name)
    fused.write(folder / f"{model.config.name}-readout.json")
    evidence: dict[str, list[Any]] = {
        f"raw image's gradient (Sobel, Gaussian of {width.split()[-1]} pixels)": [
            each.raw[width] for each in test
        ],
        f"raw image's gradients at {len(RAW_WIDTHS)} widths, fused": [
            raw.probability(each.raw) for each in test
        ],
        **{name: [s.levels[level] for s in test] for level, name in SHOWN.items()},
        "read-out, all levels fused": [fused.probability(s.levels) for s in test],
    }
    if is_bright:
        evidence |= {"raw image, Gaussian of 1 pixel": [s.image for s in test]}
    return {name: scored(test, of) for name, of in evidence.items()}


def interval(scores: BoundaryScores) -> str:
    """Return F with its interval, of images drawn anew at the best threshold."""
    at = scores.best
    counts = [scores.found[:, at], scores.right[:, at], scores.reached[:, at]]

    def f(sums: NDArray[Any]) -> NDArray[Any]:
        found, right, reached, true = np.moveaxis(sums, -1, 0)
        precision, recall = right / np.maximum(found, 1), reached / np.maximum(true, 1)
        return 2 * precision * recall / np.maximum(precision + recall, 1e-12)

    known = bootstrap_interval(np.stack([*counts, scores.true], 1), f)
    return f"{known.value:.3f} ({known.low:.3f} to {known.high:.3f})"


def report(found: dict[str, BoundaryScores], file: Path) -> None:
    """Print the table of all methods, and write it."""
    figures = {name: scores.figures() for name, scores in found.items()}
    header = ("method", *next(iter(figures.values())))
    rows = tuple((name, *of.values()) for name, of in figures.items())
    write_csv(file, Table(header, rows))
    print_table(
        ("", "F", "precision", "recall", "F, each image at its best"),
        [
            (
                name, interval(found[name]), f"{of['precision']:.3f}",
                f"{of['recall']:.3f}", f"{of['f_of_best_per_image']:.3f}",
            )
            for name, of in figures.items()
        ],
    )  # fmt: skip
    print(f"\nThe figures are in {file}")


def of_nuclei(data: Path, name: str, folder: Path, number: int | None) -> None:
    """Compare on images of nuclei: fitted to val, scored on test."""
    model = load_unet(name)
    parts = {}
    for part in ("val", "test"):
        samples = dict(enumerate(read_data(data / part, note).samples))
        every = 1 if number is None else max(1, len(samples) // number)
        chosen = {at: samples[at] for at in list(samples)[::every][:number]}
        parts[part] = looked_at(chosen, model, folder / "predictions", part)
    report(compared(parts["val"], parts["test"], model, folder), folder / "results.csv")


def planes_of(image: Path, labels: Path) -> list[Sample]:
    """Return the planes of a volume."""
    pixels, true = read_image(image).data, read_labels("truth", labels)
    pairs = zip(pixels, true, strict=True)
    return [Sample(np.float32(plane), np.int32(ids)) for plane, ids in pairs]


def trained(samples: Sequence[Sample], file: Path, steps: int) -> UNet:
    """Return a small network for these planes: from its file, or trained to the end."""
    if not file.exists():
        config = object_config(file.stem, **NETWORK)
        training = object_training(samples, Validation(), config, steps, WINDOW)
        state = file.with_suffix(SUFFIX)
        if state.exists():
            training.resume(state)
        for step in training.steps():
            if step.done % EVERY == 0:
                training.save(state)
                note(f"step {step.done} of {steps}")
        save_model(training.model(), file, torch.float16)
        state.unlink(missing_ok=True)
    return load_unet(file)


def of_volume(image: Path, labels: Path, folder: Path, steps: int) -> None:
    """Compare on planes of a volume, in three parts along its first axis."""
    planes = planes_of(image, labels)
    half, rest = len(planes) // 2, 3 * len(planes) // 4
    model = trained(planes[: half - GAP], folder / "planes.safetensors", steps)
    parts = {"fit": planes[half : rest - GAP], "test": planes[rest:]}
    seen = {
        name: looked_at(
            dict(enumerate(part)), model, folder / "predictions", f"planes-{name}"
        )
        for name, part in parts.items()
    }
    found = compared(seen["fit"], seen["test"], model, folder, is_bright=True)
    report(found, folder / "planes.csv")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Boundaries of objects, scored.")
    parser.add_argument("data", type=Path, nargs="?", metavar="DATA_FOLDER")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument(
        "--volume", type=Path, nargs=2, metavar="FILE", help="image and labels"
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="of its network")
    parser.add_argument(
        "--images", type=int, help="so many of each part, evenly spaced [all]"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("boundaries_output"))
    asked = parser.parse_args()
    if asked.data is None and asked.volume is None:
        parser.error("give a folder of data, or --volume IMAGE LABELS")
    return asked


def run(asked: argparse.Namespace) -> None:
    folder = writable_folder(asked.output)
    if asked.data is not None:
        of_nuclei(asked.data, asked.model, folder, asked.images)
    if asked.volume is not None:
        of_volume(*asked.volume, folder, asked.steps)


if __name__ == "__main__":
    try:
        run(arguments())
    except (OSError, ValueError, MemoryError) as error:
        sys.exit(f"boundaries: {error}")
