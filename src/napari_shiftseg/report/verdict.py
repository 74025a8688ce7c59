"""What a comparison says, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.advice import PADS, advise, small_image_note
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.metrics.chance import joined, object_differences
from napari_shiftseg.metrics.metric import titles
from napari_shiftseg.metrics.seams import SEAM_RATIO
from napari_shiftseg.metrics.splits import split_objects
from napari_shiftseg.networks.properties import own_seams, training_window_warning
from napari_shiftseg.report.effect import (
    MANY,
    ROUNDING,
    departure,
    effect,
    period_ratio,
    shows_seams,
)
from napari_shiftseg.report.figures_of_merit import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.comparison import Comparison, Side
    from napari_shiftseg.pipeline.sides import Left
    from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint
    from napari_shiftseg.report.effect import Effect


AS: dict[Left, str] = {  # tiles of other libraries
    "blended": "blended with the next ones",
    "blended 0.25": "blended with the next ones",
    "declared halo": "with the halo that the package declares",
    "normalised by tile": "normalised one by one",
}
ON_THE_GRID = (
    "Use cropped stitching: tiles that begin on the grid of the period, read as far as "
    "the network sees, and are scaled as one image."
)
FOLLOWED = ("false_splits", "ap50")
WINDOWS = {
    "seamless": "No seams at {}.",
    "seams": "Seams at {}.",
    "one tile": "One tile holds it all at {}.",
    "undefined": "Seam scores are not defined at {}.",
    "failed": "Too large for the memory: {}.",
}


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
    windows = {kind: ", ".join(names) for kind, names in kinds.items()}
    if set(windows) == {"seams"}:
        windows["seams"] = "every tile size"
    if model_has_seams and "seams" in windows:
        windows["seams"] += ", as the model has seams of its own"
    said = [of.format(windows[kind]) for kind, of in WINDOWS.items() if kind in windows]
    pads = "seams" in kinds and any(advise(p.plan).note == PADS for p in points)
    return " ".join([*said, *[PADS] * pads, *_about_objects(points)])


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
    for key in FOLLOWED:
        title = titles()[key]
        worst, best = (end(scored, key=lambda p: _figure(p, key)) for end in (min, max))
        low, high = _figure(worst, key), _figure(best, key)
        known = object_differences(
            *(joined(r.outcomes for r in p.points if r.outcomes) for p in (worst, best))
        )[key]
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


HARDLY_FITS = 0.5  # AP50 of cropped tiles, below which a model is of little use
MATTERS = ("harm", "mixed")  # kinds of effect that call for another tile size
ALIKE = 0.05  # costs that differ by less are the same


@dataclass(frozen=True)
class Verdict:
    """What a comparison says."""

    text: str  # one paragraph
    # what else to know: the model's training, memory, figures to be read with care
    warnings: tuple[str, ...]
    # whether objects are in danger: the model has seams of its own, or those of the
    # tiles harm the objects
    is_harm: bool


def verdict(comparison: Comparison, model: TiledNetwork) -> Verdict:
    """Say which tiles make seams, what they do to the objects, and what to do.

    Parameters
    ----------
    comparison : Comparison
    model : TiledNetwork
        That predicted.
    """
    has_own = own_seams(model.config) is not None
    far, reach = departure(comparison)
    harm = shows_seams(comparison.naive) or far > ROUNDING * reach
    of_objects = effect(comparison)
    if has_own:
        others = [_about_the_period(comparison)]
    else:
        others = [
            _about_cropped(comparison, harm, of_objects),
            _advice(comparison, harm, of_objects),
        ]
    naive = _about_naive(comparison, of_objects, has_own, far if harm else 0, reach)
    sentences = filter(None, (_about_the_fit(comparison), naive, *others))
    return Verdict(
        " ".join(sentences),
        _warnings(comparison, model),
        has_own or (harm and of_objects.kind in MATTERS),
    )


def _about_naive(
    comparison: Comparison,
    of_objects: Effect,
    model_has_seams: bool,
    far: float,
    reach: float,
) -> str:
    """Say what naive tiles do; `far` is 0 where they do no harm."""
    naive, tiles = comparison.naive, f"Tiles of {_tile(comparison.naive)}"
    if comparison.left != "naive":
        tiles = f"Tiles {AS[comparison.left]}"
    if naive.seams.ratio is None:
        return f"{_why_undefined(naive)}: seam scores are not defined."
    if shows_seams(naive, model_has_seams):
        said = f"{tiles} make seams: {_jump(naive)}"
    elif far and not model_has_seams:
        said = (
            f"{tiles} make no jump at their borders, but give another "
            f"{naive.result.gives} than "
            f"one pass does: up to {cell(far)} away, where values reach {cell(reach)}"
        )
    else:
        is_ours = comparison.left == "naive"
        why = _why_seamless(naive.result.plan) if is_ours else ""
        return f"{tiles} make no seams{why}."
    split = f", and {of_objects.split}" if of_objects.split else ""
    return " ".join(filter(None, [f"{said}{split}.", of_objects.said]))


def _why_seamless(plan: TilePlan) -> str:
    if plan.makes_seams:  # it could, but does not on this image
        return ""
    if advise(plan).is_valid:
        return ": they are multiples of the period"
    return ": they meet at multiples of the period only"


def _jump(side: Side) -> str:
    ratio, within = side.seams.ratio, side.seams.ratio_within
    untiled, gives = side.untiled.ratio, side.result.gives
    if within is not None and ratio and untiled and ratio <= SEAM_RATIO * untiled:
        return (
            f"inside objects the {gives} jumps {cell(within)} times as much there as "
            f"elsewhere"
        )
    inside = "" if within is None else f", inside objects {cell(within)} times"
    return f"the {gives} jumps {cell(ratio)} times as much there as elsewhere{inside}"


def _about_cropped(comparison: Comparison, harm: bool, of_objects: Effect) -> str:
    naive, cropped = comparison.naive, comparison.cropped
    tiles = f"ropped tiles of {_tile(cropped)}"
    if cropped.seams.ratio is None:
        same = naive.seams.ratio is None
        return "" if same else f"Cropped: {_why_undefined(cropped).lower()}."
    if shows_seams(cropped):
        return (
            f"C{tiles} make seams: {_jump(cropped)}, so this network sees more of an "
            f"image than its tiles do."
        )
    if naive.seams.ratio is None:
        return f"C{tiles} make no seams."
    if not harm:
        said = f"Nor do c{tiles}"
    elif shows_seams(naive):
        said = f"C{tiles} {'make no seams' if of_objects.said else 'do not'}"
    else:
        said = f"C{tiles} give what one pass gives"
    number = split_objects(cropped.splitting or ())
    if not number or (harm and of_objects.kind != "harm"):  # or it has been said
        return f"{said}."
    pieces = "1 object is" if number == 1 else f"{number} objects are"
    return f"{said}, though {pieces} in pieces at their borders too."


def _about_the_fit(comparison: Comparison) -> str:
    """Say that the model knows nothing of this image; empty if it does."""
    scores = comparison.cropped.objects
    if scores is None or not scores.true_objects or scores.ap50 >= HARDLY_FITS:
        return ""
    return (
        f"This model hardly fits this image: cropped tiles reach an AP50 of "
        f"{cell(scores.ap50)}, so what the objects tell of the tiles means little."
    )


def _about_the_period(comparison: Comparison) -> str:
    """Say that the model itself has seams, tiles or none."""
    cropped = comparison.cropped
    period, jump = cell(cropped.result.plan.shape.period), period_ratio(cropped)
    if jump is None or jump <= SEAM_RATIO:
        said = (
            f"With any tiles, or none, seams are to be expected at every multiple of "
            f"{period}"
        )
    else:
        said = (
            f"Cropped tiles of {_tile(cropped)} show seams too, and so does "
            f"the untiled prediction: at every multiple of {period} the "
            f"{cropped.result.gives} jumps {cell(jump)} times as much as elsewhere"
        )
    return (
        f"{said}. The model was trained with an output window that is not above its "
        f"period: outputs on both sides of such a line never met in training. No "
        f"stitching mends that; train the model with a window above {period}."
    )


def _advice(comparison: Comparison, harm: bool, of_objects: Effect) -> str:
    if comparison.left != "naive":
        return ON_THE_GRID if harm else ""
    naive = comparison.naive
    plan = naive.result.plan
    if naive.seams.ratio is None or not plan.makes_seams:
        return ""
    period, matters = cell(plan.shape.period), of_objects.kind in MATTERS
    if harm and of_objects.kind == "naive better":
        return (
            "Cropped tiles give what the network gives without tiles; that others do "
            "better here is no rule: rather train or tune the model."
        )
    no_need = "For these objects either tile size will do"
    if of_objects.kind == "none":
        no_need = "Where there are objects it may matter"
    if any(axis.halo for axis in plan.shape.axes):
        pads = (
            "This network pads with zeros: use cropped stitching, which reads around "
            "each tile and crops that away."
        )
        return pads if matters else f"{no_need}. {pads}"
    if not harm:
        return (
            f"On other images they may: {_tile(naive)} is not a multiple of the period "
            f"{period}."
        )
    if matters:
        return f"Use a tile size that is a multiple of {period}."
    return f"{no_need}; {_what_is_safe(plan)}."


def _what_is_safe(plan: TilePlan) -> str:
    """Name a window without seams, the nearest one above, and what it costs."""
    window = advise(plan).nearest[-1]
    safe = plan_tiles(plan.image_shape, plan.shape, window, "cropped", plan.border)
    times = safe.cost / plan.cost
    if abs(times - 1) <= ALIKE:
        costs = "as much"
    else:
        costs = "less" if times < 1 else f"{cell(times)} times as much"
    return (
        f"{cell(window)}, a multiple of {cell(plan.shape.period)}, makes no seams "
        f"and costs {costs}"
    )


def _warnings(comparison: Comparison, model: TiledNetwork) -> tuple[str, ...]:
    sides, has_own = comparison.sides, own_seams(model.config) is not None
    of_the_model = training_window_warning(model.config)
    run = comparison.cropped.result
    idle = run.settings.without_effect(model.config)
    said = [idle, of_the_model, small_image_note(run.plan)]
    said += [note for side in sides.values() for note in _notes_of(side, has_own)]
    said += [
        f"{name}: objects and tiles share a rhythm, the untiled seam ratio is "
        f"{cell(side.untiled.ratio)}: compare with that, not with 1"
        for name, side in sides.items()
        if side.is_commensurate and not of_the_model
    ]
    said += [
        f"{name}: the seam z is weak, a tile keeps fewer than 16 pixels"
        for name, side in sides.items()
        if side.seams.z is not None and side.seams.z_is_weak
    ]
    return tuple(dict.fromkeys(filter(None, said)))


def _notes_of(side: Side, model_has_seams: bool) -> list[str]:
    """Return the notes of a run, but for seams that were foreseen and did not come."""
    foreseen = advise(side.result.plan)
    is_measured = side.seams.ratio is not None
    is_refuted = is_measured and not shows_seams(side, model_has_seams)
    outdated = foreseen.note if foreseen.makes_seams and is_refuted else ""
    return [note for note in side.result.notes if note != outdated]


def _why_undefined(side: Side) -> str:
    plan = side.result.plan
    if len(plan) == 1:
        return f"One tile of {_tile(side)} holds the whole image"
    if all(stride == 1 for stride in plan.stride):
        return "Every pixel is a tile of its own"
    return f"The {side.result.gives} does not change within tiles of {_tile(side)}"


def _tile(side: Side) -> str:
    return cell(side.result.plan.stride)
