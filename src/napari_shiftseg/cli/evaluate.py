"""The command ``evaluate``: label images against true ones."""

from __future__ import annotations

import json
from statistics import fmean
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.labels import read_labels
from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.files.pairs import pairs
from napari_shiftseg.files.reading import numbered_anew
from napari_shiftseg.files.records import refuse_to_overwrite
from napari_shiftseg.geometry.foreign_text import readable
from napari_shiftseg.metrics.contingency import with_axes_of
from napari_shiftseg.metrics.instances import ObjectScores, object_scores, pooled
from napari_shiftseg.model.whole_file import whole_or_not_at_all
from napari_shiftseg.report.figures_of_merit import cell
from napari_shiftseg.report.folder import writable_folder
from napari_shiftseg.report.tables import Table, write_csv

if TYPE_CHECKING:
    from pathlib import Path

MEANS = ("ap50", "precision", "recall", "f1")


def run_evaluate(
    prediction: Path,
    truth: Path,
    output: Path | None,
    as_json: bool,
    overwrite: bool = False,
) -> None:
    """Score label images; print and, if asked, write the outcome."""
    if output:
        _check_output(output, overwrite)
    scores = {
        readable(name): _scored(name, *paths)
        for name, paths in pairs(prediction, truth).items()
    }
    report = evaluation(scores)
    if output:
        header = ("image", *ObjectScores(0, 0, 0, 0, 0).figures())
        rows = tuple(tuple(image.values()) for image in report["images"])
        with whole_or_not_at_all(output) as unfinished:
            write_csv(unfinished, Table(header, rows))
    if as_json:
        print(json.dumps(report, allow_nan=False))
    else:
        _print(report)


def evaluation(scores: dict[str, ObjectScores]) -> dict[str, Any]:
    """Return the figures of every image, their mean, and all images as one."""
    images = {name: score.figures() for name, score in scores.items()}
    return {
        "images": [{"image": name, **figures} for name, figures in images.items()],
        "mean": {key: fmean(f[key] for f in images.values()) for key in MEANS},
        "pooled": pooled(scores.values()).figures(),
    }


def _scored(name: str, prediction: Path, truth: Path) -> ObjectScores:
    """Score one pair of files; of a time series frame by frame, added up."""
    found, true = read_labels("prediction", prediction), read_labels("truth", truth)
    shape = max(found.shape, true.shape, key=len)
    found, true = with_axes_of(found, shape), with_axes_of(true, shape)
    if found.shape != true.shape:
        raise ValueError(
            f"{name}: prediction and truth must have one shape, got {found.shape} and "
            f"{true.shape}"
        )
    leading = max(numbered_anew(prediction), numbered_anew(truth))
    frames = [labels.reshape(-1, *labels.shape[leading:]) for labels in (true, found)]
    return pooled(map(object_scores, *frames))


def _check_output(output: Path, overwrite: bool) -> None:
    if output.suffix.lower() != ".csv":
        raise ValueError(f"the file must end with .csv, got {output.name!r}")
    writable_folder(output.parent)
    refuse_to_overwrite([output], (), overwrite, "table of this command")


def _print(report: dict[str, Any]) -> None:
    keys = list(report["pooled"])
    lines = [
        *report["images"],
        {"image": "mean", **report["mean"]},
        {"image": "all as one", **report["pooled"]},
    ]
    print_table(
        ["image", *(key.replace("_", " ") for key in keys)],
        [
            [line["image"], *(cell(line[key]) if key in line else "" for key in keys)]
            for line in lines
        ],
    )
