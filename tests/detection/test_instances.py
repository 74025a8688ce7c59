"""The map of classes, and its components as objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg import segment
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.detection.instances import (
    class_map,
    components_of_classes,
    judged_classes,
    learn_class_confidence,
)
from napari_shiftseg.metrics.classes import ClassedObjects, best_of_class
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.samples import Sample

pytestmark = pytest.mark.usefixtures("one_thread")


def predicted(**more) -> Prediction:
    logit = np.array([[-1.0, 1, 2, 1]])
    logits = np.array([[[5.0, 0, 1, 2]], [[0.0, 3, 1, 1]]])
    known = Prediction(np.zeros((1, 1, 4)), logit, None, (), class_logits=logits)
    return replace(known, **more)


def test_a_pixel_of_the_foreground_has_its_most_likely_class():
    assert class_map(predicted()).tolist() == [[0, 2, 1, 1]]  # of equals the first
    assert class_map(predicted(), threshold=0.8).tolist() == [[0, 0, 1, 0]]
    with pytest.raises(ValueError, match="tells no classes apart"):
        class_map(predicted(class_logits=None))


def test_objects_are_connected_pixels_of_one_class():
    classes = np.array([[1, 1, 0, 1], [2, 2, 0, 0], [0, 0, 1, 2]])
    labels = components_of_classes(classes)
    assert labels.tolist() == [[1, 1, 0, 2], [3, 3, 0, 0], [0, 0, 4, 5]]
    larger = components_of_classes(classes, min_size=2)
    assert larger.tolist() == [[1, 1, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0]]
    assert components_of_classes(np.zeros((2, 2), int)).tolist() == [[0, 0], [0, 0]]


class TestJudged:
    """Confidence by a regressor, on what a small untrained network finds in noise."""

    @pytest.fixture
    def model(self, small_model):
        clustering = Clustering(scope="component", min_size=1, bandwidth=0.3)
        return small_model(
            2, 2, foreground=True, classes=("a", "b"), clustering=clustering
        )

    @pytest.fixture
    def samples(self, rng) -> list[Sample]:
        labels = np.arange(400).reshape(20, 20).repeat(2, 0).repeat(2, 1)
        classes = {label: "ab"[label % 2] for label in range(1, 400)}
        return [
            Sample(rng.random((40, 40)).astype(np.float32), labels, classes=classes)
            for _ in range(4)
        ]

    def test_it_learns_the_overlap_within_the_class(self, model, samples) -> None:
        judge = learn_class_confidence(samples, model, window=8, device="cpu")
        assert judge.names[-1] == "class_probability"
        result = segment(samples[0].image, model, window=8, device="cpu")
        (votes,) = result.classes
        found = judged_classes(result, model, judge)
        assert found.by_id == votes.by_id
        assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
        truth = ClassedObjects(samples[0].labels, samples[0].classes)
        fits = best_of_class(truth, ClassedObjects(result.labels, votes.by_id))
        by_judge = np.corrcoef(found.confidence, fits)[0, 1]
        assert by_judge > max(0.3, np.corrcoef(votes.confidence, fits)[0, 1])

    def test_what_cannot_be_judged(self, model, samples, small_model) -> None:
        judge = learn_class_confidence(samples, model, window=8, device="cpu")
        stack = segment(
            np.stack([s.image for s in samples]), model, window=8, device="cpu"
        )
        with pytest.raises(ValueError, match="in one image, got 4 with classes"):
            judged_classes(stack, model, judge)
        plain = small_model(2, 2)
        result = segment(samples[0].image, plain, window=8, device="cpu")
        with pytest.raises(ValueError, match="got 0 with classes"):
            judged_classes(result, plain, judge)
        with pytest.raises(ValueError, match="image 1 of 1 has no classes"):
            learn_class_confidence([replace(samples[0], classes=None)], model)
        with pytest.raises(ValueError, match="one image with classes, or more"):
            learn_class_confidence([], model)


def test_the_best_overlap_is_one_within_the_class():
    true = ClassedObjects(np.array([[1, 1, 1, 2, 2, 0]]), {1: "a", 2: "b"})
    found = ClassedObjects(np.array([[4, 4, 7, 7, 7, 9]]), {4: "a", 7: "b", 9: "a"})
    assert best_of_class(true, found).tolist() == pytest.approx([2 / 3, 2 / 3, 0])
    other = ClassedObjects(np.array([[4, 4, 7, 7, 7, 9]]), {4: "b", 7: "b", 9: "c"})
    assert best_of_class(true, other).tolist() == pytest.approx([0, 2 / 3, 0])


def test_a_map_without_background_is_objects_all_over() -> None:
    found = components_of_classes(np.repeat([1, 2], 6).reshape(3, 4))
    assert sorted(np.unique(found).tolist()) == [1, 2]
