"""What a sweep says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.metrics.outcomes import joined, object_differences
from napari_shiftseg.report.effect import MANY
from napari_shiftseg.report.evidence import shows_seams
from napari_shiftseg.report.figures_of_merit import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.metrics.outcomes import Outcomes
    from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint

FOLLOWED = {"false_splits": "false splits", "ap50": "AP50"}


def sweep_verdict(
    points: Sequence[SweepPoint | PooledPoint], model_has_seams: bool = False
) -> str:
    """Say at which windows there are seams, at which none, and whether objects change.

    Over several images a window has seams if it has them on one; it is without only
    if it failed on none. Objects are said to be the same where false splits, or AP50,
    differ between no two windows beyond chance.

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
    return " ".join([*said, *_about_objects(points)])


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


def _about_objects(points: Sequence[SweepPoint | PooledPoint]) -> list[str]:
    """Say which figures of objects do not change with the window; nothing if all do."""
    scored = [p for p in points if all(run.outcomes is not None for run in p.points)]
    if len(scored) < 2 or not any(p.scores and p.scores.found for p in scored):
        return []  # nothing is found at any of them
    alike, others = [], []
    for key, title in FOLLOWED.items():
        worst, best = (end(scored, key=lambda p: _figure(p, key)) for end in (min, max))
        low, high = _figure(worst, key), _figure(best, key)
        known = object_differences(_outcomes(worst), _outcomes(best))[key]
        if cell(low) == cell(high):
            alike.append(f"{title} ({cell(low)})")
        elif not known.is_beyond_chance and not (key == "ap50" and high - low > MANY):
            others.append(f"{title} ({cell(low)} to {cell(high)})")
    told = [_sentence(alike, ""), _sentence(others, " within chance")]
    return [sentence for sentence in told if sentence]


def _sentence(figures: list[str], how: str) -> str:
    if not figures:
        return ""
    verb = "is" if figures[0].startswith("AP50") else "are"
    said = " and ".join(figures)
    return f"{said[0].upper()}{said[1:]} {verb} the same at every tile size{how}."


def _figure(point: SweepPoint | PooledPoint, key: str) -> float:
    return float(getattr(point.scores, key))


def _outcomes(point: SweepPoint | PooledPoint) -> Outcomes:
    return joined(run.outcomes for run in point.points if run.outcomes is not None)
