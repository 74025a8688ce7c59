"""Whether tiles of a model are exact: tiled against untiled on the user's own image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.device import resolve_device
from napari_shiftseg.embeddings.kinds import embedded
from napari_shiftseg.geometry.advice import size_text
from napari_shiftseg.geometry.tiling import TilePlan, plan_tiles
from napari_shiftseg.geometry.window import as_window
from napari_shiftseg.inference.memory import memory_budget
from napari_shiftseg.inference.predict import embed_steps, embedding_of, open_for
from napari_shiftseg.inference.views import Views, check_views
from napari_shiftseg.networks.properties import what_exact_means, why_not_exact
from napari_shiftseg.pipeline.corners import corner_with_content
from napari_shiftseg.progress import Progress, Returning, exhaust
from napari_shiftseg.text import compact

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.device import Engine
    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.intensity.scale import Reading, Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.stores.image import Image

# Tiles of another size are summed in another order. A float32 sum errs by 6e-8 of its
# terms, which cancel in part and pass through some 20 layers: 1e-6 of the largest
# value was measured. A misaligned tile errs by 1e-2 of it and more.
TOLERANCE = 1e-4  # of the embedding's largest value
ROUNDING = 1e-6  # of the place of a pixel, which spatial embeddings hold in float32
POWER = 10  # times the tolerance, that the control has to differ by


@dataclass(frozen=True)
class SelfTest:
    """Tiled against untiled prediction of one part of an image.

    Attributes
    ----------
    plan : TilePlan
        Of the tiled prediction.
    difference : float
        Largest absolute difference between tiled and untiled embedding.
    control : float or None
        The same for naive tiles whose stride is no multiple of the period; None where
        there are none (period 1, or one tile).
    largest : float
        Largest absolute value of the untiled embedding; of a spatial one, which holds
        the place of each pixel, without it.
    spread : float
        Of the same: the root mean square distance from its mean.
    caveat : str
        What exact tiles do not mend, see `what_exact_means`; empty if nothing is left.
    gives : str
        What was predicted, in a word.
    cause : str
        The layer that keeps tiles from being exact, see `why_not_exact`; empty if none
        is known.
    place : float
        Largest coordinate that a spatial embedding holds; 0 for others.
    """

    plan: TilePlan
    difference: float
    control: float | None
    largest: float
    spread: float
    caveat: str = ""
    gives: str = "embedding"
    cause: str = ""
    place: float = 0.0

    @property
    def tolerance(self) -> float:
        """Up to which float32 may make a difference."""
        return TOLERANCE * self.largest + ROUNDING * self.place

    @property
    def relative(self) -> float | None:
        """The difference in units of the spread; None if nothing is spread."""
        return self.difference / self.spread if self.spread else None

    @property
    def relative_control(self) -> float | None:
        """The control's difference in units of the spread; None without one."""
        if self.control is None or not self.spread:
            return None
        return self.control / self.spread

    @property
    def agrees(self) -> bool:
        """Whether tiled and untiled agree up to the rounding of float32."""
        return self.difference <= self.tolerance

    @property
    def has_power(self) -> bool:
        """Whether the test would have seen tiles that are not exact."""
        if len(self.plan) == 1:
            return False
        if max(self.plan.shape.period) == 1:
            return True
        return self.control is not None and self.control > POWER * self.tolerance

    @property
    def passed(self) -> bool:
        """Whether tiles are exact; False too where the test cannot tell."""
        return self.agrees and self.has_power

    @property
    def verdict(self) -> str:
        """What the figures mean, in words."""
        if len(self.plan) == 1:
            return (
                f"The whole image is one tile of {compact(self.plan.window)}: nothing "
                f"is stitched, so nothing was tested. {self._remedy}"
            )
        if not self.agrees and self.cause:
            return self._as_it_must
        if not self.agrees:
            return (
                f"Tiled and untiled differ by {self.difference:.2g} (the "
                f"{self.gives}'s spread is {self.spread:.2g}): tiles are not exact. A "
                f"layer that normalises, pools or attends over the whole tile does "
                f"that; no cropping mends it. Predict in one pass where memory allows."
            )
        if self.passed and (left := self.caveat or self._on_others):
            return f"{self._agreement} {left}"
        return self._agreement

    @property
    def _as_it_must(self) -> str:
        """Say that tiles differ because of a layer, and not because they lie wrong."""
        control = ""
        if self.control is not None:
            control = f", a misaligned control by {self.control:.2g}"
        return (
            f"Tiled and untiled differ by {self.difference:.2g}{control} (the "
            f"{self.gives}'s spread is {self.spread:.2g}), as they must: the tiles lie "
            f"right, but {self.cause} keeps them from being exact. No cropping mends "
            f"it; predict in one pass where memory allows."
        )

    @property
    def _on_others(self) -> str:
        """Say what may happen on another image, where a layer is known to harm."""
        if not self.cause:
            return ""
        return f"That holds for this image; others may differ, because of {self.cause}."

    @property
    def _remedy(self) -> str:
        """What to do where there is one tile: only a window that was chosen can go."""
        pairs = zip(self.plan.window, self.plan.shape.period, strict=True)
        if any(window > period for window, period in pairs):
            return "Take a larger image or a smaller window."
        return "Take a larger image."

    @property
    def _agreement(self) -> str:
        """What it means that tiled and untiled agree."""
        how = f"to {_power_text(self.difference)}" if self.difference else "exactly"
        agree = f"Tiled and untiled agree {how}"
        if self.control is None:
            return (
                f"{agree}: tiles are exact. With period 1 no tile can be misaligned, "
                f"so there is no control."
            )
        if not self.has_power:
            return (
                f"{agree}, but a misaligned control differs by no more than "
                f"{_power_text(self.control)}: this test shows nothing. An image "
                f"without content or an untrained network does that; take another "
                f"image."
            )
        return (
            f"{agree} (a misaligned control differs by {self.control:.2g}): "
            f"tiles are exact."
        )

    def figures(self) -> dict[str, Any]:
        """Return the figures, ready for JSON."""
        return {
            "passed": self.passed,
            "verdict": self.verdict,
            "window": list(self.plan.window),
            "region": [list(bounds) for bounds in self.plan.region],
            "tiles": len(self.plan),
            "difference": self.difference,
            "control": self.control,
            "relative": self.relative,
            "relative_control": self.relative_control,
        }


