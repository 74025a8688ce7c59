"""Figures 4d to 4f: nuclei predicted tile by tile, and one that naive tiles split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.experiments.experiment import (
    Experiment,
    Measuring,
    Outcome,
    as_grey,
    show,
    show_borders,
)
from napari_shiftseg.experiments.inputs import (
    Data,
    crowded_nuclei,
    each_image,
    pull_margin,
)
from napari_shiftseg.metrics.label_image import relabelled_like
from napari_shiftseg.metrics.metric import pooled_figures
from napari_shiftseg.metrics.objects import false_splits, pooled
from napari_shiftseg.metrics.splits import split_objects
from napari_shiftseg.pipeline.comparison import Comparison, compare_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.plots import LIGHT, object_colours
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.experiments.experiment import Box
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.sides import Side, SideName
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.samples import Sample

WINDOW = 148  # the paper's: a raw output, cropped to 144
SIDE, IMAGES = 444, 2
MOST_SEEN = 300  # pixels of an image that are drawn, along an axis
RATIOS = ("seam_ratio_within", "seam_ratio_within_untiled")
CLOSE_UP = 32  # pixels on each side of a split nucleus


@dataclass(frozen=True)
class Pair:
    """An image and what both stitchings make of it."""

    sample: Sample
    comparison: Comparison

    def side(self, name: SideName) -> Side:
        """Return one of its sides."""
        side: Side = getattr(self.comparison, name)
        return side

    @property
    def split(self) -> list[int]:
        """True objects that naive seams split, those of the worst seam first."""
        seams = self.side("naive").splitting or ()
        return list(dict.fromkeys(number for seam in seams for number in seam.split))

    @cached_property
    def grey(self) -> NDArray[Any]:
        """The image, (rows, columns), as grey from 0 to 1."""
        pixels = self.sample.image
        return as_grey(pixels, float(np.percentile(pixels, 99.8)))

    def objects(self, name: SideName) -> NDArray[Any]:
        """Return the objects of a side over the image, (rows, columns, RGB)."""
        labels = relabelled_like(self.side(name).result.labels, self.sample.labels)
        colours = object_colours(labels) / 255
        weight = np.where(labels[..., None] > 0, 0.7, 0)
        painted: NDArray[Any] = weight * colours + (1 - weight) * self.grey[..., None]
        return painted


def _pair_steps(
    model: UNet, data: Data, window: int
) -> Generator[Progress, None, list[Pair]]:
    """Segment images with both stitchings, yielding `Progress` after every tile."""
    settings = Settings(window=window, bandwidth=pull_margin(model), device="cpu")

    def steps(sample: Sample) -> Generator[Progress, None, Pair]:
        asked = compare_steps(sample.image, model, settings, sample.labels)
        return Pair(sample, (yield from asked))

    return each_image(data, steps)


def measure_stitching(
    networks: Mapping[str, UNet],
    data: Data,
    stitching: SideName,
    window: int = WINDOW,
) -> Measuring:
    """Count the objects that one stitching splits; the image with most is drawn.

    Parameters
    ----------
    networks : mapping of str to UNet
        One.
    data : Data
    stitching : {"naive", "cropped"}
    window : int
        Of the naive tiles.
    """
    (model,) = networks.values()
    pairs = yield from _pair_steps(model, data, window)
    shown = max(pairs, key=lambda pair: len(pair.split))
    plan = shown.side(stitching).result.plan
    numbers = {
        "stitching": stitching,
        **_about(model, data),
        **_scores([pair.side(stitching) for pair in pairs]),
    }
    arrays = {"image": shown.grey, "objects": shown.objects(stitching)}
    return Outcome(numbers, arrays, {stitching: plan})


def _about(model: UNet, data: Data) -> dict[str, Any]:
    bandwidth = pull_margin(model) or model.config.clustering.bandwidth
    return {**data.figures(), "period": model.shape.period[0], "bandwidth": bandwidth}


def _scores(sides: Sequence[Side]) -> dict[str, Any]:
    """Return the counts of one stitching over all images, and its mean seam ratios."""
    counts = pooled(side.objects for side in sides if side.objects)
    known, plan = pooled_figures([s.measured for s in sides]), sides[0].result.plan
    return {
        "window": list(plan.window),
        "stride": list(plan.stride),
        **{key: known[key] for key in RATIOS},
        "split_by_seams": sum(split_objects(side.splitting or ()) for side in sides),
        **counts.figures(),
    }


def _draw_stitching(figure: Figure, outcome: Outcome) -> None:
    """Draw the image, and the objects over it, with the borders of the tiles."""
    numbers = outcome.numbers
    ((name, plan),) = outcome.plans.items()
    box = (slice(0, MOST_SEEN),) * 2
    image, objects = figure.subplots(1, 2)
    show_borders(image, outcome.arrays["image"], numbers["data"], plan, box)
    title = (
        f"{name} tiles of {plan.stride[0]}: seams split {numbers['split_by_seams']} of "
        f"{numbers['true_objects']}"
    )
    show_borders(objects, outcome.arrays["objects"], title, plan, box)


def measure_close_up(
    networks: Mapping[str, UNet], data: Data, window: int = WINDOW
) -> Measuring:
    """Find a nucleus that a naive seam splits and cropped tiles leave whole.

    Parameters
    ----------
    networks, data, window
        See `measure_stitching`.
    """
    (model,) = networks.values()
    pairs = yield from _pair_steps(model, data, window)
    on_seams = [(pair, nucleus) for pair in pairs for nucleus in pair.split]
    split = [found for found in on_seams if pieces(*found, "naive") > 1]
    mended = [found for found in split if pieces(*found, "cropped") == 1]
    numbers = {
        **_about(model, data),
        "split_by_seams": len(on_seams),
        "in_pieces": len(split),
        "whole_when_cropped": len(mended),
    }
    if not split:
        return Outcome({**numbers, "nucleus": None})
    return _shown(numbers, *(mended or split)[0])


def pieces(pair: Pair, nucleus: int, stitching: SideName) -> int:
    """Return in how many pieces a true nucleus is; those of 5 % or less do not count.

    Parameters
    ----------
    pair : Pair
    nucleus : int
        Its true label.
    stitching : {"naive", "cropped"}
    """
    found = pair.side(stitching).result.labels
    return 1 + false_splits(pair.sample.labels == nucleus, found)


def _shown(numbers: dict[str, Any], pair: Pair, nucleus: int) -> Outcome:
    box = _around(np.argwhere(pair.sample.labels == nucleus).mean(0))
    names: tuple[SideName, ...] = ("naive", "cropped")
    chosen = {
        "nucleus": nucleus,
        **{f"pieces_{name}": pieces(pair, nucleus, name) for name in names},
    }
    arrays: dict[str, NDArray[Any]] = {
        "image": pair.grey,
        "box": np.array([(part.start, part.stop) for part in box]),
        **{name: pair.objects(name) for name in names},
    }
    plans = {str(name): pair.side(name).result.plan for name in names}
    return Outcome({**numbers, **chosen}, arrays, plans)


def _around(middle: NDArray[Any]) -> Box:
    """Return a box around a place; it ends at the image's first pixels."""
    rows, columns = (
        slice(max(0, round(at) - CLOSE_UP), round(at) + CLOSE_UP) for at in middle
    )
    return rows, columns


