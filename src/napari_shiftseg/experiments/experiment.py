"""A figure of the papers: what is measured, how it is drawn, and its files."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from napari_shiftseg import __version__
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.progress import Progress
from napari_shiftseg.report.figures_of_merit import Table, write_csv
from napari_shiftseg.report.plots import LIGHT
from napari_shiftseg.stores.folders import (
    Run,
    checksums,
    refuse_to_overwrite,
    writable_folder,
    written_by,
)
from napari_shiftseg.stores.whole_file import errors_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from napari_shiftseg.experiments.inputs import Data, FigureNetwork
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.networks.unet import UNet


Box = tuple[slice, slice]
WHOLE = (slice(None), slice(None))


def embedding_colours(embedding: NDArray[Any]) -> NDArray[np.float64]:
    r"""Paint an embedding: its first three channels as red, green and blue.

    Parameters
    ----------
    embedding : ndarray
        (channels, \*spatial), of three channels or more.

    Returns
    -------
    ndarray of float64
        (\*spatial, 3), each channel from its least value (0) to its largest (1).
    """
    points = np.moveaxis(embedding[:3], 0, -1).astype(np.float64)
    channels = tuple(range(points.ndim - 1))
    low, high = points.min(channels), points.max(channels)
    colours: NDArray[np.float64] = (points - low) / np.maximum(high - low, 1e-3)
    return colours


def as_grey(image: NDArray[Any], white: float | None = None) -> NDArray[np.float64]:
    r"""Return an image from 0, its darkest pixel, to 1, its brightest.

    Parameters
    ----------
    image : ndarray
        (\*spatial)
    white : float, optional
        What becomes 1 in place of the brightest pixel; brighter ones do, too.
    """
    pixels = image.astype(np.float64)
    low, high = pixels.min(), pixels.max() if white is None else white
    grey: NDArray[np.float64] = ((pixels - low) / max(high - low, 1e-12)).clip(0, 1)
    return grey


def show_borders(
    axes: Axes, picture: NDArray[Any], title: str, plan: TilePlan, box: Box = WHOLE
) -> None:
    """Show a picture, or a box of it, and the borders between tiles.

    Parameters
    ----------
    axes : Axes
    picture : ndarray
        (rows, columns[, RGB]), see `show`.
    title : str
    plan : TilePlan
        Whose result has these rows and columns.
    box : (slice, slice)
    """
    show(axes, picture[box], title)
    draws = (axes.axhline, axes.axvline)
    for borders, part, draw in zip(plan.boundaries, box, draws, strict=True):
        start, stop, _ = part.indices(10**9)
        for border in borders:
            if start < border < stop:
                draw(border - start - 0.5, color="white", lw=0.6)


def show(
    axes: Axes, picture: NDArray[Any], title: str, lines: Iterable[float] = ()
) -> None:
    """Show a picture, and lines before some pixels of both axes.

    Parameters
    ----------
    axes : Axes
    picture : ndarray
        (rows, columns[, RGB]); grey from 0 to 1 if it has no colours.
    title : str
    lines : iterable of float
        Numbers of the pixels before which a line is drawn.
    """
    axes.imshow(picture, "gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, color=LIGHT.text)
    axes.set(xticks=[], yticks=[])
    for line in lines:
        axes.axhline(line - 0.5, color="white", lw=1)
        axes.axvline(line - 0.5, color="white", lw=1)


def show_row(
    figure: Figure, pictures: Mapping[str, NDArray[Any]], lines: Iterable[float] = ()
) -> None:
    """Show pictures side by side.

    Parameters
    ----------
    figure : Figure
        Empty.
    pictures : mapping of ndarray
        By their titles; see `show`.
    lines : iterable of float
        See `show`.
    """
    axes = np.atleast_1d(figure.subplots(1, len(pictures)))
    for each, (title, picture) in zip(axes, pictures.items(), strict=True):
        show(each, picture, title, lines)


COLOURS = {
    "naive": LIGHT.naive,
    "cropped": LIGHT.cropped,
    "watershed": LIGHT.untiled,
}


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
        if known:
            _draw_curve(panel, known, key, colour, method)
        if known and key == "ap50_mean":
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


DPI = 100
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "svg.hashsalt": "shiftseg",  # the same picture is the same file
}


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes
    ----------
    numbers : dict
        Ready for JSON; a list of alike dicts under ``table`` becomes a CSV.
    arrays : dict of ndarray
        What is drawn besides.
    plans : dict of TilePlan
        Whose tiles are drawn.
    """

    numbers: dict[str, Any]
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    plans: dict[str, TilePlan] = field(default_factory=dict, repr=False)

    @property
    def table(self) -> Table | None:
        """The table, if there is one."""
        rows = self.numbers.get("table")
        if not rows:
            return None
        return Table(tuple(rows[0]), tuple(tuple(row.values()) for row in rows))


Measuring = Generator[Progress, None, Outcome]


