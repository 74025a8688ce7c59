"""Figure 3: which phases stand side by side, in training and in prediction."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from napari_shiftseg.experiments.experiment import Experiment, Outcome
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.report.plots import LIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.networks.unet import UNet

AXIS = AxisShape(factors=(2, 2, 2, 2))  # the paper's network: p = 16
STRIDES, WINDOWS = (16, 20, 32), (16, 20)
TILES = 3
DRAWN = STRIDES[:2]
Pair = tuple[int, int]


def phases_in_training(axis: AxisShape, window: int) -> NDArray[np.intp]:
    """Return the phase of each pixel of a training window: (window,).

    Parameters
    ----------
    axis : AxisShape
    window : int
        Output window the loss sees: the beginning of the raw output.
    """
    return np.arange(window) % axis.period


def phases_in_prediction(plan: TilePlan) -> NDArray[np.intp]:
    """Return the phase of each pixel of an image predicted tile by tile: (pixels,).

    The plan is of one axis. A tile's raw output begins with phase 0.
    """
    (along,) = plan.axes
    offsets = [np.arange(tile.start, tile.stop) - tile.origin for tile in along.tiles]
    return np.concatenate(offsets) % plan.shape.period[0]


def pairs(phases: NDArray[Any]) -> set[Pair]:
    """Return which phases, (pixels,), stand side by side."""
    return set(pairwise(phases.tolist()))


def plan_of(axis: AxisShape, stride: int, tiles: int = TILES) -> TilePlan:
    """Plan naive tiles along one axis of an image that holds so many, or a part more.

    Parameters
    ----------
    axis : AxisShape
    stride, tiles : int
        What a tile keeps, in pixels; number of tiles.
    """
    size = axis.input_for(stride * tiles)
    return plan_tiles((size,), UNetShape((axis,)), stride, "naive", "valid")


def row(axis: AxisShape, stride: int, window: int) -> dict[str, Any]:
    """Return which phases meet in prediction, but never met in training.

    Parameters
    ----------
    axis : AxisShape
    stride : int
        Of naive tiles.
    window : int
        Output window the loss saw.
    """
    predicted = phases_in_prediction(plan_of(axis, stride))
    trained = phases_in_training(axis, window)
    never_met = sorted(pairs(predicted) - pairs(trained))
    return {
        "stride": stride,
        "training_window": window,
        "stride_is_multiple_of_period": stride % axis.period == 0,
        "window_is_above_period": window > axis.period,
        "never_met": len(never_met),
        "pairs": [f"{here}|{there}" for here, there in never_met],
    }


def measure(networks: Mapping[str, UNet]) -> Outcome:
    """Compare the pairs of phases of plans and of training windows; no net is run."""
    table = [row(AXIS, s, w) for s in STRIDES for w in WINDOWS]
    seamless = [r for r in table if r["never_met"] == 0]
    numbers = {
        "period": AXIS.period,
        "without_seams": [[r["stride"], r["training_window"]] for r in seamless],
        "table": table,
    }
    return Outcome(numbers)


def _draw(figure: Figure, outcome: Outcome) -> None:
    """Draw training windows, and tiles with a mark where strangers meet."""
    axes = figure.subplots()
    labels: list[str] = []
    for window in WINDOWS:
        _draw_strip(axes, len(labels), phases_in_training(AXIS, window))
        labels.append(f"training window {window}")
    for stride in DRAWN:
        plan = plan_of(AXIS, stride)
        phases = phases_in_prediction(plan)[: TILES * stride]
        for window in WINDOWS:
            met = pairs(phases_in_training(AXIS, window))
            _draw_strip(axes, len(labels), phases, met)
            for border in plan.boundaries[0][: TILES - 1]:
                axes.plot([border] * 2, _span(len(labels)), color="black", lw=2.5)
            labels.append(f"tiles of {stride}, trained with {window}")
    axes.set_yticks(range(len(labels)), labels=labels)
    axes.set_xlim(-0.5, TILES * max(DRAWN) + 0.5)
    axes.set_ylim(len(labels) - 0.5, -0.6)
    axes.tick_params(length=0, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_strip(
    axes: Axes, at: int, phases: NDArray[Any], met: set[Pair] | None = None
) -> None:
    """Draw one box a pixel, and a mark between phases that never met."""
    low, high = _span(at)
    for pixel, phase in enumerate(phases.tolist()):
        colour = colormaps["twilight"]((phase + 0.5) / AXIS.period)
        dark = 0.25 < (phase + 0.5) / AXIS.period < 0.75
        axes.add_patch(
            Rectangle((pixel, low), 1, high - low, facecolor=colour, edgecolor="white")
        )
        axes.text(
            pixel + 0.5, at, str(phase), ha="center", va="center", fontsize=6,
            color="white" if dark else "black",
        )  # fmt: skip
    for pixel, pair in enumerate(pairwise(phases.tolist()), start=1):
        if met is not None and pair not in met:
            axes.plot(pixel, low - 0.1, "v", color=LIGHT.naive, ms=8)


def _span(at: int) -> Sequence[float]:
    return at - 0.28, at + 0.28


FIGURE_3 = Experiment(
    "3",
    "Phases that meet at tile borders but never met in training",
    "A network of period 16 along one axis; a box is an output pixel, its number the "
    "phase. The upper two rows are what the loss saw at once, the others three tiles "
    "side by side, a black line between two. An orange mark: the phases left and right "
    "of it never stood side by side in training, so nothing taught their embeddings to "
    "agree, and a seam is to be expected. There is none only where the stride is a "
    "multiple of the period and the training window is above it.",
    measure,
    _draw,
    size=(11.0, 3.4),
)
