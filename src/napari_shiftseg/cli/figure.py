"""The command ``figure``: a figure of the paper, and the numbers behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import note, with_progress
from napari_shiftseg.experiments.catalogue import ALL, find_experiments
from napari_shiftseg.experiments.data import read_data
from napari_shiftseg.experiments.experiment import run_steps

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = {"figure", "title", "caption", "networks", "version", "files", "table"}


def run_figure(
    name: str,
    output: Path,
    data: Path | None,
    retrain: bool,
    device: str,
    as_json: bool,
    overwrite: bool = False,
) -> None:
    """Make one figure or all; print what was measured, write all of it."""
    experiments, reports = find_experiments(name), []
    many = len(experiments) > 1
    if retrain and not any(experiment.networks for experiment in experiments):
        raise ValueError(
            f"figure {name} has no network of its own to train: leave out --retrain "
            f"(shiftseg train makes the bundled models)"
        )
    given = None if data is None else read_data(data)
    for experiment in experiments:
        own = given if experiment.data or not many else None
        steps = run_steps(experiment, output, retrain, device, own, overwrite)
        reports.append(with_progress(steps, unit="step"))
        if not as_json:
            _print_figure(reports[-1], output)
    if as_json:
        one = {"figure": ALL, "figures": reports} if many else reports[0]
        print(json.dumps(one, allow_nan=False))
        note(f"figures and tables are in {output}")


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
