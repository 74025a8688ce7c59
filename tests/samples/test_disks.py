"""Disks pixel by pixel."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_shiftseg.samples.catalogue import SAMPLES, constant, disks, make_sample


def drawn(shape, period, radius):
    """Labels found by asking every centre about every pixel, far ones too."""
    centres = list(product(*(range(0, n + period, period) for n in shape)))
    labels = np.zeros(shape, dtype=int)
    pixels = np.indices(shape)
    for number, centre in enumerate(centres, start=1):
        away = sum((a - b) ** 2 for a, b in zip(pixels, centre, strict=True))
        assert not labels[away <= radius**2].any(), "disks overlap"
        labels[away <= radius**2] = number
    shown = np.unique(labels[labels > 0])
    return np.where(labels > 0, np.searchsorted(shown, labels) + 1, 0)


def test_two_disks_in_a_row_by_hand():
    sample = disks((7,), period=6, radius=2)

    assert sample.image.tolist() == [1, 1, 1, 0, 1, 1, 1]
    assert sample.labels.tolist() == [1, 1, 1, 0, 2, 2, 2]
    assert sample.period == 6


def test_a_quarter_of_a_disk_by_hand():
    assert disks((4, 4), period=7, radius=3).labels.tolist() == [
        [1, 1, 1, 1],
        [1, 1, 1, 0],
        [1, 1, 1, 0],
        [1, 0, 0, 0],
    ]


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=3),
    st.integers(1, 9),
    st.floats(0, 4.4),
)
@settings(deadline=None, max_examples=40)
def test_every_pixel_belongs_to_the_disk_within_whose_radius_it_lies(
    shape, period, radius
):
    if 2 * radius >= period:
        return
    sample = disks(shape, period, radius)
    truth = drawn(tuple(shape), period, radius)

    np.testing.assert_array_equal(sample.labels, truth)
    np.testing.assert_array_equal(sample.image, truth > 0)
    assert sample.image.dtype == np.float32
    assert sample.labels.dtype == np.int32


def test_the_papers_disks():
    sample = disks()

    assert sample.image.shape == (508, 508)
    assert sample.labels.max() == 40 * 40  # 507 = 39 · 13, halves and quarters counted
    # 81 grid points lie within 5 of the origin (the circle problem, r = 5)
    whole = np.bincount(sample.labels.ravel())[1:].reshape(40, 40)[1:-1, 1:-1]
    assert (whole == 81).all()


def test_disks_are_numbered_in_raster_order_and_none_is_left_out():
    # the column of centres beyond pixel 7 stays out of sight
    labels = disks((20, 8), period=13, radius=5).labels

    assert np.unique(labels).tolist() == [0, 1, 2]
    assert labels[0, 0] == 1
    assert labels[13, 0] == 2


@pytest.mark.parametrize(("shape", "period"), [((40, 27), 13), ((17, 33, 9), 4)])
def test_each_label_is_one_piece(shape, period):
    labels = disks(shape, period, radius=1.5).labels
    faces = ndimage.label(labels > 0)

    assert faces[1] == labels.max() == len(np.unique(labels)) - 1
    assert len(np.unique(np.stack([labels, faces[0]]).reshape(2, -1), axis=1).T) == (
        labels.max() + 1
    )


@pytest.mark.parametrize("period", [13, 16])
def test_mirroring_continues_the_lattice(period):
    whole = disks((2 * period + 1, 3 * period + 1), period)
    larger = disks((8 * period + 1, 9 * period + 1), period)
    mirrored = np.pad(whole.image, 3 * period, mode="reflect")
    np.testing.assert_array_equal(mirrored, larger.image)

    broken = disks((2 * period, 3 * period + 1), period)
    mirrored = np.pad(broken.image, 3 * period, mode="reflect")
    assert (mirrored != larger.image[:-1]).any()


def test_the_image_repeats_with_the_period_and_not_before():
    image = disks((60, 60), period=13).image

    np.testing.assert_array_equal(image[13:], image[:-13])
    np.testing.assert_array_equal(image[:, 13:], image[:, :-13])
    assert all((image[shift:] != image[:-shift]).any() for shift in range(1, 13))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"period": 0}, "period must be 1 pixel or more, got 0"),
        ({"period": -3}, "period must be 1 pixel or more, got -3"),
        ({"period": 10}, r"radius 5 touch at period 10: take a radius below 5\.0"),
        ({"radius": 7}, r"radius 7 touch at period 13: take a radius below 6\.5"),
        ({"radius": 6.5}, r"radius 6\.5 touch at period 13"),
        ({"radius": -5}, "radius must be 0 or more, got -5"),
    ],
)
def test_disks_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        disks((20, 20), **options)


def test_a_point_and_the_largest_disk():
    assert disks((5,), period=2, radius=0).image.tolist() == [1, 0, 1, 0, 1]
    assert disks((8,), period=7, radius=3.4).labels.tolist() == [1] * 4 + [2] * 4


def test_samples_by_name():
    assert list(SAMPLES) == [
        "disks", "disks-15", "disks-16", "disks-noise", "disks-bent", "constant",
        "nuclei", "nuclei-3d", "nuclei-small", "shapes",
    ]  # fmt: skip
    for name, entry in SAMPLES.items():
        made = entry.make()
        assert entry.size == " × ".join(map(str, made.image.shape))
        number = f"{len(np.unique(made.labels)) - 1:,} disks"
        assert entry.purpose.startswith(number) == name.startswith("disks")
    assert make_sample("disks").period == 13
    commensurate = make_sample("disks-16")
    assert commensurate.period == 16
    assert commensurate.image.shape == (513, 513)
    with pytest.raises(ValueError, match="no sample 'x'; there are disks, disks-15"):
        make_sample("x")


def test_a_constant_image_has_no_object():
    sample = constant((4, 5, 6), value=0.25)

    assert sample.image.shape == sample.labels.shape == (4, 5, 6)
    assert (sample.image == 0.25).all()
    assert not sample.labels.any()
    assert sample.period is None
