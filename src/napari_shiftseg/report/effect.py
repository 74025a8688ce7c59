"""What tiles do to the objects, all figures of objects weighed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_shiftseg.metrics.chance import FEWEST
from napari_shiftseg.metrics.metric import titles
from napari_shiftseg.metrics.seams import SEAM_RATIO
from napari_shiftseg.metrics.splits import split_objects
from napari_shiftseg.report.figures_of_merit import cell, judgements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_shiftseg.metrics.metric import Measured
    from napari_shiftseg.pipeline.comparison import Comparison, Side


ROUNDING = 1e-3  # of the largest value: exact tiles differ from one pass by far less


def shows_seams(tiles: Side | Measured, model_has_seams: bool = False) -> bool:
    """Whether the embedding jumps at the borders of these tiles.

    It does where a seam ratio, anywhere or inside objects, is more than 1.2 times
    that of the untiled prediction over the same pairs.

    Parameters
    ----------
    tiles : Side or Measured
    model_has_seams : bool
        Whether the untiled prediction has seams of its own, at multiples of the
        period; then the measure is 1.
    """
    ours, theirs = tiles.seams, tiles.untiled
    if ours is None or theirs is None:
        return False
    return any(
        ratio is not None
        and untiled is not None
        and ratio > SEAM_RATIO * (1 if model_has_seams else untiled)
        for ratio, untiled in (
            (ours.ratio, theirs.ratio), (ours.ratio_within, theirs.ratio_within),
        )
    )  # fmt: skip


def departure(comparison: Comparison) -> tuple[float, float]:
    """Return how far naive tiles depart from the untiled prediction, and its reach.

    Both are largest absolute values over pixels and channels. Zero-padded tiles may
    fade alike on both sides of a border: the embedding is wrong there, and yet does
    not jump.
    """
    e, reference = comparison.naive.result.embeddings, comparison.reference
    far = max(  # channel by channel: no copy of the whole
        float(np.abs(one - other).max())
        for one, other in zip(e, reference, strict=True)
    )
    return far, max(float(np.abs(channel).max()) for channel in reference)


def period_ratio(side: Side) -> float | None:
    """Return how much the untiled embedding jumps at multiples of the period.

    The mean step at offsets p − 1, 2p − 1, … of the tile over that at all others, on
    the axis where it is largest: a model that was trained with a window of at most p
    has seams of its own there. None where no stride is above 1 period of 2 or more.

    Parameters
    ----------
    side : Side
        Whose tiles begin at multiples of the period: the cropped one.
    """
    along = zip(side.untiled.profile, side.result.plan.shape.period, strict=True)
    ratios = [_period_ratio(profile, period) for profile, period in along]
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def _period_ratio(profile: NDArray[np.float64], period: int) -> float | None:
    at_period = np.arange(1, len(profile) + 1) % period == 0
    known = ~np.isnan(profile)
    here, others = profile[at_period & known], profile[~at_period & known]
    if not len(here) or not len(others) or others.mean() == 0:
        return None
    return float(here.mean() / others.mean())


Kind = Literal["harm", "same", "naive better", "mixed", "none"]
OF_OBJECTS = ("ap50", "split_by_seams", "false_splits", "false_merges")
HARDLY = 0.05  # of the objects: no more are split where hardly one is
MANY = 0.2  # of the objects, or of AP50: a difference to be heeded, be they ever so few


@dataclass(frozen=True)
class Effect:
    """What naive tiles do to the objects, compared with cropped ones."""

    # "harm": they are better with cropped tiles. "same": as far as can be told from
    # chance, they are the same. "naive better", "mixed": in one figure or more. "none":
    # there is no object.
    kind: Kind
    split: str  # how many objects naive tiles split; empty if none
    said: str  # sentences on the objects; empty where `split` says it all


def effect(comparison: Comparison) -> Effect:
    """Weigh what a comparison found on the objects."""
    naive, cropped = comparison.naive, comparison.cropped
    if not naive.result.objects and not cropped.result.objects:
        said = "No object is found with either, so seams have nothing to split."
        return Effect("none", "", said)
    if naive.objects is None or not naive.objects.true_objects:
        return _without_truth(comparison)
    return _with_truth(comparison)


def _without_truth(comparison: Comparison) -> Effect:
    """Weigh the objects that seams split: whole ones are those of cropped tiles."""
    number = split_objects(comparison.naive.splitting or ())
    whole = comparison.cropped.result.objects
    if not number:
        return Effect("same", "", "Yet no object is split.")
    if number < FEWEST and number <= HARDLY * whole:
        said = f"Yet hardly an object is split: {number} of the {whole} that cropped"
        return Effect("same", "", f"{said} tiles give.")
    verb = "is" if number == 1 else "are"
    split = f"{number} of the {whole} objects that cropped tiles give {verb} split"
    return Effect("harm", split, "")


def _with_truth(comparison: Comparison) -> Effect:
    naive, cropped = comparison.naive.objects, comparison.cropped.objects
    assert naive is not None  # of both sides, or of none
    assert cropped is not None
    judged = judgements(comparison)
    marked = {key: side for key in OF_OBJECTS if (side := judged[key].better)}
    number = split_objects(comparison.naive.splitting or ())
    verb = "is" if number == 1 else "are"
    split = f"{number} of {naive.true_objects} objects {verb} split" if number else ""
    match sorted(set(marked.values())):
        case ["cropped"]:
            if split and marked.keys() & {"split_by_seams", "false_splits"}:
                return Effect("harm", split, "")
            said = "They make the objects worse"
            return Effect("harm", "", f"{said}{_pairs(comparison, marked)}.")
        case ["naive"]:
            said = "Objects are better than with cropped tiles, beyond chance"
            return Effect("naive better", "", f"{said}{_pairs(comparison, marked)}.")
        case ["cropped", "naive"]:
            said = "Objects are better in one way and worse in another, beyond chance"
            return Effect("mixed", "", f"{said}{_pairs(comparison, marked)}.")
    before = split_objects(comparison.cropped.splitting or ())
    if number - before > MANY * naive.true_objects or cropped.ap50 - naive.ap50 > MANY:
        said = "There are too few objects to tell that from chance"
        return Effect("harm", split, f"{said}{_pairs(comparison, OF_OBJECTS)}.")
    known = [judged[key].difference for key in OF_OBJECTS]
    differ = any(difference and difference.differing for difference in known)
    cut = {c.object for seam in comparison.naive.cutting for c in seam.cuts}
    number_cut = f"{len(cut)} of {naive.true_objects} objects" if cut else "no object"
    said = (
        f"Yet they cut {number_cut} that cropped tiles leave whole, and objects are "
        f"the same{' within chance' if differ else ''}"
    )
    return Effect("same", "", f"{said}{_pairs(comparison, OF_OBJECTS)}.")


def _pairs(comparison: Comparison, keys: Iterable[str]) -> str:
    """Write figures of both sides in brackets: what differs, then what is alike."""
    naive, cropped = (s.figures() for s in (comparison.naive, comparison.cropped))
    differ, alike, named = [], [], titles()
    for key in keys:
        one, other = cell(naive[key]), cell(cropped[key])
        if one != other:
            differ.append(f"{named[key]} {one} and {other}")
        elif naive[key] or key == "ap50":
            alike.append(f"{named[key]} {one}")
    told = []
    if differ:
        told.append(f"naive and cropped: {', '.join(differ)}")
    if alike:
        told.append(f"both: {', '.join(alike)}")
    return f" ({'; '.join(told)})"
