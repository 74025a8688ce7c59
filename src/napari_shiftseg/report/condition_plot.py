"""Counts and areas per condition, drawn and as a table."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.batch.conditions import IN_PIXELS
from napari_shiftseg.report.figures_of_merit import Table
from napari_shiftseg.report.plots import LIGHT, Colours, clear, finish, is_wide
from napari_shiftseg.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_shiftseg.batch.conditions import Condition, Size


LONGEST = 18  # characters of a name below its bar
UPRIGHT = 6  # conditions whose names lie side by side
BAR = 0.6  # of the way to the next
SPREAD = 0.5  # of a bar, that the dots of its images take
FAINT = 0.45  # opacity of a bar, so that the dots are seen on it
HEADER = "condition", "images", "objects", "objects_an_image"


def draw_conditions(
    figure: Figure,
    found: Sequence[Condition],
    colours: Colours = LIGHT,
) -> None:
    """Draw objects an image and their area, a bar a condition, a dot an image.

    The bar of the counts is the mean over images, that of the areas the median. Each
    panel says so, and of how many images.

    Parameters
    ----------
    figure : Figure
        What it shows is replaced.
    found : sequence of Condition
    colours : Colours
    """
    clear(figure)
    shape = (1, 2) if is_wide(figure) else (2, 1)
    counts, areas = panels = np.atleast_1d(figure.subplots(*shape))
    for panel, title, statistic, values, heights, colour in (
        (
            counts, "objects an image", "mean", [one.objects for one in found],
            [one.mean_objects for one in found], colours.cropped,
        ),
        (
            areas, size_of(found).title, "median", [one.areas for one in found],
            [one.median_area or 0 for one in found], colours.naive,
        ),
    ):  # fmt: skip
        panel.set_title(title, loc="left", fontsize="small", color=colours.text)
        panel.bar(range(len(found)), heights, BAR, color=colour, alpha=FAINT)
        for at, own in enumerate(values):
            _dots(panel, at, own, colour)
        panel.set_ylim(bottom=0)
        panel.set_xlabel(_caption(statistic, values, found), fontsize="x-small")
        panel.tick_params(labelsize="small")
        name_conditions(panel, [one.name for one in found])
    finish(figure, panels, colours)


def _caption(
    statistic: str, values: Sequence[Sequence[float]], found: Sequence[Condition]
) -> str:
    """Say what bars and dots are, and of how many images (those with objects)."""
    drawn, images = sum(map(len, values)), sum(one.images for one in found)
    many = f"{images:,}" if drawn == images else f"{drawn:,} of {images:,}"
    return f"bar: {statistic}; dot: an image ({many})"


def _dots(panel: Axes, at: int, values: Sequence[float], colour: str) -> None:
    """Draw a dot a value, side by side so that all are seen."""
    half, many = BAR * SPREAD / 2, len(values)
    beside = np.linspace(-half, half, many) if many > 1 else np.zeros(many)
    panel.plot(
        np.add(at, beside), values, "o", ms=3.5, color=colour, clip_on=False, zorder=3
    )


def name_conditions(panel: Axes, names: Sequence[str]) -> None:
    """Write a name below each bar; a dollar sign is one, and no formula.

    Parameters
    ----------
    panel : Axes
        Whose bars stand at 0, 1, 2, …
    names : sequence of str
    """
    panel.set_xticks(range(len(names)), [_short(name) for name in names])
    panel.set_xlim(-0.6, max(len(names), 2) - 0.4)
    for text in panel.get_xticklabels():
        text.set_parse_math(False)
        if len(names) > UPRIGHT:
            text.set(rotation=45, ha="right", rotation_mode="anchor")


def size_of(found: Sequence[Condition]) -> Size:
    """Return how the size of the objects of conditions is given.

    Parameters
    ----------
    found : sequence of Condition
    """
    return found[0].size if found else IN_PIXELS


def _short(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def condition_table(found: Sequence[Condition]) -> Table:
    """Return what is drawn, a condition a row.

    Parameters
    ----------
    found : sequence of Condition
    """
    rows = (
        (
            one.name, one.images, one.total, round(fmean(one.objects), 2),
            one.median_area,
        )
        for one in found
    )  # fmt: skip
    return Table((*HEADER, size_of(found).column), tuple(rows))
