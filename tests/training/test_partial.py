"""What is known after a correction, on images that a reader can check by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples import Sample
from napari_shiftseg.training.partial import corrections, training_pairs
from napari_shiftseg.training.windows import RandomWindows, WindowPlace

LINE = np.array([0, 0, 0, 1, 1, 0, 2, 2, 2, 0, 0, 0, 3, 3, 0, 0])


def picture(rows: str) -> np.ndarray:
    """Read labels: a digit is an id, a dot background, a space is not known."""
    value = {".": 0, " ": -1, **{str(n): n for n in range(1, 10)}}
    lines = [line.strip()[1:-1] for line in rows.strip().splitlines()]
    return np.array([[value[letter] for letter in line] for line in lines])


def test_an_object_and_what_is_next_to_it():
    known = corrections(LINE, [1], reach=3)
    _ = -1
    # 2 touches 1 but for one pixel; its end at 8 is beyond the reach
    assert known.tolist() == [0, 0, 0, 1, 1, 0, 2, 2, _, _, _, _, _, _, _, _]


def test_other_objects_within_reach_are_not_known():
    known = corrections(LINE, [3], reach=8)
    _ = -1
    assert known.tolist() == [_, _, _, _, _, 0, _, _, _, 0, 0, 0, 3, 3, 0, 0]


def test_in_a_plane_the_reach_is_round_and_corners_touch():
    labels = picture("""
        |........|
        |.11.....|
        |.11.....|
        |...222..|
        |...222..|
        |3.......|
    """)
    # √5 away, two pixels along one axis and one along the other, and no farther
    expected = picture("""
        |.....   |
        |.11..   |
        |.11..   |
        |...22   |
        |...2    |
        |        |
    """)
    assert_array_equal(corrections(labels, [1], reach=2.3), expected)


def test_the_reach_may_differ_from_axis_to_axis():
    labels = np.zeros((5, 9), int)
    labels[2, 4] = 1
    known = corrections(labels, [1], reach=(1, 3))
    assert_array_equal(np.argwhere(known[:, 4] >= 0).ravel(), [1, 2, 3])
    assert_array_equal(np.argwhere(known[2] >= 0).ravel(), range(1, 8))


def test_marked_pixels_are_known_and_nothing_about_them():
    deleted = np.zeros(16, bool)
    deleted[9:11] = True  # an object that was none
    known = corrections(LINE, [], pixels=deleted)
    assert_array_equal(np.flatnonzero(known >= 0), [9, 10])
    both = corrections(LINE, [1], reach=3, pixels=deleted)
    assert_array_equal(np.flatnonzero(both >= 0), [*range(8), 9, 10])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "uint32", "int64"])
def test_ids_are_kept_whatever_their_dtype(dtype):
    largest = min(np.iinfo(dtype).max, 2**40)
    labels = np.array([0, largest, 0], dtype)
    assert corrections(labels, [largest], 1).tolist() == [0, largest, 0]
    assert corrections(np.pad(labels, 3), [largest], 1).tolist() == [
        -1, -1, -1, 0, largest, 0, -1, -1, -1,
    ]  # fmt: skip


def test_in_a_volume_objects_apart_are_found_by_brute_force():
    rng = np.random.default_rng(3)
    labels = np.kron(rng.integers(0, 5, (3, 4, 4)), np.ones((3, 3, 3), int))
    ids, reach = [1, 4], 2.5
    known = corrections(labels, ids, reach)
    marked = np.argwhere(np.isin(labels, ids))
    touching = {
        int(labels[tuple(at)])
        for at in np.argwhere(labels > 0)
        if (np.abs(marked - at).max(1) <= 2).any()
    }
    for at in np.ndindex(labels.shape):
        gap = np.linalg.norm(marked - at, axis=1).min()
        is_known = gap <= reach and (labels[at] == 0 or labels[at] in touching)
        assert known[at] == (labels[at] if is_known else -1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "nothing is marked.*mend an object"),
        (([1, 7, 9],), "the labels have no object 7, 9: mark"),
        (([0],), "no object 0"),
        (([1], 0), "1 pixel or more, one value or 1, got 0"),
        (([1], (2, 3)), r"one value or 1, got \(2, 3\)"),
        (([1], 2, [True]), "shape of the labels, 16, got 1"),
    ],
)
def test_what_cannot_be_known_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        corrections(LINE, *arguments)


CONFIG = ModelConfig.new(depth=1, intensity="percentile")  # context 16
WINDOW = (6, 8)


def test_any_window_of_a_region_is_that_of_the_whole_image():
    rng = np.random.default_rng(0)
    image = rng.random((90, 100)).astype(np.float32)
    image[80:] += 50  # bright, far from the corrections: it decides the scale
    labels = np.full((90, 100), -1)
    labels[30:33, 40:44], labels[31, 41] = 0, 5
    (pair,) = training_pairs(image, labels, CONFIG, WINDOW)
    assert pair.corner == (30 - 5 - 8, 40 - 7 - 8)
    assert pair.sample.labels.shape == (3 + 2 * 13, 4 + 2 * 15)
    assert (pair.frame, pair.whole) == ((), (90, 100))

    def windows(sample: Sample) -> RandomWindows:
        return RandomWindows([sample], CONFIG, WINDOW, "mirror")

    whole, region = windows(Sample(image, labels)), windows(pair.sample)
    seen = 0
    for at in product(range(17, 25), range(25, 36)):
        there = whole[WindowPlace(0, at)]
        here = region[WindowPlace(0, tuple(np.subtract(at, pair.corner).tolist()))]
        assert_array_equal(here[0], there[0])
        assert_array_equal(here[1], there[1])
        seen += bool((there[1] == 5).any())
    assert seen > 40
    rescaled = windows(Sample(pair.sample.image, pair.sample.labels))
    differ = rescaled[WindowPlace(0, (0, 0))][0] - whole[WindowPlace(0, pair.corner)][0]
    assert abs(differ).max() > 0.1


def test_regions_that_meet_are_one_and_others_are_apart():
    labels = np.full((60, 400), -1)
    labels[20, 50], labels[20, 70], labels[40, 300] = 1, 2, 3
    image = np.arange(labels.size, dtype=np.float32).reshape(labels.shape)
    pairs = list(training_pairs(image, labels, CONFIG, WINDOW))
    assert [pair.corner for pair in pairs] == [(7, 35), (27, 285)]
    for pair in pairs:
        box = tuple(
            slice(c, c + n)
            for c, n in zip(pair.corner, pair.sample.labels.shape, strict=True)
        )
        assert_array_equal(pair.sample.labels, labels[box])
        assert_array_equal(pair.sample.image, image[box])
    assert [np.unique(p.sample.labels).tolist() for p in pairs] == [[-1, 1, 2], [-1, 3]]


def test_frames_of_a_series_that_are_labelled():
    labels = np.full((2, 3, 30, 30), -1)
    labels[0, 1, 10, 10] = 4
    labels[1, 0] = 0  # nobody has labelled it
    labels[1, 2] = 1  # all of it
    image = np.random.default_rng(0).random(labels.shape)
    pairs = list(training_pairs(image, labels, CONFIG, WINDOW))
    assert [pair.frame for pair in pairs] == [(0, 1), (1, 2)]
    assert pairs[0].sample.labels.shape == (10 + 1 + 13, 10 + 1 + 15)
    assert_array_equal(pairs[1].sample.image, image[1, 2])
    assert pairs[1].sample.scale == pairs[0].sample.scale  # one for the series


def test_channels_and_volumes():
    config = ModelConfig.new(ndim=3, depth=1, in_channels=2, intensity="range")
    labels = np.full((40, 30, 30), -1)
    labels[5, 5, 5] = 1
    image = np.random.default_rng(0).random((2, *labels.shape))
    (pair,) = training_pairs(image, labels, config, (4, 4, 4))
    assert pair.sample.image.shape == (2, 17, 17, 17)
    low, high = image.min(), image.max()
    assert (pair.sample.scale.low, pair.sample.scale.high) == (low, high)


def test_a_layer_painted_on_later_does_not_change_a_region():
    labels = np.full((40, 40), -1)
    labels[10, 10] = 1
    (pair,) = training_pairs(np.zeros((40, 40)), labels, CONFIG, WINDOW)
    labels[10, 10] = 2
    assert pair.sample.labels.max() == 1


def test_labels_that_cannot_be_learnt_from_are_refused():
    unknown = np.full((40, 40), -1)
    with pytest.raises(ValueError, match="no pixel of the labels 'mended' is known"):
        list(training_pairs(unknown, unknown, CONFIG, WINDOW, "labels 'mended'"))
    unknown[3, 3] = 1
    with pytest.raises(ValueError, match=r"39 × 40 pixels, its labels .* got 40 × 40"):
        list(training_pairs(np.zeros((39, 40)), unknown, CONFIG, WINDOW))
