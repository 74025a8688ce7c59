"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import signal
import stat
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from platform import node
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

FOR_ALL = 0o666  # less what the user's umask takes away
NAME_KEPT = 100  # characters of a name, that the unfinished one stays short enough
UNFINISHED = "unfinished"
BY_WHOM = r"([0-9a-f]{8})-(\d+)-[0-9a-f]{8}"  # machine, process, and one of its files


@contextmanager
def whole_or_not_at_all(path: Path) -> Iterator[Path]:
    """Give another path to write to, which becomes this one if all goes well.

    The other file is new, lies in the same folder, and is on the disk before it takes
    the name; if anything fails, or the program is killed, the old file survives. A file
    that is replaced hands on its permissions. A link is replaced, never followed: what
    it points to stays as it is.

    Raises
    ------
    OSError
        If the file cannot be written, or is read-only, a folder, a pipe or a device; it
        is named.
    """
    with all_or_none([path]) as (unfinished,):
        yield unfinished


@contextmanager
def all_or_none(
    paths: Sequence[Path], folders: Collection[Path] = ()
) -> Iterator[list[Path]]:
    """Give other paths to write to, which take these names together at the end.

    See `whole_or_not_at_all`; the names are taken in the order given, and Ctrl-C waits
    for all of them. Where one cannot be taken, as that of a file that another program
    holds open on Windows, all older files are there again. What a killed run left
    unfinished of these files is removed.

    Parameters
    ----------
    paths : sequence of Path
    folders : collection of Path
        Those of them that are folders, stores for example, given as empty ones. One
        that is replaced goes when the new one has its name.
    """
    modes = [None if path in folders else _mode(path) for path in paths]
    unfinished: list[Path] = []
    try:
        for path in paths:
            remove_left_behind(path.parent, _beginning(path))
        for path in paths:
            unfinished.append(_made(path, path in folders))
        with _named(paths, unfinished):
            yield unfinished
            for new, mode in zip(unfinished, modes, strict=True):
                _finish(new, mode)
            with uninterrupted():
                _take_names(unfinished, paths)
    finally:
        for new in unfinished:
            with suppress(OSError):
                _remove(new)


def unfinished_name(beginning: str) -> str:
    """Return a new name that says which process writes this, and on which machine."""
    own = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    return f".{beginning}.{own}.{UNFINISHED}"


def remove_left_behind(folder: Path, beginning: str) -> None:
    """Remove what processes of this machine that are gone left unfinished.

    Parameters
    ----------
    folder : Path
    beginning : str
        Of `unfinished_name`.
    """
    pattern = re.compile(rf"\.{re.escape(beginning)}\.{BY_WHOM}\.{UNFINISHED}(\.\w+)?")
    with suppress(OSError):
        for name in os.listdir(folder):
            found = pattern.fullmatch(name)
            if found and found[1] == _machine() and not _is_running(int(found[2])):
                _remove(folder / name)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until what belongs together is done; then it is heard.

    Outside the main thread, which alone has signals, nothing changes.
    """
    usual = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(usual):
        yield
        return
    heard: list[tuple[Any, Any]] = []
    signal.signal(signal.SIGINT, lambda *said: heard.append(said))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if heard:
        usual(*heard[0])


def _beginning(path: Path) -> str:
    return path.name[:NAME_KEPT]


def _machine() -> str:
    return sha256(node().encode()).hexdigest()[:8]


def _is_running(process: int) -> bool:
    try:
        return bool(psutil.pid_exists(process))
    except OverflowError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    path.unlink(missing_ok=True)


def _mode(path: Path) -> int | None:
    """Return the permissions of a file that may be replaced; None: there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", str(path))
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "the file is read-only", str(path))
    return stat.S_IMODE(found.st_mode)


def _take_names(unfinished: Sequence[Path], paths: Sequence[Path]) -> None:
    """Give all their names; where one cannot have it, the older ones are put back."""
    taken: list[tuple[Path, Path | None]] = []
    try:
        for new, path in zip(unfinished, paths, strict=True):
            taken.append((path, _set_aside(path, new.is_dir())))
            os.replace(new, path)
    except OSError:
        for path, old in reversed(taken):
            with suppress(OSError):
                _put_back(path, old)
        raise
    finally:
        for _, old in taken:
            if old is not None:
                with suppress(OSError):
                    _remove(old)


def _set_aside(path: Path, is_folder: bool) -> Path | None:
    """Keep what is to be replaced by another name; None: there is nothing.

    A file keeps its own name, too, so that there is one at any time. Disks without hard
    links keep no file.
    """
    if not os.path.lexists(path):
        return None
    old = path.with_name(unfinished_name(_beginning(path)))
    if is_folder:
        os.replace(path, old)
        return old
    with suppress(OSError):
        os.link(path, old)
    return old


def _put_back(path: Path, old: Path | None) -> None:
    if old is None:
        _remove(path)
    elif os.path.lexists(old):
        if old.is_dir():
            _remove(path)
        os.replace(old, path)


def _made(path: Path, is_folder: bool) -> Path:
    """Make a new, empty file beside a path; no file or link that is there is opened."""
    unfinished = path.with_name(unfinished_name(_beginning(path)))
    try:
        if is_folder:
            unfinished.mkdir()
            return unfinished
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FOR_ALL))
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
    return unfinished


@contextmanager
def _named(paths: Sequence[Path], unfinished: Sequence[Path]) -> Iterator[None]:
    """Let an error name the file that was meant, not the unfinished one."""
    meant = dict(zip(map(str, unfinished), paths, strict=True))
    with errors_named(paths[0]):
        try:
            yield
        except OSError as error:
            path = meant.get(str(error.filename))
            if path is None:
                raise
            raise type(error)(error.errno, error.strerror, str(path)) from None


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Let an error of writing that names no file name this one: a full disk's."""
    try:
        yield
    except OSError as error:
        if error.filename or (error.errno is None and type(error) is not OSError):
            raise
        if error.errno is None:
            raise OSError(f"{path} cannot be written: {error}") from None
        raise type(error)(error.errno, error.strerror, str(path)) from None


def _finish(unfinished: Path, mode: int | None) -> None:
    """Bring a file to the disk, with the permissions of the one it replaces."""
    if unfinished.is_dir():
        for path in filter(Path.is_file, unfinished.rglob("*")):
            _finish(path, None)
        return
    with unfinished.open("rb+") as file:
        os.fsync(file.fileno())
    if mode is not None:
        unfinished.chmod(mode)
