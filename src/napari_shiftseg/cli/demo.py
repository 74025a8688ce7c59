"""The command ``demo``: the disk sample, naive and cropped, in pictures and figures."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from napari_shiftseg.cli.terminal import report_comparison, with_progress
from napari_shiftseg.files.records import Run
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.pipeline.comparison import compare_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.folder import kept_if_used
from napari_shiftseg.report.write import report_folder, write_report
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.pipeline.comparison import Comparison

SAMPLE = "disks"
FIGURES = (
    "model", "period", "device", "naive", "cropped", "differences", "verdict",
)  # fmt: skip


def run_demo(
    output: Path,
    window: int,
    device: str,
    viewer: bool,
    as_json: bool,
    overwrite: bool = False,
) -> None:
    """Segment the disk sample both ways; write, print and show the outcome."""
    run = Run("demo", (SAMPLE,))
    with kept_if_used(output) as folder:
        report_folder(folder, run, overwrite=overwrite)
        sample, model = make_sample(SAMPLE), load_model(SAMPLE)
        settings = Settings(window=window, device=device)
        comparison = with_progress(
            compare_steps(sample.image, model, settings, sample.labels)
        )
        report = write_report(
            comparison, model, sample.image, SAMPLE, folder, sample.labels,
            run=run, overwrite=overwrite,
        )  # fmt: skip
    if as_json:
        print(json.dumps({"sample": SAMPLE, **{key: report[key] for key in FIGURES}}))
        return
    report_comparison(report)
    print(f"\nreport.html, tables and pictures are in {folder}")
    if viewer:
        _show(comparison)


def _show(comparison: Comparison) -> None:
    if find_spec("napari") is None:
        print("napari is not installed: pip install 'napari-shiftseg[all]' to see it")
        return
    if not has_display():
        print("there is no display: napari is not opened")
        return
    from napari_shiftseg.gui.demo import show_demo

    show_demo(comparison, SAMPLE)


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
