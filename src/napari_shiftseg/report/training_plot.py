"""The curves of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from napari_shiftseg.report.colours import LIGHT, Colours
from napari_shiftseg.report.plots import clear, finish, is_wide
from napari_shiftseg.report.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_shiftseg.training.course import Course

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
    before = ((0, *[None] * len(terms), course.before),)
    rows = before * (course.before is not None) + tuple(
        (step, *values, course.ap50.get(step))
        for step, *values in zip(course.steps, *terms, strict=True)
    )
    return Table(("step", *course.terms, "ap50"), rows)
