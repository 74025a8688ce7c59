"""Whether a network's tiles can be seamless, which layer is the cause, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.networks.finding.found import AxisFound, Cause, Tiling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.networks.finding.found import Effect, Padding
    from napari_shiftseg.networks.finding.walk import Trap

UNKNOWN_LAYER = "(unknown layer)"
SEES_ALL = "whole tile"
NEXT_TRAINING = "in the next training, "  # begins a remedy of this kind

NORMALISE_BY_BATCH = (
    "in the next training, take batch norm (or batch renorm) and predict in eval mode, "
    "or no norm; now, use one fixed tile size as large as fits, with a wide halo"
)
# of each trap: its effect, what it does to tiles, the remedy
KNOWN: dict[str, tuple[Effect, str, str]] = {
    "instance norm": (
        "impossible",
        "It divides by mean and variance of the whole tile, so that every tile is "
        "answered on a scale of its own.",
        NORMALISE_BY_BATCH,
    ),
    "group norm": (
        "impossible",
        "It divides by mean and variance of the whole tile, over groups of channels, "
        "so that every tile is answered on a scale of its own.",
        NORMALISE_BY_BATCH,
    ),
    "layer norm": (
        "impossible",
        "It divides by mean and variance over the positions of the tile, so that every "
        "tile is answered on a scale of its own.",
        "in the next training, norm over the channels of each pixel alone, or take "
        "batch norm; now, use one fixed tile size as large as fits",
    ),
    "batch norm in training mode": (
        "impossible",
        "It takes mean and variance of the tiles at hand instead of those of training.",
        "put the network in eval mode before it is saved or exported; in the next "
        "training, large batches, so that both modes answer alike",
    ),
    "squeeze-and-excitation": (
        "impossible",
        "It weighs the channels by their means over the whole tile.",
        "in the next training, leave squeeze-and-excitation away; now, use one fixed "
        "tile size as large as fits",
    ),
    "global pooling": (
        "impossible",
        "It adds what it finds in the whole tile to every pixel.",
        "in the next training, replace the pooling by dilated convolutions; now, use "
        "one fixed tile size as large as fits",
    ),
    "adaptive pooling": (
        "impossible",
        "It divides the tile into a fixed number of windows, whose size is that of the "
        "tile.",
        "in the next training, pool by a fixed factor; now, keep to the tile size of "
        "training",
    ),
    "attention": (
        "impossible",
        "Every position looks at all others of the tile, so that the answer depends on "
        "all that the tile holds.",
        "in the next training, limit attention to the channels or to fixed windows on "
        "the grid; now, use one fixed tile size as large as fits",
    ),
    "softmax over positions": (
        "impossible",
        "It shares out a sum of one over the positions of the tile.",
        "in the next training, take the softmax over channels; now, use one fixed tile "
        "size as large as fits",
    ),
    "dense layer over positions": (
        "impossible",
        "It has a weight for each position of the tile, and reads one size alone.",
        "in the next training, take convolutions; now, keep to its one tile size",
    ),
    "positional encoding": (
        "impossible",
        "It adds numbers that belong to places in the tile, so that the same object is "
        "answered otherwise elsewhere in the tile.",
        "in the next training, leave the positions away, or let them repeat with the "
        "period",
    ),
    "per-tile intensity": (
        "impossible",
        "It scales grey values by statistics of each tile, so that neighbours are read "
        "on different scales.",
        "scale the whole image once, before it is tiled, and export the network "
        "without this step",
    ),
    "align_corners": (
        "nearly",
        "Its interpolation stretches with the size of the tile: places are off by up "
        "to half a pixel of the coarser level at tile borders, whatever the halo.",
        "in the next training, interpolate with align_corners=False; now, take the "
        "tile size of training",
    ),
    "dropout": (
        "impossible",
        "It drops numbers at random: the same tile is answered otherwise each time.",
        "put the network in eval mode before it is saved or exported",
    ),
    "shape arithmetic": (
        "halo",
        "Where a size is no multiple of the period it pads, crops or stretches the "
        "coarser level to fit, and the answer differs near the far border.",
        "read tiles whose size is a multiple of the period, with a halo",
    ),
    SEES_ALL: (
        "impossible",
        "What is in one part of the tile changes the answer in all others.",
        "in the next training, replace the layer that takes a mean, norm or attention "
        "over positions; now, use one fixed tile size as large as fits",
    ),
}  # fmt: skip
PADDED = {
    "zeros": "zero padding",
    "reflect": "mirror padding",
    "replicate": "edge padding",
    "circular": "circular padding",
}


def causes_of(
    traps: Sequence[Trap], axes: Sequence[AxisFound], any_size: bool
) -> tuple[Cause, ...]:
    """Return the causes, the worst first; one a kind, with its first layer.

    Parameters
    ----------
    traps : sequence of Trap
        Of the graph.
    axes : sequence of AxisFound
    any_size : bool
        Whether probing saw that sizes beside the period's multiples are read.
    """
    layers: dict[str, list[str]] = {}
    for trap in traps:
        names = layers.setdefault(trap.kind, [])
        if trap.layer not in names:
            names.append(trap.layer)
    if any_size:
        layers.setdefault("shape arithmetic", [UNKNOWN_LAYER])
    causes = [_cause(kind, names) for kind, names in layers.items()]
    is_whole = any(axis.context is None for axis in axes)
    if is_whole and not any(c.effect == "impossible" for c in causes):
        causes.append(_cause(SEES_ALL, [UNKNOWN_LAYER]))
    causes += _padding_causes(axes)
    order = ("impossible", "nearly", "halo")
    return tuple(sorted(causes, key=lambda cause: order.index(cause.effect)))


def _cause(kind: str, layers: list[str]) -> Cause:
    effect, text, remedy = KNOWN[kind]
    more = len(layers) - 1
    layer = layers[0] + (f" and {more} more" if more else "")
    return Cause(kind, layer, effect, text, remedy)


def _padding_causes(axes: Sequence[AxisFound]) -> list[Cause]:
    """Return one cause for each padding that some axis has."""
    met = {a.padding for a in axes} & PADDED.keys()
    return [padding_cause(padding, halo_of(axes)) for padding in sorted(met)]


def padding_cause(padding: Padding, halo: Sequence[int] | None) -> Cause:
    """Return what a padding does to tiles, and the halo against it.

    Parameters
    ----------
    padding : str
        One that makes something up.
    halo : sequence of int or None
        That mends it, along each axis; None: it is not known.
    """
    text = "It makes up what is beyond the tile, and so knows where the tile ends."
    remedy = "read a halo that is not below the context, and crop it away"
    if halo:
        remedy += f": {'x'.join(map(str, halo))} pixels on each side"
    return Cause(PADDED[padding], "every padded layer", "halo", text, remedy)


def tiling_of(causes: Sequence[Cause]) -> Tiling:
    """Return "exact", "nearly" or "impossible": the worst of the causes' effects."""
    effects = {cause.effect for cause in causes}
    if "impossible" in effects:
        return "impossible"
    return "nearly" if "nearly" in effects else "exact"


