"""Objects coloured by a column of their table."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Labels

from napari_shiftseg.gui.parts.object_features import features_of
from napari_shiftseg.gui.parts.result_layers import WIDE, result_labels
from napari_shiftseg.gui.segment import colour_by
from napari_shiftseg.gui.segment.colour_by import OBJECTS, UNKNOWN, ColourBy
from napari_shiftseg.metrics.measuring import measure


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def layer(viewer) -> Labels:
    data = np.zeros((20, 30), int)
    data[1:3, 1:3], data[5:10, 5:10], data[12:19, 3:20] = 1, 2, 3
    table = measure(data) | {"class": np.array(["disk", "", "star"])}
    table["confidence"] = np.array([0.2, np.nan, 0.9])
    layer = Labels(data, features=features_of(table), colormap=result_labels())
    viewer.add_layer(layer)
    return layer


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def box(viewer, layer, qtbot, said) -> ColourBy:
    found = ColourBy(viewer, lambda: None, said.append)
    qtbot.addWidget(found.native)
    found.offer()
    return found


def colours(layer) -> np.ndarray:
    return np.array([layer.get_color(n) for n in (1, 2, 3)])


def test_columns_are_offered(box, layer) -> None:
    assert box.choices[:2] == (OBJECTS, "area")
    assert {"class", "confidence", "solidity"} <= set(box.choices)
    assert "index" not in box.choices


def test_another_box_knows_what_is_shown(viewer, box, layer, qtbot, said) -> None:
    """The widget was closed, and opened again."""
    box.value = "area"
    other = ColourBy(viewer, lambda: None, said.append)
    qtbot.addWidget(other.native)
    other.offer()
    assert other.value == "area"
    other.value = OBJECTS
    np.testing.assert_array_equal(layer.colormap.colors, result_labels().colors)


def test_layers_do_not_keep_it(viewer, layer, said) -> None:
    box = ColourBy(viewer, lambda: None, said.append)
    box.offer()
    box.value = "area"
    known = weakref.ref(box)
    box.close()
    del box
    gc.collect()
    assert known() is None


def test_low_is_dark_and_high_is_bright(box, layer) -> None:
    box.value = "area"
    brightness = colours(layer)[:, :3].sum(axis=1)
    assert brightness.tolist() == sorted(brightness.tolist())
    assert len(layer.colormap.colors) >= WIDE  # of one kind of texture
    assert not np.asarray(layer.colormap.colors)[0].any()  # background


def test_the_least_sure_is_brightest_and_none_is_nearly_black(box, layer) -> None:
    box.value = "confidence"
    doubtful, _, sure = colours(layer)[:, :3].sum(axis=1)
    assert doubtful > sure > 0.8
    assert box.legend.value == "blue 0.886 · yellow 0.214 · grey: not known"
    box.value = "touches_border"
    assert box.legend.value == "blue no · yellow yes"
    for column in ("class", OBJECTS):
        box.value = column
        assert box.legend.value == ""


def test_what_is_not_known_is_grey(box, layer) -> None:
    box.value = "confidence"
    np.testing.assert_allclose(colours(layer)[1], UNKNOWN)
    box.value = "class"
    np.testing.assert_allclose(colours(layer)[1], UNKNOWN)
    assert len(np.unique(colours(layer), axis=0)) == 3


def test_the_usual_colours_come_back(box, layer) -> None:
    before = layer.colormap
    box.value = "area"
    box.value = "solidity"
    box.value = OBJECTS
    assert layer.colormap is before


def test_colours_follow_the_table(box, layer) -> None:
    box.value = "area"
    before = colours(layer)
    table = layer.features.copy()
    table["area"] = table["area"].to_numpy()[::-1]
    layer.features = table
    np.testing.assert_allclose(colours(layer), before[::-1], atol=1e-6)
    layer.features = {}
    assert layer.colormap.name == "result"
    assert not box.visible


def test_a_number_that_has_no_colour_is_said(box, layer, said, monkeypatch) -> None:
    monkeypatch.setattr(colour_by, "MOST", 2)
    box.value = "area"
    assert said == [
        "objects are coloured by a column up to the number 2, but there is one of the "
        "number 3"
    ]
    assert box.value == OBJECTS
