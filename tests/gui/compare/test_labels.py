"""Two layers of labels compared: the table, the outlines, the way to an object."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_shiftseg.gui.compare.labels import (
    CompareLabelsWidget,
    why_not,
)
from napari_shiftseg.gui.compare.outlines import KINDS


def strip(*spans: tuple[int, int]) -> np.ndarray:
    """Objects 6 pixels high, from one column to another, numbered from 1."""
    labels = np.zeros((10, 100), dtype=np.int32)
    for number, (start, stop) in enumerate(spans, start=1):
        labels[2:8, start:stop] = number
    return labels


# a: matched, split in b, two merged in b, alone; b alone: the last one
A = strip((2, 10), (12, 32), (34, 44), (44, 54), (60, 66))
B = strip((2, 10), (12, 22), (22, 32), (34, 54), (80, 90))


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def widget(viewer, qtbot):
    viewer.add_labels(A, name="a", scale=(2, 2), translate=(5, 0))
    viewer.add_labels(B, name="b", scale=(2, 2), translate=(5, 0))
    viewer.layers.selection.active = viewer.layers["a"]
    made = CompareLabelsWidget(viewer)
    qtbot.addWidget(made.native)
    yield made
    made._leave()


def compare(widget, qtbot) -> None:
    widget.compare()
    qtbot.waitUntil(lambda: widget.rows.rowCount() > 0, timeout=60_000)


def shown(widget) -> list[tuple]:
    rows = widget.rows
    cells = [
        [rows.data(rows.index(r, c)) for c in range(rows.columnCount())]
        for r in range(rows.rowCount())
    ]
    return [tuple(row[:3]) for row in cells]


def test_every_kind_what_differs_first(widget, qtbot) -> None:
    assert (widget.here.value.name, widget.there.value.name) == ("a", "b")
    compare(widget, qtbot)
    assert shown(widget) == [
        ("split", "2", "2"),
        ("split", "2", "3"),
        ("merged", "3", "4"),
        ("merged", "4", "4"),
        ("only here", "5", "–"),
        ("only there", "–", "5"),
        ("matched", "1", "1"),
    ]
    assert widget.answer.value == (
        "5 objects here, 5 there: 1 matched, 1 split, 1 merged, 1 only here, "
        "1 only there."
    )


def test_outlines_are_coloured_by_kind_and_lie_on_the_labels(
    viewer, widget, qtbot
) -> None:
    compare(widget, qtbot)
    here = viewer.layers["here · a"]
    there = viewer.layers["there · b"]
    np.testing.assert_array_equal(here.data, A)
    np.testing.assert_array_equal(there.data, B)
    np.testing.assert_array_equal(here.scale, (2, 2))
    np.testing.assert_array_equal(here.translate, (5, 0))
    names = {n: hexed(here.get_color(n)) for n in range(1, 6)}
    kinds = ["matched", "split", "merged", "merged", "only_a"]
    assert [*names.values()] == [KINDS[kind].colour for kind in kinds]
    assert there.get_color(1)[3] == 0  # matched: outlined once
    assert hexed(there.get_color(5)) == KINDS["only_b"].colour


def hexed(colour) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in colour[:3])


def test_a_row_leads_to_its_object(viewer, widget, qtbot) -> None:
    compare(widget, qtbot)
    widget.table.selectRow(5)  # only there
    middle = B == 5
    expected = np.argwhere(middle).mean(axis=0) * 2 + (5, 0)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], expected)


def test_what_cannot_be_compared_is_said(viewer, widget) -> None:
    a = viewer.layers["a"]
    assert why_not(a, viewer.layers["b"]) == ""
    assert "one and the same" in why_not(a, a)
    assert "Open two layers" in why_not(a, None)
    small = viewer.add_labels(A[:, :50], name="small", scale=(2, 2), translate=(5, 0))
    assert "10 × 100" in why_not(a, small)
    assert "10 × 50" in why_not(a, small)
    moved = viewer.add_labels(A, name="moved", scale=(2, 2))
    assert "different places" in why_not(a, moved)
    coarse = viewer.add_labels(A, name="coarse", scale=(1, 2), translate=(5, 0))
    assert "scales" in why_not(a, coarse)
    widget.there.value = small
    assert not widget.button.enabled
    assert "same part" in widget.answer.value
    widget.there.value = viewer.layers["b"]
    assert widget.button.enabled
    assert widget.answer.value == ""


def test_what_has_changed_since_is_said(viewer, widget, qtbot) -> None:
    compare(widget, qtbot)
    layer, result = viewer.layers["a"], widget.answer.value
    layer.visible = True
    layer.data_setitem((np.array([4]), np.array([5])), 0)
    qtbot.waitUntil(lambda: "press Compare again" in widget.answer.value)
    layer.undo()
    qtbot.waitUntil(lambda: widget.answer.value == result)
    layer.data_setitem((np.array([4]), np.array([5])), 0)
    qtbot.waitUntil(lambda: "press Compare again" in widget.answer.value)
    outlines = viewer.layers["here · a"]
    compared = widget._shown[0]
    widget.compare()
    qtbot.waitUntil(lambda: not widget._jobs, timeout=60_000)
    assert widget._shown[0] is not compared
    assert widget.answer.value.startswith("5 objects here")
    assert viewer.layers["here · a"] is outlines  # the same layer
    np.testing.assert_array_equal(outlines.data, layer.data)


def test_labels_that_go_take_the_comparison_with_them(viewer, widget, qtbot) -> None:
    compare(widget, qtbot)
    camera = viewer.scene.camera.center
    del viewer.layers["a"]
    widget.table.selectRow(5)
    assert viewer.scene.camera.center == camera


def test_large_numbers_are_coloured_too(viewer, widget, qtbot) -> None:
    viewer.layers["a"].data = np.where(A > 0, A + 70_000, 0)
    compare(widget, qtbot)
    here = viewer.layers["here · a"]
    assert hexed(here.get_color(70_002)) == KINDS["split"].colour


def test_outlines_and_marks_are_not_listed(viewer, widget, qtbot) -> None:
    compare(widget, qtbot)
    assert [layer.name for layer in widget.here.choices] == ["a", "b"]


def test_objects_can_be_none(viewer, widget, qtbot) -> None:
    viewer.layers["b"].data = np.zeros_like(B)
    compare(widget, qtbot)
    assert [row[0] for row in shown(widget)] == ["only here"] * 5


def test_of_one_layer_nothing(qtbot) -> None:
    viewer = ViewerModel()
    made = CompareLabelsWidget(viewer)
    qtbot.addWidget(made.native)
    assert "Open two layers" in made.answer.value
    labels = viewer.add_labels(A)
    made.choose(labels)
    made.compare()
    assert made.rows.rowCount() == 0
    made._leave()


def test_the_colours_are_told_apart_by_all_eyes() -> None:
    """Machado et al. 2009, severity 1: no two kinds look alike."""
    blindness = {
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                   [-0.011820, 0.042940, 0.968881]],
    }  # fmt: skip
    colours = np.array(
        [
            [int(k.colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
            for k in KINDS.values()
        ]
    )
    for matrix in blindness.values():
        seen = np.clip(colours**2.2 @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
        apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        assert apart[~np.eye(len(seen), dtype=bool)].min() > 0.15
