"""The figures of a comparison: their order, how each is read, and which side is better.

Terminal, page and widget show these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING, Any, Literal

from napari_shiftseg.metrics.chance import FEWEST, RESAMPLES, SHARE
from napari_shiftseg.metrics.seams import LEAST_STRIDE
from napari_shiftseg.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_shiftseg.metrics.chance import Difference
    from napari_shiftseg.pipeline.comparison import Comparison

SideName = Literal["naive", "cropped"]
Better = Literal["lower", "higher", "near untiled"]
NOT_DEFINED = "not defined"
CLEAR_GAP = 0.05  # of the untiled ratio: below it, two ratios are as near to it
CLEAR_Z = 3  # standard deviations: a gap of two z that chance hardly gives


@dataclass(frozen=True)
class Row:
    """One figure of a comparison.

    Attributes
    ----------
    key : str
        Of `Side.figures`.
    title : str
        What stands before it; indented where it belongs to the row above.
    tooltip : str
        How to read it.
    better : {"lower", "higher", "near untiled"} or None
        Which value is better, if any is.
    untiled : str or None
        Key of the same figure of the untiled prediction.
    floor : float
        Values below it are as good as each other.
    needs_truth : bool
        Whether there is no such figure without true labels.
    """

    key: str
    title: str
    tooltip: str
    better: Better | None = None
    untiled: str | None = None
    floor: float = -inf
    needs_truth: bool = False


ROWS = (
    Row(
        "window",
        "tile size (window)",
        "Pixels of the tile that was asked for, along each axis.",
    ),
    Row(
        "stride",
        "keeps (stride)",
        "Pixels that each tile keeps. Seams are to be expected where it is not a "
        "multiple of the model's period.",
    ),
    Row("tiles", "tiles", "Number of tiles that cover the image."),
    Row(
        "seam_ratio",
        "seam ratio",
        "How much the embedding changes from pixel to pixel across tile borders, "
        "divided by how much it changes elsewhere. Compare with the untiled prediction "
        "over the same pixels: equal to it means no seam.",
        "near untiled",
        "seam_ratio_untiled",
    ),
    Row(
        "seam_ratio_within",
        "  inside objects",
        "The seam ratio over pixels inside one true object, where nothing should "
        "change: large values split objects. Needs true labels.",
        "near untiled",
        "seam_ratio_within_untiled",
        needs_truth=True,
    ),
    Row(
        "seam_z",
        "seam z",
        "How far the change at tile borders stands out from the changes at all other "
        "offsets in the tile, in standard deviations. Above 3 is a seam; needs no true "
        "labels. Weak for tiles that keep fewer than 16 pixels.",
        "lower",
        floor=3,
    ),
    Row("objects", "objects", "Number of objects predicted."),
    Row(
        "split_by_seams",
        "split by seams",
        "Objects in which two different labels meet at a tile border. Whole objects "
        "are the true ones or, without true labels, those of cropped stitching. An "
        "object that is in pieces anyway counts on both sides where a border crosses "
        "it.",
        "lower",
    ),
    Row(
        "true_objects",
        "true objects",
        "Number of objects in the true labels.",
        needs_truth=True,
    ),
    Row(
        "false_splits",
        "false splits",
        "Surplus pieces of true objects; a piece covers more than 5 % of its object. "
        "0: no object is in pieces.",
        "lower",
        needs_truth=True,
    ),
    Row(
        "false_merges",
        "false merges",
        "Surplus true objects in one predicted object, each covered by more than 10 %. "
        "0: no two objects are one.",
        "lower",
        needs_truth=True,
    ),
    Row(
        "ap50",
        "AP50",
        "Average precision: matched pairs of objects (intersection over union above "
        "0.5), divided by all objects, matched or not. 1: every object is found.",
        "higher",
        needs_truth=True,
    ),
    Row("seconds", "seconds", "Prediction and clustering, on this device."),
)


@dataclass(frozen=True)
class Judgement:
    """Which side of a comparison is better in one figure, and why.

    Attributes
    ----------
    better : {"naive", "cropped"} or None
        None: neither is, beyond what chance gives.
    reason : str
        A sentence with the interval; empty where there is nothing to be compared.
    difference : Difference or None
        That was resampled; None where none was.
    """

    better: SideName | None = None
    reason: str = ""
    difference: Difference | None = None

    def figures(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        known = self.difference
        return {
            "better": self.better,
            "difference": known and known.value,
            "low": known and known.low,
            "high": known and known.high,
            "units": known and known.units,
            "differing": known and known.differing,
            "reason": self.reason,
        }


def judgements(comparison: Comparison) -> dict[str, Judgement]:
    """Judge every figure of which one value is better, by its key; see `judge`."""
    naive, cropped = comparison.naive.figures(), comparison.cropped.figures()
    return {
        row.key: judge(row, naive, cropped, comparison.differences.get(row.key))
        for row in ROWS
        if row.better is not None
    }


def judge(
    row: Row,
    naive: Mapping[str, Any],
    cropped: Mapping[str, Any],
    difference: Difference | None = None,
) -> Judgement:
    """Return which side is better in a figure, beyond what chance gives.

    Parameters
    ----------
    row : Row
    naive, cropped : mapping
        Figures of the sides; see `Side.figures`.
    difference : Difference, optional
        Of the two; see `Comparison.differences`.
    """
    burdens = _burden(row, naive), _burden(row, cropped)
    if None in burdens:
        return Judgement()
    one, other = burdens
    side: SideName = "naive" if one < other else "cropped"
    if row.key == "seam_z":
        clear = abs(one - other) >= CLEAR_Z
        return Judgement(side if clear else None, _about_z(clear, one, other))
    if difference is None:
        return Judgement()
    alike = cell(naive[row.key]) == cell(cropped[row.key])
    least = CLEAR_GAP if row.better == "near untiled" else 0
    clear = difference.is_beyond_chance and not alike and abs(one - other) > least
    return Judgement(side if clear else None, _reason(row, difference), difference)


def _about_z(is_clear: bool, one: float, other: float) -> str:
    if one == other:
        return "Neither is above 3: no sign of a seam."
    apart = f"Above 3 they are {cell(abs(one - other))} standard deviations apart"
    if is_clear:
        return f"{apart}: beyond chance, which gives less than {CLEAR_Z}."
    return f"{apart}: within chance, which gives up to {CLEAR_Z}."


def _reason(row: Row, difference: Difference) -> str:
    """Say how far the sides are apart, and whether chance would give that."""
    what, units = "Naive − cropped", "true objects"
    if row.better == "near untiled":
        what, units = "Distance from the untiled ratio, naive − cropped", "places"
    if not difference.differing:
        return f"Both are the same in each of {difference.units:,} {units}."
    said = (
        f"{what}: {cell(difference.value)}; {percent(SHARE)} of {RESAMPLES:,} "
        f"resamplings of the {difference.units:,} {units} lie between "
        f"{cell(difference.low)} and {cell(difference.high)}"
    )
    if difference.is_beyond_chance:
        return f"{said}: beyond chance."
    if difference.differing >= FEWEST:
        return f"{said}: within chance."
    return (
        f"{said}, and the sides differ in {difference.differing} of them: within "
        f"chance, as fewer than {FEWEST} tell nothing."
    )


def _burden(row: Row, figures: Mapping[str, Any]) -> Any:
    """Return the figure as a number of which less is better; None if there is none."""
    value = figures.get(row.key)
    if value is None or row.better is None:
        return None
    if row.better == "near untiled":
        reference = figures.get(row.untiled or "")
        return abs(value / reference - 1) if reference else None
    return max(value, row.floor) if row.better == "lower" else -value


def untiled_cell(row: Row, naive: Mapping[str, Any], cropped: Mapping[str, Any]) -> str:
    """Write the untiled prediction's figure: over naive's and over cropped's pairs.

    One value where they are alike; empty where a row has no such figure.
    """
    if row.untiled is None:
        return ""
    both = [cell(figures.get(row.untiled)) for figures in (naive, cropped)]
    return " / ".join(dict.fromkeys(both))


def why_not_defined(row: Row, figures: Mapping[str, Any]) -> str:
    """Say in two or three words why a side has no such figure.

    Parameters
    ----------
    row : Row
    figures : mapping
        See `Side.figures`.
    """
    if row.needs_truth and figures.get("true_objects") is None:
        return "no true labels"
    if figures.get("tiles") == 1:
        return "no seam line"
    if row.key == "split_by_seams":  # cropped objects are themselves the whole ones
        return "is the reference"
    strides = figures.get("stride") or []
    if strides and row.key == "seam_z" and max(strides) < LEAST_STRIDE:
        return f"stride below {LEAST_STRIDE}"
    if strides and max(strides) == 1:
        return "only seam lines"
    return "nothing to compare with"


def cell(value: object) -> str:
    """Write one figure as it stands in a table; what is not defined says so."""
    match value:
        case None:
            return NOT_DEFINED
        case float() if isnan(value):
            return NOT_DEFINED
        case float():
            return f"{value:.3g}" if abs(value) < 999.5 else f"{value:.0f}"
        case [*sizes]:
            one = len(set(sizes)) == 1
            return str(sizes[0]) if one else " × ".join(str(size) for size in sizes)
    return str(value)
