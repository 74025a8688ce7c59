"""Layers that lie upon each other are told apart by their hue."""

from __future__ import annotations

from colorsys import rgb_to_hsv

import numpy as np

from napari_shiftseg.gui.compare.layers import blue, cool_labels, warm


def hues(colours) -> np.ndarray:
    return np.array([rgb_to_hsv(*colour[:3])[0] for colour in colours])


def test_gradients_are_warm_and_outlines_are_cool():
    gradient = hues(warm().map(np.linspace(0.1, 1, 50)))
    outlines = hues(cool_labels().map(np.arange(1, 500)))
    assert gradient.max() < 1 / 6  # red to yellow
    assert outlines.min() > 0.45
    assert outlines.max() < 0.85


def test_neighbouring_objects_differ_and_the_background_is_clear():
    colours = cool_labels().map(np.arange(48))
    assert colours[0, 3] == 0
    assert (np.abs(np.diff(hues(colours[1:]))) > 0.1).all()


def test_gradient_and_difference_add_up_to_white():
    brightest = sum(colormap.map([1.0])[0, :3] for colormap in (warm(), blue()))
    np.testing.assert_array_less(0.99, brightest)
