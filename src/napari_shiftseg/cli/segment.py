"""The command ``segment``: one image, or a series, to files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import note, report_segmentation, with_progress
from napari_shiftseg.files.reading import read_image
from napari_shiftseg.files.writing import write_segmentation
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.report.folder import kept_if_used

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.pipeline.segmentation import Segmentation
    from napari_shiftseg.pipeline.settings import Settings


def run_segment(
    image: Path, model: str, settings: Settings, output: Path, as_json: bool
) -> None:
    """Segment an image, write the outcome and print it."""
    with kept_if_used(output) as folder:
        network, source = load_model(model), read_image(image)
        result = with_progress(segment_steps(source.data, network, settings))
        report = write_segmentation(result, network, source, folder)
    print_segmentation(result, report, folder, as_json)


def print_segmentation(
    result: Segmentation, report: dict[str, Any], folder: Path, as_json: bool
) -> None:
    """Print the outcome of a run, in words or as its report in JSON."""
    if as_json:
        for said in result.notes:
            note(said)
        print(json.dumps(report))
    else:
        report_segmentation(result, folder)
