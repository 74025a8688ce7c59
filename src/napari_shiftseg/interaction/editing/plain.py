"""Edits as plain values, ready for JSON, and made of them again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from napari_shiftseg.interaction.editing.edits import (
    Delete,
    Edit,
    Grow,
    Merge,
    Paint,
    Redraw,
    Split,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: dict[str, type[Edit]] = {
    kind.kind: kind for kind in (Merge, Split, Delete, Redraw, Grow, Paint)
}
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
    if not hasattr(known, "keys") or known.get("kind") not in KINDS:
        said = known.get("kind") if hasattr(known, "keys") else known
        raise ValueError(f"the kind of an edit is {', '.join(KINDS)}, got {said!r}")
    values = {key: value for key, value in known.items() if key != "kind"}
    try:
        return _ADAPTERS[known["kind"]].validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"][:1])
        message = first["msg"].removeprefix("Value error, ")
        got = "" if first["type"] == "value_error" else f", got {first['input']!r}"
        raise ValueError(f"{known['kind']}: {place}{message}{got}") from None
