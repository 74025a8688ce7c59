"""Edits as plain values, ready for JSON, and made of them again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from napari_shiftseg.geometry.foreign_text import LONGEST, brief
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
        message = first["msg"].removeprefix("Value error, ")
        got = "" if first["type"] == "value_error" else f", got {brief(first['input'])}"
        raise ValueError(f"{known['kind']}: {place}{message}{got}") from None
