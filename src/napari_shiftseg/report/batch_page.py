"""What became of many images, as one page that needs nothing but itself."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass, field
from importlib.resources import files
from io import BytesIO
from math import isnan
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure

from napari_shiftseg.batch.conditions import NO_FOLDER, conditions, incomparable
from napari_shiftseg.batch.journal import BatchJournal
from napari_shiftseg.batch.oddities import Oddity, oddities
from napari_shiftseg.report.condition_plot import (
    condition_table,
    draw_conditions,
    name_conditions,
    size_of,
)
from napari_shiftseg.report.page import Illustration
from napari_shiftseg.report.plots import LIGHT, clear, finish
from napari_shiftseg.text import figure_text, number_of, readable, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from napari_shiftseg.batch.order import BatchOutcome, BatchRow

TEMPLATE = "batch.html.jinja"
MOST_PICTURES = 400  # of images; the page of 10,000 still opens
MOST_VALUES = 2**17  # of a condition, that its distribution is drawn of
DPI, WIDTH, HEIGHT = 110, 9.0, 3.2  # inches
WHISKERS = (5, 95)  # percentiles
OF_CONDITIONS = (
    "Objects an image (bar: mean) and the median area of an image's objects (bar: "
    "median over images). A dot is an image."
)
OF_OBJECTS = (
    "All objects of a condition: the box holds the middle half, its line is the "
    "median, the whiskers end at 5 and 95 %."
)
MEASURED = {"area": "area (pixels)", "confidence": "confidence"}  # columns, as drawn
EMPTY = "–"


@dataclass(frozen=True)
class Entry:
    """An image on the page: as text, with links that are relative to the page."""

    row: BatchRow
    name: str
    source: str  # address; empty: a sample
    links: dict[str, str]  # addresses of files by kind
    picture: str = ""  # JPEG, base64
    reasons: tuple[str, ...] = ()


def batch_page(outcome: BatchOutcome) -> str:
    """Return the page as HTML, without scripts and without anything from elsewhere.

    Counts and areas per condition, what looks odd, what failed, and every image with
    its outlines; of more than 400 images those that look odd are shown first.

    Parameters
    ----------
    outcome : BatchOutcome
    """
    odd = oddities(outcome.rows)
    entries = _entries(outcome, odd)
    found = conditions(outcome.rows)
    plots = [Illustration(OF_CONDITIONS, _conditions_plot(outcome))] if found else []
    if sum(one.total for one in found):
        plots.append(Illustration(OF_OBJECTS, _objects_plot(outcome.rows)))
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"figure": _figure, "count": number_of, "unit": _in_words}
    template = files("napari_shiftseg.report").joinpath(TEMPLATE)
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        outcome=outcome,
        objects=sum(row.objects for row in outcome.rows),
        entries=[entry for entry in entries if entry.row.status != "failed"],
        failed=[entry for entry in entries if entry.row.status == "failed"],
        odd=[entry for entry in entries if entry.reasons],
        units=list(dict.fromkeys(u for row in outcome.rows for u in row.in_units)),
        plots=plots,
        table=condition_table(found),
        size=size_of(found).title,
        incomparable=incomparable(outcome.rows),
        tables={k: _link(p, outcome) for k, p in outcome.files.items() if k != "page"},
        hashes=sorted({(r.model, r.settings_hash) for r in outcome.rows} - {("", "")}),
        most=MOST_PICTURES,
    )


def _entries(outcome: BatchOutcome, odd: Sequence[Oddity]) -> list[Entry]:
    """Return all images; pictures of those that look odd, then of the first ones."""
    reasons = {each.row.name: each.reasons for each in odd}
    first = sorted(outcome.rows, key=lambda row: row.name not in reasons)
    seen = {row.name for row in first[:MOST_PICTURES]}
    journal = BatchJournal(outcome.order.output)
    return [
        Entry(
            row,
            readable(visible(row.name)),
            _link(row.source, outcome) if row.source.is_absolute() else "",
            {kind: _link(path, outcome) for kind, path in row.files.items()},
            journal.thumbnail(row) if row.name in seen else "",
            reasons.get(row.name, ()),
        )
        for row in outcome.rows
    ]


def _link(path: Path, outcome: BatchOutcome) -> str:
    """Return an address of a file, seen from the page."""
    output = os.path.abspath(outcome.order.output)
    try:
        near = os.path.relpath(path, output)
    except ValueError:  # another drive
        return path.as_uri()
    return quote(os.fsencode(near.replace(os.sep, "/")))


def _figure(value: float | None, digits: int = 3) -> str:
    """Return a number as it is read in a table; what is not known is a dash."""
    if value is None or isnan(value):
        return EMPTY
    return figure_text(value, digits)


def _in_words(column: str) -> str:
    """Return a column of figures in units as people write it, ``density (mm⁻²)``."""
    name, _, unit = column.rpartition("_")
    power = "²" if unit.endswith("2") else "³"
    unit = unit[:-1].replace("um", "µm")
    shown = f"{unit}⁻{power}" if name == "density" else f"{unit}{power}"
    return f"{name.replace('_', ' ')} ({shown})"


def _conditions_plot(outcome: BatchOutcome) -> bytes:
    figure = Figure((WIDTH, HEIGHT))
    draw_conditions(figure, conditions(outcome.rows))
    return _png(figure)


@dataclass
class _Values:
    """Values of a condition: all, or of very many every n-th."""

    step: int = 1
    passed: int = 0
    kept: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        if self.passed % self.step == 0:
            self.kept.append(value)
        self.passed += 1
        if len(self.kept) > MOST_VALUES:
            self.kept, self.step = self.kept[::2], 2 * self.step


def _objects_plot(rows: Sequence[BatchRow]) -> bytes:
    """Draw how the objects of each condition are distributed."""
    names = [one.name for one in conditions(rows)]
    values = {column: [_Values() for _ in names] for column in MEASURED}
    for row in rows:
        for column, number in _measured(row):
            values[column][names.index(row.condition or NO_FOLDER)].add(number)
    known = {c: own for c, own in values.items() if any(each.kept for each in own)}
    figure = Figure((WIDTH, HEIGHT))
    clear(figure)
    panels = figure.subplots(1, len(known), squeeze=False)[0]
    colours = (LIGHT.naive, LIGHT.cropped)
    for panel, (column, own), colour in zip(
        panels, known.items(), colours, strict=False
    ):
        _draw_boxes(panel, [each.kept for each in own], colour)
        panel.set_title(MEASURED[column], loc="left", fontsize="small")
        name_conditions(panel, names)
    finish(figure, panels, LIGHT)
    return _png(figure)


def _draw_boxes(panel: Axes, values: list[list[float]], colour: str) -> None:
    drawn = panel.boxplot(
        values, positions=range(len(values)), whis=WHISKERS, showfliers=False,
        patch_artist=True, medianprops={"color": LIGHT.text}, widths=0.6,
    )  # fmt: skip
    for box in drawn["boxes"]:
        box.set(facecolor=colour, alpha=0.45)


def _measured(row: BatchRow) -> Iterator[tuple[str, float]]:
    """Yield what is drawn of the objects of an image, by column."""
    path = row.files.get("objects")
    if path is None or not path.exists():
        return
    with path.open(newline="", encoding="utf-8-sig") as file:
        for each in csv.DictReader(file):
            for column in MEASURED:
                if each.get(column):
                    yield column, float(each[column])


def _png(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, dpi=DPI, format="png")
    return file.getvalue()
