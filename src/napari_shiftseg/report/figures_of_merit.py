"""The figures of a comparison: their order, how each is read, and which side is better.

Terminal, page and widget show these rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING, Any, Literal

from napari_shiftseg.metrics.seams import LEAST_STRIDE

if TYPE_CHECKING:
    from collections.abc import Mapping

Better = Literal["lower", "higher", "near untiled"]
NOT_DEFINED = "not defined"
CLEAR_GAP = 0.05  # of the untiled ratio: below it, two ratios are as near to it


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
        "are the true ones or, without true labels, those of cropped stitching.",
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


def better_side(
    row: Row, naive: Mapping[str, Any], cropped: Mapping[str, Any]
) -> Literal["naive", "cropped"] | None:
    """Return the side whose figure is better; None: neither, or one is not defined.

    Parameters
    ----------
    row : Row
    naive, cropped : mapping
        Figures of the sides; see `Side.figures`.
    """
    burdens = _burden(row, naive), _burden(row, cropped)
    if None in burdens or cell(naive[row.key]) == cell(cropped[row.key]):
        return None
    one, other = burdens
    least = CLEAR_GAP if row.better == "near untiled" else 0
    if abs(one - other) <= least:
        return None
    return "naive" if one < other else "cropped"


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
