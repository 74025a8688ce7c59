"""Which objects lie near each other, from a label image alone, in any dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import max_pool1d

if TYPE_CHECKING:
    from torch import Tensor


def nearby_ids(labels: Tensor, within: int) -> tuple[Tensor, Tensor]:
    r"""Return the lowest and the highest object id near every pixel.

    Near is a square (cube) of ``2 · within + 1`` pixels about the pixel. Where the two
    differ, two objects or more are near.

    Parameters
    ----------
    labels : Tensor of int
        (\\*spatial); ids from 1, anything below is no object.
    within : int
        In pixels.

    Returns
    -------
    lowest, highest : Tensor of int64
        (\\*spatial), 0 where no object is near.
    """
    ids, index = torch.unique(labels.clamp(min=0), return_inverse=True)
    if ids[0] != 0:  # index 0 stands for no object
        ids, index = torch.cat([ids.new_zeros(1), ids]), index + 1
    last = len(ids)  # small numbers, exact in float32
    up = index.float()
    down = torch.where(index > 0, last - up, 0.0)
    highest, lowest = (_spread(v, within).long() for v in (up, down))
    return ids[torch.where(lowest > 0, last - lowest, 0)], ids[highest]


def between(labels: Tensor, within: int) -> Tensor:
    r"""Return where two objects or more are near a pixel, a bool for each."""
    lowest, highest = nearby_ids(labels, within)
    return lowest != highest


def near_pairs(labels: Tensor, within: int) -> Tensor:
    r"""Return the pairs of objects that are near one pixel.

    Of three objects or more that are near a pixel, that pixel gives the outermost ids
    only; its neighbours give the others.

    Parameters
    ----------
    labels : Tensor of int
        (\\*spatial)
    within : int
        Half the gap, in pixels, at which two objects still count as near.

    Returns
    -------
    Tensor of int64
        (pairs, 2), the lower id first, no pair twice.
    """
    lowest, highest = nearby_ids(labels, within)
    differ = lowest != highest
    pairs = torch.stack([lowest[differ], highest[differ]], dim=1)
    unique: Tensor = torch.unique(pairs, dim=0)
    return unique


def _spread(values: Tensor, within: int) -> Tensor:
    """Return the largest value near every pixel, one axis after the other."""
    for axis in range(values.ndim):
        along = values.movedim(axis, -1)
        pooled = max_pool1d(
            along.reshape(-1, 1, along.shape[-1]), 2 * within + 1, 1, within
        )
        values = pooled.reshape(along.shape).movedim(-1, axis)
    return values
