"""Labels and masks among images are known; images are none."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.metrics.label_likeness import label_likeness
from napari_shiftseg.samples.catalogue import make_sample


def squares(*numbers):
    """Squares of 8 × 8 pixels in a row, of these numbers."""
    image = np.zeros((12, 10 * len(numbers)), np.uint16)
    for at, number in enumerate(numbers):
        image[2:10, 10 * at + 1 : 10 * at + 9] = number
    return image


@pytest.mark.parametrize(
    "image",
    [squares(1, 2, 3, 4), np.repeat(squares(9, 1, 5, 4), 3, axis=0)[None]],
)
def test_labels_are_known(image):
    assert label_likeness(image).startswith("looks like labels, not like an image: 4")


def test_labels_that_touch_are_known_and_a_ramp_is_no_labels():
    blocks = np.kron([[0, 5, 1], [9, 3, 7], [2, 8, 4]], np.ones((20, 20), int))
    assert label_likeness(blocks)
    ramp = np.repeat(np.arange(200) // 10, 50).reshape(200, 50).T  # steps of one
    assert label_likeness(ramp) == ""


def test_a_mask_is_known():
    said = "looks like a mask, not like an image: its only values are 0 and "
    assert label_likeness(squares(255, 255)) == f"{said}255"
    assert label_likeness(squares(1, 1) > 0) == f"{said}1"


def test_images_are_neither():
    random = np.random.default_rng(0)
    assert label_likeness(random.poisson(3, (64, 64))) == ""
    assert label_likeness(random.random((64, 64))) == ""
    assert label_likeness(np.zeros((64, 64), np.uint8)) == ""
    sample = make_sample("nuclei")
    grey = (np.clip(sample.image, 0, 1) * 255).astype(np.uint8)
    assert label_likeness(grey) == ""
    assert label_likeness(sample.labels)
