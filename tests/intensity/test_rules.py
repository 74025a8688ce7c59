"""Grey values scaled by the rules of other programs."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.intensity.rules import ends
from napari_shiftseg.intensity.scale import Rule


@pytest.mark.parametrize(
    "data", [np.array([[False, True]]), np.array([[-60_000, 60_000]], np.float16)]
)
def test_percentiles_of_types_whose_steps_overflow(data) -> None:
    found = ends(data, Rule("quantiles", 0, 100, least=0.0))
    assert found == (float(data.min()), float(data.max()))
