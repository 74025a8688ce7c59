"""Figure 6: false splits and AP50 against the window, naive and cropped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.embeddings.losses import DiscriminativeLoss, ForegroundLoss
from napari_shiftseg.experiments.experiment import (
    Experiment,
    Measuring,
    Outcome,
    draw_panel,
)
from napari_shiftseg.experiments.inputs import (
    Data,
    FigureNetwork,
    crowded_nuclei,
    each_image,
    pull_margin,
)
from napari_shiftseg.geometry.window import Stitching, kept
from napari_shiftseg.metrics.objects import ObjectScores, pooled
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.pipeline.sweep import SweepPoint, sweep_steps
from napari_shiftseg.progress import Progress, named
from napari_shiftseg.samples.catalogue import small_nuclei
from napari_shiftseg.text import by
from napari_shiftseg.training.defaults import object_config
from napari_shiftseg.training.recipes import object_recipe

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from matplotlib.figure import Figure

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.samples import Sample


Windows = dict[Stitching, list[int]]
Sweeps = dict[Stitching, list[SweepPoint]]


@dataclass(frozen=True)
class Row:
    """What one way of segmenting gives over all images.

    Attributes
    ----------
    method, window : str, int or None
        A stitching and the output size of its tiles; or something without tiles.
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
    """Return the windows of both stitchings: cropped, what is kept of the naive.

    Parameters
    ----------
    model : UNet
    windows : sequence of int
        Of the naive tiles.
    """
    cropped = [kept_of(model, window) for window in windows]
    return {"naive": list(windows), "cropped": list(dict.fromkeys(cropped))}


