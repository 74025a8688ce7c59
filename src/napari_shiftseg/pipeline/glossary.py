"""What a setting is called, means and may be, read from the fields of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDS = ("ge", "gt", "le", "lt")


@dataclass(frozen=True)
class Term:
    """A setting in words."""

    name: str
    # sentences; the first one stands alone beside an option of the command line
    meaning: str
    unit: str  # empty where it has none
    unset: str  # what None means; empty where it cannot be None
    # how it is written on the command line where it is neither a number nor a word
    form: str
    bounds: dict[str, float]  # of "ge", "gt", "le", "lt" those there are
    choices: tuple[str, ...]  # all values, where they are words
    default: object

    @property
    def brief(self) -> str:
        """The first sentence, with the unit where it lacks it, and what None means."""
        first = self.meaning.split(". ")[0]
        unit = f" ({self.unit})" if self.unit.lower() not in first.lower() else ""
        text = f"{first.removesuffix('.')}{unit}."
        return f"{text} [{self.unset}]" if self.unset else text


def setting(default: object, meaning: str, unset: str = "", **more: Any) -> Any:
    """Return the field of a setting.

    Parameters
    ----------
    default : object
    meaning, unset
        See `Term`.
    **more
        Its ``form`` and ``unit``, see `Term`, and its bounds, see pydantic's `Field`.
    """
    extra: dict[str, Any] = {"unset": unset}
    extra |= {key: more.pop(key) for key in ("form", "unit") if key in more}
    return Field(default=default, description=meaning, json_schema_extra=extra, **more)


def fields_of(model: type) -> dict[str, FieldInfo]:
    """Return the fields of a pydantic model or dataclass by name."""
    if issubclass(model, BaseModel):
        return model.model_fields
    fields: dict[str, FieldInfo] = model.__pydantic_fields__  # type: ignore[attr-defined]
    return fields


def terms(model: type) -> dict[str, Term]:
    """Return the settings of a model in words, by name."""
    return {name: _term(name, field) for name, field in fields_of(model).items()}


def _term(name: str, field: FieldInfo) -> Term:
    parts = [field, *_nested(field.annotation)]
    extra: dict[str, Any] = {}
    for part in reversed(parts):  # what the field says itself counts most
        if isinstance(part.json_schema_extra, dict):
            extra |= part.json_schema_extra
    limits = (
        (key, getattr(limit, key))
        for part in parts
        for limit in part.metadata
        for key in BOUNDS
        if hasattr(limit, key)
    )
    return Term(
        name=name,
        meaning=next((p.description for p in parts if p.description), ""),
        unit=extra.get("unit", ""),
        unset=extra.get("unset", "") if field.default is None else "",
        form=extra.get("form", ""),
        bounds=dict(limits),
        choices=tuple(w for w in _words(field.annotation) if isinstance(w, str)),
        default=field.default,
    )


def _nested(annotation: object) -> Iterator[FieldInfo]:
    """Yield what is said of the members of a union: of ``Bandwidth | None``."""
    for member in get_args(annotation):
        for said in getattr(member, "__metadata__", ()):
            if isinstance(said, FieldInfo):
                yield said


def _words(annotation: object) -> Iterator[object]:
    """Yield the values of a Literal, alone or in a union."""
    for member in get_args(annotation):
        yield from _words(member) if get_args(member) else [member]
