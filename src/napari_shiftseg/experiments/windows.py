"""Figure 6: false splits and AP50 against the window, naive and cropped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator

from napari_shiftseg.experiments.data import Data, crowded_nuclei, pull_margin
from napari_shiftseg.experiments.experiment import Experiment, Measuring, Outcome
from napari_shiftseg.geometry.axis_plan import Stitching, kept
from napari_shiftseg.inference.progress import Progress, Returning
from napari_shiftseg.metrics.instances import ObjectScores, pooled
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.pipeline.sweep import SweepPoint, sweep_steps
from napari_shiftseg.report.colours import LIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.samples.sample import Sample

Windows = dict[Stitching, list[int]]
Sweeps = dict[Stitching, list[SweepPoint]]

WINDOWS = (20, 36, 52, 68, 148)
PANELS = {"false_splits": "false splits", "ap50_mean": "AP50"}
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
    axis = model.shape.axes[0]
    cropped = [kept(axis, window, "cropped") for window in windows]
    return {"naive": list(windows), "cropped": list(dict.fromkeys(cropped))}


def swept_steps(
    sample: Sample, model: UNet, windows: Windows, settings: Settings
) -> Generator[Progress, None, Sweeps]:
    """Segment one image at every window, with both stitchings.

    Yields `Progress` after every tile; see `sweep_steps`.
    """
    found: Sweeps = {}
    for stitching, chosen in windows.items():
        asked = replace(settings, stitching=stitching)
        steps = Returning(
            sweep_steps(sample.image, model, chosen, asked, sample.labels)
        )
        for progress in steps:
            yield replace(progress, stage=f"{stitching}: {progress.stage}")
        found[stitching] = steps.value
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


@dataclass(frozen=True)
class Variant:
    """A way of clustering that is tried at every window.

    Attributes
    ----------
    name : str
    settings : Settings
        With its scope and bandwidth.
    """

    name: str
    settings: Settings

    @property
    def key(self) -> str:
        """Its name as part of a name in JSON."""
        return self.name.replace(",", "").replace(" ", "_")


def variants(model: UNet) -> tuple[Variant, ...]:
    """Return the model's own clustering, and a tight one by component and global.

    Parameters
    ----------
    model : UNet
        A model without a foreground logit is clustered globally alone.
    """
    tight, own = pull_margin(model), Settings(device="cpu")
    globally = Variant("tight, global", replace(own, bandwidth=tight, scope="global"))
    if not model.config.foreground:
        return (globally,)
    by_component = replace(own, bandwidth=tight, scope="component")
    return (
        Variant("as tuned", own),
        Variant("tight, by component", by_component),
        globally,
    )


def measure(
    networks: Mapping[str, UNet], data: Data, windows: Sequence[int] = WINDOWS
) -> Measuring:
    """Count false splits at every window with both stitchings.

    Parameters
    ----------
    networks : mapping of str to UNet
        One.
    data : Data
    windows : sequence of int
        Of the naive tiles.
    """
    (model,) = networks.values()
    asked, found = partners(model, windows), {}
    for variant in variants(model):
        sweeps = []
        for number, sample in enumerate(data.samples, start=1):
            steps = Returning(swept_steps(sample, model, asked, variant.settings))
            where = f"{variant.name}, image {number} of {len(data.samples)}"
            for progress in steps:
                yield replace(progress, stage=f"{where}: {progress.stage}")
            sweeps.append(steps.value)
        found[variant] = rows_of(asked, sweeps)
    return Outcome(numbers_of(found, model, data))


def numbers_of(
    found: Mapping[Variant, Sequence[Row]], model: UNet, data: Data
) -> dict[str, Any]:
    """Return the figures of all rows, and at which windows naive tiles do worse.

    Seconds are left out: the same figure is the same file.
    """
    table = []
    for variant, rows in found.items():
        clustering = variant.settings.clustering(model.config)
        about = {
            "variant": variant.name,
            "scope": clustering.scope,
            "bandwidth": clustering.bandwidth,
        }
        table += [{**about, **row.figures()} for row in rows]
    for row in table:
        del row["seconds_an_image"]
    worse = {
        f"naive_above_cropped_{variant.key}": naive_above(rows, model)
        for variant, rows in found.items()
    }
    return {**data.figures(), **worse, "table": table}


def naive_above(rows: Sequence[Row], model: UNet) -> dict[str, list[int]]:
    """Return the windows at which naive tiles count more than their cropped partners.

    Parameters
    ----------
    rows : sequence of Row
    model : UNet
    """
    axis = model.shape.axes[0]
    known = {(row.method, row.window): row.figures() for row in rows}
    naive = [row.window for row in rows if row.method == "naive" and row.window]
    return {
        key: [
            window
            for window in naive
            if known["naive", window][key]
            > known["cropped", kept(axis, window, "cropped")][key]
        ]
        for key in ("false_splits", "split_by_seams")
    }


def draw(figure: Figure, outcome: Outcome) -> None:
    """Draw a column a variant: false splits, objects split by seams, AP50."""
    table = outcome.numbers["table"]
    names = list(dict.fromkeys(row["variant"] for row in table))
    grid = figure.subplots(len(PANELS), len(names), sharex=True, squeeze=False)
    for column, variant in zip(grid.T, names, strict=True):
        own = [row for row in table if row["variant"] == variant]
        scope, bandwidth = own[0]["scope"], own[0]["bandwidth"]
        column[0].set_title(f"{variant}\n(scope {scope}, bandwidth {bandwidth:g})")
        for panel, (key, name) in zip(column, PANELS.items(), strict=True):
            draw_panel(panel, own, key, name)
    for panel in grid[:-1].flat:
        panel.set_xlabel("")
        panel.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    handles, labels = grid[-1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)


def experiment(
    name: str,
    title: str,
    caption: str,
    model: str,
    data: Callable[[], Data],
    windows: Sequence[int],
) -> Experiment:
    """Return the figure of a bundled model: one call a kind of objects, 2-D or 3-D.

    Parameters
    ----------
    name, title, caption
        See `Experiment`.
    model : str
    data : callable
        Makes images with as many axes as the model has.
    windows : sequence of int
        Of the naive tiles; none is a multiple of the period.
    """
    return Experiment(
        name, title, caption, partial(measure, windows=windows), draw,
        size=(9.6, 5.4), models=(model,), data=data,
    )  # fmt: skip


FIGURE_6 = experiment(
    "6",
    "False splits and AP50 against the window",
    "Nuclei, segmented with tiles of one window after another: naive (orange) and "
    "cropped to the multiple of the period below it (blue). Rows: false splits; AP50, "
    "mean over images solid, pooled dashed. Left column: the clustering that the model "
    "was tuned for; middle and right: a bandwidth as narrow as the margin within which "
    "training left the pixels of an object, by connected component and for the whole "
    "image at once, as in the paper. Cropped results do not depend on the window, but "
    "for rounding; what naive tiles add to them is their seams', and the smaller the "
    "tiles, the more seams there are.",
    "nuclei",
    partial(crowded_nuclei, (256, 256), 2),
    WINDOWS,
)
