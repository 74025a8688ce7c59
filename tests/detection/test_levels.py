"""Gradients, loops of grouping and what is seen of an embedding, against loops."""

from __future__ import annotations

from math import exp
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.detection.levels import (
    first_level,
    grouped,
    level_steps,
    seen_embedding,
    smooth_gradient,
)
from napari_shiftseg.progress import exhaust


def prediction(embedding: np.ndarray, logit: np.ndarray | None = None):
    return SimpleNamespace(embedding=embedding, logit=logit)


def test_the_gradient_of_ramps() -> None:
    y, x = np.indices((40, 40)).astype(float)
    image = np.stack([3 * x, 2 * y, np.ones_like(x)])

    slope = smooth_gradient(image, 1.0)[8:-8, 8:-8]

    np.testing.assert_allclose(slope, np.sqrt(3**2 + 2**2), rtol=1e-4)


def test_the_gradient_lies_on_the_step() -> None:
    image = np.zeros((2, 21, 21))
    image[:, :, 10] = 0.5
    image[:, :, 11:] = 1
    for width in (1.0, 2.0):
        assert (smooth_gradient(image, width).argmax(1) == 10).all()


def by_loop(points: np.ndarray, reach: int, flat: bool) -> np.ndarray:
    """One loop, pixel by pixel."""
    moved = np.empty_like(points)
    shape = points.shape[1:]
    for at in np.ndindex(shape):
        total, weight = np.zeros(len(points)), 0.0
        for other in np.ndindex(shape):
            if max(abs(a - b) for a, b in zip(at, other, strict=True)) > reach:
                continue
            apart = ((points[:, *at] - points[:, *other]) ** 2).sum()
            kernel = float(apart <= 1) if flat else exp(-apart / 2)
            total += kernel * points[:, *other]
            weight += kernel
        moved[:, *at] = total / weight
    return moved


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(("shape", "reach"), [((6, 7), 2), ((3, 4, 5), 1), ((9,), 3)])
def test_a_loop_is_that_of_all_pairs(rng, shape, reach: int, flat: bool) -> None:
    points = rng.normal(size=(3, *shape))

    moved = grouped(torch.from_numpy(points), reach, flat).numpy()

    np.testing.assert_allclose(moved, by_loop(points, reach, flat), atol=1e-12)
    assert np.abs(moved - points).max() > 0.1  # it moves something


def test_loops_draw_objects_together_and_keep_them_apart(rng) -> None:
    ids = (np.arange(24) >= 12).astype(int)
    points = 6 * np.eye(2)[:, ids][:, None].repeat(24, 1)
    points = torch.from_numpy(points + 0.3 * rng.normal(size=points.shape))
    before = points
    for _ in range(3):
        points = grouped(points)
    for object_ in (0, 1):
        of = ids == object_
        assert points[:, :, of].flatten(1).std(1).max() < 0.15
        assert before[:, :, of].flatten(1).std(1).max() > 0.25
    apart = points[:, :, :12].flatten(1).mean(1) - points[:, :, 12:].flatten(1).mean(1)
    assert apart.norm() > 8


def test_what_is_seen_of_an_embedding_with_a_foreground(rng) -> None:
    embedding, logit = rng.normal(size=(4, 5, 6)), rng.normal(size=(5, 6)) * 3
    p = 1 / (1 + np.exp(-logit))
    centre = np.rint(embedding.mean((1, 2)) / 0.5) * 0.5
    u = (embedding - centre[:, None, None]) / 0.5

    seen = seen_embedding(prediction(embedding, logit), Clustering(bandwidth=0.5))

    np.testing.assert_allclose(seen, [*(p * u), 2 * p], atol=1e-5)
    alone = seen_embedding(prediction(embedding), Clustering(bandwidth=0.5))
    np.testing.assert_allclose(alone, u, atol=1e-9)


def test_on_the_sphere_length_does_not_matter(rng) -> None:
    embedding = rng.normal(size=(4, 5, 6))
    embedding[:, 0, 0] = 0  # no direction
    on_sphere = Clustering(bandwidth=0.25, kernel="von-mises-fisher")

    seen = seen_embedding(prediction(embedding), on_sphere)
    longer = seen_embedding(prediction(3 * embedding), on_sphere)

    np.testing.assert_allclose(seen, longer, atol=1e-12)
    lengths = seen.norm(dim=0)
    assert lengths[0, 0] == 0
    np.testing.assert_allclose(lengths.flatten()[1:], 4)


def test_of_places_the_spread_is_not_seen(rng) -> None:
    places = rng.normal(size=(3, 5, 6))
    places[-1] = np.log(2)
    spatial = Clustering(bandwidth=0.5, kernel="learnt-spread")

    seen = seen_embedding(prediction(places), spatial)

    assert seen.shape == (2, 5, 6)
    expected = places[:2] - places[:2, :1, :1]  # spread 2 · bandwidth 0.5
    np.testing.assert_allclose(seen - seen[:, :1, :1], expected, atol=1e-12)


def test_names_of_the_levels(rng) -> None:
    embedding = rng.normal(size=(4, 20, 24)).astype(np.float32)
    logit = rng.normal(size=(20, 24)).astype(np.float32)
    usual = Clustering()

    levels = exhaust(level_steps(prediction(embedding, logit), usual))
    without = exhaust(level_steps(prediction(embedding), usual))

    assert list(without) == [
        "embedding 1", "embedding 2", "embedding 4",
        "embedding 1 after 1", "embedding 1 after 3",
    ]  # fmt: skip
    assert list(levels) == [*without, "foreground 1", "foreground 2", "foreground 4"]
    assert {of.shape for of in levels.values()} == {(20, 24)}
    first = first_level(prediction(embedding, logit), usual)
    np.testing.assert_array_equal(first, levels["embedding 1"])


def test_background_is_quiet_whatever_is_said_of_it(rng) -> None:
    embedding = 5 * rng.normal(size=(4, 30, 30)).astype(np.float32)
    embedding[:, 10:20, 10:20] = 2
    logit = np.full((30, 30), -12, dtype=np.float32)
    logit[10:20, 10:20] = 12

    found = first_level(prediction(embedding, logit), Clustering())
    blind = first_level(prediction(embedding), Clustering())

    assert found[:6, :6].max() < 0.01 < blind[:6, :6].min()
    assert found[15, 10] > 1 > found[15, 15]
