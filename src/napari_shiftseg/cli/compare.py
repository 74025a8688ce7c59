"""The command ``compare``: one image naive and cropped, in figures and a report."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_shiftseg.cli.labels import read_truth
from napari_shiftseg.cli.sources import read_frame
from napari_shiftseg.cli.terminal import report_comparison, with_progress
from napari_shiftseg.files.records import Run
from napari_shiftseg.files.writing import inputs_of
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.pipeline.comparison import compare_steps
from napari_shiftseg.report.folder import kept_if_used
from napari_shiftseg.report.write import report_folder, report_of, write_report

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.pipeline.settings import Settings


def run_compare(
    image: Path,
    model: str,
    truth: Path | None,
    settings: Settings,
    output: Path | None,
    as_json: bool,
    channel: str | None = None,
    series: int | None = None,
    overwrite: bool = False,
) -> None:
    """Compare both stitchings of an image; print and, if asked, write the outcome."""
    network = load_model(model)
    source = read_frame(network.config, image, channel, series)
    run = Run("compare", inputs_of(source))
    with nullcontext() if output is None else kept_if_used(output) as folder:
        if folder:
            report_folder(folder, run, overwrite=overwrite)
        labels = read_truth(image, truth)
        if settings.window is None:  # as the widget begins with
            settings = replace(settings, window=network.config.usual_window)
        comparison = with_progress(
            compare_steps(source.data, network, settings, labels)
        )
        if folder is None:
            report = report_of(comparison, network, source.name)
        else:
            report = write_report(
                comparison, network, source.data, source.name, folder, labels,
                run=run, overwrite=overwrite,
            )  # fmt: skip
    if as_json:
        print(json.dumps(report, allow_nan=False))
        return
    report_comparison(report)
    if folder:
        print(f"\nreport.html, tables and pictures are in {folder}")
