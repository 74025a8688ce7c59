"""The working folder of a run: by what it is known again, and what is done."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.distributed.arrays import write_durably

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Journal:
    """What a run keeps beside its output while it is under way.

    Parameters
    ----------
    folder : Path
        ``OUT.zarr.unfinished`` of the output ``OUT.zarr``.
    """

    folder: Path

    @property
    def _about(self) -> Path:
        return self.folder / "run.json"

    @property
    def is_there(self) -> bool:
        """Whether a run was begun."""
        return self._about.exists()

    def begin(self, about: Mapping[str, Any]) -> None:
        """Begin a run, or go on with one that is the same.

        Parameters
        ----------
        about : mapping
            By what it is known again, ready for JSON.

        Raises
        ------
        ValueError
            If the run that was begun is another one; the differences are named.
        """
        if not self.is_there:
            remove(self.folder)  # what is left of one that was being removed
            self.folder.mkdir(parents=True)
            text = json.dumps(about, indent=2).encode()
            write_durably(self._about, lambda file: file.write(text))
            return
        before, now = self.about, json.loads(json.dumps(about))
        changed = [
            _difference(name, before.get(name), now.get(name))
            for name in {**before, **now}
            if before.get(name) != now.get(name)
        ]
        if changed:
            raise ValueError(
                f"{self.folder.name} is a run under way, but not this one: "
                f"{'; '.join(changed)}. Give the same again, or --overwrite to begin "
                f"anew"
            )

    @property
    def about(self) -> dict[str, Any]:
        """By what the run that was begun is known again."""
        return dict(json.loads(self._about.read_text(encoding="utf-8")))

    def has(self, step: str) -> bool:
        """Whether a step is done, and what it wrote is on the disk."""
        return (self.folder / step).exists()

    def record(self, step: str) -> None:
        """Record that a step is done."""
        write_durably(self.folder / step, lambda _: None)


CHANGED = "changed"  # what stands for the state of the image file


def _difference(name: str, before: Any, now: Any) -> str:
    if name == CHANGED:
        return "the image file has changed"
    return f"{name} was {before!r} and is {now!r}"


def remove(folder: Path) -> None:
    """Remove a folder: at once by its name, then what is in it.

    Who is killed meanwhile leaves nothing that could be taken for a run.

    Raises
    ------
    OSError
        If it cannot be renamed: a file in it is open, on Windows.
    """
    if not folder.exists():
        return
    name = f".{folder.name}.{secrets.token_hex(4)}.removed"
    os.replace(folder, folder.with_name(name))
    shutil.rmtree(folder.with_name(name), ignore_errors=True)
