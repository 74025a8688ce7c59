"""Figures 2 and S3: disks on a lattice, of which a net tells as many as phases."""

from __future__ import annotations

from functools import partial
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.embeddings.losses import DiscriminativeLoss
from napari_shiftseg.experiments.every_pixel import find_disks
from napari_shiftseg.experiments.experiment import (
    Experiment,
    Outcome,
    as_grey,
    embedding_colours,
    show,
)
from napari_shiftseg.experiments.inputs import FigureNetwork, colour_config
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.metrics.splits import split_objects, splitting_seams
from napari_shiftseg.report.plots import object_colours
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import SPACING, disks, disturbed_disks
from napari_shiftseg.text import number_of
from napari_shiftseg.training.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.experiments.every_pixel import Centre
    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.networks.unet import UNet


MEASURED = 12  # disks along a side


def lattice(shape: UNetShape, spacing: int, cells: int) -> Sample:
    """Make disks whose cells begin where the raw output does, so that none is cut.

    The image is as large as the legal input for so many cells.

    Parameters
    ----------
    shape : UNetShape
        Of the network that reads the image.
    spacing : int
        Of the disks, and the width of a cell, in pixels.
    cells : int
        In the raw output, along each side.
    """
    inside = []
    for axis in shape.axes:
        first = (-(spacing // 2) - axis.context // 2) % spacing
        inside.append(slice(first, first + axis.input_for(spacing * cells)))
    made = disks([part.stop for part in inside], spacing)
    return Sample(made.image[tuple(inside)], made.labels[tuple(inside)], spacing)


def _measure(networks: Mapping[str, UNet], spacing: int) -> Outcome:
    """Count the modes of whole disks that have one mode, not the background's."""
    (model,) = networks.values()
    found = find_disks(lattice(model.shape, spacing, MEASURED), model, border="valid")
    result, period = found.result, model.shape.period[0]
    numbers = {
        **found.figures("distinct_objects"),
        "expected": (period // gcd(spacing, period)) ** model.shape.ndim,
        "spacing": spacing,
        "period": period,
        "upsampling": model.config.upsampling,
        "bandwidth": result.settings.clustering(model.config).bandwidth,
        "whole_disks": len(found.whole),
        "disks_of_one_mode": len(found.objects),
        "pull": pull(result.embeddings, found.truth),
        **far_pairs(found.whole, lcm(spacing, period)),
        "modes": len(result.modes),
        "background_modes": len(np.unique(found.modes[found.truth == 0])),
    }
    return Outcome(numbers, found.drawn)


def pull(embedding: NDArray[Any], truth: NDArray[Any]) -> float:
    r"""Return the mean over objects of the squared distance of pixels to their mean.

    The pull of `DiscriminativeLoss`; near 0 where each object has one embedding. The
    background is an object, too.

    Parameters
    ----------
    embedding : ndarray
        (channels, \*spatial)
    truth : ndarray of int
        (\*spatial)
    """
    pixels = torch.from_numpy(embedding).double()
    return float(DiscriminativeLoss().terms(pixels, torch.from_numpy(truth))[0])


def far_pairs(disks_modes: Mapping[Centre, set[int]], apart: int) -> dict[str, int]:
    """Count pairs of disks that lie far apart along an axis, and those of one mode.

    Parameters
    ----------
    disks_modes : mapping of set of int
        Modes of the disks, by their centres.
    apart : int
        In pixels.
    """
    pairs = [
        (own, disks_modes[there])
        for centre, own in disks_modes.items()
        for axis, at in enumerate(centre)
        if (there := (*centre[:axis], at + apart, *centre[axis + 1 :])) in disks_modes
    ]
    alike = sum(own == other for own, other in pairs)
    return {"apart": apart, "pairs_apart": len(pairs), "pairs_alike": alike}


def _draw(figure: Figure, outcome: Outcome) -> None:
    """Draw the image, the embedding, and the modes in colours of their own."""
    numbers, arrays = outcome.numbers, outcome.arrays
    image, embedding, modes = figure.subplots(1, 3)
    show(image, arrays["image"], f"disks {numbers['spacing']} pixels apart")
    title = f"embedding, {numbers['upsampling']} upsampling"
    show(embedding, embedding_colours(arrays["embedding"]), title)
    found, apart = numbers["distinct_objects"], numbers["apart"]
    title = f"{number_of(found, 'mode')} beside the background's"
    lines = range(apart, len(arrays["image"]), apart) if found > 1 else ()
    show(modes, object_colours(arrays["modes"]), title, lines)


def _experiment(
    name: str,
    title: str,
    caption: str,
    spacing: int,
    cells: int,
    steps: int,
    **options: Any,
) -> Experiment:
    about = f"Disks {spacing} pixels apart; figure {name} of the paper."
    config = colour_config(name, about, depth=3, **options)
    # the cells of one window show all pairs of a phase and a place in the lattice
    recipe = Recipe(window=spacing * cells, steps=steps, learning_rate=4e-3)
    sample = partial(lattice, config.shape, spacing, cells)
    network = FigureNetwork(name, sample, config, recipe)
    return Experiment(
        name, title, caption, partial(_measure, spacing=spacing), _draw, (network,)
    )


FIGURE_2A = _experiment(
    "2a",
    "Disks two periods apart: all look alike to the network",
    "The disks are 16 pixels apart, two periods of this network (l = 3, p = 8). "
    "It was trained to tell them apart. Left: the image; middle: the "
    "embedding as colours, red, green and blue for its three channels; right: one "
    "colour a mode, the background's black. All disks stand at the same phase, so the "
    "same function of the same receptive field is computed of each: one mode for all "
    "of them.",
    16,
    4,
    1_000,
    features=8,
)
FIGURE_2B = _experiment(
    "2b",
    "Disks at a spacing co-prime with the period: as many modes as phases",
    "As figure 2a, but the disks are 15 pixels apart, which has no divisor in common "
    "with p = 8: eight disks in a row stand at eight different phases. A network of "
    "the same depth, with twice the features, tells 8 × 8 = 64 = f^(d·l) of them "
    "apart, the most it can. White lines: after 120 pixels, the least common multiple "
    "of 15 and 8, phases and with them modes repeat.",
    15,
    8,
    3_000,
    features=16,
)
FIGURE_2C = _experiment(
    "2c",
    "The same with nearest upsampling: the image itself tells the phases apart",
    "As figure 2b, with nearest upsampling in place of a learnt one. Its phases share "
    "all weights, but pooling reads each disk on another grid, and so sees another "
    "shape: the 64 are told apart all the same. Where the image is constant, they are "
    "not (figure 5).",
    15,
    8,
    3_000,
    features=16,
    upsampling="nearest",
)


BROKEN, SOUND = 52, 48  # windows: no multiple of the period, and one
LEARNT, SEEN = 1024, 304  # pixels along a side of the images
SEED = 1  # of the measured images; those to learn from have 0
STEPS = {"noise": 2_000, "deformation": 4_500}
KINDS = tuple(STEPS)
BANDWIDTH = 1.25**0.5  # the widest of the papers' kernels, exp(−‖d‖²/2.5)
SCORES = (
    "seam_ratio_within", "seam_ratio_within_untiled", "false_splits", "split_by_seams",
)  # fmt: skip


def _stitched(
    sample: Sample, model: UNet, window: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Predict tiles side by side; return their figures, and what is drawn.

    Beside the seam ratio stands that of the untiled prediction over the same pairs:
    the disks are commensurate with the tiles, so it need not be near 1.
    """
    found = find_disks(sample, model, window=window, stitching="naive", border="valid")
    result = found.result
    whole = embed(sample.image, model, stitching="whole", border="valid", device="cpu")
    untiled = seam_scores(whole, result.plan, found.truth)
    splitting = splitting_seams(
        found.modes, found.truth, result.embeddings, result.plan
    )
    numbers = found.figures(
        "window", "distinct_objects", "whole_disks", "disks_of_one_mode", *SCORES,
        seam_ratio_within_untiled=untiled.ratio_within,
        split_by_seams=split_objects(splitting),
    )  # fmt: skip
    return numbers, found.drawn


def _measure_disturbed(networks: Mapping[str, UNet]) -> Outcome:
    """Count what is told apart with and without the disturbance, and what breaks."""
    rows: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for kind in KINDS:
        model = networks[f"s3-{kind}"]
        sample = disturbed_disks(kind, SEEN, SEED)
        clean = disks(sample.labels.shape, SPACING)
        for image, of, window in (
            ("clean", clean, SOUND), (kind, sample, BROKEN), (kind, sample, SOUND),
        ):  # fmt: skip
            numbers, drawn = _stitched(of, model, window)
            rows.append({"network": kind, "image": image, **numbers})
            if of is sample:
                arrays |= {f"{kind} {window} {key}": v for key, v in drawn.items()}
    (period,) = {model.shape.period[0] for model in networks.values()}
    (bandwidth,) = {m.config.clustering.bandwidth for m in networks.values()}
    numbers = {
        "spacing": SPACING,
        "period": period,
        **_summary(rows),
        "bandwidth": bandwidth,
        "table": rows,
    }
    return Outcome(numbers, arrays)


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return figures of the table by names of their own."""
    summary = {}
    for row in rows:
        kind, window = row["network"], row["window"][0]
        if row["image"] == "clean":
            summary[f"{kind}_clean_distinct_objects"] = row["distinct_objects"]
            continue
        if window == SOUND:
            summary[f"{kind}_distinct_objects"] = row["distinct_objects"]
        for score in SCORES:
            summary[f"{kind}_{score}_{window}"] = row[score]
    return summary


def _draw_disturbed(figure: Figure, outcome: Outcome) -> None:
    """Draw for each disturbance the image, the embedding and both stitchings."""
    numbers, arrays = outcome.numbers, outcome.arrays
    for row, kind in zip(figure.subplots(2, 4), KINDS, strict=True):
        image = arrays[f"{kind} {SOUND} image"]
        show(row[0], as_grey(image), f"{SPACING} pixels apart, {kind}")
        painted = embedding_colours(arrays[f"{kind} {SOUND} embedding"])
        distinct = numbers[f"{kind}_distinct_objects"]
        show(row[1], painted, f"embedding: {distinct} told apart")
        for axes, window in zip(row[2:], (BROKEN, SOUND), strict=True):
            splits = numbers[f"{kind}_split_by_seams_{window}"]
            colours = object_colours(arrays[f"{kind} {window} modes"])
            lines = range(window, len(image), window)
            show(axes, colours, f"tiles of {window}: seams split {splits}", lines)


def _disturbed(kind: str) -> FigureNetwork:
    about = f"Disks {SPACING} pixels apart, with {kind}; figure s3."
    config = colour_config(f"s3-{kind}", about, BANDWIDTH, depth=3, features=8)
    recipe = Recipe(
        window=4 * SPACING,
        steps=STEPS[kind],
        learning_rate=4e-3,
        grid=SPACING,  # one phase of the lattice, as in figure 2a
    )
    return FigureNetwork(
        "s3", partial(disturbed_disks, kind, LEARNT, 0), config, recipe
    )


FIGURE_S3 = Experiment(
    "s3",
    "Noise and deformation tell disks apart; tiles still must keep multiples of p",
    f"The disks are {SPACING} pixels apart, two periods (l = 3, p = 8), so on a clean "
    f"image all have one mode (figure 2a). Upper row: noise; lower row: an elastic "
    f"deformation. Each was trained on one image and is measured on another. First the "
    f"image, then its embedding: disks now look different, and are told apart. But a "
    f"network that tells disks apart by what they look like still computes another "
    f"function at each phase: in tiles of {BROKEN} pixels, no multiple of 8, disks "
    f"break at the white lines; in tiles of {SOUND} they hardly do, and all is as "
    f"without tiles.",
    _measure_disturbed,
    _draw_disturbed,
    tuple(_disturbed(kind) for kind in KINDS),
    (12.0, 6.4),
)
