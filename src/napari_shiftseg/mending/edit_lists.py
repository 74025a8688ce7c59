"""Lists of edits: those of a layer while it is mended, and files, JSON to read."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any, get_args

from pydantic import TypeAdapter, ValidationError

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.mending.edits import Edit
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import LONGEST, brief, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Change


KINDS: dict[str, type[Edit]] = {kind.kind: kind for kind in get_args(Edit)}
_ADAPTERS = {name: TypeAdapter(kind) for name, kind in KINDS.items()}


def to_dict(edit: Edit) -> dict[str, Any]:
    """Return an edit as a plain dict, ready for JSON; see `from_dict`."""
    return {"kind": edit.kind, **asdict(edit)}


def from_dict(known: Mapping[str, Any]) -> Edit:
    """Make an edit of what `to_dict` returns, or of that read from JSON.

    Raises
    ------
    ValueError
        If the kind is unknown, or a value is missing or out of range; it is named.
    """
    said = known.get("kind") if hasattr(known, "keys") else known
    if said is known or not isinstance(said, str) or said not in KINDS:
        raise ValueError(
            f"the kind of an edit is {', '.join(KINDS)}, got {brief(said)}"
        )
    values = {key: value for key, value in known.items() if key != "kind"}
    try:
        return _ADAPTERS[known["kind"]].validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: "[:LONGEST] for part in first["loc"][:1])
        raise ValueError(f"{known['kind']}: {place}{refusal(error)}") from None


VERSION = 1
MOST_BYTES = 10**8
LONGEST_NAME = 4096  # of a file with its folders
KEYS = ("version", "edits", "clustering", "model", "image")


@dataclass(frozen=True)
class EditList:
    """Edits, and what the objects are on which they were made."""

    edits: tuple[Edit, ...]  # the oldest first
    # what was chosen of the settings in `Clustering`; empty: the model's own
    clustering: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""  # name of the model, or path to its file; empty: not known
    image: str = ""  # name of the image; empty: not known

    def to_dict(self) -> dict[str, Any]:
        """Return all of it ready for JSON; see `from_dict`."""
        edits = [to_dict(edit) for edit in self.edits]
        return {
            "version": VERSION,
            "edits": edits,
            "clustering": dict(self.clustering),
            "model": self.model,
            "image": self.image,
        }

    def to_json(self) -> str:
        """Return all of it as a file holds it; see `read_edits`."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_dict(cls, known: Any) -> EditList:
        """Read what `to_dict` returns; model and image may be missing.

        Raises
        ------
        ValueError
            If it is of another version, or a value is wrong; it is named.
        """
        if not isinstance(known, dict) or set(known) - set(KEYS):
            raise ValueError(f"edits are an object of {', '.join(KEYS)}")
        if known.get("version") != VERSION:
            raise ValueError(
                f"version {VERSION} of a list of edits is read, got "
                f"{brief(known.get('version'))}: write it with the program that reads "
                f"it"
            )
        if not isinstance(known.get("edits"), list):
            raise ValueError("edits must be a list; an empty one is []")
        edits = [_edit(n, edit) for n, edit in enumerate(known["edits"], start=1)]
        clustering = _clustering(known.get("clustering", {}))
        return cls(
            tuple(edits), clustering, _name(known, "model"), _name(known, "image")
        )


def read_edits(path: Path) -> EditList:
    """Read a file of edits.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is no JSON, or no list of edits; what is wrong is named.
    """
    try:
        return EditList.from_dict(json.loads(_text(path), parse_constant=_no_number))
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is no text: a file of edits is JSON") from None
    except RecursionError:
        raise ValueError(
            f"{path.name} cannot be read as edits: it nests too deeply, an edit holds "
            f"lists of positions"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path.name} cannot be read as edits: {error}") from None


