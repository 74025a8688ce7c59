"""Figure S3: disks two periods apart, told apart by noise or elastic deformation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_shiftseg.experiments.every_pixel import find_disks
from napari_shiftseg.experiments.experiment import (
    Experiment,
    Outcome,
    as_grey,
    embedding_colours,
    show,
)
from napari_shiftseg.experiments.inputs import Network, colour_config
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.metrics.splits import split_objects, splitting_seams
from napari_shiftseg.report.plots import object_colours
from napari_shiftseg.samples.disks import SPACING, disks, disturbed_disks
from napari_shiftseg.training.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples.sample import Sample

BROKEN, SOUND = 52, 48  # windows: no multiple of the period, and one
LEARNT, SEEN = 1024, 304  # pixels along a side of the images
SEED = 1  # of the measured images; those to learn from have 0
STEPS = {"noise": 2_000, "deformation": 4_500}
KINDS = tuple(STEPS)
BANDWIDTH = 1.25**0.5  # the widest of the papers' kernels, exp(−‖d‖²/2.5)
SCORES = (
    "seam_ratio_within", "seam_ratio_within_untiled", "false_splits", "split_by_seams",
)  # fmt: skip


def stitched(
    sample: Sample, model: UNet, window: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Predict tiles side by side; return their figures, and what is drawn.

    Beside the seam ratio stands that of the untiled prediction over the same pairs:
    the disks are commensurate with the tiles, so it need not be near 1.

    Parameters
    ----------
    sample : Sample
    model : UNet
    window : int
        Of naive stitching, in pixels: the size of a tile.
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


def measure_disturbed(networks: Mapping[str, UNet]) -> Outcome:
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
            numbers, drawn = stitched(of, model, window)
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


def draw_disturbed(figure: Figure, outcome: Outcome) -> None:
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


def _disturbed(kind: str) -> Network:
    about = f"Disks {SPACING} pixels apart, with {kind}; figure s3."
    config = colour_config(f"s3-{kind}", about, BANDWIDTH, depth=3, features=8)
    recipe = Recipe(
        window=4 * SPACING,
        steps=STEPS[kind],
        learning_rate=4e-3,
        grid=SPACING,  # one phase of the lattice, as in figure 2a
    )
    return Network("s3", partial(disturbed_disks, kind, LEARNT, 0), config, recipe)


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
    measure_disturbed,
    draw_disturbed,
    tuple(_disturbed(kind) for kind in KINDS),
    (12.0, 6.4),
)
