"""What a click or a stroke means, by the tool that is on."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, PushButton
from psygnal import Signal

from napari_shiftseg.gui.choices import is_truth

if TYPE_CHECKING:
    import napari


LINE = 80  # characters of a tooltip


@dataclass(frozen=True)
class Tool:
    """A tool.

    Attributes
    ----------
    name, key : str
    draws : bool
        Whether dragging draws.
    hint : str
        What to do with it.
    words : str
        What the words of its answers mean.
    """

    name: str
    key: str
    draws: bool
    hint: str
    words: str = ""

    @property
    def tooltip(self) -> str:
        """What to do with it, and what its answers mean; Qt breaks no plain text."""
        return "\n\n".join(filter(None, (fill(self.hint, LINE), self.words)))


DROPS = " Esc drops waiting points, or else the tool."
LAYS_DOWN = " Esc drops the tool."

ASK = Tool(
    "Ask", "A", False,
    "Move over the image: the distance layer shows what belongs with the pixel under "
    "the pointer (bright: alike). Click two objects to learn why they are two, or one."
    + DROPS,
    "bandwidths from its mode: how far the pixel is from the centre of its cluster\n"
    "to the next: how far it is from the centre of the nearest other cluster\n"
    "phase: its position in the pattern that repeats every p pixels (p: the period)\n"
    "tile: which tile predicted it, counted from 0 along each axis\n"
    "foreground: how probable it is that it lies on an object, from 0 to 1\n"
    "edited: an edit changed the object, or made the pixel background",
)  # fmt: skip
MERGE = Tool(
    "Merge", "J", True,
    "Click two objects that are one, or draw a line across all its parts." + DROPS,
)  # fmt: skip
SPLIT = Tool(
    "Split", "S", True,
    "Click once on each of the two parts, or draw a line from one part to the other. "
    "More parts: hold Shift for all clicks but the last." + DROPS,
)  # fmt: skip
DELETE = Tool(
    "Delete", "D", False,
    "Click dirt, or what is no object: it is removed." + LAYS_DOWN,
)  # fmt: skip
REDRAW = Tool(
    "Redraw", "R", False,
    "Click an object: its outline follows the foreground that the network predicts."
    + LAYS_DOWN,
)  # fmt: skip
ADD = Tool(
    "Add", "W", False,
    "Click an object that was missed: it is added. Click one that is too small: it "
    "grows, with every click. What you add stays, even below the minimum size."
    + LAYS_DOWN,
)  # fmt: skip
RIGHT = Tool(
    "Mark right", "O", False,
    "Click objects that are right, again to unmark: they guide “Find the bandwidth”, "
    "and training." + LAYS_DOWN,
)  # fmt: skip
TOOLS = (ASK, MERGE, SPLIT, DELETE, REDRAW, ADD, RIGHT)
IN_A_ROW = 4


class Tools(Container):
    """A button a tool; one is on at a time, or none.

    Attributes
    ----------
    chosen : Signal
        Emitted with the tool, or None, when another is on.
    """

    chosen = Signal(object)

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self.on: Tool | None = None
        self._bound_before: dict[Tool, Any] = {}
        self.buttons = {
            tool: PushButton(text=f"{tool.name}  [{tool.key}]", tooltip=tool.tooltip)
            for tool in TOOLS
        }
        rows = [
            Container(
                widgets=[self.buttons[tool] for tool in TOOLS[i : i + IN_A_ROW]],
                layout="horizontal", labels=False,
            )
            for i in range(0, len(TOOLS), IN_A_ROW)
        ]  # fmt: skip
        for row in rows:
            row.margins = (0, 0, 0, 0)
        super().__init__(widgets=rows, labels=False)
        self.margins = (0, 0, 0, 0)
        for tool, button in self.buttons.items():
            button.native.setCheckable(True)
            button.native.clicked.connect(lambda _, tool=tool: self.press(tool))

    def press(self, tool: Tool | None) -> None:
        """Turn a tool on, or off where it is on."""
        self.on = None if tool is self.on else tool
        for one, button in self.buttons.items():
            button.native.setChecked(one is self.on)
        self.chosen.emit(self.on)

    def bind_keys(self) -> None:
        """Let the keys of the tools work in the viewer."""
        for tool in TOOLS:
            self._bound_before[tool] = self._viewer.bind_key(tool.key, None)
            self._viewer.bind_key(tool.key, lambda _, tool=tool: self._press_key(tool))

    def _press_key(self, tool: Tool) -> None:
        active = self._viewer.layers.selection.active
        if not self.enabled or is_truth(active):  # objects not seen would change
            return
        self.press(tool)

    def free_keys(self) -> None:
        """Give the keys back to whom they belonged."""
        for tool, before in self._bound_before.items():
            self._viewer.bind_key(tool.key, None)
            if before is not None:
                self._viewer.bind_key(tool.key, before)
