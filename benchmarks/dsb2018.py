r"""AP50, false splits and false merges against the window, on images of nuclei.

    python benchmarks/dsb2018.py DATA_FOLDER -m nuclei -o dsb2018_output

The experiment of Rumberger et al., ICCV 2021, Fig. 6, middle, on the fluorescence
images of the 2018 Data Science Bowl: the same network, tiles of one window after
another, stitched naively and cropped to a multiple of the period. All cropped results
should equal each other; every one is computed all the same. Beside it stands the
classical way: Otsu's threshold and a watershed of the distance to the background.

DATA_FOLDER holds ``images/`` and ``labels/`` (TIFFs of equal names), or folders of
these, named by ``--part``. ``results.csv``, ``windows.png`` and ``windows.svg`` are
written.

Small windows are dear: a tile of 16 reads 204 × 204 pixels. On the 50 test images
(6.3 megapixels) 3,500 megapixels are computed, half of them for the windows 16 and 20:
about 40 seconds of one CPU core an image, 35 minutes in all (measured on three images,
53 s each, and scaled by what is computed), 20 minutes with ``--quick``.

A network with a foreground logit clusters each component of the foreground by itself,
where few seams show; ``--scope global`` is the mean shift of the paper, and a smaller
``--bandwidth`` shows more of them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label
from skimage.segmentation import watershed

from napari_shiftseg.cli.terminal import note, print_table, with_progress
from napari_shiftseg.clustering.settings import Scope
from napari_shiftseg.experiments.experiment import draw_panel
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.experiments.window_size import Row, partners, rows_of, swept_steps
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.networks.unet import load_model
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.figures_of_merit import Table, cell, write_csv
from napari_shiftseg.stores.folders import writable_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.experiments.window_size import Sweeps, Windows
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample

WINDOWS = (20, 36, 52, 68, 84, 100, 148, 196, 244)
QUICK = (20, 84, 244)
APART = 7  # pixels between the middles of two nuclei, at least
SMALLEST = 20  # pixels of a nucleus
PANELS = {
    "ap50_mean": "AP50",
    "false_splits": "false splits",
    "false_merges": "false merges",
}
DPI = 144


def watershed_labels(image: np.ndarray) -> np.ndarray:
    """Segment bright nuclei: Otsu's threshold, watershed of the distance map."""
    pixels = np.asarray(image, dtype=float)
    if pixels.min() == pixels.max():
        return np.zeros(pixels.shape, dtype=np.int32)
    foreground = pixels > threshold_otsu(pixels)
    depth = gaussian(ndimage.distance_transform_edt(foreground), 1)
    parts = label(foreground, connectivity=1)
    peaks = peak_local_max(
        depth, min_distance=APART, labels=parts, exclude_border=False
    )
    markers = np.zeros(pixels.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-depth, markers, mask=foreground)
    small = np.bincount(labels.ravel()) < SMALLEST
    return np.where(small[labels], 0, labels)


def computed(
    samples: Sequence[Sample], model: UNet, windows: Windows
) -> dict[str, list[float]]:
    """Return how many megapixels each window computes, over all images."""
    return {
        stitching: [
            sum(
                plan.cost * sample.labels.size
                for sample in samples
                for plan in [
                    plan_tiles(sample.labels.shape, model.shape, window, stitching)
                ]
            )
            / 1e6
            for window in chosen
        ]
        for stitching, chosen in windows.items()
    }


def swept(
    sample: Sample,
    model: UNet,
    windows: Windows,
    settings: Settings,
) -> Sweeps:
    """Segment one image at every window, with both stitchings."""
    return with_progress(swept_steps(sample, model, windows, settings))


def draw(figure: Figure, rows: Sequence[Row], title: str) -> None:
    """Draw the figures against the window: mean solid, pooled dashed."""
    figure.clear()
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True)
    figures = [row.figures() for row in rows]
    for panel, (key, name) in zip(panels, PANELS.items(), strict=True):
        draw_panel(panel, figures, key, name)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=6, frameon=False,
        fontsize="small", title=title,
    )  # fmt: skip


def read_part(folder: Path, part: str, number: int | None) -> list[Sample]:
    """Read all images with labels, or so many, evenly spaced."""
    home = folder / part if (folder / part).is_dir() else folder
    samples = read_data(home).samples
    if number is None or number >= len(samples):
        return list(samples)
    at = np.linspace(0, len(samples) - 1, number).round().astype(int)
    return [samples[i] for i in at]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="AP50, false splits and false merges against the window."
    )
    parser.add_argument("data", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument("--part", default="test", help="folder in it [test]")
    parser.add_argument("-o", "--output", type=Path, default=Path("dsb2018_output"))
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--scope", choices=get_args(Scope), help="of the clustering [the model's]"
    )
    parser.add_argument(
        "--bandwidth", type=float, help="of the clustering [the model's]"
    )
    parser.add_argument("--images", type=int, help="only so many, evenly spaced [all]")
    parser.add_argument(
        "--windows", help="of naive tiles, separated by commas [20,36,...,244]"
    )
    parser.add_argument("--quick", action="store_true", help="windows 20, 84, 244 only")
    asked = parser.parse_args()
    if asked.bandwidth is not None and not asked.bandwidth > 0:
        parser.error(f"--bandwidth must be above 0, got {asked.bandwidth}")
    if asked.images is not None and asked.images < 1:
        parser.error(f"--images must be 1 or more, got {asked.images}")
    try:
        asked.windows = (
            sorted({int(window) for window in asked.windows.split(",")})
            if asked.windows
            else list(QUICK if asked.quick else WINDOWS)
        )
    except ValueError:
        parser.error(f"--windows are whole numbers with commas, got {asked.windows!r}")
    return asked


def run(asked: argparse.Namespace) -> None:
    folder = writable_folder(asked.output)
    model = load_model(asked.model)
    samples = read_part(asked.data, asked.part, asked.images)
    windows = partners(model, asked.windows)
    for stitching, megapixels in computed(samples, model, windows).items():
        note(f"{stitching}: computes {sum(megapixels):,.0f} megapixels")
    settings = Settings(
        device=asked.device, scope=asked.scope, bandwidth=asked.bandwidth
    )
    sweeps, classical = [], []
    for number, sample in enumerate(samples, start=1):
        classical.append(object_scores(sample.labels, watershed_labels(sample.image)))
        sweeps.append(swept(sample, model, windows, settings))
        seconds = sum(p.seconds or 0 for points in sweeps[-1].values() for p in points)
        note(f"image {number} of {len(samples)}: {seconds:.0f} s")
    rows = [*rows_of(windows, sweeps), Row("watershed", None, tuple(classical))]
    report(rows, folder, f"{model.config.name} on {len(samples)} images")


def report(rows: Sequence[Row], folder: Path, title: str) -> None:
    """Print the figures, and write them as a table and as a plot."""
    known = [row.figures() for row in rows]
    table = Table(tuple(known[0]), tuple(tuple(f.values()) for f in known))
    write_csv(folder / "results.csv", table)
    figure = Figure(figsize=(12, 4.2))
    draw(figure, rows, title)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"windows.{suffix}", dpi=DPI)
    names = [name.replace("_", " ") for name in known[0]]
    print_table(
        names,
        [["" if v is None else cell(v) for v in f.values()] for f in known],
    )
    print(f"\nresults.csv, windows.png and windows.svg are in {folder}")


if __name__ == "__main__":
    try:
        run(arguments())
    except (OSError, ValueError, MemoryError) as error:
        sys.exit(f"dsb2018: {error}")
