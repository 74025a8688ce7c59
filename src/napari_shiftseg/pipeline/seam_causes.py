"""Why tiles would show seams on a user's image: by statistics, or by the phase."""

from __future__ import annotations

from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.device import resolve_device
from napari_shiftseg.embeddings.kinds import embedded
from napari_shiftseg.inference.memory import memory_budget
from napari_shiftseg.inference.network import on_device
from napari_shiftseg.inference.predict import open_for
from napari_shiftseg.networks.finding.suitability import (
    tile_mismatch,
    train_eval_disparity,
)
from napari_shiftseg.networks.loading.training_mode import in_training_mode
from napari_shiftseg.progress import Progress, exhaust
from napari_shiftseg.text import compact

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.device import Engine
    from napari_shiftseg.geometry.network_shape import AxisSizes, NetworkShape
    from napari_shiftseg.inference.network import Predictor
    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.stores.image import Image

LOUD = 1e-4  # of the spread: a mismatch above is no rounding of float32
APART = 3  # times the control, that a step of the phase is above
STRANGE = 0.2  # of the spread: a disparity above says that the statistics do not fit
LARGEST = {1: 512, 2: 128, 3: 32}  # pixels that a tile keeps along an axis, by axes
TOO_SMALL = (
    "Not measured: two overlapping tiles of at least two periods ({}) do not fit into "
    "the image, the memory or what the network reads."
)


