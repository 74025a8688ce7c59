"""Features of objects, against a plain reading of their formulas."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from skimage.measure import regionprops

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.detection.features import Features, features_of, joined
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.pipeline.result import Prediction

LABELS = np.array([
    [1, 1, 1, 2, 2, 0, 0, 0, 0],
    [1, 1, 1, 2, 2, 0, 0, 3, 3],
    [1, 1, 1, 2, 2, 0, 0, 3, 3],
    [0, 0, 0, 0, 0, 0, 0, 3, 3],
])  # fmt: skip


def prediction(embedding: np.ndarray, logit: np.ndarray | None = None) -> Prediction:
    shape = new_model(ndim=embedding.ndim - 1, depth=1, features=1).shape
    plan = plan_tiles(embedding.shape[1:], shape, None)
    return Prediction(embedding, logit, plan, ())


def column(features: Features, name: str) -> np.ndarray:
    return features.values[:, features.names.index(name)]


@pytest.fixture
def embedding(rng) -> np.ndarray:
    return rng.normal(size=(3, *LABELS.shape)) + LABELS


def plain(labels, embedding, probability, bandwidth: float) -> dict[str, list[float]]:
    """Every feature of consistency, pixel by pixel."""
    found: dict[str, list[float]] = {}
    for number in range(1, labels.max() + 1):
        own = [tuple(at) for at in np.argwhere(labels == number)]
        mean = np.mean([embedding[:, *at] for at in own], axis=0)
        far = [np.linalg.norm(embedding[:, *at] - mean) / bandwidth for at in own]
        across = []
        for at in own:
            for axis in range(labels.ndim):
                for step in (-2, 2):
                    there = tuple(
                        np.add(at, step * np.eye(labels.ndim, dtype=int)[axis])
                    )
                    inside = all(
                        0 <= i < n for i, n in zip(there, labels.shape, strict=True)
                    )
                    if inside and labels[there] != number:
                        across.append(there)
        others = [at for at in across if labels[at] > 0]
        gaps = [
            min(np.linalg.norm(embedding[:, *at] - mean) / bandwidth, 10)
            for at in others
        ]
        values = {
            "spread": sqrt(np.mean(np.square(far))),
            "reach": max(far),
            "contact": len(others) / len(across),
            "gap": np.mean(gaps) if gaps else 10.0,
            "probability": np.mean([probability[at] for at in own]),
            "outside": np.mean([probability[at] for at in across]),
        }
        for name, value in values.items():
            found.setdefault(name, []).append(float(value))
    return found


class TestConsistency:
    def test_it_is_a_plain_reading(self, embedding, rng) -> None:
        probability = rng.uniform(0.05, 0.95, LABELS.shape)
        logit = np.log(probability / (1 - probability))
        known = features_of(
            LABELS, prediction(embedding, logit), Clustering(bandwidth=0.7)
        )
        for name, values in plain(LABELS, embedding, probability, 0.7).items():
            assert np.allclose(column(known, name), values, rtol=1e-12), name
        assert column(known, "gap")[2] == 10  # the third touches nothing
        assert column(known, "contact")[0] > 0

    def test_a_smaller_bandwidth_gives_more(self, embedding) -> None:
        one, other = (
            features_of(LABELS, prediction(embedding), Clustering(bandwidth=h))
            for h in (1.0, 0.5)
        )
        assert np.allclose(column(other, "spread"), 2 * column(one, "spread"))
        assert np.array_equal(column(one, "probability"), [1, 1, 1])  # no logit

    def test_on_the_sphere_length_does_not_count(self, embedding, rng) -> None:
        sphere = Clustering(kernel="von-mises-fisher", bandwidth=0.2)
        longer = embedding * rng.uniform(0.5, 2, LABELS.shape)
        one, other = (
            features_of(LABELS, prediction(e), sphere) for e in (embedding, longer)
        )
        assert np.allclose(one.values, other.values)
        unit = embedding / np.linalg.norm(embedding, axis=0)
        expected = plain(LABELS, unit, np.ones(LABELS.shape), 0.2)
        assert np.allclose(column(one, "spread"), expected["spread"])

    def test_places_are_measured_in_their_spread(self, embedding) -> None:
        learnt = Clustering(kernel="learnt-spread", bandwidth=0.5)
        placed = np.concatenate([embedding, np.full((1, *LABELS.shape), log(4))])
        known = features_of(LABELS, prediction(placed), learnt)
        expected = plain(LABELS, embedding, np.ones(LABELS.shape), 0.5 * 4)
        assert np.allclose(column(known, "reach"), expected["reach"])


class TestShape:
    def test_it_is_what_scikit_image_says(self, embedding) -> None:
        known = features_of(LABELS, prediction(embedding), Clustering())
        regions = regionprops(LABELS)
        for name in ("area", "extent", "solidity", "eccentricity"):
            expected = [getattr(region, name) for region in regions]
            assert np.allclose(column(known, name), expected), name
        assert np.allclose(column(known, "relative_area"), np.array([9, 6, 6]) / 6)

    @pytest.mark.parametrize("ndim", [1, 2, 3])
    def test_any_number_of_axes(self, ndim: int) -> None:
        labels = np.zeros((7,) * ndim, dtype=int)
        labels[(slice(0, 3),) * ndim], labels[(slice(4, 7),) * ndim] = 1, 2
        known = features_of(
            labels, prediction(np.zeros((2, *labels.shape))), Clustering()
        )
        assert np.array_equal(column(known, "area"), [3**ndim] * 2)
        assert np.isfinite(known.values).all()

    def test_specks(self) -> None:
        labels = np.diag(np.arange(1, 6))  # one pixel each
        known = features_of(labels, prediction(np.zeros((2, 5, 5))), Clustering())
        assert np.isfinite(known.values).all()
        assert np.array_equal(column(known, "eccentricity"), [0] * 5)

    def test_no_object(self) -> None:
        none = np.zeros((4, 4), dtype=int)
        known = features_of(none, prediction(np.zeros((2, 4, 4))), Clustering())
        assert known.values.shape == (0, len(known.names))


class TestFeatures:
    def test_another_one_beside_them(self, embedding) -> None:
        known = features_of(LABELS, prediction(embedding), Clustering())
        more = known.beside("votes", [0.1, 0.2, 0.3])
        assert more.names == (*known.names, "votes")
        assert np.array_equal(more.of([2, 0]).values[:, -1], [0.3, 0.1])
        assert len(joined([more, more.of([1])])) == 4

    def test_those_of_other_names_are_not_joined(self, embedding) -> None:
        known = features_of(LABELS, prediction(embedding), Clustering())
        for several in ([], [known, known.beside("votes", [0, 0, 0])]):
            with pytest.raises(ValueError, match="that have the same features"):
                joined(several)

    def test_labels_that_do_not_fit(self, embedding) -> None:
        with pytest.raises(ValueError, match="need one shape"):
            features_of(LABELS[1:], prediction(embedding), Clustering())
        with pytest.raises(ValueError, match="number 2 is left out"):
            features_of(
                np.where(LABELS == 2, 0, LABELS), prediction(embedding), Clustering()
            )
