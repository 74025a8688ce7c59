"""Cutting an object at seeds: by place, by embedding, by shape."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_shiftseg.mending.shapes import cut


def drawn(picture: str) -> np.ndarray:
    """An image of digits; a point is 0."""
    lines = picture.split()
    return np.array([[int(c) if c != "." else 0 for c in line] for line in lines])


def flat(inside: np.ndarray) -> np.ndarray:
    return np.zeros((2, *inside.shape), dtype=np.float32)


def test_without_any_step_the_border_is_midway() -> None:
    inside = np.ones((1, 8), dtype=bool)
    parts = cut(inside, flat(inside), 1.0, [[(0, 0)], [(0, 7)]])
    assert parts.tolist() == [[1, 1, 1, 1, 2, 2, 2, 2]]


def test_the_border_lies_where_the_embedding_steps() -> None:
    inside = np.ones((1, 8), dtype=bool)
    embedding = flat(inside)
    embedding[0, 0, 2:] = 9  # nine bandwidths, between the second and the third pixel
    seeds = [[(0, 0)], [(0, 7)]]
    assert cut(inside, embedding, 1.0, seeds).tolist() == [[1, 1, *[2] * 6]]
    # a step of a hundredth of a bandwidth says nothing
    assert cut(inside, embedding, 900.0, seeds).tolist() == [[1, 1, 1, 1, 2, 2, 2, 2]]


def test_a_neck_is_the_border_though_it_is_nearer_to_one_seed() -> None:
    inside = (
        drawn("""
        111.......
        1111111111
        111.111111
        1111111111
        111.......
    """)
        > 0
    )
    parts = cut(inside, flat(inside), 1.0, [[(2, 1)], [(2, 9)]])
    assert (parts[:, :3][inside[:, :3]] == 1).all()
    # by place alone, the pixels nearer to the first seed would all be its own
    assert (parts[2, 4:] == 2).all()


def test_a_stroke_is_one_seed() -> None:
    inside = np.ones((1, 9), dtype=bool)
    parts = cut(inside, flat(inside), 1.0, [[(0, 0), (0, 4)], [(0, 7)]])
    assert parts.tolist() == [[1, 1, 1, 1, 1, 1, 2, 2, 2]]


def test_pieces_without_a_seed_go_whole_to_the_nearest_part() -> None:
    inside = np.array([[1, 1, 1, 1, 0, 1, 1, 1]], dtype=bool)
    parts = cut(inside, flat(inside), 1.0, [[(0, 0)], [(0, 3)]])
    assert parts.tolist() == [[1, 1, 2, 2, 0, 2, 2, 2]]


@pytest.mark.parametrize("shape", [(30,), (14, 17), (6, 8, 7)])
def test_parts_are_connected_and_cover_all(shape, rng) -> None:
    inside = np.ones(shape, dtype=bool)
    embedding = rng.normal(size=(3, *shape))
    places = rng.choice(inside.size, 3, replace=False)
    seeds = [[tuple(map(int, np.unravel_index(p, shape)))] for p in places]
    parts = cut(inside, embedding, 0.5, seeds)
    for number, (seed,) in enumerate(seeds, start=1):
        assert parts[seed] == number
        assert ndimage.label(parts == number)[1] == 1
    assert (parts > 0).all()


def brute(inside, embedding, bandwidth, seeds):
    """The distance of every pixel to each seed, relaxed until nothing changes."""
    size = inside.sum() / len(seeds)
    radius = np.sqrt(size / np.pi)
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    pixels = [tuple(p) for p in np.argwhere(inside)]
    found = []
    for (seed,) in seeds:
        away = dict.fromkeys(pixels, np.inf) | {seed: 0.0}
        for _ in pixels:
            for y, x in pixels:
                for other in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                    if other in away:
                        step = embedding[:, y, x] - embedding[:, *other]
                        cost = np.sqrt((step**2).sum() / bandwidth**2 + radius**-2)
                        cost *= (radius / depth[y, x] + radius / depth[other]) / 2
                        away[y, x] = min(away[y, x], away[other] + cost)
        found.append([away[p] for p in pixels])
    return np.array(found)


def test_it_is_the_shortest_path_of_the_formula(rng) -> None:
    inside = rng.random((5, 6)) > 0.2
    inside[2] = True  # connects the seeds
    inside = ndimage.label(inside)[0] == ndimage.label(inside)[0][2, 0]
    embedding = rng.normal(size=(2, 5, 6))
    seeds = [[(2, 0)], [(2, 5)]]
    parts = cut(inside, embedding, 0.7, seeds)
    expected = brute(inside, embedding, 0.7, seeds).argmin(axis=0) + 1
    np.testing.assert_array_equal(parts[inside], expected)
    assert len(np.unique(expected)) == 2
