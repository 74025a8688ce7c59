"""Layers are known by what they are: names change, are swapped and are given anew."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_shiftseg.gui.parts.belonging import (
    METADATA_KEY,
    SESSION,
    MadeFrom,
    hide_earlier_runs,
)
from napari_shiftseg.gui.parts.choices import LayerChoice, is_image
from napari_shiftseg.gui.parts.source import LayerSource


def image(name="cells", shape=(4, 5)):
    return Image(np.zeros(shape), name=name)


def record(layer, **others):
    source = LayerSource.of(layer)
    known = {"image": source.name, "image_id": source.identity}
    return known | {"image_shape": source.shape, "session": SESSION} | others


def test_the_layer_itself_whatever_its_name():
    one, two = image("one"), image("two")
    known = record(one)
    one.name, two.name = "two", "one"
    assert MadeFrom(known).among([two, one]) is one
    assert MadeFrom(known).doubt(one) == ""


def test_another_one_of_its_name_is_not_taken():
    known = record(image())
    with pytest.raises(ValueError, match="no longer open, the open image of this name"):
        MadeFrom(known).among([image()])


def test_of_another_session_by_name_and_shape_and_said():
    known = record(image(), session="another")
    right, small = image(), image(shape=(3, 5))
    assert MadeFrom(known).among([small, right]) is right
    assert "the same name and shape" in MadeFrom(known).doubt(right)
    for others in ([small], [image(), image()], [image("dish")]):
        with pytest.raises(ValueError, match="'cells' is not open"):
            MadeFrom(known).among(others)


def test_only_earlier_runs_of_this_image_are_hidden():
    cells, dish = image(), image("dish")
    runs = [
        Labels(np.ones((4, 5), int), metadata={METADATA_KEY: record(of, run=run)})
        for of, run in ((cells, "1"), (dish, "2"), (cells, "3"))
    ]
    drawn = Labels(np.ones((4, 5), int))
    hide_earlier_runs([cells, *runs, drawn], record(cells, run="3"))
    layers = [cells, *runs, drawn]
    assert [layer.visible for layer in layers] == [True, False, True, True, True]


@pytest.fixture
def choice(viewer):
    """A list of the images one and two; two is selected."""
    for name in ("one", "two", "three"):
        viewer.add_image(np.zeros((4, 5)), name=name)
    viewer.layers.selection = {viewer.layers["two"]}
    return LayerChoice(viewer, is_image)


def test_a_list_begins_with_what_is_selected(choice):
    assert choice.value.name == "two"
    assert not choice.is_own


def test_a_list_follows_names_and_keeps_its_layer(viewer, choice):
    two, told = choice.value, []
    choice.changed.connect(told.append)
    two.name = "new"
    assert choice.native.currentText() == "new"
    viewer.layers["one"].name, two.name = "two", "one"
    assert choice.value is two
    assert choice.native.currentText() == "one"
    names = [choice.native.itemText(row) for row in range(choice.native.count())]
    assert names == [layer.name for layer in viewer.layers] == ["two", "one", "three"]
    assert told == []
    viewer.layers.remove(two)
    assert choice.value is not two
    assert len(told) == 1


def test_a_name_that_is_taken_changes_no_choice(viewer, choice):
    """For a moment two layers have one name, until napari numbers one of them."""
    for name in ("one", "three"):
        two = choice.value
        viewer.layers[name].name = two.name
        assert choice.value is two
        assert choice.native.currentText() == two.name
        assert len(set(choice.choices)) == 3
    names = [choice.native.itemText(row) for row in range(choice.native.count())]
    assert names == [layer.name for layer in viewer.layers]


def test_what_was_made_of_the_selected_layer(viewer):
    cells = viewer.add_image(np.zeros((4, 5)), name="cells")
    viewer.add_image(np.zeros((4, 5)), name="dish")
    made = {METADATA_KEY: record(cells, run="1")}
    viewer.add_labels(np.ones((4, 5), int), metadata=made)
    assert LayerChoice(viewer, is_image).value.name == "cells"
    assert made[METADATA_KEY]["session"] == SESSION
