"""The folder of a run: by what it is known again, who holds it, what is done."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from napari_shiftseg.distributed.arrays import write_durably

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


UNFINISHED = ".unfinished"


def unfinished(target: Path) -> Path:
    """Return the folder of a run that has not made its store yet."""
    return target.with_name(target.name + UNFINISHED)


@dataclass(frozen=True)
class Steps:
    """Steps that are done: each a file, which says what it gave.

    Parameters
    ----------
    folder : Path
        It need not be there.
    """

    folder: Path

    def has(self, step: str) -> bool:
        """Whether a step is done, and what it wrote is on the disk."""
        return (self.folder / step).exists()

    def record(self, step: str, given: Any = None) -> None:
        """Record that a step is done.

        Parameters
        ----------
        step : str
            May name a folder, too: ``levels/1/0``.
        given : optional
            What it gave, ready for JSON.
        """
        path, text = self.folder / step, json.dumps(given).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, lambda file: file.write(text))

    def given(self, step: str) -> Any:
        """Return what a step gave that is done."""
        return json.loads((self.folder / step).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Journal:
    """What a run keeps beside its output while it is under way.

    All that it computes lies in a folder that has a name of its own. What works for
    another run, such as a task on a cluster that nobody could stop, writes to the
    folder of that one: if it is gone, that is an error, and no pixel here.

    Parameters
    ----------
    folder : Path
        ``OUT.zarr.unfinished`` of the output ``OUT.zarr``.
    """

    folder: Path

    @property
    def _run(self) -> Path:
        return self.folder / "run.json"

    @property
    def _known(self) -> dict[str, Any]:
        return dict(json.loads(self._run.read_text(encoding="utf-8")))

    @property
    def is_there(self) -> bool:
        """Whether a run was begun."""
        return self._run.exists()

    @property
    def keeps(self) -> bool:
        """Whether there is work that need not be done again: a block or more."""
        if not self.is_there:
            return False
        blocks = self.work.glob("frames/*/raw/*.npy")
        frames = self.work.glob("frames/*.json")
        return any(True for found in (blocks, frames) for _ in found)

    @property
    def about(self) -> dict[str, Any]:
        """By what the run that was begun is known again."""
        return dict(self._known["about"])

    @property
    def work(self) -> Path:
        """The folder for what the run that was begun computes, and no other run."""
        return self.folder / str(self._known["name"])

    @property
    def steps(self) -> Steps:
        """What the run that was begun has done."""
        return Steps(self.work)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder against other processes; who ends, or is killed, lets it go.

        On a disk that knows no locks this does nothing: there, that two runs have
        folders of their own has to do.

        Raises
        ------
        BlockingIOError
            If another process holds it.
        """
        path = self.folder.with_name(f".{self.folder.name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(
            path, blocking=False, thread_local=False, fallback_to_soft=False
        )
        try:
            lock.acquire()
        except Timeout:
            raise BlockingIOError(
                f"another process{self._holder} is at work on {self.folder.name}: wait "
                f"until it has ended, or stop it"
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            yield
            return
        try:
            yield
        finally:
            with suppress(OSError):  # open files cannot be removed on Windows
                path.unlink()
            lock.release()
            if os.name == "nt":  # elsewhere it may be another's by now
                with suppress(OSError):
                    path.unlink()

    @property
    def _holder(self) -> str:
        """Which process that is, if it said so."""
        try:
            known = self.steps.given(HOLDER)
        except (OSError, ValueError, KeyError):
            return ""
        return f" ({known['process']} on {known['machine']})"

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
            name = secrets.token_hex(4)
            (self.folder / name).mkdir(parents=True)
            text = json.dumps({"name": name, "about": about}, indent=2).encode()
            write_durably(self._run, lambda file: file.write(text))
        changed = differences(self.about, about)
        if changed:
            raise ValueError(
                f"{self.folder.name} is an unfinished run, but not this one: "
                f"{changed}. Give the same again, or add overwrite=True to begin anew"
            )
        holder = {"process": os.getpid(), "machine": socket.gethostname()}
        self.steps.record(HOLDER, holder)


HOLDER = "holder"
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)  # as a disk says it
CHANGED = "changed"  # what stands for the state of the image file


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Name what differs between two runs; empty if they are the same.

    Parameters
    ----------
    before, now : mapping
        By what they are known again.
    """
    now = json.loads(json.dumps(now))
    return "; ".join(
        _difference(name, before.get(name), now.get(name))
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    )


def _difference(name: str, before: Any, now: Any) -> str:
    if name == CHANGED:
        return "the image has changed"
    return f"{name} was {_written(before)} and is {_written(now)}"


def _written(value: Any) -> str:
    return "not given" if value in (None, "") else repr(value)


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
