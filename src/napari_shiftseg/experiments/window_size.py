"""Figure 6: false splits and AP50 against the window, naive and cropped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator

from napari_shiftseg.experiments.data import Data, crowded_nuclei, pull_margin
from napari_shiftseg.experiments.experiment import Experiment, Measuring, Outcome
from napari_shiftseg.experiments.window_rows import (
    Row,
    draw_panel,
    partners,
    rows_of,
    swept_steps,
)
from napari_shiftseg.geometry.axis_plan import kept
from napari_shiftseg.inference.progress import named
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.figure import Figure

    from napari_shiftseg.model.unet import UNet

WINDOWS = (20, 36, 52, 68, 148)
PANELS = {"false_splits": "false splits", "ap50_mean": "AP50"}


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
        for place, sample in data.numbered():
            steps = swept_steps(sample, model, asked, variant.settings)
            sweeps.append((yield from named(f"{variant.name}, {place}", steps)))
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
    """Draw a column a variant: false splits, and AP50 below."""
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
