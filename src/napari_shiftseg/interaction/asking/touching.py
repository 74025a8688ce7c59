"""At which foreground threshold two components of the foreground touch."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil
from typing import TYPE_CHECKING, Any

from scipy.special import logit as logit_of
from skimage.measure import label as connected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.interaction.editing.positions import Point

STEP = 0.01  # of the thresholds that are tried


def touching_threshold(
    logit: NDArray[Any], one: Sequence[Point], other: Sequence[Point], present: float
) -> float | None:
    r"""Return the largest foreground threshold that joins pixels of two objects.

    In steps of 0.01 below the present one. The search halves their range: what is
    connected stays so when the threshold is lowered.

    Parameters
    ----------
    logit : ndarray
        (\\*spatial), the foreground logit.
    one, other : sequence of tuple of int
        A pixel of each component of the foreground that an object lies in.
    present : float
        The foreground threshold that parts them all.

    Returns
    -------
    float or None
        None if not even 0.01 joins one of the first with one of the others.
    """

    def apart(threshold: float) -> bool:
        components = connected(logit > logit_of(threshold), connectivity=1)
        return {components[at] for at in one}.isdisjoint(components[at] for at in other)

    tried = [round(n * STEP, 2) for n in range(1, ceil(present / STEP - 1e-9))]
    joined = bisect_left(tried, True, key=apart)
    return tried[joined - 1] if joined else None
