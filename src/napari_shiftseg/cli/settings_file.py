"""Files of settings, and records of runs, as the options of a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer
import yaml

from napari_shiftseg.results.recipe import ANY_IMAGE
from napari_shiftseg.results.recipe_file import MADE, NOT_OPTIONS
from napari_shiftseg.stores.own_stores import record_in

if TYPE_CHECKING:
    from pathlib import Path


ABSENT = ("", "~", "null", "Null", "NULL", "None")
RENAMED = {
    "sweep": {"windows": "window"},
    "train": {"embedding_channels": "channels"},
}  # options by their names of old
LIST_PARTS = ",x"  # what parts its values, and the values of one of these
PARTED = {"window": "x", "depth": "x", "intensity": ":", "region": "x:"}


def read_run(path: Path, context: typer.Context | None = None) -> dict[str, Any]:
    """Read a file of settings, in YAML or JSON: name → what its option takes.

    Of the record that a run writes, or prints with ``--json``, or of the store that it
    wrote, settings, model, channel and series.

    Parameters
    ----------
    path : Path
    context : typer.Context, optional
        Of the command whose options are meant.

    Raises
    ------
    ValueError
        If the file holds no settings, or one that no command has.
    OSError
        If it cannot be read.
    """
    try:  # every scalar stays text: an option reads it, as on a command line
        record = record_in(path).get("report")
        text = json.dumps(record) if record else path.read_text(encoding="utf-8")
        found = yaml.load(text, yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(
            f"{path} holds no settings: write one a line, for example window: 64, in "
            f"YAML or JSON"
        )
    params = [] if context is None else context.command.params
    options = {option.name: option for option in params}
    if MADE in found:
        found = _of_recipe(found, path.parent)
    if isinstance(found.get("settings"), dict):
        found = _for_several(_of_record(found), options)
    elif context is not None:
        found = _as_options(_for_several(found, options), options, context, path.name)
    return {
        name.replace("-", "_"): _given(name, value, options.get(name))
        for name, value in found.items()
        if value not in ABSENT
    }


def _of_recipe(recipe: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return what a run was asked, of its settings; the file of edits lies beside."""
    asked = {key: at for key, at in recipe.items() if key not in NOT_OPTIONS}
    if asked.get("edits"):
        asked["edits"] = str(folder / asked["edits"])
    if asked.get("image") == ANY_IMAGE:
        del asked["image"]
    return asked


def _for_several(found: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return settings of one image for a command that takes several."""
    if "images" not in options or "image" not in found:
        return found
    one = {"images": [found["image"]]}
    return {key: at for key, at in found.items() if key != "image"} | one


def _of_record(record: dict[str, Any]) -> dict[str, Any]:
    """Return by what options a run was made; of old, a record has the model's name."""
    given = record.get("given", {})
    inputs = record.get("inputs")
    image = {"image": inputs[0]} if isinstance(inputs, list) and inputs else {}
    model = {"model": record.get("model", "")}
    found = {**image, **model, **record["settings"], **given}
    background = found.pop("background_embedding", None)  # of the model
    if isinstance(background, list):  # it has no foreground, so no threshold either
        found.pop("foreground_threshold", None)
    return found


def _as_options(
    found: dict[str, Any], options: dict[str, Any], context: typer.Context, file: str
) -> dict[str, Any]:
    """Return what this command takes of a file; what no command takes is refused."""
    renamed = RENAMED.get(context.command.name or "", {})
    named = {name.replace("-", "_"): value for name, value in found.items()}
    named = {renamed.get(name, name): value for name, value in named.items()}
    others = [n for n, v in named.items() if v not in ABSENT and n not in options]
    program: Any = context.find_root().command
    known = {p.name for each in program.commands.values() for p in each.params}
    unknown = [name for name in others if name not in known]
    if unknown:
        see = f"see {context.command_path} --help"
        raise ValueError(
            f"{file} sets {', '.join(unknown)}, which no command has: {see}"
        )
    if others:
        unused = f"{context.command.name} does not use {', '.join(others)}"
        typer.echo(f"{file}: {unused}", err=True)
    return {name: value for name, value in named.items() if name in options}


def _given(name: str, value: Any, option: Any) -> Any:
    """Return a value as its option takes it; one that may be repeated takes a list."""
    if getattr(option, "multiple", False) and not isinstance(value, list):
        return [value]
    return _text(value, _parts(name, option))


def _parts(name: str, option: Any) -> str:
    """Return what parts the values of a list; nothing if each stays by itself."""
    if option is not None and (option.nargs != 1 or getattr(option, "multiple", False)):
        return ""
    takes_a_list = str(getattr(option, "metavar", "")).endswith(",...")
    return LIST_PARTS if takes_a_list else PARTED.get(name, LIST_PARTS)


def _text(value: Any, parts: str) -> Any:
    """Write a value as its option takes it: ``[64, 64]`` as ``64x64``."""
    if not isinstance(value, list) or not parts:
        return value
    outer, inner = parts[0], parts[1:]
    return outer.join(
        inner.join(map(str, v)) if isinstance(v, list) else str(v) for v in value
    )
