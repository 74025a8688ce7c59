"""The commands ``compare``, ``sweep``, ``figure`` and ``demo``: figures and reports."""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import (
    note,
    print_table,
    read_frame,
    read_truth,
    report_comparison,
    with_progress,
)
from napari_shiftseg.experiments import ALL, find_experiments
from napari_shiftseg.experiments.experiment import run_steps
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.geometry.window import parse_windows
from napari_shiftseg.inference.views import check_turns
from napari_shiftseg.metrics.metric import pooled_metrics
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.networks.properties import own_seams
from napari_shiftseg.pipeline.comparison import checked_truth, compare_steps
from napari_shiftseg.pipeline.libraries import check_also, parse_ways
from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint, sweep_steps
from napari_shiftseg.progress import exhaust
from napari_shiftseg.report.figures_of_merit import (
    Table,
    cell,
    figure_cell,
    sweep_table,
    write_csv,
)
from napari_shiftseg.report.verdict import sweep_verdict
from napari_shiftseg.report.write import (
    Content,
    report_folder,
    report_of,
    report_steps,
    write_sweep_plot,
)
from napari_shiftseg.stores.folders import (
    Run,
    kept_if_used,
    refuse_to_overwrite,
    sums_of,
    written_by,
)
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.stores.writing import inputs_of
from napari_shiftseg.text import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.cli.options import Order
    from napari_shiftseg.geometry.library_tiles import Way
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.stores.reading import Source


ABOUT = {"figure", "title", "caption", "networks", "version", "files", "table"}


def run_figure(
    name: str, output: Path, data: Path | None, retrain: bool, order: Order
) -> None:
    """Make one figure or all; print what was measured, write all of it.

    Parameters
    ----------
    name, output, data, retrain, order
        See ``shiftseg figure --help``.
    """
    experiments, reports = find_experiments(name), []
    device, asked = order.settings.device, order.asked
    many = len(experiments) > 1
    if retrain and not any(experiment.networks for experiment in experiments):
        raise ValueError(
            f"figure {name} has no network of its own to train: leave out --retrain "
            f"(shiftseg train makes the bundled models)"
        )
    given = None if data is None else read_data(data, note)
    for experiment in experiments:
        own = given if experiment.data or not many else None
        steps = run_steps(experiment, output, retrain, device, own, asked.overwrite)
        reports.append(with_progress(steps, unit="step"))
        if not asked.json:
            _print_figure(reports[-1], output)
    if asked.json:
        one = {"figure": ALL, "figures": reports} if many else reports[0]
        print(json.dumps(one, allow_nan=False))
        note(f"figures and tables are in {output}")


def figure_help(name: str) -> str:
    """Say what one figure shows, how it is read, and what it is made with.

    Parameters
    ----------
    name : str
        Of a figure, or all.
    """
    experiments = find_experiments(name)
    if len(experiments) > 1:
        return "Make all figures: " + ", ".join(each.name for each in experiments) + "."
    (figure,) = experiments
    own, given = (
        "trains" if figure.networks else "has no",
        "takes" if figure.data else "does not take",
    )
    return (
        f"Figure {name}: {figure.title}\n\n{figure.caption}\n\n"
        f"It {own} networks of its own (--retrain), and {given} other data (--data)."
    )


def _print_figure(report: dict[str, Any], folder: Path) -> None:
    print(f"{report['figure']}: {report['title']}")
    for key, value in report.items():
        if key not in ABOUT:
            print(f"  {key.replace('_', ' ')}: {_shown(value)}")
    print(f"  written: {', '.join(report['files'])} in {folder}\n")


def _shown(value: Any) -> str:
    """Write a figure for a person: numbers to four digits, lists without brackets."""
    match value:
        case float():
            return f"{value:.4g}"
        case dict():
            pairs = ((k.replace("_", " "), v) for k, v in value.items())
            return "; ".join(f"{name} {_shown(v) or 'none'}" for name, v in pairs)
        case [[*_], *_]:
            return "; ".join(map(_shown, value))
        case list():
            return ", ".join(map(_shown, value))
    return str(value)


SAMPLE = "disks"
FIGURES = (
    "model", "period", "device", "naive", "cropped", "differences", "verdict",
)  # fmt: skip


def run_demo(output: Path, order: Order, viewer: bool) -> None:
    """Segment the disk sample both ways; write, print and show the outcome.

    Parameters
    ----------
    output, order, viewer
        See ``shiftseg demo --help``.
    """
    network, run = load_model(SAMPLE), Run("demo", (SAMPLE,))
    order = replace(order, model=SAMPLE)
    source = read_frame(network.config, Path(SAMPLE), order.asked)
    comparison, report = _compared(source, network, None, output, order, run)
    if order.asked.json:
        report = {"sample": SAMPLE, **{key: report[key] for key in FIGURES}}
    _print_comparison(report, output, order.asked.json)
    if viewer:
        _show(comparison)


def _show(comparison: Comparison) -> None:
    if find_spec("napari") is None:
        print("napari is not installed: pip install 'napari-shiftseg[all]' to see it")
        return
    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not named and sys.platform not in ("win32", "darwin"):
        print("there is no display: napari is not opened")
        return
    from napari_shiftseg.gui.samples import show_demo

    show_demo(comparison, SAMPLE)


