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


@pytest.mark.parametrize(
    ("doubt", "words"),
    [
        (
            Doubt(1, 0.2, 1.4, 0.4, cut=True),
            "Confidence 0.20. Its pixels are far from their mode (1.40 bandwidths). "
            "An object it touches is only 0.40 bandwidths farther. "
            "It meets another object along a tile border.",
        ),
        (
            Doubt(1, 0.9, 0.3, 2.5),
            "Confidence 0.90. Its pixels are near their mode (0.30 bandwidths). "
            "An object it touches is 2.50 bandwidths farther.",
        ),
        (Doubt(1, 0.9, 0.3, np.inf), "Confidence 0.90. "
         "Its pixels are near their mode (0.30 bandwidths)."),
        (Doubt(1, 0.5), "Confidence 0.50."),
        (Doubt(1), "Its confidence is not known."),
    ],
)  # fmt: skip
def test_why(doubt, words) -> None:
    assert doubt.words == words
