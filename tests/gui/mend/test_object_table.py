"""The table of objects in a layer's features, kept right while it is mended."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.gui.mend import object_table
from napari_shiftseg.gui.parts.object_features import has_table
from napari_shiftseg.mending.edits import Delete, Merge
from napari_shiftseg.metrics.measuring import measure

OTHER = 0.012  # bandwidth

pytestmark = pytest.mark.usefixtures("one_thread")


def is_measured(layer, image, **how) -> None:
    """Prove that features are what is measured of labels as they are."""
    table = layer.features.sort_values([*how.get("by", ()), "index"])
    for name, column in measure(layer.data, image, axes=how.get("axes")).items():
        own = table["index" if name == "label" else name].to_numpy()
        np.testing.assert_allclose(own, column, 1e-9, 1e-9, err_msg=name)


def inside(layer, number, frame=()):
    at = np.argwhere(layer.data[frame] == number)[0]
    return tuple(int(x) for x in at)


@pytest.fixture
def two(result):
    """Two objects, the largest ones."""
    rows = result.features.sort_values("area")["index"].tolist()
    return rows[-1], rows[-2]


def test_segment_gives_the_table(result, noise) -> None:
    is_measured(result, noise)
    assert {"confidence", "distance", "cut"} <= set(result.features)


def test_an_edit_is_measured_undone_and_done_again(steered, result, noise, two) -> None:
    before = result.features.copy()
    gone = two[0]
    steered.steering.do(Delete((inside(result, gone),)))
    is_measured(result, noise)
    assert gone not in set(result.features["index"])
    result.undo()
    is_measured(result, noise)
    for name in before:  # how sure it is, too
        np.testing.assert_array_equal(result.features[name], before[name])
    assert set(result.features.get("looked_at", [""])) == {""}
    result.redo()
    is_measured(result, noise)


def test_what_is_edited_has_no_confidence(steered, result, noise, two) -> None:
    keep = two[0]
    points = tuple(inside(result, number) for number in two)
    steered.steering.do(Merge(points))
    is_measured(result, noise)
    table = result.features.set_index("index")
    edited = table[table["looked_at"] == "edited"]
    assert len(edited) == 1
    assert edited["area"].item() == (result.data == edited.index[0]).sum()
    assert np.isnan(edited["confidence"].item())
    assert not edited["cut"].item()
    others = table.drop(edited.index)
    assert others["confidence"].notna().all()
    assert keep in (*edited.index, *two)


def test_a_stroke_of_the_brush(steered, result, noise, two) -> None:
    result.brush_size = 3
    result.paint(inside(result, two[0]), two[1])
    is_measured(result, noise)
    looked = result.features.set_index("index")["looked_at"]
    assert set(looked[looked == "edited"].index) <= {*two}


def test_knobs_give_a_new_table(steered, result, noise, settled) -> None:
    steered.knobs.bandwidth.value = OTHER
    assert not has_table(result)  # the objects are others
    settled(steered)
    is_measured(result, noise)
    assert "confidence" not in result.features


def test_much_is_measured_in_a_thread(
    steered, result, noise, two, settled, monkeypatch
) -> None:
    monkeypatch.setattr(object_table, "AT_ONCE", 0)
    before = result.features.set_index("index")["confidence"]
    steered.steering.do(Delete((inside(result, two[0]),)))
    steered.steering._continue()
    settled(steered)
    is_measured(result, noise)
    after = result.features.set_index("index")["confidence"]
    np.testing.assert_array_equal(after, before[after.index])


def test_frames_have_their_own_rows(segmented, mend, noise, settled, viewer) -> None:
    series = np.stack([noise, noise[::-1, ::-1]])
    film = segmented(series, "film", axis_labels=("t", "y", "x"))
    mend.result.value = film
    settled(mend)
    is_measured(film, series, axes="TYX", by=["frame"])
    number = film.features.loc[film.features["frame"] == 1, "index"].iloc[0]
    mend.steering.do(Delete((inside(film, number, 1),), (1,)))
    settled(mend)
    is_measured(film, series, axes="TYX", by=["frame"])
    assert number not in set(film.features["index"])


def test_features_of_the_users_own_stay(steered, result, two) -> None:
    result.features = {"index": [1, 2], "mine": [3, 4]}
    steered.steering.do(Delete((inside(result, two[0]),)))
    assert result.features["mine"].tolist() == [3, 4]
