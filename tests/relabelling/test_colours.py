"""Random projections: the formula, what they keep, what is refused."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from napari_shiftseg.relabelling.colours import (
    principal_colours,
    random_directions,
    random_projection,
)


@pytest.fixture
def embedding(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(7, 12, 15))


@pytest.mark.parametrize("channels", [3, 4, 16, 64])
def test_directions_stand_at_right_angles(channels: int) -> None:
    directions = random_directions(channels, 5)
    np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-12)


def test_any_direction_is_as_likely() -> None:
    drawn = np.stack([random_directions(4, seed)[:, 0] for seed in range(400)])
    assert np.abs(drawn.mean(0)).max() < 0.1  # of one sign they would be 0.4
    np.testing.assert_allclose(np.cov(drawn.T), np.eye(4) / 4, atol=0.06)


def test_colours_are_those_of_the_formula(embedding: np.ndarray) -> None:
    drawn = np.random.default_rng(3).standard_normal((7, 3))
    columns: list[np.ndarray] = []  # Gram and Schmidt, one after the other
    for column in drawn.T:
        rest = column - sum((c @ column) * c for c in columns)
        columns.append(rest / np.linalg.norm(rest))
    expected = np.empty((12, 15, 3))
    for k, column in enumerate(columns):
        y = np.einsum("c,cyx->yx", column, embedding)
        low, high = np.percentile(y, 0.5), np.percentile(y, 99.5)
        expected[..., k] = np.clip((y - low) / (high - low), 0, 1)

    colours = random_projection(embedding, seed=3)

    assert (colours.dtype, colours.min(), colours.max()) == (np.float32, 0, 1)
    np.testing.assert_allclose(colours, expected, atol=1e-6)
    again = random_projection(embedding, seed=3)
    np.testing.assert_array_equal(again, colours)
    assert np.abs(random_projection(embedding, seed=4) - colours).max() > 0.1


@pytest.mark.parametrize("channels", [1, 2])
def test_of_few_channels_columns_have_length_1(channels: int) -> None:
    directions = random_directions(channels, 0)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=0), 1)
    colours = random_projection(np.arange(12.0 * channels).reshape(channels, 3, 4))
    assert colours.shape == (3, 4, 3)


def test_a_volume_is_coloured_as_one(rng: np.random.Generator) -> None:
    volume = rng.normal(size=(5, 2, 3, 4))
    expected = random_projection(volume.reshape(5, 6, 4)).reshape(2, 3, 4, 3)
    np.testing.assert_array_equal(random_projection(volume), expected)
    assert random_projection(volume[:, 0, 0]).shape == (4, 3)


def test_equal_pixels_have_equal_colours(rng: np.random.Generator) -> None:
    ids = rng.integers(0, 4, (20, 20))
    colours = random_projection(rng.normal(size=(8, 4))[:, ids])
    for one in range(4):
        assert len(np.unique(colours[ids == one], axis=0)) == 1
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) == 4


def test_where_all_is_alike_nothing_is_divided_by_0() -> None:
    assert not random_projection(np.ones((4, 5, 5))).any()


def test_a_float16_memory_map(tmp_path, embedding: np.ndarray) -> None:
    np.save(tmp_path / "e.npy", embedding.astype(np.float16))
    kept = np.load(tmp_path / "e.npy", mmap_mode="r")
    near = random_projection(embedding)
    np.testing.assert_allclose(random_projection(kept), near, atol=5e-3)


@pytest.mark.parametrize(
    ("shape", "seed", "value", "said"),
    [
        ((4,), 0, 1, "one pixel or more"),
        ((0, 4, 4), 0, 1, r"has the shape \(0, 4, 4\)"),
        ((4, 0, 4), 0, 1, "one pixel or more"),
        ((4, 4, 4), -1, 1, "0 or above, got -1"),
        ((4, 4, 4), 0, np.nan, "but 16 of 16 pixels are not"),
        ((4, 4, 4), 0, np.inf, "predict the image again"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_has_no_colours_is_refused(shape, seed, value, said) -> None:
    with pytest.raises(ValueError, match=said):
        random_projection(np.full(shape, value), seed)


@pytest.mark.parametrize(
    "colours_of",
    [partial(random_projection, kernel="learnt-spread"),
     partial(principal_colours, kernel="learnt-spread")],
    ids=["random", "principal"],
)  # fmt: skip
def test_places_of_a_large_image_are_no_ramp_of_colours(colours_of) -> None:
    ids = np.add.outer(np.arange(480) // 20, 100 * (np.arange(480) // 20))
    middles = 20 * np.stack([ids % 100, ids // 100]) + 10.0
    spread = np.random.default_rng(0).normal(size=ids.shape)  # is not shown
    colours = colours_of(np.stack([*middles, spread]))
    of_object = colours[10::20, 10::20]
    np.testing.assert_allclose(of_object.repeat(20, 0).repeat(20, 1), colours)
    for axis in (0, 1):  # neighbours, by the largest difference of a colour
        beside = np.abs(np.diff(of_object, axis=axis)).max(-1)
        assert beside.min() > 0.1
        assert np.median(beside) > 0.4
    again = of_object[12:, 12:]  # after 240 pixels, five waves of 48
    np.testing.assert_allclose(again, of_object[:12, :12], atol=1e-5)


def test_places_of_several_views_have_the_same_waves() -> None:
    places = np.stack(np.meshgrid(np.arange(96.0), np.arange(96.0)))
    spread = np.zeros((1, 96, 96))
    views = np.concatenate([*[places / 8**0.5] * 8, spread])
    colours = random_projection(views, kernel="learnt-spread", views=8)
    np.testing.assert_allclose(colours[48:, 48:], colours[:48, :48], atol=1e-5)
    assert np.abs(colours[24:72] - colours[:48]).max(-1).mean() > 0.5


def test_principal_components_of_more_channels_than_three(rng) -> None:
    wide = rng.normal(size=(6, 30, 30)) * np.array([9, 5, 3, 0, 0, 0])[:, None, None]
    colours = principal_colours(wide)
    assert colours.shape == (30, 30, 3)
    for channel in range(3):  # the largest ones, but for their signs
        alike = np.corrcoef(colours[..., channel].ravel(), wide[channel].ravel())[0, 1]
        assert abs(alike) > 0.9
    assert not principal_colours(wide[:1])[..., 1:].any()
