"""The class of an object in the layer of labels: a table that napari shows."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.parts.result_layers import class_features, result_layers
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.samples.catalogue import make_sample

NAMES = ("disk", "star")


@pytest.fixture
def source(viewer):
    def of(pixels: np.ndarray) -> LayerSource:
        return LayerSource.of(viewer.add_image(pixels, name="img"))

    return of


def labels_of(pixels, model, source, **settings) -> SimpleNamespace:
    result = segment(pixels, model, window=8, device="cpu", **settings)
    data, options, kind = result_layers(result, source(pixels), "net", ())[-1]
    assert kind == "labels"
    return SimpleNamespace(layer=Labels(data, **options), result=result)


def test_the_layer_knows_the_class_of_each_object(small_model, rng, source):
    model = small_model(2, 2, foreground=True, classes=NAMES)
    made = labels_of(rng.random((24, 28)), model, source)
    (found,) = made.result.classes
    table = made.layer.features
    assert table["index"].tolist() == found.ids.tolist()
    assert table["class"].tolist() == [*found.of]
    assert table["class_confidence"].tolist() == pytest.approx(
        found.confidence, abs=1e-3
    )
    at = np.argwhere(made.layer.data == 1)[0]
    assert f"class: {found.by_id[1]}" in made.layer.get_status(at)["coordinates"]


@pytest.mark.parametrize("is_linked", [True, False])
def test_objects_of_all_planes_are_in_the_table(small_model, rng, source, is_linked):
    model = small_model(2, 2, foreground=True, classes=NAMES)
    pixels = rng.random((2, 24, 28))
    made = labels_of(pixels, model, source, link_planes=is_linked)
    classes = made.result.classes
    assert len(classes) == (1 if is_linked else 2)
    table = made.layer.features.set_index("index")
    assert sorted(table.index) == [*range(1, made.result.objects + 1)]
    for found in classes:
        assert table["class"][found.ids].tolist() == [*found.of]


def test_without_classes_there_is_no_table(small_model, rng, source):
    made = labels_of(rng.random((24, 28)), small_model(2, 2), source)
    assert "class" not in made.layer.features


def test_the_sample_has_its_true_classes(viewer):
    viewer.open_sample("napari-shiftseg", "shapes")
    truth = viewer.layers["shapes · truth"]
    assert dict(zip(truth.features["index"], truth.features["class"], strict=True)) == (
        make_sample("shapes").classes
    )


def test_of_truth_there_is_no_confidence():
    assert class_features({3: "disk", 9: "star"}) == {
        "index": [3, 9], "class": ["disk", "star"]
    }  # fmt: skip
