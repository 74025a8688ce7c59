"""How far pixels lie from their mode, as an image."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, mean

from napari_shiftseg import mode_distance, object_confidence, segment
from napari_shiftseg.networks.unet import new_model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model():
    return new_model(ndim=2, depth=2, features=4, foreground=True)


@pytest.mark.parametrize("views", [1, 2])
def test_its_mean_is_the_distance_of_an_object(model, rng, views):
    image = gaussian_filter(rng.normal(size=(2, 28, 40)), (0, 1, 1)) * 4
    chosen = {"scope": "component", "min_size": 2, "bandwidth": 0.3, "views": views}
    result = segment(image, model, axes=["t"], foreground_threshold=0.3, **chosen)
    assert result.objects > 2
    found = mode_distance(result, model)
    assert found.shape == result.labels.shape
    assert (np.isnan(found) == (result.labels == 0)).all()
    table = object_confidence(result, model)
    means = mean(found, result.labels, table["label"])
    np.testing.assert_allclose(means, table["distance"], rtol=1e-5)
    assert np.ptp(means) > 0


def test_objects_that_are_not_those_of_modes(model, rng):
    result = segment(rng.normal(size=(20, 24)), model, method="components")
    assert result.objects
    assert np.isnan(mode_distance(result, model)).all()
