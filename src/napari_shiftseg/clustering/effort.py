"""How much a clustering may still compute."""

from __future__ import annotations

from math import inf


class Effort:
    """Distances that the searches of a clustering may compute, all together.

    When they are spent the search under way ends with the modes it has, and each later
    one takes all of its points for one cluster, so that a clustering which finds no
    clusters comes to an end soon. The same clustering always ends at the same place,
    however fast the machine is.

    Parameters
    ----------
    most : float
        Distances between two points, counted roughly.
    """

    def __init__(self, most: float = inf) -> None:
        self._left = most

    @property
    def is_spent(self) -> bool:
        """Whether a search has to end, and results are those of one cut short."""
        return self._left < 0

    def spend(self, distances: int) -> None:
        """Take distances off what is left."""
        self._left -= distances
