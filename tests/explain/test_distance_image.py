"""Distances by hand, against a loop over pixels and the mean shift's own frame."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain import distance as module
from napari_shiftseg.explain.distance import distance_image
from napari_shiftseg.explain.thresholds import (
    distances,
    mean_embedding,
    paired_distances,
)
from napari_shiftseg.pipeline.result import Prediction

SPHERE = Clustering(bandwidth=0.5, kernel="von-mises-fisher")


def predicted(embedding, plan):
    return Prediction(embedding, None, plan, ())


@pytest.fixture
def by_hand(plan_of):
    """Embed 2 × 3 pixels in two channels.

    ::

        (0, 0)  (3, 4)  (6, 8)
        (0, 1)  (0, 0)  (3, 0)
    """
    e = np.array([[[0, 3, 6], [0, 0, 3]], [[0, 4, 8], [1, 0, 0]]], np.float32)
    return predicted(e, plan_of((2, 3)))


def test_distances_by_hand(by_hand):
    image, offset = distance_image(by_hand, (0, 1), Clustering(bandwidth=2))
    assert offset == (0, 0)
    assert image.dtype == np.float32
    np.testing.assert_allclose(
        image, [[2.5, 0, 2.5], [math.sqrt(18) / 2, 2.5, 2]], rtol=1e-6
    )


def test_on_the_sphere_only_directions_count(by_hand):
    image, _ = distance_image(by_hand, (0, 1), SPHERE)
    chord = [math.sqrt(2 * (1 - cos)) / 0.5 for cos in (0.8, 0.6)]
    expected = [[np.nan, 0, 0], [chord[0], np.nan, chord[1]]]
    np.testing.assert_allclose(image, expected, atol=1e-6)


def test_a_pixel_without_direction_cannot_be_asked_on_the_sphere(by_hand):
    with pytest.raises(ValueError, match=r"0 in every channel: ask another pixel"):
        distance_image(by_hand, (0, 0), SPHERE)


def looped(e, index, clustering):
    """Distances pixel by pixel, in double precision."""
    asked, image = e[(slice(None), *index)].astype(float), np.empty(e.shape[1:])
    for at in np.ndindex(image.shape):
        here = e[(slice(None), *at)].astype(float)
        if clustering.kernel == "von-mises-fisher":
            cos = here @ asked / math.sqrt((here @ here) * (asked @ asked))
            image[at] = math.sqrt(max(0.0, 2 - 2 * cos)) / clustering.bandwidth
        else:
            image[at] = math.dist(here, asked) / clustering.bandwidth
    return image


@pytest.mark.parametrize("kernel", ["gaussian", "flat", "von-mises-fisher"])
@pytest.mark.parametrize("chunk", [1, 50, 2**18])
@pytest.mark.parametrize("size", [(9, 13), (4, 5, 6)])
def test_distances_are_those_of_a_loop(plan_of, rng, monkeypatch, kernel, chunk, size):
    monkeypatch.setattr(module, "CHUNK", chunk)
    e = rng.normal(size=(5, *size)).astype(np.float32) + 20
    clustering, pixel = Clustering(bandwidth=0.7, kernel=kernel), (3,) * len(size)
    image, _ = distance_image(predicted(e, plan_of(size)), pixel, clustering)
    np.testing.assert_allclose(image, looped(e, pixel, clustering), atol=3e-5)
    assert image[pixel] == 0
    rows = e.reshape(5, -1).T
    frame = distances(e[(slice(None), *pixel)][None], rows, clustering)
    np.testing.assert_allclose(image.ravel(), frame[0], atol=3e-5)


def test_a_region_of_a_result_that_begins_elsewhere(plan_of, rng):
    plan = plan_of((40, 40), region=((8, 24), (12, 40)))
    e = rng.normal(size=(3, *plan.output_shape))
    everything, offset = distance_image(predicted(e, plan), (10, 20), Clustering())
    assert offset == (8, 12)
    assert everything.dtype == np.float64
    assert everything[2, 8] == 0
    view, corner = distance_image(
        predicted(e, plan), (10, 20), Clustering(), ((0, 15), (18, 100))
    )
    assert corner == (8, 18)
    np.testing.assert_array_equal(view, everything[:7, 6:])


def test_the_pixel_asked_need_not_be_in_view(plan_of, rng):
    seen = predicted(rng.normal(size=(3, 30, 30)), plan_of((30, 30)))
    view, _ = distance_image(seen, (2, 2), Clustering(), ((10, 12), (20, 30)))
    everything, _ = distance_image(seen, (2, 2), Clustering())
    np.testing.assert_array_equal(view, everything[10:12, 20:30])
    assert view.min() > 0


def test_a_memory_map_is_read_in_chunks(plan_of, rng, tmp_path, monkeypatch):
    e = rng.normal(size=(4, 20, 30)).astype(np.float32)
    np.save(tmp_path / "e.npy", e)
    on_disk = np.load(tmp_path / "e.npy", mmap_mode="r")
    monkeypatch.setattr(module, "CHUNK", 240)  # 60 pixels: two rows
    reads = []

    class Watched:
        def __getitem__(self, key):
            part = on_disk[key]
            reads.append(part.size)
            return part

    plan = plan_of((20, 30))
    image, _ = distance_image(predicted(Watched(), plan), (19, 29), Clustering())
    expected, _ = distance_image(predicted(e, plan), (19, 29), Clustering())
    np.testing.assert_array_equal(image, expected)
    assert max(reads) == 240
    assert sum(reads) == e.size + 4  # and the pixel that was asked


def test_half_precision_does_not_overflow(plan_of):
    e = np.array([[[0, 300]]], np.float16)  # 300² is beyond float16
    image, _ = distance_image(predicted(e, plan_of((1, 2))), (0, 0), Clustering())
    assert image.tolist() == [[0, 300]]


def test_bad_regions_are_refused(by_hand):
    for region, said in (
        (((0, 1),), "must give .* for 2 axes"),
        (((2, 5), (0, 3)), r"holds no pixel that was predicted: choose one within"),
    ):
        with pytest.raises(ValueError, match=said):
            distance_image(by_hand, (0, 0), Clustering(), region)


def test_a_pixel_outside_is_refused(by_hand):
    with pytest.raises(ValueError, match="point at the image"):
        distance_image(by_hand, (2, 0), Clustering())


def test_pairs_are_the_diagonal_of_all_distances(rng):
    a, b = rng.normal(size=(2, 6, 4))
    for clustering in (Clustering(bandwidth=3), SPHERE):
        full = distances(a, b, clustering)
        np.testing.assert_allclose(paired_distances(a, b, clustering), full.diagonal())


def test_the_mean_on_the_sphere_has_unit_length():
    rows = np.array([[2.0, 0], [0, 7]])  # lengths do not count
    np.testing.assert_allclose(mean_embedding(rows, SPHERE), [math.sqrt(0.5)] * 2)
    np.testing.assert_allclose(mean_embedding(rows, Clustering()), [1, 3.5])
