"""Nuclei: what their truth promises, and that the image shows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_shiftseg.samples import nuclei as module
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.samples.nuclei import nuclei

PLAIN = {"noise": 0, "blur": 0, "background": 0}


def touching_labels(labels):
    """Labels that share a face with another."""
    found = set()
    for axis in range(labels.ndim):
        along = np.moveaxis(labels, axis, 0)
        one, other = along[:-1], along[1:]
        met = (one != other) & (one > 0) & (other > 0)
        found |= {*one[met].tolist(), *other[met].tolist()}
    return found


def share_touching(labels):
    return len(touching_labels(labels)) / labels.max()


def uncut(labels):
    """Labels off the border."""
    inner = (slice(1, -1),) * labels.ndim
    edge = labels.copy()
    edge[inner] = 0
    return set(range(1, labels.max() + 1)) - set(np.unique(edge).tolist())


def test_touching_labels_by_hand():
    labels = np.array([[1, 1, 0, 2], [0, 3, 0, 0], [4, 0, 5, 5]])

    assert touching_labels(labels) == {1, 3}
    assert touching_labels(labels.T) == {1, 3}


@st.composite
def options(draw):
    axes = draw(st.integers(2, 3))
    shape = draw(st.lists(st.integers(1, 60 // axes), min_size=axes, max_size=axes))
    small = draw(st.floats(2.5, 20))
    return {
        "shape": shape,
        "diameter": (small, small * draw(st.floats(1, 40))),
        "density": draw(st.floats(0, 1)),
        "touching": draw(st.floats(0, 1)),
        "noise": draw(st.floats(0, 50)),
        "blur": draw(st.floats(0, 9)),
        "background": draw(st.floats(0, 300)),
        "spacing": draw(st.lists(st.floats(0.3, 2.5), min_size=axes, max_size=axes)),
        "seed": draw(st.integers(0, 2**32)),
    }


@given(options())
@settings(deadline=None, max_examples=40)
def test_whatever_is_asked_for(chosen):
    sample = nuclei(**chosen)
    labels = sample.labels

    assert sample.image.shape == labels.shape == tuple(chosen["shape"])
    assert sample.image.dtype == np.float32
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(sample.image, np.rint(sample.image))
    assert sample.image.min() >= 0
    assert sample.image.max() <= 255
    count = labels.max()
    assert set(np.unique(labels)) - {0} == set(range(1, count + 1))
    assert [ndimage.label(labels == one)[1] for one in range(1, count + 1)] == (
        [1] * count
    )
    assert (count == 0) == (chosen["density"] == 0)
    again = nuclei(**chosen)
    np.testing.assert_array_equal(again.image, sample.image)
    np.testing.assert_array_equal(again.labels, labels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 4), (1, 1, 1), (2, 3, 4)])
def test_an_image_smaller_than_a_nucleus(shape):
    sample = nuclei(shape, diameter=(50, 1e4))

    assert sample.labels.shape == shape
    assert sample.labels.max() == 1


@pytest.mark.parametrize(
    ("shape", "spacing"), [((96, 130), None), ((20, 40, 50), (2, 1, 1))]
)
def test_the_labels_are_what_shines(shape, spacing):
    size = {"diameter": (8, 16), "spacing": spacing}
    for seed in range(2):
        sample = nuclei(shape, **size, **PLAIN, seed=seed)
        np.testing.assert_array_equal(sample.image > 0, sample.labels > 0)

        blurred = nuclei(shape, **size, **PLAIN | {"blur": 1.5}, seed=seed)
        np.testing.assert_array_equal(blurred.labels, sample.labels)
        assert ((blurred.image > 0) != (sample.labels > 0)).any()


def test_another_seed_another_sample():
    one, other = nuclei((128, 128), seed=1), nuclei((128, 128), seed=2)

    assert (one.labels != other.labels).any()
    assert (one.image != other.image).mean() > 0.5


@pytest.mark.parametrize("touching", [0, 0.1, 0.25, 0.6, 1])
def test_as_many_touch_as_wanted(touching):
    flat = nuclei((200, 260), (10, 20), touching=touching).labels
    stack = nuclei((24, 60, 60), (8, 14), touching=touching).labels

    assert share_touching(flat) == pytest.approx(touching, abs=0.05)
    assert share_touching(stack) == pytest.approx(touching, abs=0.1)


@pytest.mark.parametrize("shape", [(150, 150), (30, 50, 50)])
def test_nuclei_that_do_not_touch_keep_a_gap(shape):
    def met(touching):
        labels = nuclei(shape, (9, 15), touching=touching, density=0.25).labels
        return [
            one
            for one in range(1, labels.max() + 1)
            if (ndimage.binary_dilation(labels == one, iterations=2) & (labels > 0))[
                labels != one
            ].any()
        ]

    assert met(touching=0) == []
    assert met(touching=0.5) != []


@pytest.mark.parametrize("density", [0.05, 0.2, 0.35])
def test_as_much_is_covered_as_wanted(density):
    largest = 1.3 * np.pi / 4 * 20**2
    for seed in range(3):
        covered = np.count_nonzero(
            nuclei((220, 220), (10, 20), density=density, seed=seed).labels
        )
        # the last group may go beyond by a few nuclei
        assert -2 <= covered - density * 220**2 < 6 * largest


def test_a_full_image_is_as_full_as_it_gets():
    full = [nuclei((120, 120), (9, 15), density=d).labels > 0 for d in (0.7, 1)]

    np.testing.assert_array_equal(*full)
    assert 0.35 < full[0].mean() < 0.7


def test_nuclei_lie_at_the_border_as_elsewhere():
    covered = np.mean([nuclei((120, 120), seed=s).labels > 0 for s in range(40)], 0)
    inner = np.zeros((120, 120), dtype=bool)
    inner[12:-12, 12:-12] = True

    assert covered[~inner].mean() / covered[inner].mean() == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(
    ("shape", "diameter"), [((300, 300), (12, 24)), ((60, 80, 80), (10, 16))]
)
def test_diameters_lie_in_their_range(shape, diameter):
    labels = nuclei(shape, diameter, density=0.15, touching=0).labels
    pixels = np.bincount(labels.ravel())
    ball = np.pi / 4 if len(shape) == 2 else np.pi / 6
    found = (pixels[sorted(uncut(labels))] / ball) ** (1 / len(shape))

    assert len(found) > 15
    assert found.min() > 0.85 * diameter[0]  # waves take or add at most 15 %
    assert found.max() < 1.15 * diameter[1]
    assert found.std() > 0.1 * (diameter[1] - diameter[0])


def test_nuclei_are_flatter_where_pixels_are_longer():
    def flatness(spacing):
        labels = nuclei((40, 80, 80), (14, 20), spacing=spacing, touching=0).labels
        boxes = ndimage.find_objects(labels)
        sides = np.array(
            [[s.stop - s.start for s in boxes[one - 1]] for one in uncut(labels)]
        )
        assert len(sides) > 3
        return sides.mean(0)[0] / sides.mean(0)[1:].mean()

    assert flatness((2, 1, 1)) == pytest.approx(0.5, abs=0.08)
    assert flatness(None) == pytest.approx(1, abs=0.15)


def test_noise_grows_with_the_light():
    for level in (50, 150):
        calm, noisy = (
            nuclei((256, 256), density=0, background=level, noise=n).image
            for n in (0, 4)
        )
        expected = 4 * (1 + level / 30) ** 0.5
        assert (noisy - calm).std() == pytest.approx(expected, rel=0.03)
        assert abs((noisy - calm).mean()) < 0.2


def test_the_ground_is_uneven():
    ground = nuclei((200, 300), density=0, background=100, noise=0).image

    assert ground.mean() == pytest.approx(100, abs=0.1)
    assert ground.min() >= 75
    assert ground.max() <= 125
    assert ground.max() - ground.min() > 12
    steps = [np.abs(np.diff(ground, axis=axis)).max() for axis in (0, 1)]
    assert max(steps) <= 1
    assert not nuclei((20, 30), density=0, background=0, noise=0).image.any()


def test_blur_flattens_edges_and_spreads_the_light():
    def seen(blur):
        image = nuclei((160, 160), **PLAIN | {"blur": blur}, seed=3).image
        return np.abs(np.diff(image)).max(), image.sum()

    steepest, light = zip(*(seen(blur) for blur in (0, 1, 3)), strict=True)
    assert steepest[0] > 1.5 * steepest[1] > 2 * steepest[2]
    np.testing.assert_allclose(light, light[0], rtol=0.03)


def test_nuclei_differ_in_light_and_are_textured():
    sample = nuclei((400, 400), **PLAIN)
    inner = np.where(ndimage.grey_erosion(sample.labels, 5) == 0, 0, sample.labels)
    numbers = np.unique(inner)[1:]
    light = ndimage.mean(sample.image, inner, numbers)
    texture = ndimage.standard_deviation(sample.image, inner, numbers) / light

    assert 0.2 < light.std() / light.mean() < 0.6
    assert 0.1 < np.median(texture) < 0.35


def test_the_default_has_the_figures_of_the_data_science_bowl():
    # 60 fluorescence images of 520 × 696, their 10th to 90th percentile: covered
    # 0.03 to 0.27, touching 0 to 0.34, median equivalent diameter 24 to 50
    sample = nuclei()
    diameters = (np.bincount(sample.labels.ravel())[1:] * 4 / np.pi) ** 0.5

    assert 0.03 < (sample.labels > 0).mean() < 0.27
    assert 0 < share_touching(sample.labels) < 0.34
    assert 24 < np.median(diameters) < 50
    assert 2 < np.percentile(sample.image, 25) < 16
    assert 60 < np.percentile(sample.image, 99) < 190


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"shape": (9,)}, r"2 or 3 sizes of 1 pixel or more, got \(9,\): take"),
        ({"shape": (9,) * 4}, r"2 or 3 sizes .* got \(9, 9, 9, 9\)"),
        ({"shape": (0, 9)}, r"2 or 3 sizes of 1 pixel or more, got \(0, 9\)"),
        ({"shape": (-2, 9)}, r"got \(-2, 9\)"),
        ({"diameter": (0, 9)}, r"pixel's size \(1\) up, got \(0, 9\): take"),
        ({"diameter": (20, 9)}, r"the smallest and the largest.*got \(20, 9\)"),
        ({"diameter": (5, float("inf"))}, r"got \(5, inf\)"),
        ({"diameter": (float("nan"), 9)}, r"got \(nan, 9\)"),
        ({"diameter": (9,)}, r"smallest and the largest.*got \(9,\)"),
        ({"diameter": (3, 9), "spacing": (4, 5)}, r"size \(4\) up, got \(3, 9\)"),
        ({"density": 20}, "density must be a share from 0 to 1, got 20: divide"),
        ({"density": -0.1}, r"density must be .* got -0\.1: take 0"),
        ({"density": float("nan")}, "density must be .* got nan"),
        ({"touching": 1.1}, r"touching must be a share from 0 to 1, got 1\.1"),
        ({"noise": -1}, "noise must be a number from 0 up, got -1: take 0 for none"),
        ({"blur": float("inf")}, "blur must be a number from 0 up, got inf"),
        ({"background": float("nan")}, "background must be .* got nan"),
        ({"seed": -1}, "seed must be a number from 0 up, got -1"),
        ({"spacing": (1,)}, r"size for each of 2 axes, got \(1\.0,\): take"),
        ({"spacing": (0, 1)}, r"positive size for each of 2 axes, got \(0\.0, 1\.0\)"),
        ({"spacing": (1, float("nan"))}, r"got \(1\.0, nan\)"),
    ],
)
def test_nuclei_that_cannot_be_are_refused(chosen, message):
    with pytest.raises(ValueError, match=message):
        nuclei(**{"shape": (32, 32), **chosen})


def test_the_samples_by_name():
    flat, stack = make_sample("nuclei"), make_sample("nuclei-3d")

    assert flat.image.shape == (512, 512)
    assert stack.image.shape == (32, 128, 128)
    assert flat.labels.max() > 50
    assert stack.labels.max() > 30
    assert flat.period is stack.period is None


def test_what_is_out_of_focus_has_softer_edges(monkeypatch) -> None:
    steepest = []
    for share in (0, 1):
        monkeypatch.setattr(module, "DEFOCUSED", share)
        image = nuclei((96, 96), noise=0, background=0, seed=3).image
        steepest.append(np.abs(np.diff(image, axis=1)).max())
    sharp, soft = steepest
    assert soft < 0.8 * sharp
