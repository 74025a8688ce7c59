from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling import projection
from napari_shiftseg.relabelling.pixel_sample import lassoed_steps, within
from napari_shiftseg.relabelling.projection import (
    principal_components,
    projection_steps,
)

MODES = np.array([(0.0, 0, 0, 0), (8, 0, 0, 0), (0, 6, 0, 0)])


def project(*args, **options):
    return exhaust(projection_steps(*args, **options))


@pytest.fixture
def labels():
    labels = np.zeros((20, 24), np.int32)
    labels[2:10, 2:10], labels[12:18, 4:20] = 1, 2
    return labels


@pytest.fixture
def prediction(labels, rng):
    """Every pixel near the mode of its object, or of the background."""
    embedding = np.moveaxis(MODES[labels], -1, 0) + rng.uniform(-0.1, 0.1, (4, 20, 24))
    plan = plan_tiles((20, 24), ModelConfig.new(name="", depth=2).shape, 8, "cropped")
    return Prediction(embedding.astype(np.float32), None, plan, ())


def lassoed(prediction, components, polygon, region=((0, 20), (0, 24)), labels=None):
    steps = lassoed_steps(prediction.embedding, components, polygon, region, labels)
    return exhaust(steps)


def square(at, half):
    return at + half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])


def test_points_are_the_embedding_of_the_sample(prediction, labels, monkeypatch):
    monkeypatch.setattr(projection, "CHUNK", 100)  # several slabs
    seen = project(prediction, labels, MODES, 1.0, "gaussian", background=True)
    assert len(seen.points) == 480
    rows = prediction.embedding[(slice(None), *seen.sample.pixels.T)].T
    np.testing.assert_allclose(seen.points, seen.components.place(rows))
    of = labels[tuple(seen.sample.pixels.T)]
    assert np.linalg.norm(seen.points - seen.modes[of], axis=1).max() < 0.2
    np.testing.assert_array_equal(seen.nearest, of)
    assert np.linalg.norm(seen.points - seen.modes[(of + 1) % 3], axis=1).min() > 5
    assert sum(seen.components.shares) > 0.99


def test_without_modes(prediction, labels):
    seen = project(prediction, labels, MODES[:0], 1.0, "flat", most=50)
    assert set(seen.nearest) == {-1}
    assert seen.outlines.shape[0] == len(seen.modes) == 0


def test_only_objects_of_a_region(prediction, labels):
    seen = project(
        prediction, labels, MODES, 1.0, "flat", region=((0, 12), (0, 24)), most=50
    )
    assert seen.points.shape == (50, 2)
    assert seen.sample.of == 64
    assert set(labels[tuple(seen.sample.pixels.T)]) == {1}


def test_known_components_are_kept(prediction, labels):
    first = project(prediction, labels, MODES, 1.0, "gaussian")
    other = np.where(labels == 1, 0, labels)
    again = project(
        prediction, other, MODES, 1.0, "gaussian", components=first.components
    )
    assert again.components is first.components
    np.testing.assert_array_equal(again.modes, first.modes)
    anew = project(prediction, other, MODES, 1.0, "gaussian")
    assert not np.allclose(anew.modes, first.modes)


def test_labels_of_another_image_are_refused(prediction, labels):
    with pytest.raises(ValueError, match=r"\(20, 24\), but have the shape \(19, 24\)"):
        project(prediction, labels[1:], MODES, 1.0, "gaussian")


def test_a_lasso_around_a_mode_finds_all_pixels_of_its_object(prediction, labels):
    seen = project(prediction, labels, MODES, 1.0, "gaussian", most=30)
    for number in (1, 2):
        found = lassoed(prediction, seen.components, square(seen.modes[number], 1))
        np.testing.assert_array_equal(found, labels == number)
        assert found.dtype == np.uint8


def test_a_lasso_looks_at_a_region_and_at_objects_only(prediction, labels):
    parts = project(prediction, labels, MODES, 1.0, "gaussian").components
    everywhere = square(np.zeros(2), 100)
    assert lassoed(prediction, parts, everywhere).all()
    found = lassoed(prediction, parts, everywhere, ((5, 20), (3, 24)), labels)
    inside = np.zeros_like(labels)
    inside[5:, 3:] = 1
    np.testing.assert_array_equal(found, inside & (labels > 0))


def test_a_lasso_on_the_sphere(prediction, labels):
    scaled = replace(prediction, embedding=prediction.embedding * 3 + 1)
    seen = project(scaled, labels, MODES * 3 + 1, 0.2, "von-mises-fisher", most=30)
    found = lassoed(scaled, seen.components, square(seen.modes[2], 0.1))
    np.testing.assert_array_equal(found, labels == 2)


def test_within_a_concave_polygon():
    horseshoe = [(0, 0), (6, 0), (6, 6), (4, 6), (4, 2), (2, 2), (2, 6), (0, 6)]
    points = np.array([(1.0, 5), (3, 5), (5, 5), (3, 1), (7, 1), (-1, 3)])
    expected = [True, False, True, True, False, False]
    assert within(points, horseshoe).tolist() == expected


def test_a_place_enclosed_twice_is_outside():
    star = [(0, 3), (2, -3), (-3, 1), (3, 1), (-2, -3)]
    assert within(np.array([(0.0, 2), (0, 0)]), star).tolist() == [True, False]


def test_volumes(rng):
    labels = np.zeros((3, 8, 8), int)
    labels[1:, 2:6, 2:6], labels[0, 5] = 1, 2
    plan = plan_tiles(
        labels.shape, ModelConfig.new(name="", ndim=3, depth=1).shape, None, "whole"
    )
    embedding = np.moveaxis(MODES[labels], -1, 0) + rng.uniform(-0.1, 0.1, (4, 3, 8, 8))
    prediction = Prediction(embedding, None, plan, ())
    seen = project(prediction, labels, MODES, 1.0, "gaussian", most=16)
    assert seen.sample.pixels.shape == (16, 3)
    region = tuple((0, n) for n in labels.shape)
    found = lassoed(prediction, seen.components, square(seen.modes[1], 1), region)
    np.testing.assert_array_equal(found, labels == 1)


class TestPrincipalComponents:
    def test_of_a_line(self) -> None:
        along = np.array([3.0, 0.0, 4.0]) / 5
        centre, (first, second) = principal_components(
            np.linspace(-1, 3, 9)[:, None] * along, 2
        )
        np.testing.assert_allclose(centre, along)
        assert abs(first @ along) == pytest.approx(1)
        assert first @ second == pytest.approx(0, abs=1e-12)

    @pytest.mark.parametrize("points", [1, 2])
    def test_of_fewer_points_than_components(self, rng, points) -> None:
        rows = rng.normal(size=(points, 4))
        centre, directions = principal_components(rows, 3)
        assert directions.shape == (3, 4)
        np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-12)
        if points == 1:
            np.testing.assert_allclose(centre, rows[0])
