"""The report of a comparison as a folder of files."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.figure import Figure
from skimage.io import imsave

from napari_shiftseg import __version__
from napari_shiftseg.clustering.settings import idle_knobs
from napari_shiftseg.networks.properties import describe, own_seams
from napari_shiftseg.progress import Progress
from napari_shiftseg.report.figures_of_merit import (
    figures_table,
    judgements,
    profile_table,
    sweep_table,
    write_csv,
)
from napari_shiftseg.report.page import (
    CAPTIONS,
    Illustration,
    middle_plane,
    page,
    pictures,
)
from napari_shiftseg.report.plots import draw_profile, draw_sweep
from napari_shiftseg.report.verdict import sweep_verdict, verdict
from napari_shiftseg.stores.folders import (
    Run,
    refuse_to_overwrite,
    sums_of,
    writable_folder,
    written_by,
)
from napari_shiftseg.stores.whole_file import (
    errors_named,
    remove_left_behind,
    unfinished_name,
    uninterrupted,
)
from napari_shiftseg.text import readable

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from napari_shiftseg.metrics.label_image import LabelsOfPart
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.sweep import SweepPoint
    from napari_shiftseg.report.plots import Point

DPI = 144
PLOTS = {
    "profile": "Seam profile: how much the embedding changes from one pixel to the "
    "next, at every offset in the tile. A spike at the last offset is a seam; untiled "
    "is the prediction without tiles over the pairs of the naive ones.",
    "sweep": "Tile size after tile size; filled: a multiple of the period.",
}
RECORD, SCRATCH = "report.json", "report"
OF_SWEEP = {"sweep.csv", "sweep.png"}
FILES = (  # that a report may consist of
    "report.html", "report.json", "figures.csv", "profile.csv", "sweep.csv",
    *(f"{kind}.png" for kind in (*CAPTIONS, *PLOTS)),
)  # fmt: skip


def report_folder(
    folder: Path, run: Run, with_sweep: bool = False, overwrite: bool = False
) -> Path:
    """Make the folder of a report if need be, and prove that it can be written there.

    Parameters
    ----------
    folder : Path
    run : Run
        Whose older report may be replaced.
    with_sweep : bool
        Whether the report has the files of a window sweep.
    overwrite : bool
        Whether files of others may be replaced.

    Raises
    ------
    FileExistsError
        If a file in it has the name of one of the report's, and no older report of
        this run wrote it, or it was changed since.
    OSError
        If files cannot be written there.
    """
    writable_folder(folder)
    names = sorted(set(FILES) - (set() if with_sweep else OF_SWEEP))
    own = written_by(run, folder / RECORD)
    refuse_to_overwrite((folder / n for n in names), own, overwrite, "report")
    return folder


def report_of(comparison: Comparison, model: TiledNetwork, name: str) -> dict[str, Any]:
    """Return what a comparison found, ready for JSON.

    Parameters
    ----------
    comparison : Comparison
    model : TiledNetwork
        That predicted.
    name : str
        Of the image.
    """
    said = verdict(comparison, model)
    result = comparison.naive.result
    clustering = result.settings.clustering(model.config).model_dump(mode="json")
    if not model.config.foreground:
        del clustering["foreground_threshold"]  # of no effect, and refused when given
    settings = {
        **asdict(result.settings), **clustering, "window": list(result.plan.window),
    }  # fmt: skip
    for idle in ("stitching", *idle_knobs(clustering["method"])):  # both; no effect
        settings.pop(idle, None)
    if result.settings.border == "valid":
        settings["region"] = [list(bounds) for bounds in result.plan.region]
    warnings, plane = [*said.warnings], middle_plane(result.plan)
    if plane is not None:
        warnings.append(f"the pictures show plane {plane} of the image")
    return {
        "image": readable(name),
        "model": model.config.name,
        "period": list(model.shape.period),
        "device": comparison.device,
        "engine": result.engine,
        **{name: side.figures() for name, side in comparison.sides.items()},
        "untiled": {
            f"{name}_pairs": {
                "seam_ratio": side.untiled.ratio,
                "seam_ratio_within": side.untiled.ratio_within,
                "seam_z": side.untiled.z,
            }
            for name, side in comparison.sides.items()
        },
        "also": {way: side.figures() for way, side in comparison.also.items()},
        "differences": {
            key: judged.figures() for key, judged in judgements(comparison).items()
        },
        "verdict": said.text,
        "warnings": warnings,
        "settings": settings,
        "reads": result.intensity.figures(),
        "versions": {
            "python": platform.python_version(),
            "napari-shiftseg": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "files": [],
    }


@dataclass(frozen=True)
class Content:
    """What a report tells of."""

    comparison: Comparison
    model: TiledNetwork  # that predicted
    image: ArrayLike  # ([channels,] *spatial), that was compared
    name: str  # of the image
    # (*spatial), whose ids, and colours, the objects take
    truth: ArrayLike | LabelsOfPart | None = None
    points: Sequence[SweepPoint] | None = None  # of a sweep over the same image
    # what the record says besides
    more: Mapping[str, Any] = field(default_factory=dict)


def report_steps(
    content: Content, folder: Path, run: Run | None = None, overwrite: bool = False
) -> Generator[Progress, None, dict[str, Any]]:
    """Write a comparison as a page, as tables, plots and pictures.

    Yields `Progress` before every picture, and returns what is in ``report.json``,
    whose ``files`` names those of this report. Closing the generator leaves the folder
    as it was.

    Parameters
    ----------
    content : Content
    folder : Path
        Made if need be. An older report of this image in it is replaced, once this
        one is complete: what that one wrote and this one does not is removed. Nothing
        else is touched; see `report_folder`.
    run : Run, optional
        By which the report is known again; a comparison of this name if not given.
    overwrite : bool
        Whether files of others may be replaced.

    Raises
    ------
    FileExistsError
        If another file in the folder has the name of one of the report's.
    OSError
        If a file cannot be written.
    """
    run = run or Run("compare", (content.name,))
    report_folder(folder, run, bool(content.points), overwrite)
    older = written_by(run, folder / RECORD) & set(FILES)
    remove_left_behind(folder, SCRATCH)
    prefix = f"{unfinished_name(SCRATCH)}."
    scratch_folder = TemporaryDirectory(prefix=prefix, dir=folder)
    with errors_named(folder), scratch_folder as scratch:
        report = yield from _written(content, Path(scratch), folder, run)
        with uninterrupted():
            for file in (RECORD, *(f for f in report["files"] if f != RECORD)):
                (Path(scratch) / file).replace(folder / file)
            for file in older - set(report["files"]):
                (folder / file).unlink(missing_ok=True)
    return report


def _written(
    content: Content, folder: Path, target: Path, run: Run
) -> Generator[Progress, None, dict[str, Any]]:
    """Write all files of a report into an empty folder, to be moved to the target."""
    comparison, model, points = content.comparison, content.model, content.points
    stage = "writing the report"
    yield Progress(0, 0, stage=stage)
    images = pictures(comparison, content.image, content.truth)
    for number, (kind, picture) in enumerate(images.items()):
        yield Progress(number, len(images) + 1, stage=stage)
        imsave(folder / f"{kind}.png", picture, check_contrast=False)
    yield Progress(len(images), len(images) + 1, stage=stage)
    plots = _write_plots(comparison, model, folder, points or ())
    tables = {
        "figures": figures_table(comparison),
        "profile": profile_table(comparison),
        **({"sweep": sweep_table(points)} if points else {}),
    }
    for kind, table in tables.items():
        write_csv(folder / f"{kind}.csv", table)
    report = report_of(comparison, model, content.name) | run.about()
    report |= content.more
    report["files"] = [
        "report.html",
        RECORD,
        *(f"{kind}.csv" for kind in tables),
        *(f"{kind}.png" for kind in (*images, *plots)),
    ]
    shown_plots = {kind: _illustration(folder, kind, PLOTS) for kind in plots}
    if points:
        said = sweep_verdict(points, own_seams(model.config) is not None)
        caption = f"{PLOTS['sweep']} {said}"
        shown_plots["sweep"] = replace(shown_plots["sweep"], caption=caption)
    illustrated = page(
        report,
        describe(model),
        {kind: _illustration(folder, kind, CAPTIONS) for kind in images},
        shown_plots,
    )
    (folder / "report.html").write_text(illustrated, encoding="utf-8")
    others = [file for file in report["files"] if file != RECORD]
    lie = {file: folder / file for file in others}
    report |= sums_of(run, target / RECORD, lie)
    text = json.dumps(report, indent=2, allow_nan=False)
    (folder / RECORD).write_text(text, encoding="utf-8")
    return report


def _write_plots(
    comparison: Comparison,
    model: TiledNetwork,
    folder: Path,
    points: Sequence[SweepPoint],
) -> list[str]:
    profile = Figure(figsize=(10, 4))
    has_own = own_seams(model.config) is not None
    draw_profile(profile, comparison, mark_period=has_own)
    profile.savefig(folder / "profile.png", dpi=DPI)
    if not points:
        return ["profile"]
    write_sweep_plot(points, folder / "sweep.png")
    return ["profile", "sweep"]


def write_sweep_plot(points: Sequence[Point], path: Path) -> None:
    """Write the plot of a window sweep as PNG.

    Parameters
    ----------
    points : sequence
        See `draw_sweep`.
    path : Path
    """
    figure = Figure(figsize=(8, 7))
    draw_sweep(figure, points)
    figure.savefig(path, dpi=DPI, format="png")


def _illustration(folder: Path, kind: str, captions: dict[str, str]) -> Illustration:
    return Illustration(captions[kind], (folder / f"{kind}.png").read_bytes())
