"""False splits and AP50 of one window after another, by both stitchings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator

from napari_shiftseg.geometry.window import Stitching, kept
from napari_shiftseg.metrics.objects import ObjectScores, pooled
from napari_shiftseg.pipeline.sweep import SweepPoint, sweep_steps
from napari_shiftseg.progress import Progress, named
from napari_shiftseg.report.plots import LIGHT
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from matplotlib.axes import Axes

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.samples import Sample

Windows = dict[Stitching, list[int]]
Sweeps = dict[Stitching, list[SweepPoint]]
COLOURS = {
    "naive": LIGHT.naive,
    "cropped": LIGHT.cropped,
    "watershed": LIGHT.untiled,
}


@dataclass(frozen=True)
class Row:
    """What one way of segmenting gives over all images.

    Attributes
    ----------
    method : str
        A stitching, or something without tiles.
    window : int or None
        Output size of a tile; None without tiles.
    scores : tuple of ObjectScores
        One an image.
    seconds : float or None
        An image, on average.
    split : int or None
        True objects that a seam splits, over all images.
    """

    method: str
    window: int | None
    scores: tuple[ObjectScores, ...]
    seconds: float | None = None
    split: int | None = None

    def figures(self) -> dict[str, Any]:
        """Return mean and pooled figures, ready for JSON."""
        counts = pooled(self.scores)
        return {
            "method": self.method,
            "window": self.window,
            "ap50_mean": fmean(score.ap50 for score in self.scores),
            "ap50_pooled": counts.ap50,
            "false_splits": counts.false_splits,
            "split_by_seams": self.split,
            "false_merges": counts.false_merges,
            "objects": counts.objects,
            "true_objects": counts.true_objects,
            "images": len(self.scores),
            "seconds_an_image": self.seconds,
        }


def partners(model: UNet, windows: Sequence[int]) -> Windows:
    """Return the windows of both stitchings: cropped, what is kept of the naive."""
    cropped = [kept_of(model, window) for window in windows]
    return {"naive": list(windows), "cropped": list(dict.fromkeys(cropped))}


def kept_of(model: UNet, window: int) -> int:
    """Return the stride of a cropped tile of this window, the same along each axis.

    Raises
    ------
    ValueError
        If the network has another period along another axis.
    """
    first, *others = model.shape.axes
    if any(axis.period != first.period for axis in others):
        raise ValueError(
            f"one window for all axes needs a network of one period, "
            f"{model.config.name!r} has {by(model.shape.period)}: take another model"
        )
    return kept(first, window, "cropped")


def swept_steps(
    sample: Sample, model: UNet, windows: Windows, settings: Settings
) -> Generator[Progress, None, Sweeps]:
    """Segment one image at every window, with both stitchings.

    Yields `Progress` after every tile; see `sweep_steps`.
    """
    found: Sweeps = {}
    for stitching, chosen in windows.items():
        asked = replace(settings, stitching=stitching)
        steps = sweep_steps(sample.image, model, chosen, asked, sample.labels)
        found[stitching] = yield from named(stitching, steps)
    return found


def rows_of(windows: Windows, sweeps: Sequence[Sweeps]) -> list[Row]:
    """Return a row for every window of both stitchings.

    Raises
    ------
    MemoryError
        Where a window does not fit: it would be compared with others on fewer images.
    """
    return [
        _row(stitching, window, [sweep[stitching][number] for sweep in sweeps])
        for stitching, chosen in windows.items()
        for number, window in enumerate(chosen)
    ]


def _row(stitching: Stitching, window: int, points: Sequence[SweepPoint]) -> Row:
    failures = [point.failure for point in points if point.scores is None]
    if failures:
        raise MemoryError(f"{stitching} window {window}: {failures[0]}")
    return Row(
        stitching,
        window,
        tuple(point.scores for point in points if point.scores),
        fmean(point.seconds or 0 for point in points),
        sum(point.split or 0 for point in points),
    )


def draw_panel(
    panel: Axes, figures: Sequence[dict[str, Any]], key: str, name: str
) -> None:
    """Draw one of the figures of every method against the window.

    Parameters
    ----------
    panel : Axes
    figures : sequence of dict
        Of the rows; see `Row.figures`.
    key, name : str
        Which, and how it is called; of the mean AP50 the pooled one is dashed.
    """
    for method, colour in COLOURS.items():
        known = [row for row in figures if row["method"] == method]
        if not known:
            continue
        _draw_curve(panel, known, key, colour, method)
        if key == "ap50_mean":
            _draw_curve(panel, known, "ap50_pooled", colour, f"{method}, pooled")
    panel.set_ylabel(name)
    panel.set_xlabel("tile size (window), pixels")
    panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_ylim(bottom=0, top=1 if key == "ap50_mean" else None)


def _draw_curve(
    panel: Axes, known: Sequence[dict[str, Any]], key: str, colour: str, name: str
) -> None:
    """Draw a figure against the window; what has no window as a level line."""
    style = "--" if key == "ap50_pooled" else "-"
    values = [figures[key] for figures in known]
    if known[0]["window"] is None:
        panel.axhline(values[0], color=colour, ls=style, lw=1, label=name, zorder=1)
        return
    windows = [figures["window"] for figures in known]
    panel.plot(windows, values, style, marker="o", ms=4, color=colour, label=name)
