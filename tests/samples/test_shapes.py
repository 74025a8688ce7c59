"""Shapes: their outlines, their truth and their classes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_shiftseg.samples.shapes import CLASSES, Outline, shapes


@pytest.fixture(scope="module")
def sample():
    return shapes((128, 128), seed=3)


def test_every_object_has_a_class_and_is_in_one_piece(sample):
    ids = np.unique(sample.labels[sample.labels > 0]).tolist()
    assert ids == [*sample.classes] == [*range(1, len(ids) + 1)]
    assert {*sample.classes.values()} == {*CLASSES}
    for label in ids:
        assert ndimage.label(sample.labels == label)[1] == 1


def test_the_same_seed_is_the_same_sample(sample):
    again, other = shapes((128, 128), seed=3), shapes((128, 128), seed=4)
    np.testing.assert_array_equal(again.image, sample.image)
    assert again.classes == sample.classes
    assert not np.array_equal(other.labels, sample.labels)


@pytest.mark.parametrize("kind", CLASSES)
def test_outlines_have_one_area_and_their_corners(kind):
    body = Outline(kind, 20.0, turn=0.3)
    along = np.arange(-40, 41, dtype=float)
    inside = body.depth([along, along]) <= 1
    assert inside.sum() == pytest.approx(np.pi * 400, rel=0.02)
    angles = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    reach = np.array([body.reach(np.array([np.sin(a), np.cos(a)])) for a in angles])
    assert reach.max() <= body.extent.max() * 1.001
    assert reach.min() >= body.core * 0.999
    peaks = np.sum((reach > np.roll(reach, 1)) & (reach >= np.roll(reach, -1)))
    if kind != "disk":
        assert peaks == {"square": 4, "star": 5}[kind]
    else:
        assert reach == pytest.approx(20)


def test_classes_follow_the_bodies():
    """A star is the least round, a disk the most: its area by its moment."""
    sample = shapes((160, 160), touching=0, seed=1)
    roundness = {name: [] for name in CLASSES}
    for label, box in enumerate(ndimage.find_objects(sample.labels), start=1):
        if any(side.start == 0 or side.stop == 160 for side in box):
            continue
        at = np.argwhere(sample.labels[box] == label)
        gyration = np.square(at - at.mean(0)).sum(1).mean()
        roundness[sample.classes[label]].append(len(at) / (2 * np.pi * gyration))
    assert min(map(len, roundness.values())) > 1
    assert min(roundness["disk"]) > 0.98 > max(roundness["square"])
    assert min(roundness["square"]) > 0.92 > max(roundness["star"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": (8,)}, "2 sizes of 1 pixel or more"),
        ({"diameter": (30, 20)}, "the smallest and the largest"),
        ({"diameter": (1, 20)}, "from 4 pixels up"),
        ({"density": 40}, "density must be a share"),
        ({"noise": -1}, "noise must be"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        shapes(**options)