def _text(path: Path) -> str:
    """Return what is in a file; a device or pipe, which may never end, is refused."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, a file of edits is expected")
    if path.exists() and not path.is_file():
        raise ValueError("it is no file but a device or a pipe")
    size = path.stat().st_size
    if not size:
        raise ValueError("it is empty")
    if size > MOST_BYTES:
        raise ValueError(
            f"it has {size:,} bytes, at most {MOST_BYTES:,} are read: that is no list "
            f"of edits made by hand"
        )
    return path.read_text(encoding="utf-8-sig")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")


def write_edits(path: Path, edits: EditList) -> None:
    """Write a file of edits whole or not at all.

    Parameters
    ----------
    path : Path
    edits : EditList

    Raises
    ------
    OSError
        If it cannot be written; an older file is as it was.
    """
    text = edits.to_json()
    with whole_or_not_at_all(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def _edit(number: int, known: Any) -> Edit:
    try:
        return from_dict(known)
    except ValueError as error:
        raise ValueError(f"edit {number}: {error}") from None


def _name(known: Mapping[str, Any], key: str) -> str:
    name = known.get(key, "")
    if not isinstance(name, str) or len(name) > LONGEST_NAME:
        raise ValueError(f"{key} must be a name in quotes, got {brief(name)}")
    return name


def _clustering(known: Any) -> dict[str, Any]:
    try:
        read = Clustering.model_validate(known)
    except ValidationError as error:
        name = "".join(f"{part}: " for part in error.errors()[0]["loc"])
        raise ValueError(f"clustering: {brief(name)[1:-1]}{refusal(error)}") from None
    return read.model_dump(include=read.model_fields_set)


@dataclass(frozen=True)
class UndoStep:
    """What one undo takes back: an edit and its change, or those of a brush stroke."""

    edits: tuple[Edit, ...]
    changes: tuple[Change, ...]

    @property
    def frames(self) -> set[Point]:
        """Frames that it changes."""
        return {change.frame for change in self.changes}


class EditStore:
    """The edits of a layer: settled ones, and the steps that can be undone.

    What was made of the edits of a frame is stale once `revision_of` the frame is
    higher than the `revision` at which it was made.

    Parameters
    ----------
    edits : iterable of Edit
        The oldest first.
    saved : iterable of Edit
        As they were saved last.

    Attributes
    ----------
    revision : int
        Rises at each change.
    done, undone : list of UndoStep
        What can be undone, and done again; the next one last.
    """

    def __init__(self, edits: Iterable[Edit] = (), saved: Iterable[Edit] = ()) -> None:
        self._settled, self._saved = tuple(edits), tuple(saved)
        self.done: list[UndoStep] = []
        self.undone: list[UndoStep] = []
        self.revision = 0
        self._changed: dict[Point, int] = {}
        self._dicts: list[tuple[Edit, dict[str, Any]]] = []

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits, the oldest first."""
        return (*self._settled, *(edit for step in self.done for edit in step.edits))

    def revision_of(self, frame: Point) -> int:
        """Return the revision at which the edits of a frame changed last."""
        return self._changed.get(frame, 0)

    def acts_in(self, frame: Point) -> bool:
        """Whether an edit of a frame can be undone, or done again."""
        return any(frame in step.frames for step in (*self.done, *self.undone))

    def do(self, step: UndoStep) -> None:
        """Add a step; what was undone cannot be done again."""
        self.undone.clear()
        self.done.append(step)
        self._rise(step.frames)

    def undo(self) -> UndoStep:
        """Take the newest step back, and return it."""
        self.undone.append(self.done.pop())
        self._rise(self.undone[-1].frames)
        return self.undone[-1]

    def redo(self) -> UndoStep:
        """Do the step again that was undone last, and return it."""
        self.done.append(self.undone.pop())
        self._rise(self.done[-1].frames)
        return self.done[-1]

    def settle(self, edits: Iterable[Edit]) -> None:
        """Let these be the edits; nothing is left to undo."""
        before, self._settled = self.edits, tuple(edits)
        self.done.clear()
        self.undone.clear()
        old, new = _by_frame(before), _by_frame(self._settled)
        self._rise({at for at in old | new if old.get(at) != new.get(at)})

    def mark_saved(self) -> None:
        """Take the edits for saved."""
        self._saved = self.edits

    @property
    def number_unsaved(self) -> int:
        """How many edits were made, or taken out, since they were saved.

        1 if they only stand in another order.
        """
        if self.edits == self._saved:
            return 0
        now, saved = Counter(self.edits), Counter(self._saved)
        return max(1, (now - saved).total() + (saved - now).total())

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the edits as plain dicts; only new ones are converted."""
        edits = self.edits
        same = _alike(edits, [edit for edit, _ in self._dicts])
        self._dicts[same:] = [(edit, to_dict(edit)) for edit in edits[same:]]
        return [known for _, known in self._dicts]

    def _rise(self, frames: Iterable[Point]) -> None:
        changed = set(frames)
        if changed:
            self.revision += 1
            self._changed |= dict.fromkeys(changed, self.revision)


def _by_frame(edits: Iterable[Edit]) -> dict[Point, list[Edit]]:
    """Return the edits of each frame, the oldest first."""
    found: dict[Point, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.frame, []).append(edit)
    return found


def _alike(one: Iterable[Edit], other: Iterable[Edit]) -> int:
    """Return how many edits at the beginning of two lists are the same."""
    pairs = zip(one, other, strict=False)
    same = takewhile(lambda pair: pair[0] is pair[1] or pair[0] == pair[1], pairs)
    return sum(1 for _ in same)
