"""The command ``evaluate``: label images against true ones."""

from __future__ import annotations

import json
from statistics import fmean
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.files import (
    IMAGE_SUFFIXES,
    is_series,
    read_labels,
)
from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.metrics.instances import ObjectScores, object_scores, pooled
from napari_shiftseg.report.figures_of_merit import cell
from napari_shiftseg.report.folder import writable_folder
from napari_shiftseg.report.tables import Table, write_csv

if TYPE_CHECKING:
    from pathlib import Path

LABELS = "_labels"  # as `shiftseg segment` names them
BESIDE_LABELS = ("_embedding", "_gradient")  # what it writes with them
MEANS = ("ap50", "precision", "recall", "f1")


def run_evaluate(
    prediction: Path, truth: Path, output: Path | None, as_json: bool
) -> None:
    """Score label images; print and, if asked, write the outcome."""
    if output:
        _check_output(output)
    scores = {
        name: _scored(name, *paths) for name, paths in pairs(prediction, truth).items()
    }
    report = evaluation(scores)
    if output:
        header = ("image", *ObjectScores(0, 0, 0, 0, 0).figures())
        rows = tuple(tuple(image.values()) for image in report["images"])
        write_csv(output, Table(header, rows))
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


def pairs(prediction: Path, truth: Path) -> dict[str, tuple[Path, Path]]:
    """Return prediction and truth by name: of two files, or of two folders.

    In folders, files of one name belong together, whatever their suffix; so do
    ``NAME_labels`` and ``NAME``.

    Raises
    ------
    ValueError
        If one is a folder and the other is not, a folder holds no label image, or a
        file has no partner.
    """
    if prediction.is_dir() != truth.is_dir():
        raise ValueError(
            f"two files or two folders are expected, got {prediction} and {truth}"
        )
    if not prediction.is_dir():
        return {prediction.stem.removesuffix(LABELS): (prediction, truth)}
    true = _label_files(truth)
    found: dict[str, Path] = {}
    for stem, path in _label_files(prediction).items():
        _add(found, stem if stem in true else stem.removesuffix(LABELS), path)
    for here, there, folder in ((found, true, truth), (true, found, prediction)):
        alone = [here[name].name for name in sorted(here.keys() - there.keys())]
        if alone:
            raise ValueError(
                f"{', '.join(alone)} has no partner in {folder}: a file of the same "
                f"name is expected there, or NAME_labels for NAME"
            )
    return {name: (found[name], true[name]) for name in sorted(true)}


def _label_files(folder: Path) -> dict[str, Path]:
    """Return the label images in a folder by their names without suffix."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            _add(files, path.stem, path)
    segmented = {stem.removesuffix(LABELS) for stem in files if stem.endswith(LABELS)}
    for stem in segmented:
        for kind in BESIDE_LABELS:
            files.pop(stem + kind, None)
    if not files:
        raise ValueError(
            f"{folder} holds no label image; files that end with "
            f"{', '.join(IMAGE_SUFFIXES)} are expected"
        )
    return files


def _add(files: dict[str, Path], name: str, path: Path) -> None:
    if name in files:
        raise ValueError(
            f"{files[name].name} and {path.name} in {path.parent} both stand for "
            f"{name!r}; keep one of them"
        )
    files[name] = path


def _scored(name: str, prediction: Path, truth: Path) -> ObjectScores:
    """Score one pair of files; of a time series frame by frame, added up."""
    found, true = read_labels("prediction", prediction), read_labels("truth", truth)
    if found.shape != true.shape:
        raise ValueError(
            f"{name}: prediction and truth must have one shape, got {found.shape} and "
            f"{true.shape}"
        )
    if is_series(prediction) or is_series(truth):
        return pooled(map(object_scores, true, found))
    return object_scores(true, found)


def _check_output(output: Path) -> None:
    if output.suffix.lower() != ".csv":
        raise ValueError(f"the file must end with .csv, got {output.name!r}")
    writable_folder(output.parent)


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
