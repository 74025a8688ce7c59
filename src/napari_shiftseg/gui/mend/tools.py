"""What a click or a stroke means, by the tool that is on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import PushButton
from psygnal import Signal

from napari_shiftseg.gui.parts.choices import is_truth
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows
from napari_shiftseg.mending.edits import Delete, Merge, Redraw, Split

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import napari
    from napari.layers import Labels

    from napari_shiftseg.gui.mend.tool_actions import ToolActions
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit


LEFT = 1  # button
ESCAPE = "Escape"
STILL = 5  # screen pixels that a hand moves during a click
Pixel = tuple[int, ...]


class BorrowedKey:
    """A key of a viewer or of a layer that does something of ours until it is freed.

    Parameters
    ----------
    owner : Viewer or Layer
    key : str
    do : callable
    """

    def __init__(self, owner: Any, key: str, do: Callable[[], None]) -> None:
        self._owner, self._key = owner, key
        self._before = owner.bind_key(key, None)
        owner.bind_key(key, lambda _: do())

    def free(self) -> None:
        """Give it back to whom it belonged."""
        self._owner.bind_key(self._key, None)
        if self._before is not None:
            self._owner.bind_key(self._key, self._before)


class Gestures:
    """Tells actions which pixels of a layer are clicked, drawn over or pointed at.

    Only while it is on, the layer is the selected one and planes are displayed. Where
    strokes are drawn, dragging does not move the view. Where the user takes a tool of
    napari's, ours is laid down: two would act at once. The Escape key is the layer's
    own while it is on: what napari and others do with it on this layer, or on other
    ones, stays.
    """

    def __init__(self, viewer: napari.Viewer, actions: ToolActions) -> None:
        self._viewer, self._actions = viewer, actions
        self._layer: Labels | None = None
        self._draws = False

    def begin(self, layer: Labels, draws: bool) -> None:
        """Listen on a layer.

        Parameters
        ----------
        layer : Labels
        draws : bool
            Whether dragging draws a stroke.
        """
        self.end()
        self._layer, self._draws = layer, draws
        layer.mouse_drag_callbacks.append(self._drag)
        layer.mouse_move_callbacks.append(self._move)
        layer.mode = "pan_zoom"
        layer.mouse_pan = not draws
        layer.events.mode.connect(self._follow_mode)
        self._key = BorrowedKey(layer, ESCAPE, self._actions.escape)

    def end(self) -> None:
        """Listen no more."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        layer.mouse_drag_callbacks.remove(self._drag)
        layer.mouse_move_callbacks.remove(self._move)
        layer.events.mode.disconnect(self._follow_mode)
        self._key.free()
        layer.mouse_pan = str(layer.mode) == "pan_zoom"

    def _follow_mode(self) -> None:
        if self._layer is not None and str(self._layer.mode) != "pan_zoom":
            self._actions.lay_down()

    def _drag(self, layer: Labels, event: Any) -> Generator[None, None, None]:
        if event.button != LEFT or self._viewer.dims.ndisplay != 2:
            return
        path, begin = [event.position], np.array(event.pos)
        keys, moved = tuple(str(getattr(k, "name", k)) for k in event.modifiers), False
        yield
        while event.type == "mouse_move":
            moved = moved or np.abs(np.array(event.pos) - begin).max() > STILL
            path.append(event.position)
            yield
        if layer is not self._layer:
            return
        if not moved:
            self._actions.click(pixel_at(layer, path[0]), keys)
        elif self._draws:
            self._actions.draw(stroke(layer, path))

    def _move(self, layer: Labels, event: Any) -> None:
        if self._viewer.dims.ndisplay == 2:
            self._actions.hover(pixel_at(layer, event.position))


def pixel_at(layer: Labels, position: Sequence[float]) -> Pixel:
    """Return the pixel of a layer's data at a position in the world.

    Parameters
    ----------
    layer : Labels
    position : sequence of float
    """
    at = np.round(layer.world_to_data(position)).astype(int)
    return tuple(at.tolist())