def halo_of(axes: Sequence[AxisFound]) -> tuple[int, ...] | None:
    """Return the halo of each axis: the context, up to the next multiple of the period.

    Beside what the network eats itself; None if it sees the whole tile.
    """
    halo = []
    for axis in axes:
        if axis.context is None:
            return None
        is_padded = axis.padding in PADDED
        halo.append(-(-axis.context // axis.period) * axis.period if is_padded else 0)
    return tuple(halo)


def remedies(causes: Sequence[Cause]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the remedies against causes: to set now, to change in the next training.

    Those of a cause that a halo mends are left out: what to read is said by itself.
    """
    now, later = [], []
    for cause in causes:
        for part in cause.remedy.split("; "):
            if part.startswith(NEXT_TRAINING):
                later.append(part.removeprefix(NEXT_TRAINING))
            elif cause.effect != "halo":
                now.append(part.removeprefix("now, "))
    return tuple(dict.fromkeys(now)), tuple(dict.fromkeys(later))


def tile_mismatch(
    one: ArrayLike, two: ArrayLike, among: ArrayLike | None = None
) -> float:
    r"""Return how differently two tiles answer for the same pixels.

    ``mean ‖a(x) − b(x)‖₂ / s`` over the pixels x that both predict, with the spread
    ``s² = mean ‖m(x) − mean m‖₂²`` of their mean ``m = (a + b) / 2``, or of one of the
    tiles as a whole. 0: tiles agree, and stitching is seamless; 1: they differ as two
    pixels of the image do.

    Parameters
    ----------
    one, two : array_like
        (channels, \*size), the same pixels out of two overlapping tiles; their halo is
        cropped, so that the padding plays no part.
    among : array_like, optional
        (channels, \*any size), pixels whose spread is taken; an overlap may be flat.

    Raises
    ------
    ValueError
        If the shapes differ, or there are no pixels.

    Notes
    -----
    Buglakova et al., ICCV 2025 (arXiv 2503.19545), propose the tile mismatch as a sign
    of normalisation that depends on the tile. The norm and the division by the spread
    are ours: they make networks of different outputs comparable.
    """
    a, b = _pixels(one, two)
    scale = (a + b) / 2 if among is None else _pixels(among, among)[0]
    return _mean_difference(a, b, scale)


def train_eval_disparity(evaluated: ArrayLike, trained: ArrayLike) -> float:
    r"""Return how differently a network answers in eval and in training mode.

    ``mean ‖e(x) − t(x)‖₂ / s`` over the pixels x, with the spread
    ``s² = mean ‖e(x) − mean e‖₂²`` of the answer in eval mode. 0: the statistics that
    the normalisation kept are those of this image; 1: the modes differ as two pixels.
    Only batch norm and its kin can be above 0 (and dropout, which must be off).

    Parameters
    ----------
    evaluated, trained : array_like
        (channels, \*size), of the same input in both modes.

    Raises
    ------
    ValueError
        If the shapes differ, or there are no pixels.

    Notes
    -----
    Buglakova et al., ICCV 2025 (arXiv 2503.19545), propose the disparity as a sign that
    batch norm trades tile borders for wrong statistics. The formula is ours, as in
    `tile_mismatch`.
    """
    e, t = _pixels(evaluated, trained)
    return _mean_difference(e, t, e)


def _pixels(one: ArrayLike, two: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both as (channels, pixels)."""
    a, b = np.asarray(one, dtype=np.float64), np.asarray(two, dtype=np.float64)
    if a.shape != b.shape or a.ndim < 2 or not a.size:
        raise ValueError(
            f"two predictions of the same pixels must be (channels, *size) and of one "
            f"shape, got {list(a.shape)} and {list(b.shape)}; crop both to their "
            f"overlap"
        )
    return a.reshape(len(a), -1), b.reshape(len(b), -1)


def _mean_difference(a: NDArray[Any], b: NDArray[Any], scale: NDArray[Any]) -> float:
    off = scale - scale.mean(axis=1, keepdims=True)
    spread = float(np.sqrt((off**2).sum(axis=0).mean()))
    far = float(np.sqrt(((a - b) ** 2).sum(axis=0)).mean())
    if far == 0:
        return 0.0
    return far / spread if spread else float("inf")
