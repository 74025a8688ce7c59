"""What the benchmark on instances of classes is made of, on two tiny images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_shiftseg.metrics.classes import ClassedObjects
from napari_shiftseg.samples.shapes import CLASSES, shapes

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def script(read_small) -> ModuleType:
    return read_small("semantic_instances")


@pytest.fixture(scope="module")
def samples():
    return [shapes((40, 40), diameter=(8, 14), seed=seed) for seed in range(2)]


@pytest.mark.parametrize("name", ["classes alone", "cosine", "discriminative, lines"])
def test_a_variant_is_trained_once_and_scored(script, samples, tmp_path, name):
    begin = partial(script.begun, name, 0, samples, 2)
    model = script.trained(name, 2, 0, tmp_path, begin)
    assert model.config.classes == CLASSES
    again = script.trained(name, 2, 0, tmp_path, begin)
    pairs = zip(model.parameters(), again.parameters(), strict=True)
    assert all(bool((one == other).all()) for one, other in pairs)
    alone = script.VARIANTS[name].embedding is None
    figures = script.scored(model, samples, not alone)
    assert tuple(figures) == script.FIGURES
    assert all(0 <= value <= 1 for value in figures.values())
    row = {"trained": name, "seed": 0} | figures
    script.report([row, row], "trained", script.FIGURES, tmp_path)
    assert (tmp_path / "results.csv").read_text().count(name) == 2


def test_nothing_is_asked_of_the_embedding_of_classes_alone(script):
    loss = script.VARIANTS["classes alone"].loss
    outputs = torch.ones(3, 4, 4, requires_grad=True)
    total = loss.total(*loss.terms(outputs, torch.ones(4, 4, dtype=torch.int64)))
    total.backward()
    assert total == 0
    assert not outputs.grad.any()


def test_objects_are_painted_with_their_classes(script):
    labels = np.array([[0, 1, 2]])
    objects = ClassedObjects(labels, {1: "star", 2: "disk"})
    assert script.painted(objects).tolist() == [[0, 3, 1]]
