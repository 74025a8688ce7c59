"""Plots, drawn into a figure that is given: the page and the widget show the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import hsv_to_rgb
from matplotlib.ticker import MaxNLocator

from napari_shiftseg.metrics.metric import titles
from napari_shiftseg.report.figures_of_merit import Table, cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.pipeline.comparison import Comparison, Side
    from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint
    from napari_shiftseg.training.step import Course

    Point = SweepPoint | PooledPoint  # of a sweep of one image, or of several pooled


GOLDEN = (5**0.5 - 1) / 2  # of the circle: hues of neighbouring ids lie far apart


@dataclass(frozen=True)
class Colours:
    """Of a plot, as matplotlib reads them."""

    # of the page
    background: str
    text: str
    grid: str
    # of the curves
    naive: str
    cropped: str
    untiled: str


LIGHT = Colours(  # the curves can be told apart by the colour-blind
    background="#ffffff",
    text="#222222",
    grid="#dddddd",
    naive="#d55e00",
    cropped="#0072b2",
    untiled="#777777",
)


def object_colours(labels: NDArray[Any]) -> NDArray[np.uint8]:
    r"""Paint a label image: an id has one colour in every image, 0 is black.

    Gives RGB, (\*spatial, 3).

    Parameters
    ----------
    labels : ndarray of int
        (\*spatial)
    """
    ids, number = np.unique(labels, return_inverse=True)
    hue = ids * GOLDEN % 1
    saturation = 0.5 + 0.4 * (ids * GOLDEN**2 * 7 % 1)
    painted = hsv_to_rgb(np.stack([hue, saturation, np.ones(len(ids))], axis=-1))
    painted[ids == 0] = 0
    colours: NDArray[np.uint8] = (painted * 255).round().astype(np.uint8)
    return colours[number].reshape(*labels.shape, 3)


WIDE = 1.6  # width over height
PANELS = ("seam_ratio", "false_splits", "ap50")


def draw_profile(
    figure: Figure,
    comparison: Comparison,
    colours: Colours = LIGHT,
    mark_period: bool = False,
) -> None:
    """Draw the seam profile: the mean step at every offset of the tile, per axis.

    The last offset is the seam. The untiled prediction is that over naive's pairs.

    Parameters
    ----------
    figure : Figure
        What it shows is replaced.
    comparison : Comparison
    colours : Colours
    mark_period : bool
        Whether to mark the offsets at multiples of the period, where a model that was
        trained with a window not above it has seams of its own.
    """
    clear(figure)
    naive, cropped = comparison.naive, comparison.cropped
    ndim = len(naive.seams.profile)
    panels = np.atleast_1d(figure.subplots(1, ndim, sharey=True))
    for axis, panel in enumerate(panels):
        _draw_side(panel, naive, "naive", axis, colours.naive)
        _draw_side(panel, cropped, "cropped", axis, colours.cropped)
        panel.plot(
            naive.untiled.profile[axis], "--", lw=1, color=colours.untiled,
            label="untiled",
        )  # fmt: skip
        if mark_period:
            _mark_period(panel, naive, axis, colours)
        panel.set_xlabel(f"offset in the tile along {'zyx'[axis - ndim]} (pixels)")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("mean step")
    finish(figure, panels, colours)


def _draw_side(panel: Axes, side: Side, name: str, axis: int, colour: str) -> None:
    """Draw the profile of one side, with a dot on its last offset, the seam."""
    profile, stride = side.seams.profile[axis], cell(list(side.result.plan.stride))
    panel.plot(
        profile, color=colour, lw=1.5, marker="o", ms=7, markevery=[len(profile) - 1],
        label=f"{name}, tiles of {stride} (dot: the seam)", clip_on=False, zorder=3,
    )  # fmt: skip


def _mark_period(panel: Axes, side: Side, axis: int, colours: Colours) -> None:
    period, stride = side.result.plan.shape.period[axis], side.result.plan.stride[axis]
    for number, offset in enumerate(range(period - 1, stride, period)):
        label = None if number else "multiples of the period"
        panel.axvline(offset, ls=":", lw=1, color=colours.text, label=label, zorder=1)


def draw_sweep(
    figure: Figure, points: Sequence[Point], colours: Colours = LIGHT
) -> None:
    """Draw seam ratio, false splits and AP50 against the window (ICCV 2021, Fig. 6).

    The last two are drawn where there is a truth. Windows that are multiples of the
    period are filled, those that failed are crosses on the axis; a window larger than
    the image is drawn where the image ends.

    Parameters
    ----------
    figure : Figure
        What it shows is replaced.
    points : sequence of SweepPoint or PooledPoint
        In any order; none or one will do.
    colours : Colours
    """
    clear(figure)
    axis = _varying_axis(points)
    ordered = sorted(points, key=lambda point: point.plan.window[axis])
    known = [point.figures() for point in ordered]
    windows = np.array(
        [min(p.plan.window[axis], p.plan.output_shape[axis]) for p in ordered]
    )
    keys = [
        key
        for key in PANELS
        if key == "seam_ratio" or any(f[key] is not None for f in known)
    ]
    shape = (1, len(keys)) if is_wide(figure) else (len(keys), 1)
    panels = np.atleast_1d(figure.subplots(*shape, sharex=True))
    stitching = points[0].plan.stitching if points else "naive"
    colour = colours.naive if stitching == "naive" else colours.cropped
    for key, panel in zip(keys, panels, strict=True):
        _draw_panel(panel, windows, known, key, stitching, colour, colours)
        panel.set_title(titles()[key], loc="left", fontsize="small", color=colours.text)
        panel.set_ylim(*((-0.05, 1.05) if key == "ap50" else (0, None)))
    below = panels if is_wide(figure) else panels[-1:]
    for panel in below:
        panel.set_xlabel(_window_label(points, axis))
        panel.xaxis.set_major_locator(MaxNLocator(nbins=12 // len(below), integer=True))
    finish(figure, panels, colours)


def _draw_panel(
    panel: Axes,
    windows: NDArray[np.int64],
    known: list[dict[str, Any]],
    key: str,
    stitching: str,
    colour: str,
    colours: Colours,
) -> None:
    valid = np.array([f["valid"] for f in known], dtype=bool)
    failed = np.array([bool(f["failure"]) for f in known], dtype=bool)
    for window in np.unique(windows[valid]):
        panel.axvline(window, lw=1, color=colours.grid, zorder=1)
    if key == "seam_ratio":
        panel.plot(
            windows, _values(known, "seam_ratio_untiled"), "--", lw=1,
            color=colours.untiled, label="untiled", zorder=2,
        )  # fmt: skip
    values = _values(known, key)
    panel.plot(windows, values, color=colour, lw=1, zorder=3)
    for where, face, label in (
        (~valid & ~failed, colours.background, stitching),
        (valid & ~failed, colour, f"{stitching}, multiple of the period"),
    ):
        if where.any():
            panel.plot(
                windows[where], values[where], "o", ms=6, color=colour,
                markerfacecolor=face, clip_on=False, label=label, zorder=4,
            )  # fmt: skip
    if failed.any():
        panel.plot(
            windows[failed], np.zeros(failed.sum()), "x", ms=7, mew=2, clip_on=False,
            color=colours.text, transform=panel.get_xaxis_transform(),
            label="does not fit in memory", zorder=5,
        )  # fmt: skip


def _values(known: list[dict[str, Any]], key: str) -> NDArray[np.float64]:
    """Return one figure of every point; NaN where it is not defined."""
    return np.array([f[key] for f in known], dtype=np.float64)  # None becomes NaN


def _varying_axis(points: Sequence[Point]) -> int:
    """Return the first axis on which windows differ; 0 if none does."""
    windows = [point.plan.window for point in points]
    varying = [len(set(along)) > 1 for along in zip(*windows, strict=True)]
    return varying.index(True) if True in varying else 0


def _window_label(points: Sequence[Point], axis: int) -> str:
    label = "tile size (pixels)"
    if all(len(set(point.plan.window)) == 1 for point in points):
        return label
    return f"{label} along {'zyx'[axis - len(points[0].plan.window)]}"


def is_wide(figure: Figure) -> bool:
    """Whether panels have more room side by side than one above the other."""
    return bool(figure.get_figwidth() > WIDE * figure.get_figheight())


def clear(figure: Figure) -> None:
    """Take away what a figure shows, and let it make room for a legend."""
    figure.clear()
    figure.set_layout_engine("constrained")  # makes room for a legend outside


def finish(figure: Figure, panels: NDArray[Any], colours: Colours) -> None:
    """Give a figure its colours, and one legend above all panels.

    Parameters
    ----------
    figure : Figure
    panels : ndarray of Axes
        Of the figure; the legend names what is in the first.
    colours : Colours
    """
    figure.set_facecolor(colours.background)
    for panel in panels:
        panel.set_facecolor(colours.background)
        panel.tick_params(colors=colours.text)
        panel.xaxis.label.set_color(colours.text)
        panel.yaxis.label.set_color(colours.text)
        for name, spine in panel.spines.items():
            spine.set_color(colours.grid)
            spine.set_visible(name in ("left", "bottom"))
    handles, labels = panels[0].get_legend_handles_labels()
    if handles:
        figure.legend(
            handles, labels, loc="outside upper center", ncols=3, frameon=False,
            labelcolor=colours.text, fontsize="small",
        )  # fmt: skip


USUAL = 95  # percentile of a term up to which it is shown
SHOWN = ("pull", "push", "foreground")  # terms of the loss


def draw_training(figure: Figure, course: Course, colours: Colours = LIGHT) -> None:
    """Draw the terms of the loss and, below or beside, AP50 against the steps.

    Parameters
    ----------
    figure : Figure
        What it shows is replaced.
    course : Course
        May have no steps yet.
    colours : Colours
    """
    clear(figure)
    shape = (1, 2) if is_wide(figure) else (2, 1)
    loss, score = panels = np.atleast_1d(figure.subplots(*shape, sharex=True))
    lines = colours.cropped, colours.naive, colours.untiled
    for name, colour in zip(SHOWN, lines, strict=True):
        if name in course.terms:
            loss.plot(*course.curve(name), color=colour, lw=1.5, label=name)
    score.plot(
        list(course.ap50), list(course.ap50.values()), "o-", ms=5, lw=1.5,
        color=colours.cropped, clip_on=False,
    )  # fmt: skip
    if course.before is not None:
        _draw_before(score, course.before, colours)
    loss.set_ylim(0, _top(course))
    loss.set_ylabel("loss")
    score.set_ylim(0, 1.02)
    score.set_ylabel("AP50")
    for panel in panels if is_wide(figure) else [score]:
        panel.set_xlabel("step")
        panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    score.set_xlim(0, max(course.steps, default=1))
    finish(figure, panels, colours)


def _draw_before(panel: Axes, ap50: float, colours: Colours) -> None:
    """Draw what the model reached that the training began with."""
    panel.axhline(ap50, ls="--", lw=1, color=colours.untiled, label="before")
    low = ap50 < 0.5  # so that the words stay inside
    panel.annotate(
        f"before: {ap50:.2f}", (0.98, ap50), (0, 3 if low else -3), color=colours.text,
        xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
        va="bottom" if low else "top", fontsize="small",
    )  # fmt: skip


def _top(course: Course) -> float | None:
    """Return where the axis ends: the first losses are out of all proportion."""
    shown = [course.terms[name] for name in SHOWN if name in course.terms]
    if not any(shown):
        return None
    return 1.1 * max(float(np.percentile(values, USUAL)) for values in shown) or None


def training_table(course: Course) -> Table:
    """Return the terms of the loss and AP50, one step a row.

    Step 0 is the model that the training began with, where there is one.
    """
    terms = course.terms.values()
    rows = [
        (step, *values, course.ap50.get(step))
        for step, *values in zip(course.steps, *terms, strict=True)
    ]
    if course.before is not None:
        rows.insert(0, (0, *[None] * len(terms), course.before))
    return Table(("step", *course.terms, "ap50"), tuple(rows))
