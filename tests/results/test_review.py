"""The order of doubt, and what is said of an object."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.results.review import Doubt, doubts, in_order_of_doubt

NAN = float("nan")
TABLE = {
    "label": np.array([2, 3, 5, 8]),
    "confidence": np.array([0.9, NAN, 0.2, 0.9]),
    "distance": np.array([0.3, NAN, 1.4, 0.2]),
    "margin": np.array([2.5, NAN, 0.4, np.inf]),
    "cut": np.array([False, False, True, False]),
}


def test_least_confidence_first_and_unknown_ones_last() -> None:
    assert in_order_of_doubt(TABLE["confidence"]).tolist() == [2, 0, 3, 1]
    assert in_order_of_doubt(np.empty(0)).tolist() == []


def test_objects_that_the_table_does_not_know_come_last() -> None:
    found = doubts(TABLE, [8, 5, 9, 2])  # 3 is gone, 9 is new
    assert [doubt.label for doubt in found] == [5, 2, 8, 9]
    assert [doubt.cut for doubt in found] == [True, False, False, False]
    assert np.isnan(found[-1].confidence)


def test_a_table_without_confidence_keeps_the_order_of_labels() -> None:
    known = doubts({"label": TABLE["label"]}, [5, 2])
    assert [doubt.label for doubt in known] == [2, 5]
    assert [doubt.label for doubt in doubts({}, [4, 1])] == [1, 4]
    assert doubts(TABLE, []) == []


SEVERAL = {"distance": -0.9, "margin": -1.5, "foreground": -0.3, "size": 0.3}


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        (
            Doubt(1, 0.2, 1.4, 0.4, cut=True, shares=SEVERAL),
            "Confidence 0.20. Another mode is only 0.40 bandwidths farther. "
            "Its pixels are farther from their mode than usual (1.40 bandwidths). "
            "It meets another object along a tile border.",
        ),
        (
            Doubt(1, 0.19, 0.2, foreground=0.62, shares={"foreground": -5.0}),
            "Confidence 0.19. Its pixels are less surely foreground than usual "
            "(probability 0.62).",
        ),
        (
            Doubt(1, 0.4, times=0.2, shares={"size": -0.9}),
            "Confidence 0.40. It is 5.0 times smaller than the usual object here.",
        ),
        (
            Doubt(1, 0.4, times=5.0, shares={"size": -0.9}),
            "Confidence 0.40. It is 5.0 times as large as the usual object here.",
        ),
        (
            Doubt(1, 0.9, 0.3, 2.5, shares={"distance": -0.1, "size": 0.3}),
            "Confidence 0.90. Nothing that is known of it speaks against it.",
        ),
        (Doubt(1, 0.5), "Confidence 0.50."),
        (Doubt(1), "Its confidence is not known."),
    ],
)
def test_why(doubt, words) -> None:
    assert doubt.words == words


def test_a_row_of_the_table_says_why() -> None:
    why = {"share_size": np.array([0.1, 0.1, -2.0, 0.1]), "times": np.full(4, 4.0)}
    found = doubts(TABLE | why, [5, 2])
    assert found[0].against == ["size"]
    assert "4.0 times as large" in found[0].words
    assert found[1].against == []
