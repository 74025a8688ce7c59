import numpy as np
import pytest

from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling import pixel_sample
from napari_shiftseg.relabelling.pixel_sample import points_of_each, sample_steps, slabs


def sampled(labels, most, background=False, region=None, offset=None, size=None):
    offset = offset or (0,) * labels.ndim
    size = size or tuple(np.add(labels.shape, offset))
    region = region or tuple((0, n) for n in labels.shape)
    return exhaust(sample_steps(labels, region, most, background, offset, size))


def counts(labels, sample):
    ids, numbers = np.unique(labels[tuple(sample.pixels.T)], return_counts=True)
    return dict(zip(ids.tolist(), numbers.tolist(), strict=True))


@pytest.fixture
def scene():
    """A large, a middling and a tiny object on background."""
    labels = np.zeros((40, 50), np.int32)
    labels[:30, :30] = 7  # 900 pixels
    labels[32:38, :20] = 2  # 120
    labels[39, 48:] = 5  # 2
    return labels


@pytest.mark.parametrize(
    ("sizes", "most", "each"),
    [
        ([5, 5, 5], 15, 5),
        ([5, 5, 5], 14, 4),
        ([900, 120, 2], 102, 50),
        ([900, 120, 2], 103, 50),
        ([900, 120, 2], 104, 51),
        ([900, 120, 2], 10_000, 900),
        ([1, 1, 1], 2, 0),
    ],
)
def test_points_of_each(sizes, most, each):
    assert points_of_each(np.array(sizes), most) == each


def test_every_object_has_as_many_points_or_all_its_pixels(scene):
    sample = sampled(scene, 102)
    assert counts(scene, sample) == {7: 50, 2: 50, 5: 2}
    assert (sample.each, sample.objects, sample.of) == (50, 3, 1022)
    proportional = scene[scene > 0][:: 1022 // 102]  # would miss it, or nearly
    assert (proportional == 5).sum() < 2


def test_the_background_counts_as_one_object(scene):
    sample = sampled(scene, 152, background=True)
    assert counts(scene, sample) == {0: 50, 7: 50, 2: 50, 5: 2}
    assert sample.of == scene.size


def test_more_objects_than_points():
    labels = np.arange(1, 101).reshape(10, 10)
    sample = sampled(labels, 30)
    assert len(sample.pixels) == 30
    assert len(np.unique(sample.pixels, axis=0)) == 30
    assert (sample.each, sample.objects) == (0, 100)


def test_all_pixels_where_they_are_few(scene):
    sample = sampled(scene, 5_000)
    found = np.zeros(scene.shape, bool)
    found[tuple(sample.pixels.T)] = True
    np.testing.assert_array_equal(found, scene > 0)
    assert len(sample.pixels) == 1022


def test_parts_have_no_say(scene, monkeypatch):
    whole = sampled(scene, 102).pixels
    monkeypatch.setattr(pixel_sample, "CHUNK", 60)
    np.testing.assert_array_equal(sampled(scene, 102).pixels, whole)


def test_a_pixel_is_chosen_by_its_place_in_the_image(scene):
    cut = (slice(3, None), slice(4, None))
    inside = sampled(scene, 102, region=((3, 40), (4, 50))).pixels
    alone = np.add(sampled(scene[cut], 102, offset=(3, 4)).pixels, (3, 4))
    np.testing.assert_array_equal(alone, inside)
    elsewhere = np.add(sampled(scene[cut], 102, size=(40, 50)).pixels, (3, 4))
    assert not np.array_equal(elsewhere, inside)


def test_ids_have_no_say(scene):
    renamed = np.array([0, 0, 2**40, 0, 0, 3, 0, 1])[scene]
    np.testing.assert_array_equal(
        sampled(renamed, 102).pixels, sampled(scene, 102).pixels
    )


def test_volumes():
    labels = np.zeros((4, 5, 6), np.uint8)
    labels[1], labels[3, 2, 2:4] = 1, 2
    sample = sampled(labels, 12, region=((1, 4), (0, 5), (0, 6)))
    assert counts(labels, sample) == {1: 10, 2: 2}


def test_nothing_to_sample():
    with pytest.raises(ValueError, match=r"there are none here.*take the background"):
        sampled(np.zeros((4, 4), int), 10)
    assert len(sampled(np.zeros((4, 4), int), 10, background=True).pixels) == 10


def test_slabs_are_a_partition():
    seen = np.zeros((7, 9), int)
    for part in slabs(((1, 7), (2, 9)), 15):
        seen[part] += 1
        assert seen[part].size <= 15
    assert seen.sum() == seen[1:7, 2:9].sum() == 42
    assert seen.max() == 1
