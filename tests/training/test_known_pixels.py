"""Known pixels and the windows that show them, against all windows there are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from napari_shiftseg.training import partial as known_pixels
from napari_shiftseg.training.partial import KnownPixels, Starts


def shown(axis: Starts, k: int) -> set[int]:
    """Pixels of the image that the window shows which begins at this multiple."""
    begin = k * axis.grid + axis.margin
    return set(range(begin, begin + axis.window)) & set(range(axis.size))


@st.composite
def one_axis(draw) -> Starts:
    size, grid = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    first = draw(st.integers(-4, 4))
    return Starts(
        first, first + draw(st.integers(0, 5)), grid,
        draw(st.integers(0, 4)), draw(st.integers(1, 6)), size,
    )  # fmt: skip


@given(one_axis())
@settings(deadline=None, max_examples=200)
def test_the_windows_that_show_a_pixel(axis):
    for x in range(axis.size):
        expected = [k for k in range(axis.first, axis.last + 1) if x in shown(axis, k)]
        first, last = axis.showing(x)
        assert list(range(first, last + 1)) == expected
        assert bool(axis.shown()[x]) == bool(expected)


@given(st.lists(one_axis(), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_every_known_pixel_that_can_be_shown_is_numbered_once(axes, seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice([-1, -1, -1, 0, 5], size=[axis.size for axis in axes])
    expected = [
        x
        for x in np.ndindex(labels.shape)
        if labels[x] >= 0 and all(a.shown()[i] for a, i in zip(axes, x, strict=True))
    ]
    known = KnownPixels(labels, axes)
    assert known.number == len(expected)
    assert [known.pixel(n) for n in range(known.number)] == expected
    assume(expected)
    for _ in range(5):
        starts = known.draw(rng)
        views = [sorted(shown(a, k)) for a, k in zip(axes, starts, strict=True)]
        assert any(labels[x] >= 0 for x in product(*views))


@pytest.mark.parametrize("most", [1, 7, 2**24])
def test_how_many_lines_are_counted_at_a_time_does_not_matter(monkeypatch, most):
    monkeypatch.setattr(known_pixels, "MOST_AT_ONCE", most)
    labels = np.full((4, 5, 6), -1)
    labels[1, 2, 3] = labels[3, 4, 5] = 0
    axes = [Starts(0, n - 1, 1, 0, 1, n) for n in labels.shape]
    known = KnownPixels(labels, axes)
    assert [known.pixel(n) for n in range(known.number)] == [(1, 2, 3), (3, 4, 5)]
