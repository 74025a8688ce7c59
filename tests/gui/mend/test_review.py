"""Review: from the least sure object on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_cdt

from napari_shiftseg.gui.mend.review import ROOM, WIDTH
from napari_shiftseg.mending.edits import Delete, Merge
from napari_shiftseg.results.confidence import object_confidence


@pytest.fixture
def review(steered):
    """The review of a result of 31 objects, two of which are less sure."""
    steering = steered.steering
    there = np.arange(1, int(steering.layer.data.max()) + 1)
    sure = np.full(len(there), 0.9)
    sure[[4, 9]] = 0.1, 0.3  # objects 5 and 10
    steered.review._tables[steering.frame(())] = {
        "label": there,
        "confidence": sure,
        "distance": np.full(len(there), 1.2),
        "margin": np.full(len(there), 0.4),
        "share_distance": np.full(len(there), -2.0),
        "cut": there == 10,
    }
    steering.layer.features = {"index": there}
    return steered.review


def middle(steered, number: int):
    labels = steered.steering.layer.data
    return tuple(np.argwhere(labels == number)[0].tolist())


def looked(steered) -> dict[int, str]:
    features = steered.steering.layer.features
    column = zip(features["index"], features["looked_at"], strict=True)
    return {number: how for number, how in column if how}


def key(viewer, name: str):
    found = [do for known, do in viewer.keymap.items() if str(known) == name]
    return found[0] if found else None


def test_from_the_least_sure_object_on(viewer, steered, review) -> None:
    layer = steered.steering.layer
    key(viewer, "N")(viewer)
    assert (review.current, layer.selected_label) == (5, 5)
    assert "Object 5. Confidence 0.10." in steered.answer.value
    assert "farther from their mode than usual" in steered.answer.value
    assert "tile border" not in steered.answer.value
    outline = viewer.layers[f"to look at · {layer.name}"]
    assert outline.visible
    offset = np.round(outline.translate - layer.translate).astype(int)
    shown = np.zeros(np.add(layer.data.shape, 2 * ROOM), bool)  # it may jut out
    part = [
        slice(o + ROOM, o + ROOM + n)
        for o, n in zip(offset, outline.data.shape, strict=True)
    ]
    shown[tuple(part)] = outline.data
    inside = np.pad(layer.data == 5, ROOM)
    assert shown[inside].all()
    assert (shown & ~inside).any()
    away = distance_transform_cdt(~inside, "taxicab")
    np.testing.assert_array_equal(shown, away <= WIDTH)  # around it, none of it covered
    review.go_on()  # not looked at: it is passed over
    assert review.current == 10
    assert "tile border" in steered.answer.value
    review.go_on()
    assert review.current not in (5, 10)
    assert review.progress.value == "0 of 31 looked at"


def test_right_is_the_mark_of_the_tool(viewer, steered, review) -> None:
    review.go_on()
    key(viewer, "O")(viewer)
    assert steered.tools.on is None
    assert looked(steered) == {5: "right"}
    assert review.current == 10
    assert review.progress.value == "1 of 31 looked at"
    assert steered.find.enabled  # the very marks that guide it
    steered.right.toggle(steered.steering.layer, middle(steered, 5), 0)
    steered._changed()
    assert looked(steered) == {}


def test_the_key_is_the_tools_own_while_nothing_is_outlined(
    viewer, steered, review
) -> None:
    key(viewer, "O")(viewer)
    assert steered.tools.on is not None
    assert steered.tools.on.name == "Mark right"
    steered.tools.press(None)
    review.go_on()
    key(viewer, "O")(viewer)
    assert steered.tools.on is None


def test_escape_lets_the_outline_go(viewer, steered, review) -> None:
    review.go_on()
    key(viewer, "Escape")(viewer)
    assert review.current is None
    assert not viewer.layers[f"to look at · {steered.steering.layer.name}"].visible
    key(viewer, "O")(viewer)
    assert steered.tools.on.name == "Mark right"
    assert looked(steered) == {}


def test_undo_takes_right_back_in_turn(viewer, steered, review, settled) -> None:
    layer = steered.steering.layer
    review.go_on()
    key(viewer, "O")(viewer)
    steered.steering.do(Delete((middle(steered, 10),)))
    settled(steered)
    assert looked(steered) == {5: "right"}
    key(layer, "Ctrl+Z")(layer)  # the edit came last
    assert 10 in layer.data
    assert looked(steered) == {5: "right"}
    key(layer, "Ctrl+Z")(layer)
    assert looked(steered) == {}
    assert review.current == 5
    assert key(layer, "Ctrl+Z") is None  # napari's own again


def test_mending_counts_and_undo_takes_it_back(
    viewer, steered, review, settled
) -> None:
    review.go_on()
    steered.steering.do(Merge((middle(steered, 5), middle(steered, 10))))
    settled(steered)
    assert looked(steered) == {5: "edited"}
    assert review.current is None
    assert review.progress.value == "1 of 30 looked at"
    review.go_on()
    assert review.current not in (5, 10)
    steered.steering.layer.undo()
    assert looked(steered) == {}
    assert review.progress.value == "0 of 31 looked at"


def test_all_are_visited_once_before_any_again(steered, review) -> None:
    seen = []
    for _ in range(31):
        review.go_on()
        seen.append(review.current)
    assert sorted(seen) == list(range(1, 32))
    review.go_on()
    assert review.current == 5


def test_when_none_is_left(steered, review, settled) -> None:
    review.go_on()
    while review.current is not None:
        review.mark_right()
    assert review.progress.value == "31 of 31 looked at"
    assert "Every object" in steered.answer.value
    assert not review.right.enabled


def test_how_sure_objects_are_is_found_anew_after_a_turn(
    viewer, steered, settled
) -> None:
    review = steered.review
    for bandwidth in (0.02, 0.018):
        steered.steering.turn(
            steered.steering.clustering.model_copy(update={"bandwidth": bandwidth})
        )
        settled(steered)
        review.go_on()
        settled(steered)
        frame = steered.steering.frame(())
        table = object_confidence(
            steered.steering.kept.run_of((), frame.objects, frame.clustering),
            steered.steering.kept,
        )
        order = table["label"][np.argsort(table["confidence"], kind="stable")]
        assert review.current == order[0]
        assert steered.answer.value.startswith(f"Object {order[0]}. Confidence 0.")
        review.go_on()
        assert review.current == order[1]


def test_an_object_that_is_deleted(steered, review, settled) -> None:
    review.go_on()
    steered.steering.do(Delete((middle(steered, 5),)))
    settled(steered)
    assert review.current is None
    review.go_on()
    assert review.current == 10


def test_frames_by_themselves(viewer, segmented, mend, settled, noise) -> None:
    layer = segmented(np.stack([noise, noise[::-1].copy()]), "series")
    settled(mend)
    viewer.dims.set_point(0, 0)
    number = len(np.unique(layer.data[0])) - 1
    there = np.unique(layer.data)[1:]
    others = len(there) - number  # of a frame that nobody has looked into
    known = [""] * number + ["edited"] * others
    layer.features = {"index": there, "looked_at": known}
    mend.review.go_on()
    settled(mend)
    mend.review.mark_right()
    assert mend.review.progress.value == f"1 of {number} looked at"
    column = list(layer.features["looked_at"])
    assert (column.count("right"), column.count("edited")) == (1, others)
    viewer.dims.set_point(0, 1)
    mend._look()
    assert mend.review.progress.value.startswith("0 of")
    mend.review.go_on()
    settled(mend)
    assert layer.data[1][layer.data[1] == mend.review.current].any()
    assert list(layer.features["looked_at"]).count("right") == 1


def test_of_an_object_in_several_frames_only_that_one_is_looked_at(
    viewer, segmented, mend, settled, noise
) -> None:
    series = np.stack([noise, noise[::-1].copy()])
    layer = segmented(series, "series", axis_labels=("t", "y", "x"))
    settled(mend)
    viewer.dims.set_point(0, 0)
    there = np.unique(layer.data[0])[1:]
    frame = np.repeat([0, 1], len(there))  # as where these are linked
    layer.features = {"index": np.tile(there, 2), "frame": frame}
    mend.review.go_on()
    settled(mend)
    number = mend.review.current
    mend.review.mark_right()
    table = layer.features
    right = table[table["looked_at"] == "right"]
    assert right[["index", "frame"]].to_numpy().tolist() == [[number, 0]]


def test_keys_are_given_back(viewer, steered, review) -> None:
    review.go_on()
    steered._leave()
    assert key(viewer, "N") is None
    assert key(viewer, "O") is None
    assert not [one for one in viewer.layers if one.name.startswith("to look at")]


def test_the_outline_goes_with_its_labels_and_is_not_hidden_before(
    viewer, steered, review, qtbot
) -> None:
    """Hidden while another layer is being removed, it makes napari fall."""
    layer = steered.steering.layer
    review.go_on()
    outline = viewer.layers[f"to look at · {layer.name}"]

    viewer.layers.remove(layer)

    assert outline.visible
    qtbot.waitUntil(lambda: outline not in viewer.layers)
