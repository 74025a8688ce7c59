"""How many objects have room on the sphere, each a margin away from the others."""

from __future__ import annotations

from math import pi, sin, sqrt

from scipy.special import betaincinv

from napari_shiftseg.embeddings.spherical import refuse_margin

ROUNDING = 1e-12  # of a bound that is met exactly


def tammes_asymptote(objects: int) -> float:
    r"""Return how alike the two nearest of many objects on the 2-sphere must be.

    .. math::

        \max_{i \ne j} s_{ij} \gtrsim 1 - \frac{2\pi}{\sqrt3\,N}

    It is what `fejes_toth_margin` comes to for very many. For few objects it says
    nothing sure: take `least_margin`.

    Parameters
    ----------
    objects : int
        N, from 1 upward.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping",
    proposition 2; Habicht & van der Waerden 1951, "Lagerung von Punkten auf der Kugel"
    (the problem of Tammes).
    """
    return 1 - 2 * pi / (sqrt(3) * objects)


def fejes_toth_margin(objects: int) -> float:
    r"""Return a margin below which so many objects have no room on the 2-sphere.

    .. math::

        \alpha \ge \tfrac14 \csc^2 \frac{\pi N}{6 (N - 2)}

    The nearest two of N points are at most :math:`\sqrt{4 - \csc^2 \ldots}` apart, met
    exactly at N = 3, 4, 6 and 12 (triangle, tetrahedron, octahedron, icosahedron).

    Parameters
    ----------
    objects : int
        N, from 3 upward.

    Raises
    ------
    ValueError
        If there are fewer.

    References
    ----------
    Fejes Tóth 1943, "Über eine Abschätzung des kürzesten Abstandes zweier Punkte eines
    auf einer Kugelfläche liegenden Punktsystems".
    """
    if objects < 3:
        raise ValueError(
            f"the bound is for 3 objects or more, got {objects}: fewer have room with "
            f"any margin"
        )
    return 1 / (4 * sin(pi * objects / (6 * (objects - 2))) ** 2)


def least_margin(objects: int, channels: int) -> float:
    r"""Return a margin below which objects have no room on the sphere.

    The greatest bound that is known here for N objects in D channels, on the similarity
    of the two that are nearest:

    ===================== ========================================================
    N                     :math:`\alpha`
    ===================== ========================================================
    N ≤ D + 1             (N − 2) / 2(N − 1), the simplex; met
    D + 1 < N ≤ 2D        ½; met: the 2D directions of the axes (Rankin)
    N > 2D                above ½: the greatest of Levenshtein's bound, of the caps
                          that must not overlap, and for D = 3 `fejes_toth_margin`
    ===================== ========================================================

    Parameters
    ----------
    objects, channels : int
        N and D, from 1 upward.

    Returns
    -------
    float
        From 0, where any margin can be met, to 1, where none can.

    Raises
    ------
    ValueError
        If there are none of either.

    References
    ----------
    Rankin 1955, "The closest packing of spherical caps in n dimensions"; Levenshtein
    1979, "On bounds for packings in n-dimensional Euclidean space".
    """
    if objects < 1 or channels < 1:
        raise ValueError(
            f"give 1 object and 1 channel or more, got {objects} and {channels}"
        )
    if objects <= 2:
        return 0.0
    if objects <= channels + 1:
        return (objects - 2) / (2 * (objects - 1))
    if objects <= 2 * channels:
        return 0.5
    return _crowded_margin(objects, channels)


def _crowded_margin(objects: int, channels: int) -> float:
    """Return the bound for more objects than 2 a channel."""
    if channels == 1:
        return 1.0
    # caps of half the least angle; a share 2 / N of the half sphere each
    squared_sine = float(betaincinv((channels - 1) / 2, 0.5, 2 / objects))
    bounds = [1 - squared_sine, (1 + _levenshtein_cosine(objects, channels)) / 2]
    if channels == 3:
        bounds.append(fejes_toth_margin(objects))
    return max(bounds)


def _levenshtein_cosine(objects: int, channels: int) -> float:
    r"""Return the cosine s at which N = D(1 − s)(2 + (D + 1)s) / (1 − D s²).

    The bound on N holds for s up to :math:`(\sqrt{D + 3} - 1) / (D + 2)`; more objects
    are beyond that cosine.
    """
    a = channels * (objects - channels - 1)
    b = channels * (channels - 1)
    s = (sqrt(b**2 + 4 * a * (objects - 2 * channels)) - b) / (2 * a)
    return min(s, (sqrt(channels + 3) - 1) / (channels + 2))


def unmet_margin(objects: int, channels: int, margin: float) -> str | None:
    """Say why so many objects cannot be kept apart by a margin; None if it is not sure.

    Parameters
    ----------
    objects : int
        Of one window, the background too where it is an ordinary object; 0 will do.
    channels : int
        Of the embedding.
    margin : float
        See `CosineMarginLoss`.

    Returns
    -------
    str or None
        A clause: what is wrong, and what to do.
    """
    refuse_margin(margin)
    least = least_margin(max(objects, 1), channels)
    if least <= margin + ROUNDING:
        return None
    return (
        f"{objects} objects in one window have no room on the sphere of {channels} "
        f"channels with a margin of {margin:g}: two at least are {least:.3f} alike or "
        f"more. Take more channels or a smaller window"
    )
