"""Advice on a tile size: words, colour and buttons."""

import numpy as np
import pytest
from napari.layers import Image

from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.gui.parts.window_advice import SizeAdvice, images_text

AMBER, RED = "/* warning */", "/* error */"
SHAPE = UNetShape((AxisShape((2, 2)),) * 2, (2, 4, 8))  # p = 4


@pytest.fixture
def chosen():
    return []


@pytest.fixture
def advice(qapp, chosen):
    return SizeAdvice(chosen.append)


def plan(window, stitching="cropped"):
    return plan_tiles((40, 50), SHAPE, window, stitching)


def tell(advice, plan, *about, **more):
    advice.tell(plan, advise(plan), *about, **more)


def captions(advice):
    return [b.text for b in advice.buttons if b.native.isVisibleTo(advice.native)]


def colour(advice):
    return advice.text.native.styleSheet()


def test_nearest_and_cheapest_are_offered_and_chosen(advice, chosen):
    tell(advice, plan(6), ["a note"])
    assert captions(advice) == ["Use 4", "Use 8", "Cheapest: whole (40 × 52)"]
    for button in advice.buttons[:3]:  # the fourth is not shown
        button.native.click()
    assert chosen == [(4, 4), (8, 8), (40, 52)]
    assert advice.text.value == "a note"
    assert AMBER not in colour(advice)


def test_the_cheapest_offers_nothing(advice):
    tell(advice, plan((40, 52)))
    assert captions(advice) == []
    assert advice.text.value == ""


def test_warnings_come_first_and_are_amber(advice):
    tell(advice, plan(8), ["a note"], ["", "a warning", "Another."])
    assert advice.text.value == "A warning.\nAnother.\na note"
    assert AMBER in colour(advice)
    tell(advice, plan(8), ["a note"], ["", ""])
    assert AMBER not in colour(advice)


def test_a_tile_that_does_not_fit_is_warned_of(advice):
    large = plan((40, 52))
    tell(advice, large, memory=large.memory)
    assert advice.text.value == ""
    tell(advice, large, memory=large.memory - 1)
    assert "A tile takes about" in advice.text.value
    assert AMBER in colour(advice)
    (caption,) = captions(advice)
    assert caption.startswith("Cheapest: ")
    assert "whole" not in caption


def test_the_largest_of_several_tiles_has_to_fit(advice):
    small, large = plan(8), plan((40, 52))
    tell(advice, small, memory=small.memory)
    assert advice.text.value == ""
    tell(advice, small, memory=small.memory, beside=[large])
    assert "A tile takes about" in advice.text.value


def test_a_refusal_offers_nothing(advice):
    tell(advice, plan(6))
    advice.say("no window", "error")
    assert advice.text.value == "no window"
    assert RED in colour(advice)
    assert captions(advice) == []


@pytest.mark.parametrize(
    ("names", "said"), [("tyx", "3 frames"), ("zyx", "3 planes"), ("tzyx", "3 frames")]
)
def test_times_are_called_frames(names, said):
    layer = Image(np.zeros((3,) * len(names)), axis_labels=tuple(names))
    assert images_text(layer, 3) == said