def stroke(layer: Labels, path: Sequence[Sequence[float]]) -> list[Pixel]:
    """Return the pixels under a path, each once, none left out between two.

    Parameters
    ----------
    layer : Labels
    path : sequence of sequence of float
        Positions in the world.
    """
    corners = np.array([layer.world_to_data(position) for position in path])
    found: dict[Pixel, None] = {}
    for a, b in pairwise(corners):
        steps = max(1, int(np.ceil(np.abs(b - a).max())))
        for part in np.linspace(a, b, steps + 1):
            found[tuple(np.round(part).astype(int).tolist())] = None
    return list(found)


def is_inside(layer: Labels, pixel: Pixel) -> bool:
    """Whether a pixel is one of the layer.

    Parameters
    ----------
    layer : Labels
    pixel : tuple of int
    """
    return all(0 <= x < n for x, n in zip(pixel, layer.data.shape, strict=True))


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
ASK_ABOUT_PARTS = (
    "Move over the image to learn of the pixel under the pointer. Click two objects to "
    "learn why they are two, or one." + DROPS
)  # of objects without modes
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
    "Click dirt, or anything that is no object, to remove it." + LAYS_DOWN,
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


class Tools(ControlRows):
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
        self._keys: list[BorrowedKey] = []
        self.buttons = {
            tool: PushButton(text=f"{tool.name}  [{tool.key}]", tooltip=tool.tooltip)
            for tool in TOOLS
        }
        rows = [
            ControlRow(*(self.buttons[tool] for tool in TOOLS[i : i + IN_A_ROW]))
            for i in range(0, len(TOOLS), IN_A_ROW)
        ]
        super().__init__(*rows)
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
            press = partial(self._press_key, tool)
            self._keys.append(BorrowedKey(self._viewer, tool.key, press))

    def _press_key(self, tool: Tool) -> None:
        active = self._viewer.layers.selection.active
        if not self.enabled or is_truth(active):  # objects not seen would change
            return
        self.press(tool)

    def free_keys(self) -> None:
        """Give the keys back to whom they belonged."""
        for key in self._keys:
            key.free()


MORE = "Shift"  # held: another click follows


class Clicks:
    """Collects clicks until the tool that is on can act.

    Attributes
    ----------
    points : list of tuple of int
        Clicked and not acted on yet, in pixels of the image.
    frame : tuple of int
        In which they were clicked.
    """

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.frame: Point = ()

    def clear(self) -> None:
        """Forget what was clicked."""
        self.points.clear()

    def waits_at(self, frame: Point, point: Point) -> bool:
        """Whether a pixel was clicked and not acted on yet.

        Parameters
        ----------
        frame : tuple of int
        point : tuple of int
            Pixel of the image.
        """
        return frame == self.frame and point in self.points

    def click(
        self, tool: Tool, frame: Point, point: Point, keys: Sequence[str]
    ) -> Edit | None:
        """Take a click; return the edit that it completes, if it does.

        Parameters
        ----------
        tool : Tool
        frame : tuple of int
        point : tuple of int
            Pixel of the image.
        keys : sequence of str
            That are held.
        """
        if tool is DELETE:
            return Delete((point,), frame)
        if tool is REDRAW:
            return Redraw((point,), frame)
        if frame != self.frame:
            self.clear()
        self.frame = frame
        if point not in self.points:
            self.points.append(point)
        if len(self.points) < 2 or MORE in keys:
            return None
        points = tuple(self.points)
        self.clear()
        if tool is MERGE:
            return Merge(points, frame)
        return Split(tuple((point,) for point in points), frame)

    def stroke(self, tool: Tool, frame: Point, points: Sequence[Point]) -> Edit | None:
        """Take a stroke: a merge of all it crosses, or a split of its two ends.

        Parameters
        ----------
        tool : Tool
        frame : tuple of int
        points : sequence of tuple of int
            Pixels of the image.
        """
        self.clear()
        if len(points) < 2:
            return None
        if tool is MERGE:
            return Merge(tuple(points), frame)
        if tool is SPLIT:
            return Split(((points[0],), (points[-1],)), frame)
        return None
