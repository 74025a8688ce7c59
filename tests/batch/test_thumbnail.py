"""The small picture of an image shows it in grey, and its objects in outline."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from napari_shiftseg.batch.thumbnail import OUTLINE, SIDE, picture, thumbnail


def pixels_of(jpeg):
    return np.asarray(Image.open(BytesIO(jpeg))).astype(int)


def is_outline(pixels):
    """Where a picture has the colour of outlines, as far as a JPEG keeps it."""
    return np.abs(pixels - OUTLINE).max(axis=-1) < 80


def test_outlines_lie_where_the_object_ends():
    image, labels = np.zeros((64, 96)), np.zeros((64, 96), int)
    image[16:48, 16:48], labels[16:48, 16:48] = 1, 3
    image[16:48, 60:90] = 1  # bright, but no object
    found = pixels_of(picture(image, labels))
    assert found.shape == (64, 96, 3)
    lines = is_outline(found)
    assert lines[16, 20:44].mean() > 0.8
    assert not lines[24:40, 24:40].any()
    assert not lines[:, 60:].any()
    assert found[30, 30].min() > 200  # white inside
    assert found[5, 5].max() < 60


@pytest.mark.parametrize("shape", [(1000, 500), (3, 1000), (1, 1), (401, 2)])
def test_large_images_are_reduced(shape):
    labels = np.ones(shape, int)
    rows, columns, _ = pixels_of(picture(np.ones(shape), labels)).shape
    assert max(rows, columns) <= SIDE
    assert rows >= 1


def test_what_is_no_number_is_black():
    image = np.ones((30, 30))
    image[:, :15] = np.nan
    image[:, 15:20] = 0
    found = pixels_of(picture(image, np.zeros((30, 30), int)))
    assert found[:, :10].max() < 40
    assert found[:, 25:].min() > 200


def test_of_a_stack_the_middle_plane_of_channels_the_first():
    stack = np.zeros((5, 20, 20))
    stack[2, 5:15, 5:15] = 1
    labels = np.zeros((5, 20, 20), int)
    volume = pixels_of(thumbnail(stack, labels, ((0, 5), (0, 20), (0, 20))))
    frames = pixels_of(thumbnail(stack, labels, ((0, 20), (0, 20))))
    channels = np.stack([stack, 1 - stack], axis=1)
    of_two = pixels_of(thumbnail(channels, labels, ((0, 20), (0, 20))))
    for found in (volume, frames, of_two):
        assert found[10, 10].min() > 200
        assert found[2, 2].max() < 40


def test_a_part_of_the_image_is_shown_alone():
    image = np.zeros((40, 40))
    image[20:, 20:] = np.tile([0, 1], (20, 10))
    labels = np.ones((10, 12), int)
    found = pixels_of(thumbnail(image, labels, ((25, 35), (22, 34))))
    assert found.shape[:2] == (10, 12)
    assert found.std() > 50


def test_a_line_becomes_a_band():
    line = np.linspace(0, 1, 50)
    found = pixels_of(thumbnail(line, np.zeros(50, int), ((0, 50),)))
    assert found.shape[1] == 50
    assert found[:, 45].mean() > found[:, 5].mean() + 100
