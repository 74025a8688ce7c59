"""The commands ``evaluate`` and ``tune``: label images against true ones."""

from __future__ import annotations

import json
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import (
    check_model_file,
    note,
    print_table,
    read_labels,
    with_progress,
)
from napari_shiftseg.metrics.label_image import with_axes_of
from napari_shiftseg.metrics.metric import object_figures, shares, titles
from napari_shiftseg.metrics.objects import ObjectScores, object_scores, pooled
from napari_shiftseg.networks.unet import copy_model, load_unet
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.candidates import TRIED
from napari_shiftseg.pipeline.tuning import Tuning, tune_steps
from napari_shiftseg.report.figures_of_merit import Table, cell, write_csv
from napari_shiftseg.results.learning import config_steps
from napari_shiftseg.stores.data_sets import VALIDATION, part_of
from napari_shiftseg.stores.folders import pairs, refuse_to_overwrite, writable_folder
from napari_shiftseg.stores.reading import numbered_anew
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import number_of, readable
from napari_shiftseg.training.pairs import name_of, read_pairs

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.cli.options import Asked, Order
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.pipeline.candidates import Candidates


SHOWN = 10  # rows of the table on the terminal
TITLES = {  # of what is not in the table of metrics
    "bandwidth": "bandwidth",
    "min_size": "minimum size",
    "foreground_threshold": "threshold",
    "ap50_pooled": "pooled",
}


def run_tuning(
    images: Path,
    labels: Path | None,
    candidates: Candidates,
    output: Path | None,
    order: Order,
) -> None:
    """Tune a model; print the table and, if asked, write the tuned model.

    Parameters
    ----------
    images, labels, candidates, output, order
        See ``shiftseg tune --help``.
    """
    model, settings, asked = order.model, order.settings, order.asked
    if output:
        check_model_file(output, asked.overwrite)
    network = load_unet(model)
    if labels is None and (part := part_of(images, VALIDATION)) != images:
        note(f"{images} holds parts: {part.name}/ is tuned on, the others are not read")
        images = part
    samples = read_pairs(images, labels, asked.channel, note)
    steps = tune_steps(samples, network, candidates, settings)
    tuning = with_progress(steps, unit="step")
    of = name_of(images)
    if settings.views > 1:
        of += f" in {settings.views} views"
    report = _tuning_report(network.config, tuning, of)
    report |= {"settings": asdict(settings), **order.given}
    if output:
        if not isinstance(network.config, ModelConfig):
            raise ValueError(
                f"{network.config.name} was made elsewhere, so no tuned copy of it can "
                f"be written: leave out -o, and give the best values to segment"
            )
        tuned = _tuned_config(network.config, tuning, of, output.stem)
        if tuned.provenance is None:
            note("how this model was trained is not known: no scores are recorded")
        network.config = tuned
        judged = with_progress(config_steps(samples, network, settings), unit="step")
        report["file"] = str(copy_model(model, output, judged))
    if asked.json:
        print(json.dumps(report, allow_nan=False))
    else:
        _print_tuned(report, network.config.foreground)


def _tuning_report(
    config: NetworkConfig, tuning: Tuning, images: str
) -> dict[str, Any]:
    """Return what a tuning found, ready for JSON; the best point comes first."""
    return {
        "model": config.name,
        "of": images,
        "images": len(tuning.own.scores),
        "own": tuning.own.figures(),
        "best": tuning.best.figures(),
        "points": [point.figures() for point in tuning.ranked],
    }


def _tuned_config(
    config: ModelConfig, tuning: Tuning, images: str, name: str
) -> ModelConfig:
    """Return the config of the tuned model: its clustering, its scores, its name."""
    best, provenance = tuning.best, config.provenance
    if provenance is not None:  # else there is no place for scores
        scores: dict[str, float | int | str] = {
            "ap50": best.ap50,
            "ap50_pooled": best.pooled.ap50,
            "images": len(best.scores),
            "of": images,
        }
        provenance = provenance.model_copy(update={"scores": scores})
    new = {"name": name, "clustering": best.clustering, "provenance": provenance}
    return config.model_copy(update=new)


def _print_tuned(report: dict[str, Any], foreground: bool) -> None:
    """Print the best points; the model's own, if it is not among them, below."""
    best, own, known = report["best"], report["own"], titles() | TITLES
    names = [key for key in best if foreground or key != "foreground_threshold"]
    points = report["points"][:SHOWN]
    if own not in points:
        points.append(own)
    header, *others = (known.get(name, name) for name in names)
    print_table(
        [header, *others, ""],
        [
            [*(cell(point[n]) for n in names), "*" if point == own else ""]
            for point in points
        ],
    )
    number = number_of(report["images"], "image")
    tried = f"{len(report['points'])} were tried on {number} of {report['of']}"
    print(f"* the model's own; {tried}")
    chosen = ", ".join(f"{known[n]} {cell(best[n])}" for n in names if n in TRIED)
    print(f"\nBest: {chosen}. AP50 {cell(best['ap50'])}, before {cell(own['ap50'])}.")
    if not best["ap50"]:
        print(
            "No object is found with any of them: the model does not fit these images."
        )
    if "file" in report:
        print(f"written to {report['file']}")


def run_evaluate(
    prediction: Path, truth: Path, output: Path | None, asked: Asked
) -> None:
    """Score label images; print and, if asked, write the outcome.

    Parameters
    ----------
    prediction, truth, output, asked
        See ``shiftseg evaluate --help``.
    """
    if output and output.suffix.lower() != ".csv":
        raise ValueError(f"the file must end with .csv, got {output.name!r}")
    if output:
        writable_folder(output.parent)
        refuse_to_overwrite([output], (), asked.overwrite, "table of this command")
    scores = {
        readable(name): _scored(name, *paths)
        for name, paths in pairs(prediction, truth).items()
    }
    report = evaluation(scores)
    if output:
        header = ("image", *object_figures(ObjectScores(0, 0, 0, 0, 0)))
        rows = tuple(tuple(image.values()) for image in report["images"])
        with whole_or_not_at_all(output) as unfinished:
            write_csv(unfinished, Table(header, rows))
    if asked.json:
        print(json.dumps(report, allow_nan=False))
    else:
        _print_scores(report)


def evaluation(scores: dict[str, ObjectScores]) -> dict[str, Any]:
    """Return the figures of every image, their mean, and all images as one."""
    images = {name: object_figures(score) for name, score in scores.items()}
    return {
        "images": [{"image": name, **figures} for name, figures in images.items()],
        "mean": {key: fmean(f[key] for f in images.values()) for key in shares()},
        "pooled": object_figures(pooled(scores.values())),
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


def _print_scores(report: dict[str, Any]) -> None:
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