def kept_of(model: UNet, window: int) -> int:
    """Return the stride of a cropped tile of this window, the same along each axis.

    Parameters
    ----------
    model : UNet
    window : int

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
    """Segment one image at every window, with both stitchings; see `sweep_steps`.

    Parameters
    ----------
    sample : Sample
    model : UNet
    windows : dict of list of int
        By stitching.
    settings : Settings
    """
    found: Sweeps = {}
    for stitching, chosen in windows.items():
        asked = replace(settings, stitching=stitching)
        steps = sweep_steps(sample.image, model, chosen, asked, sample.labels)
        found[stitching] = yield from named(stitching, steps)
    return found


def rows_of(windows: Windows, sweeps: Sequence[Sweeps]) -> list[Row]:
    """Return a row for every window of both stitchings.

    Parameters
    ----------
    windows : dict of list of int
        By stitching.
    sweeps : sequence of dict
        One an image; see `swept_steps`.

    Raises
    ------
    MemoryError
        Where a window does not fit: it would be compared with others on fewer images.
    """
    rows = []
    for stitching, chosen in windows.items():
        for number, window in enumerate(chosen):
            points = [sweep[stitching][number] for sweep in sweeps]
            scores = tuple(point.scores for point in points if point.scores)
            if len(scores) < len(points):
                failure = next(p.failure for p in points if p.scores is None)
                raise MemoryError(f"{stitching} window {window}: {failure}")
            seconds = fmean(point.seconds or 0 for point in points)
            split = sum(point.split or 0 for point in points)
            rows.append(Row(stitching, window, scores, seconds, split))
    return rows


LEARNT = (128, 128, 128)  # voxels of the stack to learn from
SEED = 100  # of that stack; that of the measured one is 0
FACTORS = ((2, 2, 2), (4, 4, 4))  # p = 8 with a context of 56, where 2, 2, 2 has 88
WINDOW, STEPS = 20, 7_000
BANDWIDTH = 0.5

CONFIG = object_config(
    "6-3d",
    description="Small nuclei in 3-D, synthetic; figure 6.",
    ndim=3,
    depth=len(FACTORS),
    features=8,
    embedding_channels=8,
    clustering=Clustering(bandwidth=BANDWIDTH, scope="component", min_size=8),
).model_copy(update={"pooling_factors": FACTORS})
# As in the paper all pairs are pushed apart and an object is pulled to one place. The
# foreground is not to part nuclei that touch: that is what the embedding is for.
RECIPE = object_recipe(
    WINDOW,
    STEPS,
    loss=DiscriminativeLoss(pull_margin=0, push_margin=1.5, background=False),
    foreground=ForegroundLoss(part_within=0, weight=3.0),
    border="valid",
    augmentation=None,
    precision="bfloat16",
)
NETWORK = FigureNetwork("6", partial(small_nuclei, LEARNT, SEED), CONFIG, RECIPE)


WINDOWS = {2: (20, 36, 52, 68, 148), 3: (12, 20, 28)}  # by the number of axes
PANELS = {"false_splits": "false splits", "ap50_mean": "AP50"}


@dataclass(frozen=True)
class Variant:
    """A way of clustering images of so many axes, tried at every window."""

    axes: int
    name: str
    settings: Settings

    @property
    def key(self) -> str:
        """Its name as part of a name in JSON."""
        return f"{self.axes}d_{self.name.replace(',', '').replace(' ', '_')}"


def variants(model: UNet) -> tuple[Variant, ...]:
    """Return the model's own clustering, and a tight one by component and global.

    Parameters
    ----------
    model : UNet
        One without a foreground logit is clustered globally alone, one of stacks as
        tuned alone: each variant predicts all tiles anew.
    """
    axes, tight, own = model.config.ndim, pull_margin(model), Settings(device="cpu")
    tuned = Variant(axes, "as tuned", own)
    globally = replace(own, bandwidth=tight, scope="global")
    last = Variant(axes, "tight, global", globally)
    if not model.config.foreground:
        return (last,)
    if axes > 2:
        return (tuned,)
    by_component = replace(own, bandwidth=tight, scope="component")
    return (tuned, Variant(axes, "tight, by component", by_component), last)


def measure(
    networks: Mapping[str, UNet],
    data: Data,
    windows: Mapping[int, Sequence[int]] | None = None,
) -> Measuring:
    """Count false splits at every window with both stitchings.

    Parameters
    ----------
    networks : mapping of str to UNet
        One for images of two axes, one for images of three, or one of these.
    data : Data
        Each image is segmented by the network that reads as many axes as it has.
    windows : mapping of int to sequence of int, optional
        Of the naive tiles, by the number of axes; `WINDOWS` if not given.

    Raises
    ------
    ValueError
        If no network reads an image.
    """
    by_axes = {model.config.ndim: model for model in networks.values()}
    worse: dict[str, Any] = {}
    table: list[dict[str, Any]] = []
    for axes in sorted({sample.labels.ndim for sample in data.samples}):
        some = tuple(s for s in data.samples if s.labels.ndim == axes)
        if axes not in by_axes:
            raise ValueError(
                f"{data.name} has an image of {axes} axes, this figure reads 2 "
                f"(planes) or 3 (stacks): leave it out"
            )
        asked = (windows or WINDOWS)[axes]
        found = yield from _sweep_steps(
            by_axes[axes], replace(data, samples=some), asked
        )
        worse |= _worse_windows(found, by_axes[axes])
        table += _table_of(found, by_axes[axes])
    return Outcome({**data.figures(), **worse, "table": table})


def _sweep_steps(
    model: UNet, data: Data, windows: Sequence[int]
) -> Generator[Progress, None, dict[Variant, list[Row]]]:
    asked, found = partners(model, windows), {}
    for variant in variants(model):
        sweep = partial(
            swept_steps, model=model, windows=asked, settings=variant.settings
        )
        sweeps = yield from each_image(data, sweep, f"{variant.name}, ")
        found[variant] = rows_of(asked, sweeps)
    return found


def _worse_windows(
    found: Mapping[Variant, Sequence[Row]], model: UNet
) -> dict[str, dict[str, list[int]]]:
    """Return at which windows naive tiles do worse, and cropped ones, by variant."""
    both = "naive", "cropped"
    return {
        f"{one}_above_{other}_{variant.key}": windows_above(rows, model, one)
        for variant, rows in found.items()
        for one, other in (both, both[::-1])
    }


def _table_of(
    found: Mapping[Variant, Sequence[Row]], model: UNet
) -> list[dict[str, Any]]:
    """Return the figures of all rows, but for seconds, which no two runs share."""
    table = []
    for variant, rows in found.items():
        clustering = variant.settings.clustering(model.config)
        about = {
            "axes": variant.axes,
            "variant": variant.name,
            "scope": clustering.scope,
            "bandwidth": clustering.bandwidth,
        }
        table += [{**about, **row.figures()} for row in rows]
    for figures in table:
        del figures["seconds_an_image"]
    return table


def windows_above(
    rows: Sequence[Row], model: UNet, method: str
) -> dict[str, list[int]]:
    """Return the windows at which one method counts more than its partner.

    Parameters
    ----------
    rows : sequence of Row
    model : UNet
    method : {"naive", "cropped"}
        The one that counts more; the windows are always those of the naive tiles.
    """
    known = {(row.method, row.window): row.figures() for row in rows}
    pairs = {
        window: (figures, known["cropped", kept_of(model, window)])
        for (of, window), figures in known.items()
        if of == "naive" and window
    }
    own, other = (0, 1) if method == "naive" else (1, 0)
    return {
        key: [w for w, pair in pairs.items() if pair[own][key] > pair[other][key]]
        for key in ("false_splits", "split_by_seams")
    }


def _draw(figure: Figure, outcome: Outcome) -> None:
    """Draw a column a variant: false splits, and AP50 below."""
    table = outcome.numbers["table"]
    kinds = list(dict.fromkeys((row["axes"], row["variant"]) for row in table))
    grid = figure.subplots(len(PANELS), len(kinds), sharex="col", squeeze=False)
    for column, (axes, variant) in zip(grid.T, kinds, strict=True):
        own = [r for r in table if (r["axes"], r["variant"]) == (axes, variant)]
        scope, bandwidth = own[0]["scope"], own[0]["bandwidth"]
        title = f"{axes}-D, {variant}\n(scope {scope}, bandwidth {bandwidth:g})"
        column[0].set_title(title)
        for panel, (key, name) in zip(column, PANELS.items(), strict=True):
            draw_panel(panel, own, key, name)
    for panel in grid[:-1].flat:
        panel.set_xlabel("")
        panel.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    handles, labels = grid[-1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)


def _synthetic_nuclei() -> Data:
    """Make two images of nuclei, and a stack of small ones."""
    flat = crowded_nuclei((256, 256), 2)
    return replace(flat, samples=(*flat.samples, small_nuclei()))


FIGURE_6 = Experiment(
    "6",
    "False splits and AP50 against the window, in 2-D and 3-D",
    "Nuclei, segmented with tiles of one window after another: naive (orange) and "
    "cropped to the multiple of the period below it (blue). Rows: false splits; AP50, "
    "mean over images solid, pooled dashed. First column: the clustering that the 2-D "
    "model was tuned for; second and third: a bandwidth as narrow as the margin within "
    "which training left the pixels of an object, by connected component and for the "
    "whole image at once, as in the paper. Last: a stack, by a small 3-D network of "
    "its own. Cropped results do not depend on the window, but for rounding; what "
    "naive tiles add to them is their seams', and the smaller the tiles, the more "
    "seams there are.",
    measure,
    _draw,
    networks=(NETWORK,),
    size=(12, 5.4),
    models=("figure-4d",),
    data=_synthetic_nuclei,
)