def _power_text(value: float) -> str:
    """Write a small number to one digit: ``4e-6``."""
    return f"{value:.1g}".replace("e-0", "e-")


def self_test(
    image: ArrayLike | Any,
    model: TiledNetwork,
    window: Window = None,
    device: str = "auto",
    reading: Reading | None = None,
    views: int = 1,
    engine: Engine = "auto",
) -> SelfTest:
    r"""Predict the middle of an image tiled and untiled, and compare.

    The region is as large as a tile and lies around the tile corner nearest to the
    middle, where that is nearly empty around another one with content, with the real
    context around it, so that it is cheap on images of any size.

    Parameters
    ----------
    image : array_like
        (\*spatial); for a model of several input channels (channels, \*spatial).
    model : TiledNetwork
    window : int, sequence of int or None
        Output size of a tile, in pixels; None: two periods, or one where two hold the
        whole image.
    device : str
        "auto" (CUDA, else MPS, else the CPU), or a torch device.
    reading : Reading, optional
        How grey values are read; all automatic if not given.
    views : {1, 2, 4, 8}
    engine : {"auto", "torch", "openvino"}
        See `embed` for these two.

    Raises
    ------
    ValueError
        If an argument is out of range or the image cannot be read.
    MemoryError
        If the region does not fit in memory in one pass.
    """
    steps = self_test_steps(
        image, model, window, device, reading, views=views, engine=engine
    )
    return exhaust(steps)


