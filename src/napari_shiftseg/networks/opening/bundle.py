"""Files that belong together, in a folder or a zip; none outside is ever read."""

from __future__ import annotations

import lzma
import stat
import zlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Protocol
from zipfile import BadZipFile, ZipFile, ZipInfo, is_zipfile

from napari_shiftseg.networks.opening.trust import (
    UnreadableNetworkError,
    said_by,
)
from napari_shiftseg.text import brief

MOST_BYTES = 2**31 - 1  # of a file; what a message of ONNX may have
MOST_ENTRIES = 10_000  # of a zip
MOST_IN_ALL = 2**34  # bytes of a zip, unpacked
LARGE, MOST_RATIO = 2**26, 100  # bytes from which on a file shrinks so often at most
# what zipfile raises of a file that is damaged, encrypted or packed by other means
DAMAGED = (
    BadZipFile, RuntimeError, NotImplementedError, ValueError, EOFError, KeyError,
    IndexError, OverflowError, OSError, zlib.error, lzma.LZMAError,
)  # fmt: skip


class Bundle(Protocol):
    """Files by name, ``/`` between folders, all within one folder or zip."""

    @property
    def where(self) -> Path:
        """The folder or the zip."""
        ...

    def names(self) -> list[str]:
        """Return the names of all files beside and below."""
        ...

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """Return the bytes of a file.

        Raises
        ------
        UnreadableNetworkError
            If the name leads outside, there is no such file, or it is too large.
        """
        ...


def refuse_outside(name: str, where: Path) -> PurePosixPath:
    """Return a name that stays inside; an absolute one or one with ``..`` is refused.

    Parameters
    ----------
    name : str
        As a file of a model gives it.
    where : Path
        Named in the error.
    """
    path = PurePosixPath(name)
    is_inside = name and not path.is_absolute() and ".." not in path.parts
    if not is_inside or any(letter in name for letter in "\\:\0"):
        raise UnreadableNetworkError(
            f"{where.name} names the file {brief(name)}, but only files of its own "
            f"folder are read: put it there, and name it without a path"
        )
    return path


def is_elsewhere(source: str) -> bool:
    """Whether a file lies on the internet.

    Parameters
    ----------
    source : str
        As a description has it.
    """
    return "://" in source


@dataclass(frozen=True)
class Folder:
    """Files of a folder; links that lead out of it are refused."""

    where: Path

    def names(self) -> list[str]:
        """Return the names of the files of the folder itself."""
        return sorted(path.name for path in self.where.iterdir() if path.is_file())

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """Return the bytes of a file; see `Bundle`."""
        path = self.where / refuse_outside(name, self.where)
        real = path.resolve()
        if not real.is_relative_to(self.where.resolve()):
            raise UnreadableNetworkError(
                f"{path.name} is a link out of the folder {self.where}: only files of "
                f"that folder are read, put a copy there"
            )
        if not real.is_file():
            raise UnreadableNetworkError(
                f"the file {brief(name)} is missing from {self.where}: put it there"
            )
        return read_file(real, most)


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file of at most so many.

    Parameters
    ----------
    path : Path
    most : int
        Bytes.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        _refuse_large(path.name, path.stat().st_size, most)
    return content


def _refuse_large(name: str, size: int, most: int) -> None:
    raise UnreadableNetworkError(
        f"{brief(name)} has {size:,} bytes, at most {most:,} are read: take a smaller "
        f"model"
    )


def is_zip(content: bytes) -> bool:
    """Whether bytes are those of a zip, a damaged one too.

    Parameters
    ----------
    content : bytes
    """
    try:
        return is_zipfile(BytesIO(content))
    except DAMAGED:
        return True


@dataclass(frozen=True)
class Zip:
    """Files of a zip; it is never unpacked onto the disk.

    Parameters
    ----------
    where : Path
    content : bytes
        Of the zip.
    """

    where: Path
    content: bytes

    @cached_property
    def _entries(self) -> dict[str, ZipInfo]:
        try:
            with ZipFile(BytesIO(self.content)) as file:
                entries = file.infolist()
        except DAMAGED as error:
            raise self._damaged(error) from None
        self._check(entries)
        return {entry.filename: entry for entry in entries if not entry.is_dir()}

    def _check(self, entries: list[ZipInfo]) -> None:
        names = [entry.filename for entry in entries]
        in_all = sum(entry.file_size for entry in entries)
        if len(names) > MOST_ENTRIES or in_all > MOST_IN_ALL:
            raise UnreadableNetworkError(
                f"{self.where.name} holds {len(names):,} files of {in_all:,} bytes, at "
                f"most {MOST_ENTRIES:,} of {MOST_IN_ALL:,} are read: it is no model"
            )
        if len(set(names)) < len(names):
            raise UnreadableNetworkError(
                f"{self.where.name} holds two files of one name, so what it is depends "
                f"on the reader: pack it again"
            )
        for entry in entries:
            refuse_outside(entry.filename, self.where)
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise UnreadableNetworkError(
                    f"{self.where.name} holds a link, {brief(entry.filename)}: pack "
                    f"the file itself"
                )
            packed = max(entry.compress_size, 1)
            if entry.file_size > max(LARGE, MOST_RATIO * packed):
                raise UnreadableNetworkError(
                    f"{self.where.name}: {brief(entry.filename)} would unpack from "
                    f"{packed:,} to {entry.file_size:,} bytes: no model shrinks so much"
                )

    def names(self) -> list[str]:
        """Return the names of all files."""
        return list(self._entries)

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """Return the bytes of a file; see `Bundle`."""
        entry = self._entries.get(str(refuse_outside(name, self.where)))
        if entry is None:
            raise UnreadableNetworkError(
                f"the file {brief(name)} is missing from {self.where.name}: pack it "
                f"again with all its files"
            )
        if entry.file_size > most:
            _refuse_large(name, entry.file_size, most)
        try:
            with ZipFile(BytesIO(self.content)) as file, file.open(entry) as member:
                return member.read(entry.file_size)
        except DAMAGED as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> UnreadableNetworkError:
        return UnreadableNetworkError(
            f"{self.where.name} is a damaged or encrypted zip ({said_by(error)}): get "
            f"it again"
        )


@dataclass(frozen=True)
class Within:
    """Files of a folder within a bundle.

    Parameters
    ----------
    whole : Bundle
    folder : str
        ``""`` is the bundle itself; else it ends with ``/``.
    """

    whole: Bundle
    folder: str

    @property
    def where(self) -> Path:
        """The folder or zip."""
        return self.whole.where

    def names(self) -> list[str]:
        """Return the names of all files in it."""
        known = self.whole.names()
        return [n.removeprefix(self.folder) for n in known if n.startswith(self.folder)]

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """Return the bytes of a file; see `Bundle`."""
        return self.whole.read(f"{self.folder}{refuse_outside(name, self.where)}", most)
