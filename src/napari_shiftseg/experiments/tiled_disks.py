"""Figures 4a to 4c and S1: a lattice of disks, predicted tile by tile."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.experiments.experiment import (
    Experiment,
    Measuring,
    Outcome,
    as_grey,
    embedding_colours,
    show,
    show_borders,
)
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.metrics.label_image import relabelled_like
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.metrics.seams import gradient_magnitude, seam_scores
from napari_shiftseg.pipeline.comparison import Comparison, compare_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.effect import period_ratio
from napari_shiftseg.report.figures_of_merit import cell
from napari_shiftseg.report.plots import object_colours
from napari_shiftseg.samples.disks import disks

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.comparison import Side, SideName
    from napari_shiftseg.steps import Progress

SIDE = 11 * 13 + 1  # pixels; mirrored at its borders the lattice goes on
WINDOW = 20  # the smallest raw output above the period of 16
LARGER = 68
SEEN = (slice(26, 26 + 6 * 13 + 1),) * 2  # the part that is drawn
BRIGHT = 0.4  # of the largest gradient magnitude, from which on it is white
SHOWN = (
    "window", "stride", "seam_ratio", "seam_ratio_within", "seam_ratio_within_untiled",
    "true_objects", "objects", "split_by_seams", "false_splits", "ap50",
)  # fmt: skip


def _compare_steps(
    model: UNet, window: int
) -> Generator[Progress, None, tuple[Comparison, NDArray[Any]]]:
    sample = disks((SIDE,) * model.shape.ndim)
    settings = Settings(window=window, device="cpu")
    comparison = yield from compare_steps(sample.image, model, settings, sample.labels)
    return comparison, sample.labels


def measure_stitching(networks: Mapping[str, UNet], stitching: SideName) -> Measuring:
    """Measure the seams of one stitching, and the objects they split.

    Parameters
    ----------
    networks : mapping of str to UNet
        One.
    stitching : {"naive", "cropped"}
    """
    (model,) = networks.values()
    comparison, truth = yield from _compare_steps(model, WINDOW)
    side = comparison.sides[stitching]
    numbers = {"stitching": stitching, **_trained(model), **_shown(side)}
    labels = relabelled_like(side.result.labels, truth)
    arrays = {"embedding": side.result.embeddings, "labels": labels, "truth": truth}
    return Outcome(numbers, arrays, {stitching: side.result.plan})


def _trained(model: UNet) -> dict[str, Any]:
    about = model.config.provenance
    return {
        "period": model.shape.period[0],
        "training_window": list(about.window) if about else None,
    }


def _shown(side: Side) -> dict[str, Any]:
    figures = side.figures()
    return {key: figures[key] for key in SHOWN}


def draw_stitching(figure: Figure, outcome: Outcome) -> None:
    """Draw the true disks, embedding and objects, with the borders of the tiles."""
    numbers, arrays = outcome.numbers, outcome.arrays
    ((name, plan),) = outcome.plans.items()
    split = f"seams split {numbers['split_by_seams']} of {numbers['true_objects']}"
    pictures = {
        "true disks": object_colours(arrays["truth"]),
        f"embedding, {name} tiles of {plan.stride[0]}": embedding_colours(
            arrays["embedding"]
        ),
        f"{numbers['objects']} objects; {split}": object_colours(arrays["labels"]),
    }
    _show_row(figure, plan, pictures)


def _show_row(figure: Figure, plan: TilePlan, pictures: Mapping[str, Any]) -> None:
    """Show pictures by title, and the borders of tiles in all of them."""
    axes = figure.subplots(1, len(pictures))
    for each, (title, picture) in zip(axes, pictures.items(), strict=True):
        show_borders(each, picture, title, plan, SEEN)


def measure_at_period(networks: Mapping[str, UNet]) -> Measuring:
    """Measure the seams at multiples of the period, within tiles and without any."""
    (model,) = networks.values()
    comparison, truth = yield from _compare_steps(model, LARGER)
    cropped = comparison.cropped
    at_period = plan_tiles(truth.shape, model.shape, model.shape.period, "cropped")
    embeddings = {"whole": comparison.reference, "cropped": cropped.result.embeddings}
    numbers = {
        **_trained(model),
        "window": list(cropped.result.plan.window),
        "stride": list(cropped.result.plan.stride),
        **{
            f"seam_ratio_within_{name}": seam_scores(e, at_period, truth).ratio_within
            for name, e in embeddings.items()
        },
        "period_ratio": period_ratio(cropped),
        "largest_difference": float(np.abs(np.subtract(*embeddings.values())).max()),
        **object_scores(truth, cropped.result.labels).figures(),
    }
    labels = relabelled_like(cropped.result.labels, truth)
    return Outcome(numbers, {**embeddings, "labels": labels}, {"period": at_period})


def draw_at_period(figure: Figure, outcome: Outcome) -> None:
    """Draw both embeddings and the objects, with a line at each multiple of p."""
    numbers, arrays = outcome.numbers, outcome.arrays
    plan = outcome.plans["period"]
    stride, found = numbers["stride"][0], numbers["objects"]
    pictures = {
        "embedding in one pass": embedding_colours(arrays["whole"]),
        f"embedding, cropped tiles of {stride}": embedding_colours(arrays["cropped"]),
        f"{found} objects of {numbers['true_objects']} disks": object_colours(
            arrays["labels"]
        ),
    }
    _show_row(figure, plan, pictures)


def measure_gradient(networks: Mapping[str, UNet]) -> Measuring:
    """Measure the seams of both stitchings against the untiled prediction."""
    (model,) = networks.values()
    comparison, _ = yield from _compare_steps(model, WINDOW)
    sides = comparison.sides
    numbers = {
        **_trained(model),
        "table": [{"stitching": name, **_shown(side)} for name, side in sides.items()],
    }
    for key in ("seam_ratio", "seam_ratio_within"):
        for name, side in sides.items():
            numbers[f"{key}_{name}"] = side.figures()[key]
    arrays = {name: side.result.embeddings for name, side in sides.items()}
    plans = {name: side.result.plan for name, side in sides.items()}
    return Outcome(numbers, arrays, plans)


def draw_gradient(figure: Figure, outcome: Outcome) -> None:
    """Draw embeddings and gradient magnitudes; one grey scale for both of these."""
    gradients = {name: gradient_magnitude(e) for name, e in outcome.arrays.items()}
    white = BRIGHT * max(float(gradient.max()) for gradient in gradients.values())
    rows = zip(figure.subplots(2, 2), outcome.plans.items(), strict=True)
    for (embedding, gradient), (name, plan) in rows:
        colours = embedding_colours(outcome.arrays[name])
        title = f"{name} tiles of {plan.stride[0]}"
        show_borders(embedding, colours, title, plan, SEEN)
        ratio = cell(outcome.numbers[f"seam_ratio_within_{name}"])
        title = f"gradient; seam ratio inside disks {ratio}"
        show(gradient, as_grey(gradients[name], white)[SEEN], title)


FIGURE_4A = Experiment(
    "4a",
    "Trained with a window of one period: seams at every multiple of it",
    "The loss of this network saw 16 × 16 outputs at a time, one period: the phases "
    "15 and 0 were never neighbours in training, and do not agree in prediction. White "
    "lines: multiples of the period, in a part of the image. Left: the embedding in "
    "one pass, without any tile, as colours; middle: cropped tiles of 64, the same "
    "picture; right: the objects, in the colours of true disks, surplus pieces in "
    "others. Cropping does not help: the seams are the network's own.",
    measure_at_period,
    draw_at_period,
    models=("disks-w16",),
)
FIGURE_4B = Experiment(
    "4b",
    "Naive tiles: seams at their borders",
    "This network's loss saw 20 × 20 outputs, above its period of 16. Its tiles of 20 "
    "are stitched as they are: at each border (white) the phase jumps, and phases meet "
    "that did not in training. A part of the image; left: the true disks; "
    "middle: the embedding, red, green and blue for its three channels; right: the "
    "objects. The embedding of a disk changes at the border, and the disk is split.",
    partial(measure_stitching, stitching="naive"),
    draw_stitching,
    models=("disks",),
)
FIGURE_4C = replace(
    FIGURE_4B,
    name="4c",
    title="Cropped tiles: no seams",
    caption="As figure 4b, but each tile is cropped from 20 to 16 pixels, a multiple "
    "of the period: the phase runs on over the borders, the embedding is what it would "
    "be in one pass, and every disk is found whole.",
    measure=partial(measure_stitching, stitching="cropped"),
)
FIGURE_S1 = Experiment(
    "s1",
    "Embeddings and their gradient magnitudes, naive and cropped",
    "The disks of figures 4b and 4c. Left: the embeddings as colours; right: their "
    "gradient magnitudes, bright where the embedding changes from a pixel to the next, "
    "on one grey scale. Each disk has a bright rim, since disks and background are to "
    "be told apart. Naive tiles (top) add straight lines through the disks, at the "
    "tile borders; cropped ones (bottom) do not.",
    measure_gradient,
    draw_gradient,
    size=(6.4, 6.6),
    models=("disks",),
)
