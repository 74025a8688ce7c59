"""Training windows found again in the image they were drawn from."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from napari_shiftseg.metrics.label_image import UNKNOWN
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples import Sample
from napari_shiftseg.training.windows import Augmentation, RandomWindows, WindowPlace


def numbered(*shape: int, start: int = 0) -> Sample:
    """Every pixel has its own value, and that value is its label."""
    values = np.arange(start, start + np.prod(shape)).reshape(shape)
    return Sample(values.astype(np.float32), values.astype(np.int32))


def drawn(windows: RandomWindows, number: int, seed: int = 0) -> list:
    """Return (input, labels) of the first places, the input with a leading batch."""
    places = islice(windows.places(np.random.default_rng(seed)), number)
    return [(image[None], labels) for image, labels in map(windows.__getitem__, places)]


@pytest.mark.parametrize(
    ("options", "shape", "window", "reads"),
    [
        ({"ndim": 1, "depth": 1}, (50,), (4,), (20,)),
        ({"ndim": 1, "depth": 1}, (50,), (3,), (20,)),  # raw outputs are 2, 4, …
        ({"ndim": 2, "depth": (1, 2)}, (30, 60), (2, 5), (26, 48)),
        ({"ndim": 2, "depth": 1, "padding": "same"}, (20, 20), (3, 6), (4, 6)),
        (
            {"ndim": 3, "depth": 1, "convolutions": 1},
            (12, 14, 16),
            (2, 3, 4),
            (10, 12, 12),
        ),
    ],
)
def test_labels_are_those_of_the_beginning_of_the_raw_output(
    options, shape, window, reads
):
    sample = numbered(*shape)
    config = ModelConfig.new(**options)
    windows = RandomWindows([sample], config, window)

    assert windows.reads == reads
    for image, labels in drawn(windows, 20):
        assert image.shape == (1, 1, *reads)
        assert labels.shape == window
        at = np.unravel_index(int(image.flatten()[0]), shape)
        read = tuple(slice(a, a + r) for a, r in zip(at, reads, strict=True))
        np.testing.assert_array_equal(image[0, 0], sample.image[read])
        seen = tuple(
            slice(a + c // 2, a + c // 2 + w)
            for a, c, w in zip(at, config.shape.context, window, strict=True)
        )
        np.testing.assert_array_equal(labels, sample.labels[seen])


def test_every_start_is_drawn_about_as_often():
    windows = RandomWindows([numbered(30)], ModelConfig.new(ndim=1, depth=1), (4,))
    starts = [int(image.flatten()[0]) for image, _ in drawn(windows, 1100)]

    assert set(starts) == set(range(11))  # 30 − 20 + 1
    assert max(np.bincount(starts)) < 2 * min(np.bincount(starts))


@pytest.mark.parametrize(
    ("border", "starts"), [("valid", {0, 4, 8}), ("mirror", {-8, -4, 0, 4, 8, 12, 16})]
)
def test_windows_begin_on_the_grid(border, starts):
    config = ModelConfig.new(ndim=1, depth=1)  # context 16, reads 20
    windows = RandomWindows([numbered(30)], config, (4,), border, grid=4)
    places = islice(windows.places(np.random.default_rng(0)), 200)
    assert {start for place in places for start in place.starts} == starts


def test_an_image_without_a_window_on_the_grid_is_refused():
    config = ModelConfig.new(ndim=1, depth=1)
    assert RandomWindows([numbered(22)], config, (22,), "mirror", grid=4)  # at −8
    with pytest.raises(ValueError, match=r"image 1 of 1 can begin at a multiple of 5"):
        RandomWindows([numbered(22)], config, (22,), "mirror", grid=5)


def test_every_image_is_drawn():
    samples = [numbered(20), numbered(25, start=1000), numbered(22, start=2000)]
    windows = RandomWindows(samples, ModelConfig.new(ndim=1, depth=1), (4,))
    first = {int(image.flatten()[0]) // 1000 for image, _ in drawn(windows, 50)}
    assert first == {0, 1, 2}


def test_the_seed_decides_the_windows():
    windows = RandomWindows([numbered(200)], ModelConfig.new(ndim=1, depth=1), (4,))
    starts = [
        [int(image.flatten()[0]) for image, _ in drawn(windows, 10, seed)]
        for seed in (0, 0, 1)
    ]
    assert starts[0] == starts[1] != starts[2]


def test_images_are_scaled_as_a_whole_like_those_that_are_predicted():
    sample = numbered(41)  # 0 … 40
    config = ModelConfig.new(ndim=1, depth=1, intensity="range")
    for image, _ in drawn(RandomWindows([sample], config, (4,)), 5):
        at = round(float(image.flatten()[0]) * 40)
        np.testing.assert_allclose(image[0, 0], np.arange(at, at + 20) / 40, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">i4", ">f8", "bool"])
def test_images_of_any_dtype_are_read(dtype):
    values = np.arange(30).astype(dtype)
    sample = Sample(values, np.ones(30, dtype=np.uint16))
    windows = RandomWindows([sample], ModelConfig.new(ndim=1, depth=1), (4,))
    image, labels = drawn(windows, 1)[0]
    assert image.dtype.is_floating_point
    assert labels.dtype.itemsize == 8


def test_channels_come_first():
    image = np.stack([np.arange(30.0), -np.arange(30.0)])
    sample = Sample(image, np.arange(30))
    config = ModelConfig.new(ndim=1, depth=1, in_channels=2)
    pixels, labels = drawn(RandomWindows([sample], config, (4,)), 1)[0]

    assert pixels.shape == (1, 2, 20)
    np.testing.assert_array_equal(pixels[0, 0], -pixels[0, 1])
    assert int(labels[0]) == int(pixels[0, 0, 8])


def test_a_window_larger_than_the_image_is_refused():
    config = ModelConfig.new(ndim=2, depth=1)
    RandomWindows([numbered(20, 20)], config, (4, 4))
    with pytest.raises(
        ValueError, match=r"reads 20 × 22 pixels.*has 20 × 20: take a la"
    ):
        RandomWindows([numbered(20, 20)], config, (4, 5))
    with pytest.raises(ValueError, match="image 2 of 2 has 19 × 40"):
        RandomWindows([numbered(40, 40), numbered(19, 40)], config, (4, 4))


def test_what_cannot_be_drawn_from_is_refused():
    config = ModelConfig.new(ndim=2, depth=1)
    short = Sample(np.zeros((30, 30)), np.ones((30, 29), dtype=int))
    for samples, message in (
        ([], "at least one image"),
        ([numbered(900)], "the model reads 2 axes, the image has 1"),
        ([short], r"has 30 × 30 pixels, its labels must have as many, got 30 × 29"),
    ):
        with pytest.raises(ValueError, match=message):
            RandomWindows(samples, config, (4, 4))


def test_images_without_any_object_are_refused():
    empty, full = (Sample(np.zeros(30), np.full(30, n)) for n in (0, 1))
    config = ModelConfig.new(ndim=1, depth=1)
    with pytest.raises(ValueError, match="no object in any label image"):
        RandomWindows([empty, empty], config, (4,))
    RandomWindows([empty, full], config, (4,))


def test_labels_that_are_no_whole_numbers_are_refused():
    fractions = Sample(np.zeros(30), np.full(30, 0.5))
    with pytest.raises(ValueError, match=r"labels of image 1 must be.*float64"):
        RandomWindows([fractions], ModelConfig.new(ndim=1, depth=1), (4,))


def test_mirrored_windows_reach_both_ends_of_the_image():
    sample = numbered(9, 12, start=1)
    config = ModelConfig.new(ndim=2, depth=1)
    windows = RandomWindows([sample], config, (4, 6), border="mirror")
    padded = np.pad(sample.image, 32, mode="reflect")
    corners = set()
    for image, labels in drawn(windows, 300):
        corner = np.unravel_index(int(labels[0, 0]) - 1, (9, 12))
        corners.add(tuple(map(int, corner)))
        start = [32 + c - 8 for c in corner]
        read = tuple(slice(s, s + r) for s, r in zip(start, windows.reads, strict=True))
        np.testing.assert_array_equal(image[0, 0], padded[read])
        np.testing.assert_array_equal(
            labels, sample.labels[corner[0] :, corner[1] :][:4, :6]
        )

    assert corners == {(y, x) for y in range(6) for x in range(7)}
    with pytest.raises(ValueError, match=r"4 × 13 .* smaller window$"):
        RandomWindows([sample], config, (4, 13), border="mirror")


STILL = Augmentation(1.0, False, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("shape", [(40,), (40, 40), (28, 28, 28)])
def test_a_changed_window_shows_image_and_labels_at_the_same_place(shape):
    sample = numbered(*shape, start=1)
    config = ModelConfig.new(ndim=len(shape), depth=1, convolutions=1)
    windows = RandomWindows([sample], config, (4,) * len(shape), "mirror", STILL)
    turned = 0
    for image, labels in drawn(windows, 30):
        margin = config.shape.context[0] // 2
        middle = (0, 0, *(slice(margin, margin + 4),) * len(shape))
        np.testing.assert_allclose(image[middle], labels, rtol=1e-5)
        turned += bool((labels.ravel()[:4].diff() != 1).any())
    assert turned > 5  # some were flipped


def test_a_window_that_grows_beyond_the_image_has_labels_nowhere():
    sample = numbered(20, 20, start=1)
    config = ModelConfig.new(ndim=2, depth=1)
    shrink = Augmentation(zoom=2.0, elastic=0, often=1.0, turn=False)
    windows = RandomWindows([sample], config, (18, 18), "mirror", shrink)
    beyond = [bool((labels == UNKNOWN).any()) for _, labels in drawn(windows, 20)]
    assert any(beyond)
    assert not all(beyond)


def test_the_seed_of_a_place_decides_its_augmentation():
    windows = RandomWindows(
        [numbered(40, 40, start=1)],
        ModelConfig.new(ndim=2, depth=1),
        (6, 6),
        "mirror",
        Augmentation(),
    )
    one, same, other = (windows[WindowPlace(0, (3, 4), seed)] for seed in (5, 5, 6))
    np.testing.assert_array_equal(one[0], same[0])
    np.testing.assert_array_equal(one[1], same[1])
    assert not np.array_equal(one[0], other[0])


def partly(sample: Sample, *known: tuple[slice, ...]) -> Sample:
    """Return a sample of which only these boxes are known."""
    labels = np.full(sample.labels.shape, UNKNOWN, dtype=np.int32)
    for box in known:
        labels[box] = sample.labels[box]
    return Sample(sample.image, labels)


def test_the_stream_of_random_numbers_of_labelled_images_is_as_ever():
    samples = [numbered(30, 34), numbered(40, 26)]
    config = ModelConfig.new(ndim=2, depth=1)  # context 16
    windows = RandomWindows(samples, config, (4, 6), "mirror", Augmentation())
    rng = np.random.default_rng(7)
    for place in islice(windows.places(np.random.default_rng(7)), 50):
        number = int(rng.integers(2))
        size = samples[number].labels.shape
        starts = [
            int(rng.integers(-8, -8 + n - w + 1))
            for n, w in zip(size, (4, 6), strict=True)
        ]
        assert place == (number, tuple(starts), int(rng.integers(2**63)))


@pytest.mark.parametrize("border", ["valid", "mirror"])
def test_every_window_of_a_partly_labelled_image_shows_a_known_pixel(border):
    whole = numbered(80, 90, start=1)
    box = (slice(30, 32), slice(50, 53))
    config = ModelConfig.new(ndim=2, depth=1)
    in_parts, everywhere = (
        RandomWindows([sample], config, (6, 8), border)
        for sample in (partly(whole, box), whole)
    )
    known = whole.labels[box].ravel()
    seen = np.zeros(6, int)
    for _, labels in drawn(in_parts, 300):
        found = set(labels.unique().tolist()) - {UNKNOWN}
        assert found
        assert found <= set(known.tolist())
        seen += np.isin(known, labels)
    assert min(seen) > 0.6 * max(seen)
    missed = [not np.isin(known, labels).any() for _, labels in drawn(everywhere, 100)]
    assert sum(missed) > 80  # windows drawn from anywhere show none of them


def test_images_known_in_parts_and_whole_are_drawn_alike():
    whole = numbered(60, start=1)
    config = ModelConfig.new(ndim=1, depth=1)
    samples = [whole, partly(numbered(60, start=1001), (slice(20, 21),))]
    windows = RandomWindows(samples, config, (4,), "mirror")
    places = list(islice(windows.places(np.random.default_rng(0)), 400))
    of_parts = [place.starts[0] for place in places if place.image == 1]
    assert 150 < len(of_parts) < 250
    assert set(of_parts) == set(range(20 - 8 - 3, 20 - 8 + 1))
    assert len({place.starts[0] for place in places if place.image == 0}) > 50


@pytest.mark.parametrize("zoom", [1.0, 3.0])
def test_however_a_window_is_changed_something_known_is_in_view(zoom):
    sample = partly(numbered(80, 80, start=1), (slice(40, 42), slice(40, 42)))
    config = ModelConfig.new(ndim=2, depth=1)
    changes = Augmentation(zoom=zoom, often=1.0)
    windows = RandomWindows([sample], config, (20, 12), "mirror", changes)
    one_try = 0
    for place in islice(windows.places(np.random.default_rng(0)), 60):
        assert (windows[place][1] != UNKNOWN).any()
        at = changes.places(np.random.default_rng(place.seed), windows.reads)
        middle = np.add(place.starts, np.subtract(windows.reads, 1) / 2)
        labels = windows._labels_at(0, at + middle[:, None, None])
        one_try += bool((labels != UNKNOWN).any())
    assert one_try < 60  # the first change would not always do


def test_a_window_that_every_change_moves_away_is_taken_as_it_is(monkeypatch):
    sample = partly(numbered(60, 60, start=1), (slice(30, 31), slice(30, 31)))
    config = ModelConfig.new(ndim=2, depth=1)
    windows = RandomWindows([sample], config, (6, 6), "mirror", Augmentation())
    monkeypatch.setattr(
        Augmentation, "places", lambda self, rng, size: np.full((2, *size), 500.0)
    )
    for place in islice(windows.places(np.random.default_rng(0)), 5):
        _, labels = windows[place]
        seen = tuple(slice(s + 8, s + 14) for s in place.starts)
        np.testing.assert_array_equal(labels, sample.labels[seen])


def test_labels_are_never_mixed_by_a_change():
    rng = np.random.default_rng(0)
    labels = rng.choice([UNKNOWN, 0, 7, 1000], size=(60, 60)).astype(np.int32)
    sample = Sample(rng.random((60, 60)).astype(np.float32), labels)
    config = ModelConfig.new(ndim=2, depth=1)
    windows = RandomWindows([sample], config, (30, 30), "mirror", Augmentation())
    for _, seen in drawn(windows, 20):
        assert set(seen.unique().tolist()) == {UNKNOWN, 0, 7, 1000}


@pytest.mark.parametrize("shape", [(40,), (40, 40), (28, 28, 28)])
def test_what_is_not_known_is_not_known_at_the_same_place_after_a_change(shape):
    sample = numbered(*shape, start=1)
    unknown = np.random.default_rng(0).random(shape) < 0.5
    labels = np.where(unknown, UNKNOWN, sample.labels)
    config = ModelConfig.new(ndim=len(shape), depth=1, convolutions=1)
    windows = RandomWindows(
        [Sample(sample.image, labels)], config, (4,) * len(shape), "mirror", STILL
    )
    for image, seen in drawn(windows, 30):
        margin = config.shape.context[0] // 2
        middle = (0, 0, *(slice(margin, margin + 4),) * len(shape))
        number = image[middle].round().long().numpy()
        np.testing.assert_array_equal(seen, labels.ravel()[number - 1])


def test_an_image_of_which_nothing_can_be_learnt_is_named():
    config = ModelConfig.new(ndim=1, depth=1)
    whole = numbered(40, start=1)
    nothing = Sample(whole.image, np.full(40, UNKNOWN))
    with pytest.raises(ValueError, match="no pixel of the true labels of image 2 is k"):
        RandomWindows([whole, nothing], config, (4,))
    corner = partly(whole, (slice(0, 3),))
    RandomWindows([whole, corner], config, (4,), "mirror")
    with pytest.raises(ValueError, match="no window of image 2 of 2 shows a known pix"):
        RandomWindows([whole, corner], config, (4,))
    ground = Sample(whole.image, np.where(whole.labels < 9, 0, UNKNOWN))
    with pytest.raises(ValueError, match="no object in any label image"):
        RandomWindows([ground], config, (4,), "mirror")
