"""How long a run will still take."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_shiftseg.inference.progress import Progress


class TimeLeft:
    """Estimate from the steps done how long the others will take."""

    def __init__(self) -> None:
        self._began = perf_counter()
        self._first = 0

    def text(self, progress: Progress) -> str:
        """Return ``tile 212 of 441 · 5 s left``."""
        if progress.stage != "predicting" or not progress.total:
            return f"{progress.stage} …"
        if not self._first:  # loading and the first tile are no measure
            self._first, self._began = progress.done, perf_counter()
        text = f"tile {progress.done:,} of {progress.total:,}"
        measured = progress.done - self._first
        if measured:
            rate = (perf_counter() - self._began) / measured
            text += f" · {_duration(rate * (progress.total - progress.done))} left"
        return text


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
