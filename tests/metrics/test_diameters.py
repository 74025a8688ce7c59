"""Diameters against those of shapes whose size is known."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np
import pytest
from skimage.measure import regionprops

from napari_shiftseg.metrics.diameters import diameters, median_diameter


def test_in_a_plane_and_a_volume_they_are_those_of_scikit_image(rng) -> None:
    for shape in ((30, 40), (9, 12, 15)):
        labels = rng.integers(-1, 5, shape)
        expected = [r.equivalent_diameter_area for r in regionprops(labels.clip(0))]
        np.testing.assert_allclose(diameters(labels), expected, rtol=1e-12)


def test_along_a_line_it_is_the_length() -> None:
    np.testing.assert_allclose(diameters([0, 1, 1, 1, 0, 7, 7]), [3, 2])


def test_a_disk_has_its_own() -> None:
    y, x = np.indices((101, 101)) - 50
    assert diameters(y**2 + x**2 <= 40**2)[0] == pytest.approx(80, rel=0.01)


def test_the_median_is_that_of_all_objects_of_all_images() -> None:
    one, other = np.array([[1, 1, 0, 2]]), np.array([[5, 5, 5, 5]])
    known = [2 * sqrt(n / pi) for n in (1, 2, 4)]
    assert median_diameter([one, other]) == pytest.approx(known[1])


def test_without_objects_there_is_none() -> None:
    assert median_diameter([np.zeros((3, 3), int), -np.ones((2, 2), int)]) is None
    assert median_diameter([]) is None
