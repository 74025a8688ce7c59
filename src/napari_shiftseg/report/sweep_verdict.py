"""What a sweep says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.report.verdict import shows_seams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.report.plots import Point


def sweep_verdict(points: Sequence[Point], model_has_seams: bool = False) -> str:
    """Say at which windows of a sweep there are no seams.

    Parameters
    ----------
    points : sequence of SweepPoint or PooledPoint
    model_has_seams : bool
        Whether the untiled prediction has seams of its own; see
        `training_window_warning`.
    """
    figures = [point.figures() for point in points]
    failed = [point for point, f in zip(points, figures, strict=True) if f["failure"]]
    measured = [
        point
        for point, f in zip(points, figures, strict=True)
        if f["seam_ratio"] is not None
    ]
    said = [_about_seams(measured, model_has_seams)] if measured else []
    if not measured and len(failed) < len(points):
        said.append("Seam scores are not defined: one tile holds it all.")
    if failed:
        said.append(f"Too large for the memory: {_windows(failed)}.")
    return " ".join(said)


def _about_seams(measured: Sequence[Point], model_has_seams: bool) -> str:
    seamless = [point for point in measured if not shows_seams(point, model_has_seams)]
    if seamless:
        return f"No seams at {_windows(seamless)}."
    why = ", as the model has seams of its own" * model_has_seams
    return f"Seams at every tile size{why}."


def _windows(points: Sequence[Point]) -> str:
    return ", ".join(window_text(point.plan.window) for point in points)
