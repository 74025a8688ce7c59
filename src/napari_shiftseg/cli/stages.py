"""What is being done, said on standard error where it lasts."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING

import typer

from napari_shiftseg.progress import SAYER

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 2.0  # seconds before anything is said


class _Stages:
    """Stages that are kept back at first, and said as they come from then on."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._lasts, self._lock = False, Lock()
        self._timer = Timer(PATIENCE, self._say_kept)
        self._timer.daemon = True

    def __call__(self, stage: str) -> None:
        with self._lock:
            if self._lasts:
                typer.echo(stage, err=True)
                return
            if not self._kept:
                self._timer.start()
            self._kept.append(stage)

    def _say_kept(self) -> None:
        with self._lock:
            self._lasts = True
            for stage in self._kept:
                typer.echo(stage, err=True)

    def end(self) -> None:
        """Say nothing more of what was kept back."""
        self._timer.cancel()


@contextmanager
def stages_said() -> Iterator[None]:
    """Say what `say_stage` says, where it takes longer than `PATIENCE`."""
    stages = _Stages()
    before = SAYER.set(stages)
    try:
        yield
    finally:
        SAYER.reset(before)
        stages.end()
