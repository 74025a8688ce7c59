"""Figures 4a to 4c, S1 and Z: a lattice of disks, predicted tile by tile."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.experiments.every_pixel import find_disks
from napari_shiftseg.experiments.experiment import (
    Experiment,
    Measuring,
    Outcome,
    as_grey,
    embedding_colours,
    show,
    show_borders,
)
from napari_shiftseg.experiments.inputs import FigureNetwork, colour_config
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.metrics.label_image import relabelled_like
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.metrics.seams import gradient_magnitude, seam_scores
from napari_shiftseg.pipeline.comparison import Comparison, compare_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.effect import period_ratio
from napari_shiftseg.report.figures_of_merit import cell
from napari_shiftseg.report.plots import object_colours
from napari_shiftseg.samples.catalogue import disks
from napari_shiftseg.training.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.sides import Side, SideName
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.samples import Sample


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


def _measure_stitching(networks: Mapping[str, UNet], stitching: SideName) -> Measuring:
    """Measure the seams of one stitching, and the objects they split."""
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
    return {key: side.figures()[key] for key in SHOWN}


def _draw_stitching(figure: Figure, outcome: Outcome) -> None:
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


def _measure_at_period(networks: Mapping[str, UNet]) -> Measuring:
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


def _draw_at_period(figure: Figure, outcome: Outcome) -> None:
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


def _measure_gradient(networks: Mapping[str, UNet]) -> Measuring:
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


def _draw_gradient(figure: Figure, outcome: Outcome) -> None:
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
    _measure_at_period,
    _draw_at_period,
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
    partial(_measure_stitching, stitching="naive"),
    _draw_stitching,
    models=("disks",),
)
FIGURE_4C = replace(
    FIGURE_4B,
    name="4c",
    title="Cropped tiles: no seams",
    caption="As figure 4b, but each tile is cropped from 20 to 16 pixels, a multiple "
    "of the period: the phase runs on over the borders, the embedding is what it would "
    "be in one pass, and every disk is found whole.",
    measure=partial(_measure_stitching, stitching="cropped"),
)
FIGURE_S1 = Experiment(
    "s1",
    "Embeddings and their gradient magnitudes, naive and cropped",
    "The disks of figures 4b and 4c. Left: the embeddings as colours; right: their "
    "gradient magnitudes, bright where the embedding changes from a pixel to the next, "
    "on one grey scale. Each disk has a bright rim, since disks and background are to "
    "be told apart. Naive tiles (top) add straight lines through the disks, at the "
    "tile borders; cropped ones (bottom) do not.",
    _measure_gradient,
    _draw_gradient,
    size=(6.4, 6.6),
    models=("disks",),
)


TILE = 24  # pixels along a side, three periods
SPACING = 15  # five tiles later the lattice repeats: they meet it at 5 × 5 places
PADDED_SIDE = 10 * TILE  # of the measured image, in pixels
TILES_SEEN = 4  # tiles along a side in the picture
ALONE, TOGETHER = "alone", "together"


def _measure_padding(networks: Mapping[str, UNet]) -> Outcome:
    """Stitch tiles without a halo, and measure the seams of both networks."""
    rows: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    sample = disks((PADDED_SIDE, PADDED_SIDE), SPACING)
    for training in (ALONE, TOGETHER):
        numbers, found = _stitched(sample, networks[f"z-{training}"])
        rows.append({"tiles_trained": training, **numbers})
        arrays |= {f"{training} {name}": array for name, array in found.items()}
    scores = ("seam_ratio", "seam_ratio_within", "false_splits", "disks_of_one_mode")
    numbers = {
        **{f"{name}_before": rows[0][name] for name in scores},
        **{f"{name}_after": rows[1][name] for name in scores},
        "tile": TILE,
        "spacing": SPACING,
        "table": rows,
    }
    return Outcome(numbers, arrays)


def _stitched(
    sample: Sample, model: UNet
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Stitch tiles that read no halo; return their figures, and what is drawn.

    ``seam_ratio_of_image`` is that of the image itself, the ratio of an embedding that
    has steps at the borders of disks only.
    """
    found = find_disks(sample, model, window=TILE, stitching="naive")
    of_image = seam_scores(sample.image[None], found.result.plan).ratio
    numbers = found.figures(
        "seam_ratio", "seam_ratio_of_image", "seam_ratio_within", "false_splits",
        "true_objects", "disks_of_one_mode", "modes", seam_ratio_of_image=of_image,
    )  # fmt: skip
    return numbers, found.drawn


def _draw_padding(figure: Figure, outcome: Outcome) -> None:
    """Draw embedding and modes of some tiles, before and after the remedy."""
    pixels = slice(TILES_SEEN * TILE)
    lines = range(TILE, TILES_SEEN * TILE, TILE)
    for columns, (training, when) in zip(
        figure.subplots(1, 4).reshape(2, 2),
        ((ALONE, "before"), (TOGETHER, "after")),
        strict=True,
    ):
        embedding = outcome.arrays[f"{training} embedding"][:, pixels, pixels]
        ratio = outcome.numbers[f"seam_ratio_within_{when}"]
        title = f"trained {training}: seam ratio {ratio:.1f}"
        show(columns[0], embedding_colours(embedding), title, lines)
        modes = outcome.arrays[f"{training} modes"][pixels, pixels]
        splits = outcome.numbers[f"false_splits_{when}"]
        show(columns[1], object_colours(modes), f"{splits} false splits", lines)


def _network(training: str, **options: Any) -> FigureNetwork:
    about = f"Disks {SPACING} pixels apart, tiles {training}; figure z."
    config = colour_config(f"z-{training}", about, depth=3, features=8, padding="same")
    recipe = Recipe(steps=2_500, learning_rate=4e-3, grid=TILE, **options)
    sample = partial(disks, (16 * TILE,) * 2, SPACING)
    return FigureNetwork("z", sample, config, recipe)


FIGURE_Z = Experiment(
    "z",
    "Zero padding: neighbouring tiles in one batch mend the seams",
    f"A network with zero padding predicts tiles of {TILE} pixels (l = 3, p = 8, so a "
    f"multiple of the period) side by side, without a halo: each tile is surrounded by "
    f"zeros, and the network has to make up what lies beyond. Left: trained with tiles "
    f"one by one, each with a loss of its own; disks that a tile border (white) cuts "
    f"get an embedding on either side. Right: the same number of tiles a step, but "
    f"2 × 2 neighbours in one batch and one loss over what they are stitched to: it "
    f"pulls both sides of a cut disk together. For each, the embedding as colours, "
    f"with its seam ratio inside disks, how many times as far it steps at tile borders "
    f"as elsewhere; and one colour a mode.",
    _measure_padding,
    _draw_padding,
    (
        _network(ALONE, window=TILE, batch=4),
        _network(TOGETHER, window=2 * TILE, tiles=2),
    ),
    (12.0, 3.25),
)
