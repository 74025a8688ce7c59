"""What tells how sure an object is, measured by hand and pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from napari_shiftseg.clustering.components import Objects
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.distance import distances
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.results import distances as some_at_once
from napari_shiftseg.results.features import as_learnt, object_features

MODEL = new_model(ndim=2, depth=1, features=4)


def predicted(embedding: np.ndarray, logit: np.ndarray | None = None) -> Prediction:
    plan = plan_tiles(embedding.shape[1:], MODEL.shape, 4, "cropped")
    return Prediction(embedding, logit, plan, ())


@pytest.fixture
def line() -> tuple[Prediction, Objects]:
    """Two objects that touch, and one alone, on a line of one row."""
    places = np.array([[[0.0, 0.4, 0, 2.2, 2, 0, 9]]])
    labels = np.array([[1, 1, 0, 0, 0, 0, 3]], dtype=np.int32)
    labels[0, 2:5] = [1, 2, 2]
    modes = np.array([[0.0], [2.0], [8.0]])
    sure = logit(np.array([[0.9, 0.8, 0.7, 0.6, 0.8, 0.1, 0.99]]))
    return predicted(places, sure), Objects(labels, modes, np.array([-1, 0, 1, 2]))


def test_by_hand(line):
    found = object_features(*line, Clustering(bandwidth=0.5, scope="component"))
    assert found["label"].tolist() == [1, 2, 3]
    assert found["area"].tolist() == [3, 2, 1]
    assert found["distance"] == pytest.approx([0.4 / 3 / 0.5, 0.1 / 0.5, 2])
    # the pixels of the first lie 2, 1.6, 2 from the mode of the second
    rival = np.array([5.6 / 3, (2.2 + 2) / 2]) / 0.5
    margin = rival - found["distance"][:2]
    assert found["margin"][:2] == pytest.approx(margin)
    assert np.isnan(found["margin"][2])
    assert found["foreground"] == pytest.approx([0.8, 0.7, 0.99])
    assert found["size"] == pytest.approx(np.log([1.5, 1, 2]))
    assert found["cut"].tolist() == [False] * 3


def test_background_with_a_mode_competes(line):
    image, objects = line
    modes = np.concatenate([objects.modes, [[8.5]]])
    known = Objects(objects.labels, modes, np.array([3, 0, 1, 2]))
    found = object_features(image, known, Clustering(bandwidth=0.5))
    assert found["margin"][2] == pytest.approx((0.5 - 1) / 0.5)  # its pixel is at 9


def test_objects_that_are_not_those_of_modes_have_no_distance(line):
    image, objects = line
    found = object_features(image, objects, Clustering(method="watershed"))
    for name in ("distance", "margin", "disagreement"):
        assert np.isnan(found[name]).all()
    assert found["foreground"] == pytest.approx([0.8, 0.7, 0.99])
    assert np.isnan(as_learnt(found)["margin"]).all()


def test_without_a_logit_nothing_is_known_of_the_foreground(line):
    image, objects = line
    found = object_features(predicted(image.embedding), objects, Clustering())
    assert np.isnan(found["foreground"]).all()


def test_no_margin_is_wider_than_that_of_an_object_alone(line):
    image, objects = line
    found = as_learnt(object_features(image, objects, Clustering(bandwidth=0.1)))
    assert found["margin"].tolist() == [10, 10, 10]


KERNELS = ["gaussian", "flat", "von-mises-fisher", "learnt-spread"]


@pytest.fixture
def random(rng) -> tuple[Prediction, Objects]:
    labels = np.kron(rng.integers(0, 9, (4, 5)), np.ones((3, 4), dtype=np.int32))
    labels = np.searchsorted(np.unique(labels), labels).astype(np.int32)
    count = int(labels.max())
    mode_of = np.concatenate([[-1], rng.permutation(count)])
    embedding = rng.normal(size=(3, *labels.shape)).astype(np.float32)
    modes = rng.normal(size=(count, 3)).astype(np.float32)
    return predicted(embedding), Objects(labels, modes, mode_of)


def margins(image, objects, clustering) -> np.ndarray:
    """Find margins pixel by pixel, by the distances that *Ask* tells."""
    labels, found = objects.labels, []
    for number in range(1, int(labels.max()) + 1):
        touched = set()
        for y, x in np.argwhere(labels == number):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= y + dy < labels.shape[0] and 0 <= x + dx < labels.shape[1]:
                    touched.add(int(labels[y + dy, x + dx]))
        rivals = objects.mode_of[sorted(touched - {0, number})]
        points = image.embedding[:, labels == number]
        own = objects.modes[objects.mode_of[number]][:, None]
        near = distances(points, own, clustering)
        others = [
            distances(points, objects.modes[i][:, None], clustering) for i in rivals
        ]
        far = np.min(others, axis=0) if others else np.full(near.shape, np.nan)
        found.append((near.mean(), (far - near).mean()))
    return np.array(found)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("pixels", [1, 10**6])
def test_against_every_pixel_looked_at(random, kernel, pixels, monkeypatch):
    monkeypatch.setattr(some_at_once, "PIXELS", pixels)
    clustering = Clustering(bandwidth=0.3, kernel=kernel, scope="component")
    found = object_features(*random, clustering)
    expected = margins(*random, clustering)
    both = np.stack([found["distance"], found["margin"]], axis=1)
    np.testing.assert_allclose(both, expected, rtol=1e-4)
    assert np.isfinite(expected[:, 1]).any()


def test_views_that_agree_and_views_that_do_not(rng):
    labels = np.ones((4, 4), dtype=np.int32)
    one = rng.normal(size=(2, 4, 4))
    alike = np.concatenate([one, one]) / np.sqrt(2)
    other = np.concatenate([one, 3 * one]) / np.sqrt(2)
    objects = Objects(labels, np.zeros((1, 4)), np.array([-1, 0]))
    clustering = Clustering(bandwidth=0.5)
    agreed = object_features(predicted(alike), objects, clustering, 2)
    not_agreed = object_features(predicted(other), objects, clustering, 2)
    single = Objects(labels, np.zeros((1, 2)), objects.mode_of)
    alone = object_features(predicted(one), single, clustering, 1)
    assert agreed["distance"] == pytest.approx(alone["distance"])
    assert agreed["disagreement"] == pytest.approx(0, abs=1e-6)
    length = np.linalg.norm(one, axis=0).mean() / 0.5
    assert not_agreed["disagreement"] == pytest.approx(length)  # of d and 3d
    assert not_agreed["distance"] == pytest.approx(np.sqrt(5) * length)


def test_nothing_at_all():
    nothing = Objects(np.zeros((3, 4), np.int32), np.zeros((0, 2)), np.array([-1]))
    found = object_features(predicted(np.zeros((2, 3, 4))), nothing, Clustering())
    assert {len(values) for values in found.values()} == {0}


def test_an_object_of_one_pixel(line):
    image, objects = line
    alone = Objects(
        (objects.labels == 3).astype(np.int32), objects.modes, np.array([-1, 2])
    )
    found = object_features(image, alone, Clustering())
    assert found["distance"] == pytest.approx([1])
    assert found["size"].tolist() == [0]
    assert found["foreground"] == pytest.approx(expit(image.logit[0, 6:]))
