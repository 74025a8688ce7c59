"""Clicks, strokes and the pointer on a layer, in pixels of its data."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import napari
    from napari.layers import Labels

LEFT = 1  # button
ESCAPE = "Escape"
STILL = 5  # screen pixels that a hand moves during a click

Pixel = tuple[int, ...]


class Gestures:
    """Calls back with the pixels of a layer that are clicked or drawn over.

    Only while it is on, the layer is the selected one and planes are displayed. Where
    strokes are drawn, dragging does not move the view.

    Parameters
    ----------
    viewer : napari.Viewer
    on_click : callable
        Takes the pixel, on all axes of the layer, and the keys held ("Shift", …).
    on_stroke : callable
        Takes the pixels drawn over, one beside the other.
    on_hover : callable
        Takes the pixel under the pointer.
    on_other_mode : callable
        Called when the user takes a tool of napari's: two would act at once.
    on_escape : callable
        Called when Escape is pressed. The key is the layer's own while it is on: what
        napari and others do with it on this layer, or on other ones, stays.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        on_click: Callable[[Pixel, Sequence[str]], None],
        on_stroke: Callable[[list[Pixel]], None],
        on_hover: Callable[[Pixel], None],
        on_other_mode: Callable[[], None] = lambda: None,
        on_escape: Callable[[], None] = lambda: None,
    ) -> None:
        self._viewer = viewer
        self._on_click, self._on_stroke = on_click, on_stroke
        self._on_hover, self._on_other_mode = on_hover, on_other_mode
        self._on_escape = on_escape
        self._layer: Labels | None = None
        self._draws = False
        self._bound_before: Callable[[Labels], Any] | None = None

    def begin(self, layer: Labels, draws: bool) -> None:
        """Listen on a layer; `draws`: dragging draws a stroke."""
        self.end()
        self._layer, self._draws = layer, draws
        layer.mouse_drag_callbacks.append(self._drag)
        layer.mouse_move_callbacks.append(self._move)
        layer.mode = "pan_zoom"
        layer.mouse_pan = not draws
        layer.events.mode.connect(self._follow_mode)
        self._bound_before = layer.bind_key(ESCAPE, None)
        layer.bind_key(ESCAPE, self._escape)

    def end(self) -> None:
        """Listen no more."""
        layer, self._layer = self._layer, None
        if layer is None:
            return
        layer.mouse_drag_callbacks.remove(self._drag)
        layer.mouse_move_callbacks.remove(self._move)
        layer.events.mode.disconnect(self._follow_mode)
        layer.bind_key(ESCAPE, None)
        if self._bound_before is not None:
            layer.bind_key(ESCAPE, self._bound_before)
        layer.mouse_pan = str(layer.mode) == "pan_zoom"

    def _escape(self, layer: Labels) -> None:
        self._on_escape()

    def _follow_mode(self) -> None:
        if self._layer is not None and str(self._layer.mode) != "pan_zoom":
            self._on_other_mode()

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
            self._on_click(pixel_at(layer, path[0]), keys)
        elif self._draws:
            self._on_stroke(stroke(layer, path))

    def _move(self, layer: Labels, event: Any) -> None:
        if self._viewer.dims.ndisplay == 2:
            self._on_hover(pixel_at(layer, event.position))


def pixel_at(layer: Labels, position: Sequence[float]) -> Pixel:
    """Return the pixel of a layer's data at a position in the world."""
    at = np.round(layer.world_to_data(position)).astype(int)
    return tuple(at.tolist())


def stroke(layer: Labels, path: Sequence[Sequence[float]]) -> list[Pixel]:
    """Return the pixels under a path, each once, none left out between two."""
    corners = np.array([layer.world_to_data(position) for position in path])
    found: dict[Pixel, None] = {}
    for a, b in pairwise(corners):
        steps = max(1, int(np.ceil(np.abs(b - a).max())))
        for part in np.linspace(a, b, steps + 1):
            found[tuple(np.round(part).astype(int).tolist())] = None
    return list(found)


def is_inside(layer: Labels, pixel: Pixel) -> bool:
    """Whether a pixel is one of the layer."""
    return all(0 <= x < n for x, n in zip(pixel, layer.data.shape, strict=True))
