"""Pixels under clicks and strokes."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.key_bindings import KeymapHandler, coerce_keybinding

from napari_shiftseg.gui.mend.tools import Gestures, is_inside, pixel_at, stroke

SHAPE = (8, 10)
PLACED = {"scale": (2.0, 0.5), "translate": (3.0, -4.0), "rotate": 30}


def world(layer, pixel):
    return layer.data_to_world(pixel)


@pytest.mark.parametrize("place", [{}, PLACED])
def test_the_pixel_at_its_own_place(place) -> None:
    layer = Labels(np.zeros(SHAPE, dtype=int), **place)
    for pixel in np.ndindex(SHAPE):
        assert pixel_at(layer, world(layer, pixel)) == pixel
        assert pixel_at(layer, world(layer, np.add(pixel, (0.4, -0.4)))) == pixel
    assert pixel_at(layer, world(layer, (2.6, 3))) == (3, 3)


@pytest.mark.parametrize("place", [{}, PLACED])
def test_a_stroke_leaves_no_pixel_out(place) -> None:
    layer = Labels(np.zeros((60, 60), dtype=int), **place)
    corners = np.random.default_rng(0).uniform(0, 59, (30, 2))
    found = stroke(layer, [world(layer, corner) for corner in corners])
    assert {tuple(np.round(c).astype(int)) for c in corners} <= set(found)
    fresh = set()
    for pixel in found:  # each new pixel touches one met before
        near = {(pixel[0] + i, pixel[1] + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        assert not fresh or near & fresh
        fresh.add(pixel)
    assert len(fresh) == len(found)


def test_a_straight_stroke() -> None:
    layer = Labels(np.zeros(SHAPE, dtype=int))
    assert stroke(layer, [(1, 1), (1, 4)]) == [(1, 1), (1, 2), (1, 3), (1, 4)]
    steps = np.abs(np.diff(stroke(layer, [(0, 0), (7, 2)]), axis=0))
    assert all(step.max() == 1 for step in steps)
    assert stroke(layer, [(2, 2), (2, 2)]) == [(2, 2)]


def test_inside() -> None:
    layer = Labels(np.zeros(SHAPE, dtype=int))
    assert is_inside(layer, (0, 0))
    assert is_inside(layer, (7, 9))
    assert not any(is_inside(layer, p) for p in [(-1, 0), (8, 0), (0, 10)])


@pytest.fixture
def told():
    return SimpleNamespace(clicks=[], strokes=[], hovers=[], escapes=[])


@pytest.fixture
def gestures(told):
    viewer = SimpleNamespace(dims=SimpleNamespace(ndisplay=2))
    actions = SimpleNamespace(
        click=lambda *click: told.clicks.append(click),
        draw=told.strokes.append,
        hover=told.hovers.append,
        escape=lambda: told.escapes.append(1),
        lay_down=lambda: None,
    )
    return Gestures(viewer, actions)


def drag(layer, *positions, keys=(), button=1):
    """Press, move and let go, as napari does; a pixel is ten of the screen."""
    event = SimpleNamespace(type="mouse_press", button=button, modifiers=keys)
    for callback in list(layer.mouse_drag_callbacks):
        event.position, event.pos = positions[0], np.multiply(positions[0], 10)
        event.type = "mouse_press"
        going = callback(layer, event)
        if next(going, "over") == "over":
            continue
        for _, position in pairwise(positions):
            event.type, event.position = "mouse_move", position
            event.pos = np.multiply(position, 10)
            next(going)
        event.type = "mouse_release"
        next(going, None)


def test_a_click_and_a_hand_that_trembles(gestures, told) -> None:
    layer = Labels(np.zeros(SHAPE, dtype=int))
    gestures.begin(layer, draws=True)
    drag(layer, (2.0, 3.0), keys=("Shift",))
    drag(layer, (2.0, 3.0), (2.3, 3.0))
    assert told.clicks == [((2, 3), ("Shift",)), ((2, 3), ())]
    assert not told.strokes


def test_a_stroke_is_drawn_only_where_strokes_are(gestures, told) -> None:
    layer = Labels(np.zeros(SHAPE, dtype=int))
    gestures.begin(layer, draws=True)
    assert not layer.mouse_pan
    drag(layer, (2.0, 3.0), (2.0, 6.0))
    assert told.strokes == [[(2, 3), (2, 4), (2, 5), (2, 6)]]
    gestures.begin(layer, draws=False)
    assert layer.mouse_pan
    drag(layer, (2.0, 3.0), (2.0, 6.0))
    assert len(told.strokes) == 1
    assert not told.clicks


def test_other_buttons_and_an_end(gestures, told) -> None:
    layer = Labels(np.zeros(SHAPE, dtype=int))
    before = list(layer.mouse_drag_callbacks), list(layer.mouse_move_callbacks)
    gestures.begin(layer, draws=True)
    drag(layer, (2.0, 3.0), button=2)
    assert not told.clicks
    gestures.end()
    drag(layer, (2.0, 3.0))
    assert not told.clicks
    assert (layer.mouse_drag_callbacks, layer.mouse_move_callbacks) == before
    assert layer.mouse_pan


def press_escape(layer) -> bool:
    """Press the key as napari does where this layer is the selected one."""
    keys = KeymapHandler()
    keys.keymap_providers = [layer]
    return keys.press_key("Escape")


@pytest.mark.usefixtures("window")
def test_escape_is_ours_only_while_a_tool_is_on(gestures, told) -> None:
    layer, other = (Labels(np.zeros(SHAPE, dtype=int)) for _ in range(2))
    layer.bind_key("Escape", mine := lambda _: told.hovers.append("mine"))
    before = dict(layer.keymap)
    gestures.begin(layer, draws=False)
    assert press_escape(layer)
    press_escape(other)
    assert (told.escapes, told.hovers) == ([1], [])
    gestures.begin(layer, draws=True)
    press_escape(layer)
    assert told.escapes == [1, 1]
    gestures.end()
    assert layer.keymap == before
    assert mine in layer.keymap.values()
    press_escape(layer)
    assert (told.escapes, told.hovers) == ([1, 1], ["mine"])


@pytest.mark.usefixtures("window")
def test_napari_has_escape_for_itself_again(gestures, told, monkeypatch) -> None:
    """As it drops a polygon by it, by the keys of all labels."""
    dropped = []
    key = coerce_keybinding("Escape")
    monkeypatch.setitem(Labels.class_keymap, key, dropped.append)
    layer, other = (Labels(np.zeros(SHAPE, dtype=int)) for _ in range(2))
    gestures.begin(layer, draws=False)
    press_escape(layer)
    press_escape(other)
    assert (told.escapes, dropped) == ([1], [other])
    gestures.end()
    press_escape(layer)
    assert (told.escapes, dropped) == ([1], [other, layer])
