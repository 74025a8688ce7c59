"""Jobs of which only the latest of each name counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive

from napari_shiftseg.gui.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.inference.progress import Progress


class LatestJobs:
    """Carries steps out in threads; those begun before under one name are abandoned.

    Parameters
    ----------
    owner : QWidget
        Nobody is called back when it is gone.
    failed : callable
        Takes the words of an error.
    """

    def __init__(self, owner: QWidget, failed: Callable[[str], None]) -> None:
        self._owner, self._failed = owner, failed
        self._jobs: dict[str, Job] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._jobs)

    def run(
        self,
        name: str,
        steps: Generator[Progress, None, Any],
        done: Callable[[Any], None],
    ) -> None:
        """Begin steps; their value goes to `done`, in the GUI thread."""
        self.abandon(name)
        self._jobs[name] = Job(
            steps,
            on_progress=lambda progress: None,
            on_done=lambda value: self._ended(name, done, value),
            on_failed=lambda error: self._ended(name, self._failed, str(error)),
            on_cancelled=lambda: self._ended(name, lambda: None),
        )

    def abandon(self, name: str) -> None:
        """Give the steps of this name up, if there are any."""
        if name in self._jobs:
            self._jobs.pop(name).abandon()

    def abandon_all(self) -> None:
        """Give all up."""
        for name in list(self._jobs):
            self.abandon(name)

    def _ended(self, name: str, take: Callable[..., None], *value: Any) -> None:
        del self._jobs[name]
        if isalive(self._owner):
            take(*value)
