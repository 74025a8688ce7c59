"""The figures of a comparison: which side is better, and how a figure is written."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import zip_longest
from math import isnan
from typing import TYPE_CHECKING, Any

from napari_shiftseg.metrics.chance import FEWEST, RESAMPLES, SHARE
from napari_shiftseg.metrics.metric import rows
from napari_shiftseg.metrics.seams import LEAST_STRIDE
from napari_shiftseg.stores.tables import plain
from napari_shiftseg.text import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from napari_shiftseg.metrics.chance import Difference
    from napari_shiftseg.metrics.metric import Metric
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.sides import SideName
    from napari_shiftseg.report.plots import Point


NOT_DEFINED, NO_TRUTH = "not defined", "no true labels"
IS_REFERENCE = "the reference"  # of cropped objects, which are the whole ones
CLEAR_GAP = 0.05  # of the untiled ratio: below it, two ratios are as near to it
CLEAR_Z = 3  # standard deviations: a gap of two z that chance hardly gives


@dataclass(frozen=True)
class Judgement:
    """Which side of a comparison is better in one figure, and why."""

    better: SideName | None = None  # None: neither is, beyond what chance gives
    # a sentence with the interval; empty where there is nothing to be compared
    reason: str = ""
    difference: Difference | None = None  # that was resampled; None where none was

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
        metric.name: judge(
            metric, naive, cropped, comparison.differences.get(metric.name)
        )
        for metric in rows()
        if metric.better is not None
    }


def judge(
    metric: Metric,
    naive: Mapping[str, Any],
    cropped: Mapping[str, Any],
    difference: Difference | None = None,
) -> Judgement:
    """Return which side is better in a figure, beyond what chance gives.

    Parameters
    ----------
    metric : Metric
    naive, cropped : mapping
        Figures of the sides; see `Side.figures`.
    difference : Difference, optional
        Of the two; see `Comparison.differences`.
    """
    burdens = _burden(metric, naive), _burden(metric, cropped)
    if None in burdens:
        return Judgement()
    one, other = burdens
    side: SideName = "naive" if one < other else "cropped"
    if metric.name == "seam_z":
        clear = abs(one - other) >= CLEAR_Z
        return Judgement(side if clear else None, _about_z(clear, one, other))
    if difference is None:
        return Judgement()
    alike = cell(naive[metric.name]) == cell(cropped[metric.name])
    least = CLEAR_GAP if metric.better == "near untiled" else 0
    clear = difference.is_beyond_chance and not alike and abs(one - other) > least
    return Judgement(side if clear else None, _reason(metric, difference), difference)


def _about_z(is_clear: bool, one: float, other: float) -> str:
    if one == other:
        return "Neither is above 3: no sign of a seam."
    chance = (
        "beyond chance, which gives less than"
        if is_clear
        else ("within chance, which gives up to")
    )
    gap = cell(abs(one - other))
    return f"Above 3 they are {gap} standard deviations apart: {chance} {CLEAR_Z}."


def _reason(metric: Metric, difference: Difference) -> str:
    """Say how far the sides are apart, and whether chance would give that."""
    what, units = "Naive − cropped", "true objects"
    if metric.better == "near untiled":
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


def _burden(metric: Metric, figures: Mapping[str, Any]) -> Any:
    """Return the figure as a number of which less is better; None if there is none."""
    value = figures.get(metric.name)
    if value is None or metric.better is None:
        return None
    if metric.better == "near untiled":
        reference = figures.get(metric.untiled or "")
        return abs(value / reference - 1) if reference else None
    return max(value, metric.floor) if metric.better == "less" else -value


def untiled_cell(
    metric: Metric, naive: Mapping[str, Any], cropped: Mapping[str, Any]
) -> str:
    """Write the untiled prediction's figure: over naive's and over cropped's pairs.

    One value where they are alike; empty where a metric has no such figure.

    Parameters
    ----------
    metric, naive, cropped
        See `judge`.
    """
    if metric.untiled is None:
        return ""
    if _lacks_truth(metric, naive):
        return NO_TRUTH
    both = [cell(figures.get(metric.untiled)) for figures in (naive, cropped)]
    return " / ".join(dict.fromkeys(both))


def figure_cell(metric: Metric, figures: Mapping[str, Any]) -> str:
    """Write a figure as it stands in a table; one that lacks a truth says so.

    Parameters
    ----------
    metric : Metric
    figures : mapping
        See `Side.figures` and `PooledPoint.figures`.
    """
    if _lacks_truth(metric, figures):
        return NO_TRUTH
    value = figures[metric.name]
    if value is None and why_not_defined(metric, figures) == IS_REFERENCE:
        return IS_REFERENCE
    return cell(value)


def _lacks_truth(metric: Metric, figures: Mapping[str, Any]) -> bool:
    is_known = figures.get("true_objects") is not None or figures.get("failure")
    # in a sweep no side is cropped: the objects that a seam splits are the true ones
    of_sweep = metric.name == "split_by_seams" and "failure" in figures
    return (metric.needs_truth or of_sweep) and not is_known


def why_not_defined(metric: Metric, figures: Mapping[str, Any]) -> str:
    """Say in two or three words why a side has no such figure.

    Parameters
    ----------
    metric : Metric
    figures : mapping
        See `Side.figures`.
    """
    if _lacks_truth(metric, figures):
        return NO_TRUTH
    if figures.get("tiles") == 1:
        return "no seam line"
    if metric.name == "split_by_seams" and "failure" not in figures:
        return IS_REFERENCE
    strides = figures.get("stride") or []
    if strides and metric.name == "seam_z" and max(strides) < LEAST_STRIDE:
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
        case [*sizes]:  # one an axis
            shown = sizes if len(set(sizes)) > 1 else sizes[:1]
            return " × ".join(map(str, shown))
    return str(value)


@dataclass(frozen=True)
class Line:
    """A row of the table of figures, in words; `reason` is that of `better`."""

    title: str
    tooltip: str
    reason: str
    naive: str
    cropped: str
    untiled: str
    better: str | None


def lines(report: Mapping[str, Any]) -> list[Line]:
    """Return the table of figures of a report, see `report_of`."""
    naive, cropped, judged = report["naive"], report["cropped"], report["differences"]
    return [
        Line(
            metric.title,
            metric.meaning,
            judged.get(metric.name, {}).get("reason", ""),
            figure_cell(metric, naive),
            figure_cell(metric, cropped),
            untiled_cell(metric, naive, cropped),
            judged.get(metric.name, {}).get("better"),
        )
        for metric in rows()
    ]


@dataclass(frozen=True)
class Table:
    """A header, and rows of as many values; None where one is not defined."""

    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


OF_WAYS = {  # figures of tiles as other libraries lay them, and their titles
    "tiles": "tiles", "largest_difference": "largest", "mean_difference": "mean",
    "seam_ratio": "seam ratio", "seam_ratio_untiled": "untiled", "objects": "objects",
    "split_by_seams": "split by seams", "false_splits": "false splits",
}  # fmt: skip


def ways_table(report: Mapping[str, Any]) -> Table:
    """Return the figures of a report as cells, one way to tile a row.

    Naive and cropped tiles, and between them those of other libraries; see `report_of`.
    """
    ways = {"naive": report["naive"], **report["also"], "cropped": report["cropped"]}
    known = {
        key: title
        for key, title in OF_WAYS.items()
        if any(figures[key] is not None for figures in ways.values())
    }
    rows = tuple(
        (way, *(_way_cell(figures[key]) for key in known))
        for way, figures in ways.items()
    )
    return Table(("", *known.values()), rows)


def _way_cell(value: object) -> str:
    return "–" if value is None else cell(value)


JUDGED = ("difference", "low", "high", "better")  # of a `Judgement`


def figures_table(comparison: Comparison) -> Table:
    """Return all figures of both sides, one a row, and what chance makes of them.

    The difference (naive − cropped; of a seam ratio, the distances from the untiled
    one), the interval that 99 % of the resamplings lie in, and the better side; then
    the figures of the tiles of other libraries.
    """
    also = [side.figures() for side in comparison.also.values()]
    naive, cropped = comparison.naive.figures(), comparison.cropped.figures()
    judged = {key: of.figures() for key, of in judgements(comparison).items()}
    rows = tuple(
        (
            key, naive[key], cropped[key],
            *(judged.get(key, {}).get(j) for j in JUDGED),
            *(figures[key] for figures in also),
        )
        for key in naive
    )  # fmt: skip
    return Table(("figure", "naive", "cropped", *JUDGED, *comparison.also), rows)


def profile_table(comparison: Comparison) -> Table:
    """Return the seam profiles, one offset of one axis a row.

    The mean step (units of the embedding) of each stitching, and of the untiled
    prediction over the same pairs; the strides may differ.
    """
    sides = comparison.naive, comparison.cropped
    profiles = [
        [along.tolist() for along in scores.profile]
        for side in sides
        for scores in (side.seams, side.untiled)
    ]
    rows = tuple(
        (axis, offset, *values)
        for axis, along in enumerate(zip(*profiles, strict=True))
        for offset, values in enumerate(zip_longest(*along))
    )
    header = "axis", "offset", "naive", "untiled_naive", "cropped", "untiled_cropped"
    return Table(header, rows)


def sweep_table(points: Iterable[Point]) -> Table:
    """Return the figures of a sweep, one window a row."""
    known = [point.figures() for point in points]
    header = tuple(known[0]) if known else ("window",)
    return Table(header, tuple(tuple(figures.values()) for figures in known))


def write_csv(path: Path, table: Table) -> None:
    """Write a table; windows as 24x96x96, nothing where a value is not defined.

    Text that a spreadsheet takes for a formula gets an apostrophe; see `plain`.

    Parameters
    ----------
    path : Path
    table : Table
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table.header)
        writer.writerows([_value(value) for value in row] for row in table.rows)


def _value(value: Any) -> Any:
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, list | tuple):
        return "x".join(str(size) for size in value)
    return plain(value)
