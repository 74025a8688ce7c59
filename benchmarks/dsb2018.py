r"""AP50, false splits and false merges against the window, on images of nuclei.

    python benchmarks/dsb2018.py DATA_FOLDER -m nuclei -o dsb2018_output

The experiment of Rumberger et al., ICCV 2021, Fig. 6, middle, on the fluorescence
images of the 2018 Data Science Bowl: the same network, tiles of one window after
another, stitched naively and cropped to a multiple of the period. All cropped results
should equal each other; every one is computed all the same. Beside it stands the
classical way: Otsu's threshold and a watershed of the distance to the background.

DATA_FOLDER holds ``images/`` and ``labels/`` (TIFFs of equal names), or folders of
these, named by ``--part``. StarDist's archive ``dsb2018.zip``, in which the labels are
in ``masks/``, is taken as it is. ``results.csv``, ``windows.png`` and ``windows.svg``
are written.

    python benchmarks/dsb2018.py DATA_FOLDER --score

segments each image once, as the model does by default, in place of all windows; it
writes ``results.csv`` only, and takes seconds an image.

AP50, mean over images and pooled over all objects, stands with an interval: as many
images are drawn with replacement, 10,000 times, and 95 % of the figures lie in it.

``--peer FOLDER`` adds a network made elsewhere: a package of BioImage.IO that gives
the probability of foreground, with ONNX weights. What is above ``--cut`` is foreground,
which the same watershed parts. It needs ``pip install onnxruntime``.

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
from time import perf_counter
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from matplotlib.figure import Figure
from peer import read_peer
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
from napari_shiftseg.metrics.bootstrap import ap50_intervals
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.figures_of_merit import Table, cell, write_csv
from napari_shiftseg.stores.folders import writable_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from peer import Peer

    from napari_shiftseg.experiments.window_size import Sweeps, Windows
    from napari_shiftseg.metrics.bootstrap import Interval
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample

WINDOWS = (20, 36, 52, 68, 84, 100, 148, 196, 244)
QUICK = (20, 84, 244)
APART = 7  # pixels between the middles of two nuclei, at least
SMALLEST = 20  # pixels of a nucleus
CUT = 0.5  # probability of foreground
PANELS = {
    "ap50_mean": "AP50",
    "false_splits": "false splits",
    "false_merges": "false merges",
}
DPI = 144
ENDS = ("low", "high")


def watershed_labels(image: np.ndarray) -> np.ndarray:
    """Segment bright nuclei: Otsu's threshold, watershed of the distance map."""
    pixels = np.asarray(image, dtype=float)
    if pixels.min() == pixels.max():
        return np.zeros(pixels.shape, dtype=np.int32)
    return parted(pixels > threshold_otsu(pixels))


def parted(foreground: np.ndarray) -> np.ndarray:
    """Part a mask into objects: watershed of the distance to the background."""
    depth = gaussian(ndimage.distance_transform_edt(foreground), 1)
    parts = label(foreground, connectivity=1)
    peaks = peak_local_max(
        depth, min_distance=APART, labels=parts, exclude_border=False
    )
    markers = np.zeros(foreground.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-depth, markers, mask=foreground)
    small = np.bincount(labels.ravel()) < SMALLEST
    return np.where(small[labels], 0, labels)


def scored(
    method: str, samples: Sequence[Sample], labels_of: Callable[[Sample], np.ndarray]
) -> Row:
    """Segment each image once, and score it."""
    start = perf_counter()
    found = [labels_of(sample) for sample in samples]
    seconds = (perf_counter() - start) / len(samples)
    note(f"{method}: {seconds:.2f} s an image")
    scores = [object_scores(s.labels, f) for s, f in zip(samples, found, strict=True)]
    return Row(method, None, tuple(scores), seconds)


