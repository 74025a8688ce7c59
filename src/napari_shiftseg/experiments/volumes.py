"""Figure nuclei3d: false splits and AP50 against the window, in volumes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator

from napari_shiftseg.experiments.experiment import (
    Experiment,
    Measuring,
    Outcome,
    draw_panel,
)
from napari_shiftseg.experiments.inputs import Data, each_image
from napari_shiftseg.experiments.window_size import (
    PANELS,
    partners,
    rows_of,
    swept_steps,
    windows_above,
)
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import (
    NUCLEI_3D_SPACING,
    VOLUME_MODEL,
    small_nuclei,
)
from napari_shiftseg.samples.nuclei import nuclei

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from matplotlib.figure import Figure

    from napari_shiftseg.experiments.window_size import Row
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.progress import Progress

SHAPE, VOLUMES = (32, 64, 64), 2
FIRST_SEED = 30_000  # no volume of the training has it
PAPERS = "figure-6-3d"  # embedding and loss as the paper's; its period is 8
WINDOWS = {  # of naive tiles, none a multiple of the period
    PAPERS: (12, 20, 28),
    VOLUME_MODEL: (10, 18, 26),
}
LARGER = (18, 26, 42)  # of volumes that are given


@dataclass(frozen=True)
class Part:
    """Volumes, the network that segments them, and the windows of naive tiles."""

    model: str
    data: Data
    windows: tuple[int, ...]


@cache
def synthetic_volumes() -> Data:
    """Make volumes of crowded nuclei whose voxels are twice as high as wide."""
    made = partial(
        nuclei, SHAPE, diameter=(10, 16), density=0.25, touching=0.7, noise=1.0,
        spacing=NUCLEI_3D_SPACING,
    )  # fmt: skip
    samples = tuple(made(seed=FIRST_SEED + number) for number in range(VOLUMES))
    return Data("synthetic volumes", samples)


def parts_of(data: Data) -> list[Part]:
    """Return what is measured: synthetic volumes, and beside them those of a user.

    Parameters
    ----------
    data : Data
        `synthetic_volumes`, or others.

    Raises
    ------
    ValueError
        If an image is no volume.
    """
    flat = [sample for sample in data.samples if sample.labels.ndim != 3]
    if flat:
        raise ValueError(
            f"{data.name} has an image of {flat[0].labels.ndim} axes, this figure "
            f"reads volumes (z, y, x): leave it out"
        )
    own, small = synthetic_volumes(), Data("small nuclei", (small_nuclei(),))
    found = [
        Part(PAPERS, small, WINDOWS[PAPERS]),
        Part(VOLUME_MODEL, own, WINDOWS[VOLUME_MODEL]),
    ]
    return found if data is own else [*found, Part(VOLUME_MODEL, data, LARGER)]


def measure(
    networks: Mapping[str, UNet], data: Data, parts: Sequence[Part] | None = None
) -> Measuring:
    """Count false splits at every window with both stitchings.

    Parameters
    ----------
    networks : mapping of str to UNet
    data : Data
        See `parts_of`.
    parts : sequence of Part, optional
        In place of `parts_of`.
    """
    table: list[dict[str, Any]] = []
    worse: dict[str, Any] = {}
    for part in parts_of(data) if parts is None else parts:
        model = networks[part.model]
        rows = yield from _row_steps(part, model)
        above = windows_above(rows, model, "naive")
        worse[f"naive_above_cropped_{part.data.name.replace(' ', '_')}"] = above
        table += [_figures(part, row) for row in rows]
    return Outcome({**data.figures(), **worse, "table": table})


def _row_steps(part: Part, model: UNet) -> Generator[Progress, None, list[Row]]:
    windows = partners(model, part.windows)
    sweep = partial(
        swept_steps, model=model, windows=windows, settings=Settings(device="cpu")
    )
    sweeps = yield from each_image(part.data, sweep, f"{part.data.name}, ")
    return rows_of(windows, sweeps)


def _figures(part: Part, row: Row) -> dict[str, Any]:
    """Return the figures of a row, but for seconds, which no two runs share."""
    figures = {"volumes": part.data.name, "model": part.model, **row.figures()}
    del figures["seconds_an_image"]
    return figures


def _draw(figure: Figure, outcome: Outcome) -> None:
    """Draw a column for each kind of volumes: false splits, and AP50 below."""
    table = outcome.numbers["table"]
    parts = list(dict.fromkeys((row["volumes"], row["model"]) for row in table))
    grid = figure.subplots(len(PANELS), len(parts), sharex="col", squeeze=False)
    for column, part in zip(grid.T, parts, strict=True):
        own = [row for row in table if (row["volumes"], row["model"]) == part]
        column[0].set_title("{}\n({})".format(*part))
        for panel, (key, name) in zip(column, PANELS.items(), strict=True):
            draw_panel(panel, own, key, name)
    for panel in grid[0]:
        panel.set_xlabel("")
        panel.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    handles, labels = grid[-1, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)


FIGURE_NUCLEI3D = Experiment(
    "nuclei3d",
    "Nuclei in volumes: false splits and AP50 against the window",
    "Volumes of nuclei, segmented with cubic tiles of one window after another: naive "
    "(orange) and cropped to the multiple of the period below it (blue). Rows: false "
    "splits; AP50, mean over volumes solid, pooled dashed. First column: nuclei about "
    "as wide as the period 8, by a small network with the embedding and the loss of "
    "the paper. Second: nuclei of 10 to 16 pixels in voxels twice as high as wide, by "
    "the bundled model of volumes, of spatial embeddings and period 4. Third, where a "
    "folder is given: its volumes, by the same model. Cropped results do not depend "
    "on the window, but for rounding.",
    measure,
    _draw,
    size=(9.6, 5.4),
    models=(PAPERS, VOLUME_MODEL),
    data=synthetic_volumes,
)
