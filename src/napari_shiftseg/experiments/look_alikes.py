"""Figure 7: far objects that share a mode, and whether they look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.experiments.experiment import (
    Experiment,
    Measuring,
    Outcome,
    as_grey,
    show,
)
from napari_shiftseg.experiments.inputs import Data, each_image, pull_margin
from napari_shiftseg.experiments.pairs_of_objects import (
    Images,
    Pairs,
    bootstrap,
    mean_similarities,
    objects_of,
    p_value,
    pairs_of,
)
from napari_shiftseg.pipeline.comparison import checked_truth
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.plots import LIGHT
from napari_shiftseg.samples.nuclei import nuclei

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.samples import Sample


WIDE = 1.5  # side of a crop, in diameters of the median object
SHIFT = 4  # pixels that crops are shifted against each other, at most
APART = 2  # far objects, in sides of a crop
DRAWN = 5  # pairs
SEED = 0
COMPARED = (
    *(
        f"{name}{end}"
        for name in ("similarity_merged", "similarity_random", "difference")
        for end in ("", "_low", "_high")
    ),
    "p_value",
)
IMAGES = 2


def crop_side(data: Data) -> int:
    """Return the side of a crop in pixels, odd: 1.5 diameters of the median object.

    Raises
    ------
    ValueError
        If there is no object.
    """
    areas = np.concatenate([np.bincount(s.labels.ravel())[1:] for s in data.samples])
    if not areas.any():
        raise ValueError(
            f"{data.name}: the labels hold no object, two or more are needed to compare"
        )
    diameter = float(np.sqrt(4 / np.pi * np.median(areas[areas > 0])))
    return 2 * round(WIDE * diameter / 2) + 1


def measure(networks: Mapping[str, UNet], data: Data) -> Measuring:
    """Compare far objects that share a mode with far objects.

    One mean shift for the whole image, whose modes are not parted again; with a tight
    bandwidth, which is drawn, and with the model's own.

    Parameters
    ----------
    networks : mapping of UNet
        One.
    data : Data
    """
    (model,) = networks.values()
    side, own = crop_side(data), model.config.clustering.bandwidth
    rows: list[dict[str, Any]] = []
    drawn: dict[str, NDArray[Any]] = {}
    for bandwidth in dict.fromkeys((pull_margin(model) or own, own)):
        found, crops = yield from _pair_steps(model, data, side, bandwidth)
        rows.append({"bandwidth": bandwidth, **numbers_of(found)})
        drawn = drawn or {
            "random": np.concatenate([each.similarity[each.far] for each in found]),
            "merged": np.concatenate([each.similarity[each.merged] for each in found]),
            "crops": _some(found, crops),
        }
    about = {**data.figures(), "crop": side, "far": APART * side}
    return Outcome({**about, **rows[0], "table": rows}, drawn)


def _pair_steps(
    model: UNet, data: Data, side: int, bandwidth: float
) -> Generator[Progress, None, tuple[list[Pairs], list[Images]]]:
    settings = Settings(
        scope="global", split_far_parts=False, min_size=0, device="cpu",
        bandwidth=bandwidth,
    )  # fmt: skip

    def steps(sample: Sample) -> Generator[Progress, None, tuple[Pairs, Images]]:
        checked_truth(sample.image, model, sample.labels)
        result = yield from segment_steps(sample.image, model, settings)
        objects = objects_of(sample, result.labels, side, SHIFT)
        return pairs_of(objects, SHIFT, APART * side), objects.crops

    each = yield from each_image(data, steps)
    return [pairs for pairs, _ in each], [crops for _, crops in each]


def numbers_of(pairs: Sequence[Pairs]) -> dict[str, Any]:
    """Return means, 95 % intervals and p-value; None where no far pair has one mode."""
    merged = sum(int(each.merged.sum()) for each in pairs)
    numbers: dict[str, Any] = {
        "objects": sum(len(each.modes) for each in pairs),
        "modes": sum(len(np.unique(each.modes)) for each in pairs),
        "far_pairs": sum(int(each.far.sum()) for each in pairs),
        "merged_pairs": merged,
    }
    if not merged:
        return {**numbers, **dict.fromkeys(COMPARED)}
    rng = np.random.default_rng(SEED)
    ones = [np.ones(len(each.modes)) for each in pairs]
    rows = np.array([mean_similarities(pairs, ones), *bootstrap(pairs, rng)])
    rows = np.column_stack([rows, rows[:, 0] - rows[:, 1]])  # (1 + draws, kinds)
    low, high = np.nanpercentile(rows[1:], (2.5, 97.5), axis=0)
    values = np.stack([rows[0], low, high], axis=1).ravel().tolist()
    compared = zip(COMPARED, [*values, p_value(pairs, rng)], strict=True)
    return {**numbers, **dict(compared)}


def _some(found: Sequence[Pairs], crops: Sequence[Images]) -> Images:
    """Return a few merged pairs, drawn at random: (pairs, 2, side, side)."""
    merged = [
        own[[i, j], SHIFT:-SHIFT, SHIFT:-SHIFT]
        for each, own in zip(found, crops, strict=True)
        for i, j in np.argwhere(each.merged)
    ]
    order = np.random.default_rng(SEED).permutation(len(merged))[:DRAWN]
    side = crops[0].shape[-1] - 2 * SHIFT
    return np.array([merged[i] for i in order]).reshape(-1, 2, side, side)


def _draw(figure: Figure, outcome: Outcome) -> None:
    """Draw a few pairs, one above the other, and how alike merged and all pairs are."""
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.25, 1)).flat
    crops = outcome.arrays["crops"]
    if len(crops):
        grid = left.subplots(2, len(crops), squeeze=False)
        for column, pair in zip(grid.T, crops, strict=True):
            for axes, crop in zip(column, pair, strict=True):
                show(axes, as_grey(crop), "")
        left.suptitle("pairs of far nuclei that share a mode", fontsize=9.5)
    _draw_histogram(right.subplots(), outcome)


def _draw_histogram(axes: Axes, outcome: Outcome) -> None:
    kinds = (("random", LIGHT.untiled), ("merged", LIGHT.naive))
    bins = np.linspace(-1, 1, 41)
    for kind, colour in kinds:
        values = outcome.arrays[kind]
        if not len(values):
            continue
        mean = outcome.numbers[f"similarity_{kind}"]
        label = f"{kind} pairs ({len(values):,})"
        density = np.histogram(values, bins, density=True)[0]
        axes.stairs(density, bins, color=colour, lw=1.5, label=label)
        if mean is not None:
            axes.axvline(mean, color=colour, ls="--", lw=1)
    axes.set_xlim(-0.1, 1)
    axes.set_xlabel("similarity (dashed: mean)")
    axes.set_ylabel("density")
    axes.spines[["top", "right"]].set_visible(False)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", frameon=False, fontsize="small")


def _synthetic() -> Data:
    return Data("synthetic nuclei", tuple(nuclei(seed=seed) for seed in range(IMAGES)))


FIGURE_7 = Experiment(
    "7",
    "Distant false merges: far objects that share a mode, and whether they look alike",
    "Training pushes apart only objects that it shows together, so one mean shift for "
    "the whole image gives far objects the same mode; its bandwidth is the margin "
    "within which training left the pixels of an object. Left: such pairs, drawn at "
    "random, one nucleus above the other. Right: how alike the objects of a pair are, "
    "for pairs that share a mode (orange) and for all far pairs (grey). Similarity is "
    "the normalised cross-correlation of crops of the image around both, the best over "
    "shifts of up to 4 pixels; far are pairs two crops apart or more. The intervals "
    "are of a bootstrap over objects, the p-value of a permutation of modes among "
    "them, two-sided.",
    measure,
    _draw,
    size=(9.0, 3.4),
    models=("figure-4d",),
    data=_synthetic,
)
