"""Grey values scaled by the rules of other programs."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.intensity.automatic import find_scale
from napari_shiftseg.intensity.rules import ends
from napari_shiftseg.intensity.scale import Reading, Rule


@pytest.mark.parametrize(
    "data", [np.array([[False, True]]), np.array([[-60_000, 60_000]], np.float16)]
)
def test_percentiles_of_types_whose_steps_overflow(data) -> None:
    found = ends(data, Rule("quantiles", 0, 100, least=0.0))
    assert found == (float(data.min()), float(data.max()))


IMAGE = np.array([[1.0, 3.0]])


@pytest.mark.parametrize(
    ("invert", "said"),
    [
        (False, "reads the mean, 2, as 0, and a standard deviation above it, 3, as 1"),
        (True, "reads the mean, 2, as 1, and a standard deviation above it, 3, as 0"),
    ],
)
def test_mean_and_deviation_are_said_as_what_they_are(invert, said) -> None:
    rule = Rule("standardized", least=0.0)
    scale = find_scale(IMAGE, 2, rule, Reading(invert=invert))
    assert scale.sentence == said
    assert scale.figures()["standardized"]
    quantiles = find_scale(IMAGE, 2, Rule("quantiles", 0, 100, least=0.0))
    assert quantiles.sentence == "reads 1 … 3 as 0 … 1"
    assert "standardized" not in quantiles.figures()


def test_grey_values_that_replace_a_rule_are_said() -> None:
    given = Reading(intensity=(0, 10))
    (said,) = find_scale(IMAGE, 2, Rule("standardized"), given).notes
    assert "own normalisation (mean 0 and standard deviation 1 of the whole" in said
    assert "is replaced by the grey values given" in said
    assert find_scale(IMAGE, 2, "range", given).notes == ()
    assert find_scale(IMAGE, 2, Rule("standardized")).notes == ()