def others(samples: Sequence[Sample], peer: Peer | None, cut: float = CUT) -> list[Row]:
    """Score what has no windows: the classical way, and a network made elsewhere."""
    rows = [scored("watershed", samples, lambda of: watershed_labels(of.image))]
    if peer:
        name = peer.name if cut == CUT else f"{peer.name} above {cut:g}"
        rows.append(
            scored(
                f"{name} + watershed",
                samples,
                lambda of: parted(peer.foreground(of.image) > cut),
            )
        )
    return rows


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
    samples = read_data(home, note).samples
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
    parser.add_argument(
        "--views", type=int, default=1, help="flips and turns, 1, 2, 4 or 8 [1]"
    )
    parser.add_argument(
        "--diameter", help="of the objects, in pixels, or auto; with --score [none]"
    )
    parser.add_argument("--images", type=int, help="only so many, evenly spaced [all]")
    parser.add_argument(
        "--windows", help="of naive tiles, separated by commas [20,36,...,244]"
    )
    parser.add_argument("--quick", action="store_true", help="windows 20, 84, 244 only")
    parser.add_argument(
        "--score", action="store_true", help="segment each image once, at no window"
    )
    parser.add_argument(
        "--peer",
        type=Path,
        metavar="FOLDER",
        help="package of BioImage.IO to score, too",
    )
    parser.add_argument(
        "--cut",
        type=float,
        default=CUT,
        help=f"probability above which a pixel of --peer is foreground [{CUT}]",
    )
    asked = parser.parse_args()
    if not 0 < asked.cut < 1:
        parser.error(f"--cut must be above 0 and below 1, got {asked.cut}")
    if asked.score and (asked.windows or asked.quick):
        parser.error("--score takes no windows: leave out --windows and --quick")
    if asked.diameter and not asked.score:
        parser.error(
            "--diameter needs --score: at windows, images are taken as they are"
        )
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
    model = load_unet(asked.model)
    peer = None if asked.peer is None else read_peer(asked.peer)
    samples = read_part(asked.data, asked.part, asked.images)
    settings = Settings(
        device=asked.device,
        scope=asked.scope,
        bandwidth=asked.bandwidth,
        views=asked.views,
        diameter=asked.diameter,
    )
    if asked.score:
        rows = [once(samples, model, settings)]
    else:
        rows = at_windows(samples, model, partners(model, asked.windows), settings)
    rows += others(samples, peer, asked.cut)
    if not asked.score:
        plot(rows, folder, f"{model.config.name} on {len(samples)} images")
    report(rows, folder)


def once(samples: Sequence[Sample], model: UNet, settings: Settings) -> Row:
    """Segment each image once, as the model does by default."""

    def labels_of(sample: Sample) -> np.ndarray:
        return with_progress(segment_steps(sample.image, model, settings)).labels

    return scored(model.config.name, samples, labels_of)


def at_windows(
    samples: Sequence[Sample], model: UNet, windows: Windows, settings: Settings
) -> list[Row]:
    """Segment each image at every window, with both stitchings."""
    for stitching, megapixels in computed(samples, model, windows).items():
        note(f"{stitching}: computes {sum(megapixels):,.0f} megapixels")
    sweeps = []
    for number, sample in enumerate(samples, start=1):
        sweeps.append(swept(sample, model, windows, settings))
        seconds = sum(p.seconds or 0 for points in sweeps[-1].values() for p in points)
        note(f"image {number} of {len(samples)}: {seconds:.0f} s")
    return rows_of(windows, sweeps)


def plot(rows: Sequence[Row], folder: Path, title: str) -> None:
    """Write the figures against the window as a plot."""
    figure = Figure(figsize=(12, 4.2))
    draw(figure, rows, title)
    for suffix in ("png", "svg"):
        figure.savefig(folder / f"windows.{suffix}", dpi=DPI)


def report(rows: Sequence[Row], folder: Path) -> None:
    """Print the figures, AP50 with its interval, and write them as a table."""
    known = [row.figures() for row in rows]
    intervals = [ap50_intervals(row.scores) for row in rows]
    write_csv(folder / "results.csv", _table(known, intervals))
    names = [key for key in known[0] if any(of[key] is not None for of in known)]
    print_table(
        [name.replace("_", " ") for name in names],
        [
            [_shown(figures[name], found.get(name)) for name in names]
            for figures, found in zip(known, intervals, strict=True)
        ],
    )
    print("\nIn brackets: 95 % of 10,000 draws of as many images lie there.")
    print(f"The files are in {folder}")


def _table(
    known: Sequence[dict[str, Any]], intervals: Sequence[dict[str, Interval]]
) -> Table:
    """Return the figures, and behind them the ends of the intervals."""
    ends = [
        {
            f"{name}_{end}": getattr(of, end)
            for name, of in found.items()
            for end in ENDS
        }
        for found in intervals
    ]
    rows = [figures | more for figures, more in zip(known, ends, strict=True)]
    return Table(tuple(rows[0]), tuple(tuple(row.values()) for row in rows))


def _shown(value: object, interval: Interval | None) -> str:
    if interval is None:
        return "" if value is None else cell(value)
    return f"{value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


if __name__ == "__main__":
    try:
        run(arguments())
    except (OSError, ValueError, MemoryError, ModuleNotFoundError) as error:
        sys.exit(f"dsb2018: {error}")
