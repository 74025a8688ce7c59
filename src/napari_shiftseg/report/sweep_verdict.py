"""What a sweep says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.report.evidence import shows_seams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint


def sweep_verdict(
    points: Sequence[SweepPoint | PooledPoint], model_has_seams: bool = False
) -> str:
    """Say at which windows of a sweep there are seams, and at which none.

    Over several images a window has seams if it has them on one; it is without only
    if it failed on none.

    Parameters
    ----------
    points : sequence of SweepPoint or PooledPoint
    model_has_seams : bool
        Whether the untiled prediction has seams of its own; see `own_seams`.
    """
    kinds: dict[str, list[str]] = {}
    for point in points:
        window = window_text(point.plan.window)
        kinds.setdefault(_kind(point, model_has_seams), []).append(window)
        if any(run.failure for run in point.points):
            kinds.setdefault("failed", []).append(window)
    everywhere = set(kinds) == {"seams"}
    windows = {kind: ", ".join(names) for kind, names in kinds.items()}
    said = []
    if "seamless" in windows:
        said.append(f"No seams at {windows['seamless']}.")
    if "seams" in windows:
        where = "every tile size" if everywhere else windows["seams"]
        why = ", as the model has seams of its own" * model_has_seams
        said.append(f"Seams at {where}{why}.")
    if "one tile" in windows:
        said.append(f"One tile holds it all at {windows['one tile']}.")
    if "undefined" in windows:
        said.append(f"Seam scores are not defined at {windows['undefined']}.")
    if "failed" in windows:
        said.append(f"Too large for the memory: {windows['failed']}.")
    return " ".join(said)


def _kind(point: SweepPoint | PooledPoint, model_has_seams: bool) -> str:
    runs = point.points
    if any(shows_seams(run, model_has_seams) for run in runs):
        return "seams"
    if any(run.failure for run in runs):
        return ""
    if all(len(run.plan) == 1 for run in runs):
        return "one tile"
    known = any(run.seams and run.seams.ratio is not None for run in runs)
    return "seamless" if known else "undefined"
