"""Why a network is not opened, and which files that carry code are trusted."""

from __future__ import annotations

from collections.abc import Callable, Collection
from hashlib import sha256
from pathlib import Path

from napari_shiftseg.text import brief, visible

# a hash, or whatever decides by a file and its hash
Trusted = frozenset[str] | Callable[[Path, str], bool]
NOBODY: frozenset[str] = frozenset()
LONGEST = 200  # characters of a foreign error


class UnreadableNetworkError(ValueError):
    """The file is no network that can be opened; the message says what to do."""


class Untrusted(ValueError):
    """The file carries code and is not trusted: nothing of it was run.

    Parameters
    ----------
    file : Path
        That carries the code; of a package, within it.
    sha256 : str
        Of its bytes, in hexadecimal digits: what trust is given to.
    kind : str
        Of code, such as "a TorchScript program".
    given : collection of str
        Sums that are trusted, none of which is this one.
    """

    def __init__(
        self, file: Path, sha256: str, kind: str, given: Collection[str] = ()
    ) -> None:
        self.file, self.sha256, self.kind = file, sha256, kind
        super().__init__(
            f"{visible(file.name)} is {kind}, which can run code on your computer; it "
            f"was not opened. Its SHA-256 is {sha256}. If you know who made it, trust "
            f"it: --trust {sha256}, or Open… in napari{_of_other_bytes(given)}"
        )


def _of_other_bytes(given: Collection[str]) -> str:
    if not given:
        return ""
    sums = ", ".join(sorted(given))
    return f". What is trusted so far is of other bytes than this file's: {sums}"


def said_by(error: BaseException) -> str:
    """Return the words of a foreign error on one line, cut short and without tricks.

    Parameters
    ----------
    error : BaseException
    """
    words = visible(" ".join(str(error).split()))[:LONGEST]
    return words or type(error).__name__


def hash_of(content: bytes) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal digits."""
    return sha256(content).hexdigest()


def require_trust(file: Path, content: bytes, kind: str, trusted: Trusted) -> str:
    """Refuse a file that carries code unless its very bytes are trusted.

    Parameters
    ----------
    file : Path
        Named in the error.
    content : bytes
        That will be opened, and nothing else: a file may change on the disk.
    kind : str
        See `Untrusted`.
    trusted : frozenset of str, or callable
        SHA-256 hashes that are trusted, or what says so of a file and its hash.

    Raises
    ------
    Untrusted
        If they are not.
    """
    digest = hash_of(content)
    given = frozenset() if callable(trusted) else {each.lower() for each in trusted}
    if not (trusted(file, digest) if callable(trusted) else digest in given):
        raise Untrusted(file, digest, kind, given)
    return digest


def check_hash(expected: object, content: bytes, name: str) -> None:
    """Refuse a file that is not the one a description names by its hash.

    Parameters
    ----------
    expected : str or None
        SHA-256; None: it names none.
    content : bytes
        Of the file.
    name : str
        Of the file, for the error.
    """
    if expected is not None and str(expected).lower() != hash_of(content):
        raise UnreadableNetworkError(
            f"{brief(name)} is not the file that its description names: its SHA-256 is "
            f"{hash_of(content)}, not {brief(expected)}. Get the package again"
        )
