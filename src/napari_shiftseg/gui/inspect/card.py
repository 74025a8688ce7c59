"""What a model is, as rich text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
)

from napari_shiftseg.geometry.advice import period_text
from napari_shiftseg.geometry.cost import COLUMNS, Cost, cheapest
from napari_shiftseg.networks.properties import what_follows
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.report.model_card import in_words
from napari_shiftseg.report.suitability import BADGES
from napari_shiftseg.text import by, compact, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.network_shape import AxisSizes
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.report.suitability import Badge, Suitability


MOST_ROWS = 9  # shown at once; more are scrolled
MOST_WIDTH = 640  # pixels that are asked for; beyond, columns are scrolled
LONG_TIME = "  ≈ 99 min  "  # room that is kept for it
PADDING = "QHeaderView::section, QTableView::item { padding: 1px 3px; }"


class CostTable(QTableWidget):
    """One row a window, the cheapest in bold."""

    def __init__(self) -> None:
        super().__init__(0, len(COLUMNS))
        self.setHorizontalHeaderLabels(list(COLUMNS))
        for number, tooltip in enumerate(COLUMNS.values()):
            self.horizontalHeaderItem(number).setToolTip(tooltip)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setToolTip("What tiles of each size cost; the cheapest is bold")
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setMinimumSectionSize(10)
        self.setStyleSheet(PADDING)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        policy = QSizePolicy.Policy
        self.setSizePolicy(policy.Expanding, policy.Fixed)

    def show_costs(self, costs: Sequence[Cost]) -> None:
        """Show these in place of those shown."""
        best = cheapest(costs)
        self.setRowCount(len(costs))
        for row, cost in enumerate(costs):
            for column, text in enumerate(cost.cells()):
                self.setItem(row, column, _item(text, bold=cost is best))
        self._fit()

    def _fit(self) -> None:
        """Take the size of the rows and columns, up to a limit."""
        header, scroll_bar = self.horizontalHeader(), self.verticalScrollBar()
        rows = range(min(self.rowCount(), MOST_ROWS))
        height = sum(self.rowHeight(row) for row in rows)
        widths = [
            max(self.sizeHintForColumn(column), header.sectionSizeHint(column))
            for column in range(self.columnCount())
        ]
        widths[-1] = max(widths[-1], self.fontMetrics().horizontalAdvance(LONG_TIME))
        around = scroll_bar.sizeHint().width() + 2 * self.frameWidth()
        self.setFixedHeight(height + header.sizeHint().height() + around)
        self.setMinimumWidth(min(sum(widths) + around, MOST_WIDTH))
        modes = QHeaderView.ResizeMode
        # what stretches shrinks too, where room is short
        has_room = sum(widths) + around <= MOST_WIDTH
        header.setSectionResizeMode(
            len(widths) - 1, modes.Stretch if has_room else modes.ResizeToContents
        )


def _item(text: str, bold: bool) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    font = item.font()
    font.setBold(bold)
    item.setFont(font)
    return item


LISTED = 3  # sizes listed an axis
IN_PLAIN_WORDS = {
    "Gives": "What is computed for each pixel. Embedding: numbers that are alike for "
    "pixels of one object. Foreground logit: how sure it is that the pixel belongs to "
    "an object.",
    "Period": "An image shifted by this many pixels gives the same result, shifted. "
    "Shifted by fewer, it gives another one.",
    "Depth": "How often the network shrinks the image (pooling layers).",
    "Context": "Pixels around a tile that are read but not predicted, both sides "
    "together.",
    "Padding": "valid: nothing is added around a tile. same: zeros are added.",
    "Upsampling": "How the shrunk image grows again: with learnt weights, or by "
    "repeating the nearest value.",
    "Normalization": "Whether values are rescaled inside the network.",
    "Tells apart": "Of more objects that look alike, some get the same values: they "
    "are told apart only where they do not touch.",
    "Legal windows": "Tile sizes whose tiles meet without seams.",
    "Legal inputs": "Sizes that the network can read without losing pixels → sizes "
    "that it then predicts.",
    "Training window": "How many pixels the loss saw at once. It must be larger than "
    "the period.",
}


FOUND_IN_PLAIN_WORDS = IN_PLAIN_WORDS | {
    "Context": "How far an output pixel sees beyond its own place.",
    "Padding": "zeros: what lies beyond a tile is taken for zero, inside the network. "
    "valid: nothing is made up.",
    "Legal inputs": "Sizes that the network can read without losing pixels.",
    "Halo that is read": "Pixels around a tile that are read, and dropped again.",
    "Declared halo": "What the package itself says that is to be read around a tile.",
    "Known by": "Graph: its layers were read one by one. Probe: it was tried out on "
    "images that were shifted.",
}
BADGE_COLOURS: dict[Badge, str] = {  # white is read on all of them
    "exact": "#2e7d32",
    "not tested yet": "#455a64",
    "probably exact": "#455a64",
    "nearly": "#8a5a00",
    "not at all": "#b3261e",
}
HINT = (
    "<p><small>Hold the pointer over an underlined word to read what it means.</small>"
    "</p>"
)


def model_card(config: NetworkConfig, report: Suitability) -> str:
    """Return the card of a model as HTML: whether it tiles, what it is, its training.

    Warnings are left out, they stand by themselves. What comes from the file is
    escaped.

    Parameters
    ----------
    config : NetworkConfig
    report : Suitability
        Of this network.
    """
    parts = [f"<h3>{escape(config.name)}</h3>", _badge(report)]
    if config.description:
        parts.append(f"<p>{escape(config.description)}</p>")
    parts += [
        f"<h4>{escape(title)}</h4>{_list(list(texts))}"
        for title, texts in report.sections.items()
    ]
    if report.figures:
        figures = {name: escape(text) for name, text in report.figures}
        parts += ["<h4>What was found</h4>", _table(figures, FOUND_IN_PLAIN_WORDS)]
        parts += [HINT, "<h4>Notes</h4>", _list(list(report.notes))]
        return "".join(parts)
    if report.sections:
        parts.append("<h4>The model</h4>")
    parts += [
        _table(_figures(config)),
        HINT,
        "<h4>What follows</h4>",
        _list([r.text for r in what_follows(config) if r.kind == "note"]),
        *_training(config),
    ]
    return "".join(parts)


def _badge(report: Suitability) -> str:
    """Return the verdict in white on its colour, and the sentence beside it."""
    colour, short = BADGE_COLOURS[report.badge], BADGES[report.badge]
    return (
        f'<table cellspacing="0" cellpadding="4"><tr><td bgcolor="{colour}"><b>'
        f'<font color="#ffffff">{short.replace(" ", "&nbsp;")}</font></b></td>'
        f'<td valign="middle">{escape(report.headline)}</td></tr></table>'
    )


def _figures(config: NetworkConfig) -> dict[str, str]:
    shape, channels = config.shape, number_of(config.in_channels, "channel")
    rows = {
        "Trained on": config.provenance.data if config.provenance else "not known",
        "Reads": f"{config.ndim}-D images of {channels}",
        "Gives": _gives(config),
        "Period": f"{by(shape.period)} pixels{_power(shape.axes)}",
        **_architecture(config),
        "Tells apart": f"at most {shape.max_same_looking:,} same-looking objects",
        "Legal windows": _per_axis([_windows(axis) for axis in shape.axes]),
        "Legal inputs": _per_axis([_inputs(axis) for axis in shape.axes]),
        "Training window": _training_window(config),
    }
    return {name: escape(text) for name, text in rows.items()}


def _gives(config: NetworkConfig) -> str:
    channels = number_of(config.embedding_channels, "channel")
    gives = f"a {config.embedding} embedding of {channels}"
    if config.foreground:
        gives += " and a foreground logit"
    if config.classes:
        gives += f", and the classes {', '.join(config.classes)}"
    return gives


def _architecture(config: NetworkConfig) -> dict[str, str]:
    shape = config.shape
    rows = {"Context": f"{by(shape.context)} pixels"}
    if isinstance(config, ModelConfig):
        rows = {
            "Depth": compact(tuple(axis.depth for axis in config.shape.axes)),
            **rows,
            "Padding": config.padding,
            "Upsampling": config.upsampling,
            "Normalization": config.normalization,
        }
    return rows


def _power(axes: tuple[AxisSizes, ...]) -> str:
    """Write what the period is a power of, where there is one for all axes."""
    powers = {period_text(axis.factors) for axis in axes}
    return f" (= {powers.pop()})" if len(powers) == 1 and axes[0].period > 1 else ""


def _windows(axis: AxisSizes) -> str:
    if axis.period == 1:
        return "any"
    listed = ", ".join(str(n * axis.period) for n in range(1, LISTED + 1))
    return f"{listed}, …: multiples of {axis.period}"


def _inputs(axis: AxisSizes) -> str:
    sizes = axis.legal_inputs(LISTED)
    outputs = ", ".join(str(axis.raw_output(size)) for size in sizes)
    return f"{', '.join(map(str, sizes))}, … → {outputs}, …"


def _per_axis(texts: list[str]) -> str:
    return texts[0] if len(set(texts)) == 1 else "; ".join(texts)


def _training_window(config: NetworkConfig) -> str:
    if config.provenance is None:
        return "not known"
    window, period = config.provenance.window, config.shape.period
    if all(w > p or p == 1 for w, p in zip(window, period, strict=True)):
        return f"{compact(window)} > period {compact(period)} ✓"
    return f"{compact(window)} not above the period {compact(period)}"


def _training(config: NetworkConfig) -> list[str]:
    if config.provenance is None:
        return []
    known = config.provenance.model_dump(mode="json")
    rows = {
        name.replace("_", " ").capitalize(): escape(_words(value))
        for name, value in known.items()
    }
    return ["<h4>How it was trained</h4>", _table(rows)]


def _words(value: object) -> str:
    return by(tuple(value)) if isinstance(value, list) else in_words(value)


def _table(rows: dict[str, str], words: dict[str, str] = IN_PLAIN_WORDS) -> str:
    cells = (
        f"<tr><td>{_explained(name, words)}&nbsp;&nbsp;</td><td>{text}</td></tr>"
        for name, text in rows.items()
    )
    return f"<table>{''.join(cells)}</table>"


def _explained(name: str, words: dict[str, str]) -> str:
    """Return a name in bold; with a tooltip, and underlined, if it needs one."""
    if name not in words:
        return f"<b>{name}</b>"
    tooltip = escape(words[name], quote=True)
    return f'<b><u title="{tooltip}">{name}</u></b>'


def _list(texts: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"
