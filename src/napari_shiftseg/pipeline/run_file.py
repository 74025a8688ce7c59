"""A file of settings, in YAML or JSON: written by hand, or the record of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from napari_shiftseg.pipeline.glossary import fields_of
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

ABSENT = ("", "~", "null", "Null", "NULL", "None")
JOINED = {"window": "x", "depth": "x", "intensity": ":"}  # as one word


def read_run(path: Path) -> dict[str, Any]:
    """Read what a file says of a run: name → what its option takes on a command line.

    The record that a run writes, or prints with ``--json``, is read too: its settings,
    and its model.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If the file holds no settings.
    OSError
        If it cannot be read.
    """
    try:  # every scalar stays text: an option reads it, as on a command line
        found = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(
            f"{path} holds no settings: write one a line, for example window: 64, in "
            f"YAML or JSON"
        )
    if isinstance(found.get("settings"), dict):
        model = {"model": found["model"]} if "model" in found else {}
        found = model | found["settings"]
        found.pop("background_embedding", None)  # of the model, no setting
    return {
        name.replace("-", "_"): _text(name, value)
        for name, value in found.items()
        if value not in ABSENT
    }


def settings_of(path: Path) -> Settings:
    """Return the settings that a file says; see `read_run`.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ValueError
        If the file holds no settings, or a value is out of range.
    """
    known = fields_of(Settings)
    return Settings(**{n: v for n, v in read_run(path).items() if n in known})


def _text(name: str, value: Any) -> Any:
    """Write a value as its option takes it: ``[64, 64]`` as ``64x64``."""
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], list):
        return "x".join(":".join(bounds) for bounds in value)
    return JOINED[name].join(value) if name in JOINED else value
