"""A recipe in a file of settings, and whether a run is that which it is of."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from napari_shiftseg import __version__
from napari_shiftseg.networks.header import find_model
from napari_shiftseg.results.recipe import joined
from napari_shiftseg.stores.folders import checksums
from napari_shiftseg.text import readable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_shiftseg.results.recipe import Recipe


MADE = "made"  # key of what came out, which no option takes
NOT_OPTIONS = ("command", MADE)  # keys


def as_yaml(recipe: Recipe, made: Mapping[str, Any], name: str) -> str:
    """Return the settings of a run in YAML, as ``--config`` reads them.

    Parameters
    ----------
    recipe : Recipe
    made : mapping
        What came out, and with what; see `made_with`.
    name : str
        Of the file.
    """
    edits = {"edits": recipe.edits} if recipe.edits else {}
    known = {
        "command": recipe.command,
        "image": recipe.image,
        **edits,
        "model": recipe.model,
        **recipe.options(),
        MADE: dict(made),
    }
    return _dumped(known, name)


def mended_yaml(
    text: str, name: str, edits: str, labels_sha256: str, **figures: Any
) -> str:
    """Return the settings of a run whose labels were mended since.

    Parameters
    ----------
    text : str
        What `as_yaml` gave of the run, mended before or not.
    name : str
        Of the file.
    edits : str
        Name of the file of edits beside it.
    labels_sha256 : str
        Of the mended labels.
    **figures
        See `made_with`.
    """
    known = yaml.safe_load(text)
    first = {"command": "mend", "image": known["image"], "edits": edits}
    made = known[MADE] | {"labels_sha256": labels_sha256, **figures}
    return _dumped({**first, **known, **first, MADE: made}, name)


def _dumped(known: Mapping[str, Any], name: str) -> str:
    """Return settings in YAML, and first by which command they are carried out."""
    words = ["shiftseg", known["command"], "--config", readable(name), "-o", "FOLDER"]
    text = yaml.safe_dump(dict(known), sort_keys=False, allow_unicode=True, width=10**6)
    return f"# Make this run again: {joined(words, 'posix')}\n{text}"


def made_with(recipe: Recipe, labels_sha256: str, **figures: Any) -> dict[str, Any]:
    """Return what came out of a run, and with what: sums and versions.

    Parameters
    ----------
    recipe : Recipe
    labels_sha256 : str
        Of the labels, see `labels_sum`.
    **figures
        That stand there besides.
    """
    import numpy
    import torch

    files = _files(recipe.image, recipe.model)
    sums = {f"{name}_sha256": found for name, found in checksums(files).items()}
    versions = {
        "napari-shiftseg": __version__,
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    return {"labels_sha256": labels_sha256, **figures, **sums, "versions": versions}


def given_of(model: str, channel: str | None, series: int | None) -> dict[str, Any]:
    """Return what a record says of model and image, to be read again by ``--config``.

    Parameters
    ----------
    model : str
        Name, or path to a file, which is made absolute; empty: none was chosen.
    channel, series
        As they were asked for.
    """
    known = model
    if model and find_model(model) == Path(model):
        known = str(Path(model).resolve())
    return {"given": {"model": known, "channel": channel, "series": series}}


def changed_since(known: Mapping[str, Any], image: str, model: str) -> list[str]:
    """Say which file is another one than when a run was made.

    Parameters
    ----------
    known : mapping
        What `made_with` returned then.
    image, model : str
        That are to be taken now. What is not there is not spoken of: it is refused
        where it is opened.
    """
    files = _files(image, model)
    return [
        f"the {name} {files[name]} is not the file that the run was made with (its "
        f"SHA-256 is another one): the labels may be others, too"
        for name, found in checksums(files).items()
        if known.get(f"{name}_sha256", found) != found
    ]


def _files(image: str, model: str) -> dict[str, Path]:
    """Return the files of a run that are there; a sample has none."""
    files = {"image": Path(image)}
    with suppress(FileNotFoundError):
        files["model"] = find_model(model)
    return {name: path for name, path in files.items() if path.exists()}


def read_made(text: str) -> dict[str, Any]:
    """Return what a file of settings says of the run that made it; empty: nothing.

    Parameters
    ----------
    text : str
        In YAML or JSON.
    """
    try:
        known = yaml.load(text, yaml.BaseLoader)
    except yaml.YAMLError:
        return {}
    made = known.get(MADE) if isinstance(known, dict) else None
    return made if isinstance(made, dict) else {}
