"""What a run says of the one that its file of settings came from."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import note
from napari_shiftseg.results.recipe_file import changed_since, read_made

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_MADE: ContextVar[dict[str, Any]] = ContextVar("made", default={})  # noqa: B039


def take_made(path: Path | None) -> None:
    """Keep what a file of settings says of the run that wrote it.

    Parameters
    ----------
    path : Path, optional
        None: the command has no such file.
    """
    is_file = path is not None and path.is_file()
    _MADE.set(read_made(path.read_text(encoding="utf-8")) if path and is_file else {})


def note_changes(given: Mapping[str, Any]) -> None:
    """Say which file is not the one that the run of before was made with.

    Parameters
    ----------
    given : mapping
        What the parameters of the command are given.
    """
    made, images = _MADE.get(), given.get("images") or [given.get("image") or ""]
    if made:
        image = str(images[0]) if len(images) == 1 else ""
        for said in changed_since(made, image, str(given.get("model") or "")):
            note(said)


def note_sameness(labels_sha256: str) -> None:
    """Say whether the labels are those of the run of before.

    Parameters
    ----------
    labels_sha256 : str
        Of the labels that came out.
    """
    then = _MADE.get().get("labels_sha256")
    if then == labels_sha256:
        note("the labels are those of the run that the settings are of")
    elif then:
        note(
            "the labels are not those of the run that the settings are of: an option, "
            "the image, the model, a version or the engine is another one"
        )
