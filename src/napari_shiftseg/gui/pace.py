"""How fast models have run so far: what the next run will take."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_shiftseg.pipeline.segmentation import Segmentation


class Pace:
    """Seconds a computed pixel took, model by model, clustering included."""

    def __init__(self) -> None:
        self._pixel_seconds: dict[str, float] = {}

    def learn(self, model: str, result: Segmentation) -> None:
        """Take the pace of a run, of one image or of several."""
        plan = result.plan
        images = prod(result.labels.shape[: -plan.shape.ndim])
        computed = images * len(plan) * prod(plan.reads)
        self._pixel_seconds[model] = result.seconds / computed

    def of(self, model: str) -> float | None:
        """Return the seconds a pixel takes, if this model ran already."""
        return self._pixel_seconds.get(model)

    def forget(self) -> None:
        """Know of no run."""
        self._pixel_seconds.clear()


PACE = Pace()
