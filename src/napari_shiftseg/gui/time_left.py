"""How long a run will still take."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.cost import time_text

if TYPE_CHECKING:
    from napari_shiftseg.inference.progress import Progress

LEAST = 1.0  # seconds measured before a guess is made
COUNTED = {"predicting": "tile", "training": "step"}  # by the stage's last word


class TimeLeft:
    """Estimate from the tiles or steps done how long the others will take."""

    def __init__(self) -> None:
        self._restart(0, 0, "predicting")

    def text(self, progress: Progress) -> str:
        """Return ``tile 212 of 441 · 5 s left``."""
        part, _, last = progress.stage.rpartition(" ")
        if last not in COUNTED or not progress.total:
            return f"{progress.stage} …"
        if progress.stage != self._stage:
            self._restart(progress.done, progress.total, progress.stage)
        if progress.done < self._last or progress.total != self._total:
            # tiles have been shrunk
            self._restart(progress.done, progress.total, progress.stage)
        self._last = progress.done
        text = (
            f"{part} {COUNTED[last]} {progress.done:,} of {progress.total:,}".lstrip()
        )
        elapsed, measured = perf_counter() - self._began, progress.done - self._first
        if elapsed > LEAST and measured:
            rest = elapsed / measured * (progress.total - progress.done)
            text += f" · {time_text(rest, '.0f')} left"
        return text

    def _restart(self, done: int, total: int, stage: str) -> None:
        self._stage = stage
        self._first = self._last = done
        self._total = total
        self._began = perf_counter()
