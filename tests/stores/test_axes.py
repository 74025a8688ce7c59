"""A last axis of channels is known by its length."""

from __future__ import annotations

import pytest

from napari_shiftseg.stores.axes import is_channels_last


@pytest.mark.parametrize(
    ("shape", "ndim", "expected"),
    [
        ((160, 160), 2, False),
        ((160, 3), 2, False),  # a narrow image
        ((160, 160, 1), 2, True),
        ((160, 160, 2), 2, True),
        ((160, 200, 5), 2, True),
        ((96, 96, 31), 2, True),
        ((96, 96, 48), 2, True),  # as many rows as columns
        ((5, 160, 160, 3), 2, True),
        ((3, 160, 160), 2, False),  # frames, also where they are three
        ((1, 160, 160), 2, False),
        ((160, 160, 160), 2, False),
        ((90, 64, 32), 2, False),  # frames half as wide as high
        ((40, 5, 160), 2, False),
        ((5, 160, 160, 3), 3, True),
        ((160, 160, 3), 3, True),
        ((512, 512, 5), 3, True),
        ((5, 512, 512), 3, False),
        ((64, 64, 20), 3, False),  # a volume
        ((128, 128, 32), 3, False),
        ((20, 3), 1, True),
        ((20, 5), 1, False),
    ],
)
def test_the_last_axis(shape: tuple[int, ...], ndim: int, expected: bool) -> None:
    assert is_channels_last(shape, ndim) is expected
