"""Settings of a run as a command was given them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.window import parse_window
from napari_shiftseg.inference.scale import Reading, parse_intensity
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    import typer


def settings_of(context: typer.Context) -> Settings:
    """Return the settings among the options of a command, which have their names."""
    names = {field.name for field in fields(Settings)}
    given = {name: value for name, value in context.params.items() if name in names}
    if given.get("window") is not None:
        given["window"] = parse_window(given["window"])
    given["intensity"] = parse_intensity(given["intensity"])
    return Settings(**given)


def reading_of(intensity: str, invert: bool, ignore_nan: bool) -> Reading:
    """Return how grey values are read by these options."""
    return Reading(parse_intensity(intensity), invert, ignore_nan)
