"""The map of classes, and its components as objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.detection.instances import class_map, components_of_classes
from napari_shiftseg.pipeline.result import Prediction


def predicted(**more) -> Prediction:
    logit = np.array([[-1.0, 1, 2, 1]])
    logits = np.array([[[5.0, 0, 1, 2]], [[0.0, 3, 1, 1]]])
    known = Prediction(np.zeros((1, 1, 4)), logit, None, (), logits)
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
