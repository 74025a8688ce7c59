"""The commands ``boundaries``, ``readout`` and ``colours``: an embedding as it is."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.cli.terminal import (
    note,
    print_table,
    read_frame,
    read_truth,
    with_progress,
)
from napari_shiftseg.detection.boundaries import (
    BoundaryReadout,
    boundary_steps,
    fit_steps,
)
from napari_shiftseg.detection.prediction import prediction_steps
from napari_shiftseg.inference.views import check_turns
from napari_shiftseg.metrics.boundaries import boundary_scores
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.pipeline.comparison import checked_truth
from napari_shiftseg.relabelling.colours import random_projection
from napari_shiftseg.report.figures_of_merit import cell
from napari_shiftseg.stores.axes import result_axes
from napari_shiftseg.stores.folders import refuse_to_overwrite, writable_folder
from napari_shiftseg.stores.pixel_files import write_colours, write_pixels
from napari_shiftseg.stores.reading import TIFF_SUFFIXES
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.training.pairs import read_pairs

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.cli.options import Asked, Order
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Prediction
    from napari_shiftseg.stores.reading import Source


def run_boundaries(
    image: Path,
    output: Path | None,
    readout: Path | None,
    truth: Path | None,
    tolerance: float,
    order: Order,
) -> None:
    """Find the boundaries of an image; write them, score them, print the outcome.

    Parameters
    ----------
    image, output, readout, truth, tolerance, order
        See ``shiftseg boundaries --help``.
    """
    asked = order.asked
    if output is not None:
        _check(output, TIFF_SUFFIXES, asked)
    network = load_model(order.model)
    known = None if readout is None else BoundaryReadout.read(readout)
    if known is not None and known.model != network.config.name:
        note(
            f"the read-out was fitted to the model {known.model!r}, this is "
            f"{network.config.name!r}: fit one to it for better boundaries"
        )
    source = read_frame(network.config, image, asked)
    check_turns(order.settings.views, source.pixel)
    labels = None
    if truth is not None:
        labels = checked_truth(source.data, network, read_truth(image, truth))
    found = with_progress(boundary_steps(source.data, network, order.settings, known))
    report: dict[str, Any] = {"image": source.name, "model": network.config.name}
    if labels is not None:
        labels = labels[found.prediction.plan.slices]
        scores = boundary_scores([labels], [found.evidence], tolerance)
        report |= {"scores": scores.figures()}
    if output is not None:
        axes = _axes_of(source, network)
        with whole_or_not_at_all(output) as unfinished:
            write_pixels(unfinished, found.evidence, axes, source.calibration)
        report |= {"file": str(output)}
    _tell(report, found.prediction, asked)


def run_readout(images: Path, truth: Path | None, output: Path, order: Order) -> None:
    """Fit a read-out of boundaries, write it and print it.

    Parameters
    ----------
    images, truth, output, order
        See ``shiftseg readout --help``.
    """
    _check(output, (".json",), order.asked)
    network = load_model(order.model)
    samples = read_pairs(images, truth, order.asked.channel, note)
    fitted = with_progress(fit_steps(samples, network, order.settings), unit="step")
    fitted.write(output)
    if order.asked.json:
        print(json.dumps(asdict(fitted) | {"file": str(output)}))
        return
    rows = zip(fitted.levels, fitted.weights, fitted.scales, strict=True)
    print_table(
        ["gradient of", "weight", "scale"],
        [[name, f"{weight:.2f}", cell(scale)] for name, weight, scale in rows],
    )
    print(f"\nfitted to {fitted.images} images, written to {output}")


def run_colours(image: Path, output: Path, seed: int, order: Order) -> None:
    """Write the embedding of an image in random colours.

    Parameters
    ----------
    image, output, seed, order
        See ``shiftseg colours --help``.
    """
    asked = order.asked
    _check(output, (*TIFF_SUFFIXES, ".png"), asked)
    network = load_model(order.model)
    source = read_frame(network.config, image, asked)
    check_turns(order.settings.views, source.pixel)
    prediction = with_progress(prediction_steps(source.data, network, order.settings))
    kernel = order.settings.clustering(network.config).kernel
    colours = random_projection(
        prediction.embedding, seed, kernel, order.settings.views
    )
    pixels = np.rint(255 * colours).astype(np.uint8)
    with whole_or_not_at_all(output) as unfinished:
        write_colours(
            unfinished, pixels, _axes_of(source, network), source.calibration,
            is_png=output.suffix.lower() == ".png",
        )  # fmt: skip
    about = {"image": source.name, "model": network.config.name, "seed": seed}
    _tell(about | {"file": str(output)}, prediction, asked)


def _check(output: Path, suffixes: tuple[str, ...], asked: Asked) -> None:
    """Refuse a file that is called otherwise or would be lost, before any work."""
    if output.suffix.lower() not in suffixes:
        raise ValueError(
            f"the file must end with {' or '.join(suffixes)}, got {output.name!r}"
        )
    writable_folder(output.parent)
    refuse_to_overwrite([output], (), asked.overwrite, "file of this command")


def _axes_of(source: Source, network: TiledNetwork) -> str:
    ndim = network.config.ndim
    return result_axes(source.axes, ndim, ndim)


def _tell(report: dict[str, Any], prediction: Prediction, asked: Asked) -> None:
    """Print an outcome, in words or as JSON."""
    for said in prediction.notes:
        note(said)
    if asked.json:
        print(json.dumps(report | {"notes": list(prediction.notes)}))
        return
    scores = report.get("scores")
    if scores:
        names = ("f", "precision", "recall", "threshold")
        print_table(
            ["within", "F", *names[1:]],
            [[f"{scores['tolerance']:g} pixels", *(cell(scores[n]) for n in names)]],
        )
    if "file" in report:
        print(f"written to {report['file']}")
