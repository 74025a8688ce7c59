"""What looks odd, by hand-sized numbers."""

from __future__ import annotations

from math import nan
from pathlib import Path

import numpy as np
import pytest

from napari_shiftseg.batch.oddities import oddities, outlying
from napari_shiftseg.batch.order import BatchRow


def row(at, objects=100, area=50.0, **more):
    given = {"condition": "a", "model": "m", "confidence": 0.9}
    return BatchRow(
        Path(f"{at}.tif"), f"{at}", "done", objects=objects, median_area=area,
        **given | more,
    )  # fmt: skip


def said(rows):
    return {each.row.name: "; ".join(each.reasons) for each in oddities(rows)}


def test_the_score_is_that_of_iglewicz_and_hoaglin():
    values = np.array([1.0, 2, 3, 4, 100])  # median 3, deviations 2 1 0 1 97, MAD 1
    np.testing.assert_allclose(
        outlying(values, values), 0.6745 * np.array([-2, -1, 0, 1, 97])
    )
    same = np.array([2.0, 2, 2, 2, 7])  # MAD 0, mean deviation 1
    np.testing.assert_allclose(outlying(same, same), [0, 0, 0, 0, 5 * 0.7979])
    assert outlying(np.ones(3), np.ones(3)).tolist() == [0, 0, 0]


def test_alike_images_are_not_odd():
    assert said([row(n, 100 + 9 * n, 50.0 + n) for n in range(6)]) == {}


def test_too_many_too_few_too_large_and_none():
    usual = [row(n, 100 + n, 50.0 + n) for n in range(6)]
    odd = [
        row("many", 900), row("few", 20), row("large", area=400.0), row("none", 0, nan),
    ]  # fmt: skip
    found = said([*usual, *odd])
    assert found["many"].startswith("many objects: 900, where 10")
    assert found["few"].startswith("few objects: 20, where")
    assert found["large"] == (
        "large objects: a median of 400 pixels, where a median of 52 pixels is usual"
    )
    assert found["none"] == "no objects"
    assert set(found) == {"many", "few", "large", "none"}


def test_a_condition_is_odd_among_its_own_only():
    few = [row(n, 10 + n % 3) for n in range(6)]
    many = [row(n + 10, 800 + n % 3, condition="b") for n in range(6)]
    assert said([*few, *many]) == {}
    assert "10" in said([*few, row(10, 800)])  # the same number, among these


def test_of_few_images_all_conditions_are_compared():
    usual = [row(n, 100 + n % 3, condition=f"{n}") for n in range(6)]
    assert set(said([*usual, row("x", 900, condition="x")])) == {"x"}
    assert said([*usual[:3], row("x", 900, condition="x")]) == {}
    assert said([*usual, row("x", 900, model="other")]) == {}


def test_doubts_and_a_low_confidence_are_told():
    found = said([row(1, confidence=0.31), row(2, notes=("it is noise",)), row(3)])
    assert found == {"1": "low confidence: 0.31 on average", "2": "it is noise"}


@pytest.mark.parametrize("confidence", [nan, 0.5])
def test_what_failed_or_is_not_known_is_not_odd(confidence):
    failed = BatchRow(Path("f.tif"), "f", "failed", error="gone")
    assert said([failed, row(1, confidence=confidence)]) == {}