@dataclass(frozen=True)
class Experiment:
    """A figure of the papers.

    Attributes
    ----------
    name : str
        Number of the figure.
    title : str
    caption : str
        How to read it, in a paragraph.
    measure : callable
        Its networks by name, and its `Data` if it has any → `Outcome`, or steps that
        yield `Progress` and return one.
    draw : callable
        Draws an outcome into an empty figure.
    networks : tuple of FigureNetwork
        That it trains.
    size : (float, float)
        Of the picture, in inches.
    models : tuple of str
        Names of the bundled models that it needs besides; they are not trained anew.
    data : callable or None
        Makes the `Data` that it is measured on where a user may give other data; None
        where not.
    """

    name: str
    title: str
    caption: str
    measure: Callable[..., Outcome | Measuring]
    draw: Callable[[Figure, Outcome], None]
    networks: tuple[FigureNetwork, ...] = ()
    size: tuple[float, float] = (9.6, 3.5)
    models: tuple[str, ...] = ()
    data: Callable[[], Data] | None = None

    @property
    def record(self) -> str:
        """Name of the file that holds the numbers, and names the others."""
        return f"{self.name}.json"

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files that it may write."""
        own = (f"{self.name}.{kind}" for kind in ("png", "svg", "csv"))
        return (self.record, *own, *(network.file for network in self.networks))


def run_steps(
    experiment: Experiment,
    folder: Path,
    retrain: bool = False,
    device: str = "auto",
    data: Data | None = None,
    overwrite: bool = False,
) -> Generator[Progress, None, dict[str, Any]]:
    """Make a figure and write its files, yielding `Progress` on the way.

    An older run of the figure in the folder is replaced, once this one is complete;
    nothing else is touched. Returns the numbers, as written to ``NAME.json``.

    Parameters
    ----------
    experiment : Experiment
    folder : Path
        Made if need be.
    retrain : bool
        Whether its networks are trained anew, and written, too.
    device : str
        Trains them; the CPU measures, for the same numbers everywhere.
    data : Data, optional
        To measure on, in place of the figure's own.
    overwrite : bool
        Whether files of others may be replaced.

    Raises
    ------
    ValueError
        If there are data, but the figure takes none.
    OSError
        If weights are missing, a file of others has the name of one of the figure's,
        or a file cannot be written.
    """
    if data is not None and experiment.data is None:
        raise ValueError(
            f"figure {experiment.name} makes its own images, or needs none: it takes "
            f"no other data, leave them out"
        )
    writable_folder(folder)
    run = Run(f"figure {experiment.name}", () if data is None else (data.name,))
    older = written_by(run, folder / experiment.record) & {*experiment.files}
    weights = {network.file for network in experiment.networks}
    planned = sorted({*experiment.files} - (set() if retrain else weights))
    refuse_to_overwrite((folder / n for n in planned), older, overwrite, "figure")
    scratch_folder = TemporaryDirectory(prefix=".figure-", dir=folder)
    with errors_named(folder), scratch_folder as made:
        scratch = Path(made)
        networks = yield from _network_steps(experiment, scratch, retrain, device)
        yield Progress(0, 2, stage="measuring")
        own = experiment.data
        given = () if own is None else (own() if data is None else data,)
        outcome = experiment.measure(networks, *given)
        if not isinstance(outcome, Outcome):
            outcome = yield from outcome
        yield Progress(1, 2, stage="drawing")
        _draw(experiment, outcome, scratch)
        if outcome.table:
            write_csv(scratch / f"{experiment.name}.csv", outcome.table)
        written = {path.name for path in scratch.iterdir()} | {experiment.record}
        kept = {name for name in older if (folder / name).exists()}
        report = {
            "figure": experiment.name,
            **outcome.numbers,
            "title": experiment.title,
            "caption": experiment.caption,
            "networks": {
                name: provenance.model_dump(mode="json")
                for name, model in networks.items()
                if (provenance := model.config.provenance)
            },
            "version": __version__,
            "files": sorted(written | kept),
        }
        others = sorted((written | kept) - {experiment.record})
        lie = {n: (scratch if n in written else folder) / n for n in others}
        report |= {**run.about(), "sha256": checksums(lie)}
        text = json.dumps(report, indent=2, allow_nan=False)
        (scratch / experiment.record).write_text(text, encoding="utf-8")
        for name in written:
            (scratch / name).replace(folder / name)
    return report


def _network_steps(
    experiment: Experiment, folder: Path, retrain: bool, device: str
) -> Generator[Progress, None, dict[str, UNet]]:
    networks = {}
    for network in experiment.networks:
        if retrain:
            networks[network.name] = yield from network.train_steps(folder, device)
        else:
            networks[network.name] = network.load()
    return networks | {name: load_unet(name) for name in experiment.models}


def _draw(experiment: Experiment, outcome: Outcome, folder: Path) -> None:
    with rc_context(STYLE):
        figure = Figure(experiment.size, dpi=DPI, layout="constrained")
        experiment.draw(figure, outcome)
        figure.savefig(folder / f"{experiment.name}.png")
        figure.savefig(folder / f"{experiment.name}.svg", metadata={"Date": None})
