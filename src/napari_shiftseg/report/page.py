"""The report as one page that needs nothing but itself."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from napari_shiftseg.report.figures_of_merit import (
    ROWS,
    cell,
    untiled_cell,
)
from napari_shiftseg.report.pictures import WORST_SEAM
from napari_shiftseg.report.words import MEANINGS, in_words, name_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPLATE = "report.html.jinja"
SMALL = 400  # pixels
UNTILED = (
    "The prediction without tiles, over the pixel pairs of the naive / of the cropped "
    "tiles: what the figure would be without any seam."
)


@dataclass(frozen=True)
class Illustration:
    """A picture or plot of the page.

    Attributes
    ----------
    caption : str
    png : bytes
        Of the file.
    """

    caption: str
    png: bytes

    @property
    def is_small(self) -> bool:
        """Whether its pixels are to be seen as squares when it is enlarged."""
        width = int.from_bytes(self.png[16:20])  # the first field of the header
        return width < SMALL

    @property
    def uri(self) -> str:
        """The picture itself as an address."""
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


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
    """Return the table of figures; see `ROWS`.

    Parameters
    ----------
    report : mapping
        See `report_of`.
    """
    naive, cropped, judged = report["naive"], report["cropped"], report["differences"]
    return [
        Line(
            row.title,
            row.tooltip,
            judged[row.key]["reason"] if row.key in judged else "",
            cell(naive[row.key]),
            cell(cropped[row.key]),
            untiled_cell(row, naive, cropped),
            judged[row.key]["better"] if row.key in judged else None,
        )
        for row in ROWS
    ]


def page(
    report: Mapping[str, Any],
    card: Mapping[str, Any],
    pictures: Mapping[str, Illustration],
    plots: Mapping[str, Illustration],
) -> str:
    """Return the page as HTML, without scripts and without anything from elsewhere.

    Parameters
    ----------
    report : mapping
        See `report_of`.
    card : mapping
        Of the model; see `describe`.
    pictures, plots : mapping of Illustration
        By name.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"words": in_words, "name": name_in_words, "cell": cell}
    template = files("napari_shiftseg.report").joinpath(TEMPLATE)
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        report=report,
        card=_card_values(card),
        meanings=MEANINGS,
        untiled=UNTILED,
        lines=lines(report),
        worst_seam={name: pictures[name] for name in WORST_SEAM if name in pictures},
        pictures={n: p for n, p in pictures.items() if n not in WORST_SEAM},
        plots=plots,
    )


def _card_values(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a model card with its provenance spread out."""
    provenance = card.get("provenance") or {}
    own = {key: value for key, value in card.items() if key != "provenance"}
    return {**own, **{f"trained: {key}": value for key, value in provenance.items()}}
