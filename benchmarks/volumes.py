r"""AP50, false splits and false merges on volumes of nuclei with true labels.

    python benchmarks/volumes.py c_elegans_nuclei -m worms.safetensors

DATA_FOLDER holds ``images/`` and ``masks/`` (or ``labels/``), TIFFs (z, y, x) of equal
names, or folders of these, named by ``--part``, as StarDist's archives have them. Each
volume is segmented once, in cropped tiles, as the model does by default. Beside it
stands the 2-D model ``--planes``: plane by plane, with what overlaps from plane to
plane linked.

The public set of nuclei of C. elegans larvae (https://zenodo.org/records/5942575,
``c_elegans_nuclei.zip``, 28 volumes in ``train/``, ``val/`` and ``test/``), once
unpacked, is trained on and scored by two commands:

    shiftseg train c_elegans_nuclei --start nuclei-3d --steps 6000 \
        --every 1000 -o worms.safetensors
    python benchmarks/volumes.py c_elegans_nuclei -m worms.safetensors

``shiftseg figure nuclei3d --data c_elegans_nuclei/test`` draws the same volumes at
several windows. ``results.csv`` is written.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import note, print_table, with_progress
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.metrics.metric import object_figures
from napari_shiftseg.metrics.objects import object_scores, pooled
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.figures_of_merit import Table, cell, write_csv
from napari_shiftseg.samples.catalogue import USUAL_MODEL, VOLUME_MODEL
from napari_shiftseg.stores.data_sets import TEST, part_of
from napari_shiftseg.stores.folders import writable_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.metrics.objects import ObjectScores
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample


def scores_of(
    model: UNet, samples: Sequence[Sample], settings: Settings
) -> list[ObjectScores]:
    """Segment each volume, a 2-D model plane by plane and linked, and score it."""
    found = []
    for number, sample in enumerate(samples, start=1):
        start = perf_counter()
        steps = segment_steps(sample.image, model, settings, axes=("z",))
        labels = with_progress(steps).labels
        found.append(object_scores(sample.labels, labels))
        seconds = perf_counter() - start
        note(f"{model.config.name}, volume {number}: {seconds:.0f} s")
    return found


def rows_of(name: str, scores: Sequence[ObjectScores]) -> list[dict[str, Any]]:
    """Return the figures of each volume, and last of all as one."""
    rows = [
        {"model": name, "volume": str(number), **object_figures(score)}
        for number, score in enumerate(scores, start=1)
    ]
    return [*rows, {"model": name, "volume": "all", **object_figures(pooled(scores))}]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="AP50, false splits and false merges on volumes."
    )
    parser.add_argument("data", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("-m", "--model", default=VOLUME_MODEL)
    parser.add_argument(
        "--planes", default=USUAL_MODEL, help="2-D model beside it; none: no other"
    )
    parser.add_argument("--part", default=TEST, help=f"folder in it [{TEST}]")
    parser.add_argument("-o", "--output", type=Path, default=Path("volumes_output"))
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


def run(asked: argparse.Namespace) -> None:
    folder = writable_folder(asked.output)
    models = [load_unet(asked.model)]
    if asked.planes != "none":
        models.append(load_unet(asked.planes))
    samples = read_data(part_of(asked.data, asked.part), note).samples
    flat = [sample for sample in samples if sample.labels.ndim != 3]
    if flat:
        raise ValueError(
            f"volumes (z, y, x) are scored, {asked.data} has an image of "
            f"{flat[0].labels.ndim} axes: leave it out"
        )
    settings = Settings(device=asked.device)
    rows: list[dict[str, Any]] = []
    for model in models:
        rows += rows_of(model.config.name, scores_of(model, samples, settings))
    keys = tuple(rows[0])
    print_table(
        [key.replace("_", " ") for key in keys],
        [[v if isinstance(v, str) else cell(v) for v in row.values()] for row in rows],
    )
    table = Table(keys, tuple(tuple(row.values()) for row in rows))
    write_csv(folder / "results.csv", table)
    note(f"results.csv is in {folder}")


if __name__ == "__main__":
    try:
        run(arguments())
    except (OSError, ValueError, MemoryError) as error:
        sys.exit(f"volumes: {error}")