RECORD = "sweep.json"
FILES = (RECORD, "sweep.csv", "sweep.png")
HIDDEN = ("seam_ratio_within", "true_objects")  # in the files, but not on the terminal


def run_sweep(
    images: Sequence[Path],
    windows: str | None,
    truths: Sequence[Path],
    output: Path | None,
    order: Order,
) -> None:
    """Sweep images one by one; print and, if asked, write the outcome.

    Parameters
    ----------
    images, windows, truths, output, order
        See ``shiftseg sweep --help``.
    """
    if truths and len(truths) != len(images):
        raise ValueError(
            f"as many truths as images are expected, or none: got {len(truths)} for "
            f"{len(images)}; give --truth once an image, in their order"
        )
    chosen = None if windows is None else parse_windows(windows)
    network, settings, asked = load_model(order.model), order.settings, order.asked
    sources = [read_frame(network.config, path, asked) for path in images]
    for source in sources:
        check_turns(settings.views, source.pixel)
    run = Run("sweep", tuple(known for one in sources for known in inputs_of(one)))
    with nullcontext() if output is None else kept_if_used(output) as folder:
        if folder:
            own = written_by(run, folder / RECORD)
            files = (folder / name for name in FILES)
            refuse_to_overwrite(files, own, asked.overwrite, "sweep")
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
        report = _sweep_report(network, settings, sweeps, pooled) | order.given
        if folder:
            report = _write_sweep(report, run, sweeps, pooled, folder)
    if asked.json:
        print(json.dumps(report, allow_nan=False))
    else:
        _print_sweep(report, folder)


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


def _sweep_report(
    model: TiledNetwork,
    settings: Settings,
    sweeps: dict[str, list[SweepPoint]],
    pooled: Sequence[PooledPoint],
) -> dict[str, Any]:
    """Return what a sweep found, ready for JSON."""
    return {
        "model": model.config.name,
        "period": list(model.shape.period),
        "stitching": settings.stitching,
        "settings": asdict(settings),
        "images": [
            {"image": name, "points": [point.figures() for point in points]}
            for name, points in sweeps.items()
        ],
        "pooled": [point.figures() for point in pooled],
        "verdict": sweep_verdict(pooled, own_seams(model.config) is not None),
    }


def _write_sweep(
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


def _print_sweep(report: dict[str, Any], folder: Path | None) -> None:
    """Print the pooled figures; windows that are multiples of the period have a *."""
    columns, metrics = sweep_columns(), {m.name: m for m in pooled_metrics()}
    rows = [
        [
            cell(figures["window"]) + (" *" if figures["valid"] else ""),
            *(figure_cell(metrics[key], figures) for key in columns),
        ]
        for figures in report["pooled"]
    ]
    print_table(["window", *columns.values()], rows)
    print(f"* a multiple of the period, {cell(report['period'])}")
    print(f"\n{fill(report['verdict'], 80)}")
    for figures in report["pooled"]:
        if figures["failure"]:
            print(f"window {cell(figures['window'])}: {figures['failure']}")
    if folder:
        print(f"\nsweep.csv, sweep.json and sweep.png are in {folder}")


def sweep_columns() -> dict[str, str]:
    """Return the figures of a sweep that are printed, and their titles."""
    columns = {}
    for metric in pooled_metrics():
        if metric.title and metric.name not in HIDDEN:
            columns[metric.name] = metric.title
            if metric.untiled:
                columns[metric.untiled] = "untiled"
    return columns


def run_compare(
    image: Path, truth: Path | None, output: Path | None, order: Order, also: str
) -> None:
    """Compare both stitchings of an image; print and, if asked, write the outcome.

    Parameters
    ----------
    image, truth, output, order, also
        See ``shiftseg compare --help``.
    """
    ways, network = parse_ways(also), load_model(order.model)
    check_also(ways, network.config, order.settings)
    if order.settings.window is None:  # as in the widget: the cheapest has no seams
        chosen = replace(order.settings, window=network.config.usual_window)
        order = replace(order, settings=chosen)
    source = read_frame(network.config, image, order.asked)
    check_turns(order.settings.views, source.pixel)
    run = Run("compare", inputs_of(source))
    _, report = _compared(source, network, truth, output, order, run, ways)
    _print_comparison(report, output, order.asked.json)


def _compared(
    source: Source,
    model: TiledNetwork,
    truth: Path | None,
    output: Path | None,
    order: Order,
    run: Run,
    also: Sequence[Way] = (),
) -> tuple[Comparison, dict[str, Any]]:
    """Compare both stitchings of an image; write a report if a folder is named."""
    with nullcontext() if output is None else kept_if_used(output) as folder:
        if folder:
            report_folder(folder, run, overwrite=order.asked.overwrite)
        labels = read_truth(Path(source.path), truth)
        steps = compare_steps(source.data, model, order.settings, labels, also=also)
        comparison = with_progress(steps)
        if folder is None:
            return comparison, report_of(comparison, model, source.name) | order.given
        content = Content(
            comparison, model, source.data, source.name, labels, more=order.given
        )
        writing = report_steps(content, folder, run, order.asked.overwrite)
        return comparison, exhaust(writing)


def _print_comparison(
    report: dict[str, Any], folder: Path | None, as_json: bool
) -> None:
    if as_json:
        print(json.dumps(report, allow_nan=False))
        return
    report_comparison(report)
    if folder:
        print(f"\nreport.html, tables and pictures are in {folder}")