@dataclass(frozen=True)
class SeamCauses:
    """Both causes of seams on one image, in units of the prediction's spread.

    With P(k) the prediction of a tile that keeps the pixels from k on, its halo read
    and cropped, and M the `tile_mismatch` of two predictions over the pixels that both
    keep, divided by the spread of P(k):

    - ``tile_mismatch = M(P(k), P(k − d))``, d a multiple of the period near 3/4 of the
      tile along one axis: both lie on the grid, so only statistics of the tile differ.
    - ``phase_mismatch = M(P(k), P(k + p/2))``, half a period p off along all axes:
      nearly the same pixels, but another phase.
    - ``phase_control = M(P(k), P(k + p))``, as far off, but on the grid.
    - ``train_eval_disparity``: that of P(k) with the statistics of training, and with
      those of the tile; see `in_training_mode`.

    Attributes
    ----------
    window : tuple of int
        What a tile keeps, in pixels.
    tile_mismatch : float
    phase_mismatch, phase_control : float or None
        None where the period is 1: there is one phase.
    train_eval_disparity : float or None
        None where no norm keeps statistics that can be left aside.
    period : tuple of int

    Notes
    -----
    Buglakova et al., ICCV 2025 (arXiv 2503.19545), propose tile mismatch and train/eval
    disparity; the formulas, and the two of the phase, are ours.
    """

    window: tuple[int, ...]
    tile_mismatch: float
    phase_mismatch: float | None
    phase_control: float | None
    train_eval_disparity: float | None
    period: tuple[int, ...]

    @property
    def by_statistics(self) -> bool:
        """Whether tiles differ although they lie on the grid and read their halo."""
        return self.tile_mismatch > LOUD

    @property
    def by_phase(self) -> bool:
        """Whether tiles off the grid would differ more than those on it."""
        if self.phase_mismatch is None or self.phase_control is None:
            return False
        return self.phase_mismatch > max(LOUD, APART * self.phase_control)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What the figures mean: statistics, phase, disparity."""
        said = (self._of_statistics, self._of_phase, self._of_disparity)
        return tuple(filter(None, said))

    @property
    def _of_statistics(self) -> str:
        found = f"(tile mismatch {_short(self.tile_mismatch)}): tiles on the grid,"
        if self.by_statistics:
            return (
                f"Statistics of the tile {found} with their halo, answer differently "
                f"where they overlap: each depends on what else it holds, or on the "
                f"place in it. Expect seams at every tile border, whatever the tile "
                f"size."
            )
        return (
            f"Statistics of the tile {found} with their halo, answer alike where they "
            f"overlap. No seams come from there."
        )

    @property
    def _of_phase(self) -> str:
        if self.phase_mismatch is None or self.phase_control is None:
            return "Phase: the period is 1, no tile can be off the grid."
        found = (
            f"Phase (on average tiles differ by {_short(self.phase_mismatch)} of the "
            f"prediction's spread half a period off the grid, by "
            f"{_short(self.phase_control)} a whole one):"
        )
        if self.by_phase:
            return (
                f"{found} expect seams where tiles are no multiples of "
                f"{compact(self.period)}."
            )
        return f"{found} on this image it makes no difference that could be told apart."

    @property
    def _of_disparity(self) -> str:
        if self.train_eval_disparity is None:
            return (
                "Train/eval disparity: not measured, no layer of the file keeps "
                "statistics of training that could be left aside."
            )
        found = f"Train/eval disparity {_short(self.train_eval_disparity)}:"
        if self.train_eval_disparity > STRANGE:
            return (
                f"{found} the norm's statistics of training are not those of this part "
                f"of the image. That makes no seams; where objects are poor, too, "
                f"batch renorm or images as in training may mend it."
            )
        return f"{found} the norm's statistics of training are those found here."

    def figures(self) -> dict[str, Any]:
        """Return the figures, ready for JSON."""
        names = (
            "tile_mismatch",
            "phase_mismatch",
            "phase_control",
            "train_eval_disparity",
        )
        # JSON knows no infinity, which is the measure where nothing is spread
        known = {name: getattr(self, name) for name in names}
        return {
            "window": list(self.window),
            **{n: None if v is None or isinf(v) else v for n, v in known.items()},
            "by_statistics": self.by_statistics,
            "by_phase": self.by_phase,
        }


def _short(value: float) -> str:
    return f"{value:.2g}".replace("e-0", "e-")


def seam_causes(
    image: ArrayLike | Any,
    model: TiledNetwork,
    device: str = "auto",
    reading: Reading | None = None,
    engine: Engine = "auto",
) -> SeamCauses | None:
    r"""Measure in the middle of an image why tiles would show seams.

    Parameters
    ----------
    image, model, device, reading, engine
        See `self_test`.

    Returns
    -------
    SeamCauses or None
        None: image, memory or the sizes that the network reads are too small.
    """
    return exhaust(seam_causes_steps(image, model, device, reading, engine=engine))


def seam_causes_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    device: str = "auto",
    reading: Reading | None = None,
    scale: Scale | None = None,
    engine: Engine = "auto",
) -> Generator[Progress, None, SeamCauses | None]:
    """Measure why tiles would show seams, yielding `Progress` after every tile.

    Parameters
    ----------
    image, model, device, reading, scale, engine
        See `self_test_steps`.
    """
    opened, where = open_for(image, model, reading, scale), resolve_device(device)
    shape = model.shape
    window = _window(opened.shape, shape, memory_budget(where))
    if window is None:
        return None
    starts = _starts(opened.shape, shape, window)
    with on_device(model, where, "float32", engine) as network:
        tiles = []
        for done, start in enumerate(starts):
            so_far = Progress(done, len(starts) + 1, network.told())
            tiles.append((yield from _tile(opened, network, start, window, so_far)))
    here, away, *moved = tiles
    pairs = zip(moved, starts[2:], strict=True)
    off = [_mismatch(here, tile, starts[0], at) for tile, at in pairs]
    trained, disparity = _in_training_mode(model), None
    if trained is not None:
        so_far = Progress(len(starts), len(starts) + 1)
        with on_device(trained, where, "float32", "torch") as network:
            tile = yield from _tile(opened, network, starts[0], window, so_far)
        disparity = train_eval_disparity(here, tile)
    yield Progress(len(starts) + 1, len(starts) + 1)
    return SeamCauses(
        window,
        _mismatch(here, away, starts[0], starts[1]),
        off[0] if off else None,
        off[1] if off else None,
        disparity,
        shape.period,
    )


def _in_training_mode(model: TiledNetwork) -> TiledNetwork | None:
    """Return it in training mode; None too if its file went or changed meanwhile."""
    try:
        return in_training_mode(model)
    except (OSError, ValueError):
        return None


def _window(
    image: Sequence[int], shape: NetworkShape, budget: int
) -> tuple[int, ...] | None:
    """Return what a tile keeps along each axis; None if there is no room for two."""
    largest = max(LARGEST[shape.ndim], *(2 * p for p in shape.period))
    while True:
        pairs = zip(shape.axes, image, strict=True)
        window = tuple(_kept(axis, size, largest) for axis, size in pairs)
        if not any(w >= 2 * p for w, p in zip(window, shape.period, strict=True)):
            return None
        if 4 * shape.peak_values(_reads(shape, window)) <= budget:
            return window
        largest //= 2


def _kept(axis: AxisSizes, size: int, largest: int) -> int:
    """Return a multiple of the period that two tiles along an axis leave room for."""
    period = axis.period
    most = min(largest, 4 * size // 7)  # two tiles, 3/4 of one from each other
    if most < 2 * period <= largest and 3 * period <= size:
        most = 2 * period
    return max(axis.kept_of(most) // period, 1) * period


def _starts(
    image: Sequence[int], shape: NetworkShape, window: Sequence[int]
) -> list[tuple[int, ...]]:
    """Return where tiles begin: here, away on the grid, off it, and a period on."""
    axes = list(zip(image, window, shape.period, strict=True))
    movable = [w >= 2 * p for _, w, p in axes]
    steps = [p if can else 0 for (*_, p), can in zip(axes, movable, strict=True)]
    along = max(range(shape.ndim), key=lambda a: (movable[a], window[a]))
    far = max(3 * window[along] // 4 // shape.period[along], 1) * shape.period[along]
    here = []
    for axis, (size, kept, period) in enumerate(axes):
        middle = (size - kept + (far if axis == along else 0)) // 2
        here.append(max(middle // period, 0) * period)
    away = [at - (far if axis == along else 0) for axis, at in enumerate(here)]
    starts = [tuple(here), tuple(away)]
    if max(steps) > 1:
        for parts in (2, 1):
            pairs = zip(here, steps, strict=True)
            starts.append(tuple(at + step // parts for at, step in pairs))
    return starts


def _reads(shape: NetworkShape, window: Sequence[int]) -> tuple[int, ...]:
    """Return the input of a tile: what it keeps, its halo and its context."""
    pairs = zip(window, shape.axes, strict=True)
    return shape.input_for([w + 2 * axis.halo for w, axis in pairs])


def _tile(
    image: Image,
    network: Predictor,
    start: Sequence[int],
    window: Sequence[int],
    so_far: Progress,
) -> Generator[Progress, None, NDArray[Any]]:
    r"""Predict one tile; returns (embedding channels, \*window)."""
    shape, config = network.model.shape, network.model.config
    sizes = _reads(shape, window)
    first = [
        at - axis.halo - axis.context // 2
        for at, axis in zip(start, shape.axes, strict=True)
    ]
    bounds = [(at, at + size) for at, size in zip(first, sizes, strict=True)]
    inputs = [image.read(bounds, network.dtype)]
    (raw,) = yield from network.steps(inputs, so_far)
    yield so_far
    kept = tuple(
        slice(axis.halo, axis.halo + w)
        for axis, w in zip(shape.axes, window, strict=True)
    )
    outputs: NDArray[Any] = raw[(slice(config.embedding_channels), *kept)]
    if config.embedding == "spatial":  # whose places would drown what differs
        return outputs
    return embedded(outputs, config.embedding, list(start))


def _mismatch(
    one: NDArray[Any],
    two: NDArray[Any],
    at_one: Sequence[int],
    at_two: Sequence[int],
) -> float:
    """Return the mismatch over the pixels of both, by the spread of the first."""
    a, b = [slice(None)], [slice(None)]
    for size, start, other in zip(one.shape[1:], at_one, at_two, strict=True):
        first, last = max(start, other), min(start, other) + size
        a.append(slice(first - start, last - start))
        b.append(slice(first - other, last - other))
    return tile_mismatch(one[tuple(a)], two[tuple(b)], among=np.asarray(one))