def self_test_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    window: Window = None,
    device: str = "auto",
    reading: Reading | None = None,
    scale: Scale | None = None,
    views: int = 1,
    engine: Engine = "auto",
) -> Generator[Progress, None, SelfTest]:
    """Test tiles, yielding `Progress` after every tile.

    Parameters
    ----------
    image, model, window, device, reading, views, engine
        See `self_test`.
    scale : Scale, optional
        See `segment_steps`.
    """
    check_views(views, model.config)
    opened = open_for(image, model, reading, scale)
    tiled, whole, *control = _plans(opened, model, window)
    budget = memory_budget(resolve_device(device))
    if whole.memory > budget:
        raise _too_large(whole, budget, window)
    plans = [whole, tiled, *control]
    seen = Views(opened, views, model.config)
    total, done = sum(sum(seen.tiles(plan)) for plan in plans), 0
    embeddings: list[NDArray[Any]] = []
    for plan in plans:
        steps = Returning(
            embed_steps(opened, model, plan, device, views=views, engine=engine)
        )
        for progress in steps:
            yield replace(progress, done=done + progress.done, total=total)
        raw, carried_out, _ = steps.value
        if carried_out != plan:  # smaller tiles answer another question
            raise _too_large(plan, budget, window)
        embeddings.append(embedding_of(raw, model.config))
        done += sum(seen.tiles(plan))
    places = _places(embeddings[0], model.config, tiled)
    return replace(
        _compared(tiled, *(embedding - places for embedding in embeddings)),
        place=_largest(places),
        caveat=what_exact_means(model.config),
        cause=why_not_exact(model.config),
        gives=model.config.gives,
    )


def _places(
    embedding: NDArray[Any], config: NetworkConfig, plan: TilePlan
) -> NDArray[Any]:
    """Return what an embedding holds of the places of pixels: of a spatial one, all."""
    if config.embedding != "spatial":
        return np.zeros_like(embedding[:1])
    return embedded(np.zeros_like(embedding), config.embedding, plan.offset)


def _compared(
    plan: TilePlan,
    untiled: NDArray[Any],
    tiled: NDArray[Any],
    control: NDArray[Any] | None = None,
) -> SelfTest:
    each = untiled.reshape(len(untiled), -1).astype(np.float64)  # (channels, pixels)
    from_mean = each - each.mean(axis=1, keepdims=True)
    return SelfTest(
        plan,
        difference=_largest(tiled - untiled),
        control=None if control is None else _largest(control - untiled),
        largest=_largest(untiled),
        spread=float(np.sqrt((from_mean**2).sum(axis=0).mean())),
    )


def _largest(values: NDArray[Any]) -> float:
    return float(np.abs(values).max())


def _plans(image: Image, model: TiledNetwork, window: Window) -> list[TilePlan]:
    """Return the plans tiled, whole and, if tiles can be misaligned, the control."""
    shape, image_shape = model.shape, image.shape
    full = _full_plan(image_shape, model, window)
    chosen = full.window
    region = corner_with_content(full, image)
    plans = [
        plan_tiles(image_shape, shape, chosen, region=region),
        plan_tiles(image_shape, shape, stitching="whole", region=region),
    ]
    if len(plans[0]) == 1 or max(shape.period) == 1:
        return plans
    # half a period off; below the stride, so that it has a border where tiles have one
    off = tuple(s - p // 2 for s, p in zip(full.stride, shape.period, strict=True))
    return [*plans, plan_tiles(image_shape, shape, off, "naive", region=region)]


def _full_plan(
    image_shape: tuple[int, ...], model: TiledNetwork, window: Window
) -> TilePlan:
    """Return the plan of the window, or of two periods, or of one where two are all."""
    shape = model.shape
    if window is not None:
        return plan_tiles(image_shape, shape, window)
    plan = plan_tiles(image_shape, shape, tuple(2 * p for p in shape.period))
    return plan if len(plan) > 1 else plan_tiles(image_shape, shape, shape.period)


def _too_large(plan: TilePlan, budget: int, window: Window) -> MemoryError:
    remedy = "close other programs that use it"
    if window is not None:
        chosen = as_window(window, plan.shape.ndim)
        remedy = f"choose a window smaller than {compact(chosen)}"
    return MemoryError(
        f"the self-test needs {size_text(plan.memory)} for one pass, of "
        f"{size_text(budget)} at hand: {remedy}"
    )
