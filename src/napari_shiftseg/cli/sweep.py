"""The command ``sweep``: images at tile size after tile size."""

from __future__ import annotations

import json
from contextlib import nullcontext
from itertools import zip_longest
from textwrap import fill
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.labels import read_truth
from napari_shiftseg.cli.sources import read_frame
from napari_shiftseg.cli.terminal import print_table, with_progress
from napari_shiftseg.files.records import (
    Run,
    refuse_to_overwrite,
    sums_of,
    written_by,
)
from napari_shiftseg.files.writing import inputs_of
from napari_shiftseg.geometry.foreign_text import readable
from napari_shiftseg.geometry.window import parse_windows
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.model.description import own_seams
from napari_shiftseg.model.whole_file import all_or_none
from napari_shiftseg.pipeline.comparison import checked_truth
from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint, sweep_steps
from napari_shiftseg.report.figures_of_merit import cell
from napari_shiftseg.report.folder import kept_if_used
from napari_shiftseg.report.sweep_verdict import sweep_verdict
from napari_shiftseg.report.tables import Table, sweep_table, write_csv
from napari_shiftseg.report.write import write_sweep_plot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.pipeline.settings import Settings

RECORD = "sweep.json"
FILES = (RECORD, "sweep.csv", "sweep.png")
COLUMNS = {
    "seam_ratio": "seam ratio",
    "seam_ratio_untiled": "untiled",
    "objects": "objects",
    "split_by_seams": "split by seams",
    "false_splits": "false splits",
    "false_merges": "false merges",
    "ap50": "AP50",
}


def run_sweep(
    images: Sequence[Path],
    model: str,
    windows: str | None,
    truths: Sequence[Path],
    settings: Settings,
    output: Path | None,
    as_json: bool,
    channel: str | None = None,
    overwrite: bool = False,
) -> None:
    """Sweep images one by one; print and, if asked, write the outcome."""
    if truths and len(truths) != len(images):
        raise ValueError(
            f"as many truths as images are expected, or none: got {len(truths)} for "
            f"{len(images)}; give --truth once an image, in their order"
        )
    chosen = None if windows is None else parse_windows(windows)
    network = load_model(model)
    sources = [read_frame(network.config, path, channel) for path in images]
    run = Run("sweep", tuple(known for one in sources for known in inputs_of(one)))
    with nullcontext() if output is None else kept_if_used(output) as folder:
        if folder:
            own = written_by(run, folder / RECORD)
            refuse_to_overwrite((folder / n for n in FILES), own, overwrite, "sweep")
        labels = [
            checked_truth(source.data, network, read_truth(image, truth))
            for image, source, truth in zip_longest(images, sources, truths)
        ]
        sweeps = {
            name: with_progress(
                sweep_steps(source.data, network, chosen, settings, truth)
            )
            for name, source, truth in zip(_names(images), sources, labels, strict=True)
        }
        pooled = [PooledPoint(points) for points in zip(*sweeps.values(), strict=True)]
        report = sweep_report(network, settings, sweeps, pooled)
        if folder:
            report = _write(report, run, sweeps, pooled, folder)
    if as_json:
        print(json.dumps(report, allow_nan=False))
    else:
        _print(report, folder)


def _names(images: Sequence[Path]) -> list[str]:
    """Name images by their files; by their whole paths where two files are alike."""
    stems = [readable(path.stem) for path in images]
    if len(set(stems)) == len(stems):
        return stems
    paths = [readable(str(path)) for path in images]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} was given twice; give each image once")
    return paths


def sweep_report(
    model: UNet,
    settings: Settings,
    sweeps: dict[str, list[SweepPoint]],
    pooled: Sequence[PooledPoint],
) -> dict[str, Any]:
    """Return what a sweep found, ready for JSON."""
    return {
        "model": model.config.name,
        "period": list(model.shape.period),
        "stitching": settings.stitching,
        "images": [
            {"image": name, "points": [point.figures() for point in points]}
            for name, points in sweeps.items()
        ],
        "pooled": [point.figures() for point in pooled],
        "verdict": sweep_verdict(pooled, own_seams(model.config) is not None),
    }


def _write(
    report: dict[str, Any],
    run: Run,
    sweeps: dict[str, list[SweepPoint]],
    pooled: Sequence[PooledPoint],
    folder: Path,
) -> dict[str, Any]:
    """Write the files of a sweep together; returns the report with their sums."""
    tables = {name: sweep_table(points) for name, points in sweeps.items()}
    header = next(iter(tables.values())).header
    rows = tuple((name, *row) for name, table in tables.items() for row in table.rows)
    several = len(sweeps) > 1
    points = pooled if several else next(iter(sweeps.values()))
    with all_or_none([folder / name for name in FILES]) as (record, table, plot):
        write_csv(table, Table(("image", *header), rows))
        write_sweep_plot(points, plot)
        written = dict(zip(FILES[1:], (table, plot), strict=True))
        report = report | run.about() | sums_of(run, folder / RECORD, written)
        text = json.dumps(report, indent=2, allow_nan=False)
        record.write_text(text, encoding="utf-8")
    return report


def _print(report: dict[str, Any], folder: Path | None) -> None:
    """Print the pooled figures; windows that are multiples of the period have a *."""
    rows = [
        [
            cell(figures["window"]) + (" *" if figures["valid"] else ""),
            *(cell(figures[key]) for key in COLUMNS),
        ]
        for figures in report["pooled"]
    ]
    print_table(["window", *COLUMNS.values()], rows)
    print(f"* a multiple of the period, {cell(report['period'])}")
    print(f"\n{fill(report['verdict'], 80)}")
    for figures in report["pooled"]:
        if figures["failure"]:
            print(f"window {cell(figures['window'])}: {figures['failure']}")
    if folder:
        print(f"\nsweep.csv, sweep.json and sweep.png are in {folder}")
