"""The run in napari's activity dock, where it can be cancelled too."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from napari.utils import cancelable_progress

if TYPE_CHECKING:
    from napari_shiftseg.inference.progress import Progress

INTERVAL = 0.2  # seconds between two updates


class Activity:
    """A cancelable bar in the activity dock.

    napari processes Qt's events whenever its bar changes, so that the next progress
    arrives within the update of this one: it is left out, and updates are rare.
    """

    def __init__(self) -> None:
        self._bar: cancelable_progress | None = None
        self._busy = self._closed = False
        self._last = 0.0

    @property
    def is_cancelled(self) -> bool:
        """Whether the user pressed the bar's cancel button."""
        return self._bar is not None and self._bar.is_canceled

    def show(self, progress: Progress) -> None:
        """Show what a run has done."""
        if self._busy or self._closed or perf_counter() - self._last < INTERVAL:
            return
        self._busy = True
        try:
            self._update(progress)
        finally:
            self._busy, self._last = False, perf_counter()

    def _update(self, progress: Progress) -> None:
        if self._bar is None:
            bar = cancelable_progress(total=progress.total, desc="ShiftSeg")
            if self._closed:  # the run ended while the bar was made
                bar.close()
                return
            self._bar = bar
        self._bar.total = progress.total
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        """Take the bar away for good."""
        self._closed = True
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()
