"""Metadata of layers as earlier versions wrote it, and what stands beside it now."""

from __future__ import annotations

import gc
import json
import pickle
from weakref import ref

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.mend.layers import RightMarks
from napari_shiftseg.gui.mend.saving import number_unsaved
from napari_shiftseg.gui.parts.records import KEPT, LayerRecord, LayerSession
from napari_shiftseg.mending.edits import Delete, Paint

BANDWIDTH = 0.02
OTHER = 0.01

pytestmark = pytest.mark.usefixtures("one_thread", "qapp")


def old_edit(at):
    """A deletion as it was written, and as a file in JSON gives it back."""
    written = {"kind": "delete", "points": (at,), "frame": ()}
    return [written, json.loads(json.dumps(written))]


def old_clustering(kept, bandwidth):
    return kept.clustering.model_dump() | {"bandwidth": bandwidth}


@pytest.mark.parametrize("form", [0, 1])
def test_labels_of_an_older_clustering_and_what_was_painted_on_them(
    one, steer, settled, form, pixel, fresh
) -> None:
    layer, kept = one
    first, older = pixel(layer.data, 1), fresh(OTHER)
    second = pixel((older > 0) & (layer.data > 1), True)
    layer.metadata["shiftseg edits"] = [old_edit(first)[form]]
    layer.metadata["shiftseg unread"] = [
        {"frame": (), "clustering": old_clustering(kept, OTHER), "edits": []}
    ]
    layer.data[...] = older
    layer.data[second] = 0  # somebody erased it, with Mend closed
    steering = steer(layer, kept)
    settled(steering)
    expected = fresh(BANDWIDTH)
    expected[expected == expected[first]] = 0
    expected[second] = 0
    np.testing.assert_array_equal(layer.data, expected)
    assert [type(edit) for edit in steering.history.edits] == [Delete, Paint]
    assert "shiftseg unread" not in layer.metadata


def test_labels_of_two_clusterings_are_nobodys_paint(
    one, steer, settled, pixel, fresh
) -> None:
    layer, kept = one
    at = pixel(layer.data, 1)
    layer.metadata["shiftseg edits"] = [old_edit(at)[0]]
    layer.metadata["shiftseg saved edits"] = [old_edit(at)[0]]
    layer.metadata["shiftseg unfinished"] = [()]
    layer.data[:20] = fresh(OTHER)[:20]
    steering = steer(layer, kept)
    settled(steering)
    expected = fresh(BANDWIDTH)
    expected[expected == expected[at]] = 0
    np.testing.assert_array_equal(layer.data, expected)
    assert steering.history.edits == (Delete((at,)),)
    assert steering.history.store.number_unsaved == 0


def test_what_is_written_is_what_was_written(one, turned, pixel, begun) -> None:
    layer, steering = begun(one)
    at = pixel(layer.data, 1)
    steering.do(Delete((at,)))
    steering.history.settle(steering.history.edits)
    steering._data_replaced()
    steering.turn(turned(steering))
    steering.stop()
    metadata = layer.metadata
    assert metadata["shiftseg edits"] == [old_edit(at)[0]]
    assert metadata["shiftseg unread"] == [
        {
            "frame": (),
            "clustering": old_clustering(steering.kept, BANDWIDTH),
            "edits": [old_edit(at)[0]],
        }
    ]
    assert LayerRecord(layer).chosen["bandwidth"] == OTHER


def test_what_goes_with_a_layer_goes_with_no_copy_of_it(one) -> None:
    layer, kept = one
    KEPT.keep(layer, kept)
    session = LayerSession.of(layer)
    copied = Labels(layer.data.copy(), metadata=layer.metadata)
    assert KEPT.of(copied) is None
    assert KEPT.of(layer) is kept
    assert LayerSession.of(layer) is session
    assert copied.metadata.keys() == {"shiftseg"}


def test_asking_writes_into_nobodys_layer() -> None:
    theirs = Labels(np.ones((3, 4), int), metadata={"mine": [1, 2]})
    before = pickle.dumps(theirs.metadata)
    assert number_unsaved(theirs) == 0
    assert KEPT.of(theirs) is None
    assert RightMarks.of(theirs).number == 0
    assert pickle.dumps(theirs.metadata) == before
    assert LayerSession.known(theirs) is not LayerSession.known(theirs)


def test_a_session_goes_with_its_layer() -> None:
    layer = Labels(np.ones((3, 4), int))
    LayerSession.of(layer).right = right = RightMarks((3, 4))
    right, layer = ref(right), ref(layer)
    gc.collect()
    assert (right(), layer()) == (None, None)
