"""A last axis of channels is known by its length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_shiftseg.stores.axes import is_channels_last, single_channel


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


def test_one_channel_is_taken() -> None:
    pixels = np.arange(12 * 9).reshape(12, 9)
    assert single_channel(pixels[..., None], 2).tolist() == pixels.tolist()
    series = np.stack([pixels, pixels + 1])
    assert single_channel(series[..., None], 2).tolist() == series.tolist()
    assert single_channel(series, 2) is series


def test_a_mask_stays() -> None:
    pixels = np.ma.masked_less(np.arange(12 * 9).reshape(12, 9, 1), 5)
    assert single_channel(pixels, 2).mask.sum() == 5


@pytest.mark.parametrize(
    ("shape", "ndim", "kind"),
    [
        ((31, 42, 3), 2, "colours"),
        ((31, 42, 2), 2, "channels"),
        ((31, 42, 1), 3, "channels"),  # no volume of one column
        ((9, 31, 42, 4), 3, "colours"),
    ],
)
def test_several_are_refused(shape: Any, ndim: int, kind: str) -> None:
    with pytest.raises(ValueError, match=rf"seems to hold {kind}.*image\[\.\.\., 0\]"):
        single_channel(np.zeros(shape), ndim)
