"""Settings of a run as a command was given them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.window import parse_window
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    import typer

    from napari_shiftseg.inference.scale import Asked


def settings_of(context: typer.Context) -> Settings:
    """Return the settings among the options of a command, which have their names."""
    names = {field.name for field in fields(Settings)}
    given = {name: value for name, value in context.params.items() if name in names}
    if given.get("window") is not None:
        given["window"] = parse_window(given["window"])
    given["intensity"] = parse_intensity(given["intensity"])
    return Settings(**given)


def parse_intensity(text: str) -> Asked:
    """Read "auto", or two grey values as ``100:1100``.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if text == "auto":
        return "auto"
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        raise ValueError(
            f"--intensity needs two grey values, the first below the second, for "
            f"example 100:1100, or auto, got {text!r}"
        ) from None
    return low, high