def _draw_close_up(figure: Figure, outcome: Outcome) -> None:
    """Draw a nucleus: the image, naive and cropped; or say that there is none."""
    if outcome.numbers["nucleus"] is None:
        text = "no nucleus of these images is in pieces at a border of naive tiles"
        figure.text(0.5, 0.5, text, ha="center", va="center", color=LIGHT.text)
        return
    rows, columns = (slice(*bounds) for bounds in outcome.arrays["box"].tolist())
    image, *others = figure.subplots(1, 3)
    show(image, outcome.arrays["image"][rows, columns], outcome.numbers["data"])
    for axes, (name, plan) in zip(others, outcome.plans.items(), strict=True):
        number = outcome.numbers[f"pieces_{name}"]
        title = f"{name}: {number_of(number, 'piece')}"
        show_borders(axes, outcome.arrays[name], title, plan, (rows, columns))


default_data = partial(crowded_nuclei, (SIDE, SIDE), IMAGES)
FIGURE_4D = Experiment(
    "4d",
    "Nuclei, naive tiles of 148",
    "Left: a part of one image; right: objects over it, in the colours of the true "
    "nuclei that they are, surplus pieces in colours of their own. White lines: "
    "borders of naive tiles of 148 pixels, which is not a multiple of the period 16. "
    "The bandwidth is the margin within which training left the pixels of an object. "
    "Counts are of all images.",
    partial(measure_stitching, stitching="naive"),
    _draw_stitching,
    size=(7.4, 4.0),
    models=("figure-4d",),
    data=default_data,
)
FIGURE_4E = replace(
    FIGURE_4D,
    name="4e",
    title="Nuclei, tiles cropped from 148 to 144",
    caption="As figure 4d, but each tile is cropped from 148 to 144 pixels, a multiple "
    "of the period: the embedding no longer changes more at the borders (white) than "
    "it does there in one pass. A nucleus that is in pieces here is so in one pass, "
    "too.",
    measure=partial(measure_stitching, stitching="cropped"),
)
FIGURE_4F = Experiment(
    "4f",
    "Close-up: a nucleus that naive tiles split",
    "A nucleus on a border of naive tiles (white line). Left: the image; middle: its "
    "pieces with naive tiles of 148; right: the same with cropped tiles of 144, "
    "whatever they make of it. It is the first of those that a naive seam splits and "
    "cropped tiles leave whole, if there is any.",
    measure_close_up,
    _draw_close_up,
    models=("figure-4d",),
    data=default_data,
)
