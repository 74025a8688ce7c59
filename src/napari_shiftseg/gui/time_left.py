"""How long a run will still take."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.cost import time_text

if TYPE_CHECKING:
    from napari_shiftseg.inference.progress import Progress

LEAST = 1.0  # seconds measured before a guess is made


class TimeLeft:
    """Estimate from the tiles done how long the others will take."""

    def __init__(self) -> None:
        self._restart(0, 0, "predicting")

    def text(self, progress: Progress) -> str:
        """Return ``tile 212 of 441 · 5 s left``."""
        if not progress.stage.endswith("predicting") or not progress.total:
            return f"{progress.stage} …"
        if progress.stage != self._stage:
            self._restart(progress.done, progress.total, progress.stage)
        if progress.done < self._last or progress.total != self._total:
            # tiles have been shrunk
            self._restart(progress.done, progress.total, progress.stage)
        self._last = progress.done
        part = progress.stage.removesuffix("predicting")
        text = f"{part}tile {progress.done:,} of {progress.total:,}"
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
