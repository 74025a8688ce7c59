"""What a verdict rests on: whether tiles jump, depart, or show the period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_shiftseg.metrics.seams import SEAM_RATIO

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.metrics.seams import SeamScores
    from napari_shiftseg.pipeline.comparison import Comparison, Side

ROUNDING = 1e-3  # of the largest value: exact tiles differ from one pass by far less


class Measured(Protocol):
    """Tiles that were measured: a `Side`, or a window of a sweep on one image."""

    @property
    def seams(self) -> SeamScores | None:
        """Of these tiles; None if there is no result."""

    @property
    def untiled(self) -> SeamScores | None:
        """Of the untiled prediction over the same pairs."""


def shows_seams(tiles: Measured, model_has_seams: bool = False) -> bool:
    """Whether the embedding jumps at the borders of these tiles.

    It does where a seam ratio, anywhere or inside objects, is more than 1.2 times
    that of the untiled prediction over the same pairs.

    Parameters
    ----------
    tiles : Side or SweepPoint
    model_has_seams : bool
        Whether the untiled prediction has seams of its own, at multiples of the
        period; then the measure is 1.
    """
    seams, untiled_seams = tiles.seams, tiles.untiled
    if seams is None or untiled_seams is None:
        return False
    pairs = (
        (seams.ratio, untiled_seams.ratio),
        (seams.ratio_within, untiled_seams.ratio_within),
    )
    return any(
        ratio is not None
        and untiled is not None
        and ratio > SEAM_RATIO * (1 if model_has_seams else untiled)
        for ratio, untiled in pairs
    )


def departure(comparison: Comparison) -> tuple[float, float]:
    """Return how far naive tiles depart from the untiled prediction, and its reach.

    Zero-padded tiles may fade alike on both sides of a border: the embedding is wrong
    there, and yet does not jump.

    Returns
    -------
    float, float
        Largest absolute difference, and largest absolute value, over pixels and
        channels.
    """
    e, reference = comparison.naive.result.embeddings, comparison.reference
    far = max(  # channel by channel: no copy of the whole
        float(np.abs(one - other).max())
        for one, other in zip(e, reference, strict=True)
    )
    return far, max(float(np.abs(channel).max()) for channel in reference)


def period_ratio(side: Side) -> float | None:
    """Return how much the untiled embedding jumps at multiples of the period.

    The mean step at offsets p − 1, 2p − 1, … of the tile over that at all others, on
    the axis where it is largest: a model that was trained with a window of at most p
    has seams of its own there. None where no stride is above 1 period of 2 or more.

    Parameters
    ----------
    side : Side
        Whose tiles begin at multiples of the period: the cropped one.
    """
    ratios = [
        ratio
        for profile, period in zip(
            side.untiled.profile, side.result.plan.shape.period, strict=True
        )
        if (ratio := _period_ratio(profile, period)) is not None
    ]
    return max(ratios, default=None)


def _period_ratio(profile: NDArray[np.float64], period: int) -> float | None:
    at_period = np.arange(1, len(profile) + 1) % period == 0
    known = ~np.isnan(profile)
    here, others = profile[at_period & known], profile[~at_period & known]
    if not len(here) or not len(others) or others.mean() == 0:
        return None
    return float(here.mean() / others.mean())
