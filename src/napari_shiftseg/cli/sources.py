"""Images for a command: what was decided while reading goes to standard error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_shiftseg.cli.terminal import note
from napari_shiftseg.files.reading import image_for

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.files.reading import Source
    from napari_shiftseg.model.config import ModelConfig


def read_source(
    config: ModelConfig,
    image: Path,
    channel: str | None = None,
    series: int | None = None,
) -> Source:
    """Read an image as a model reads it, and note what was decided; see `image_for`."""
    source = image_for(config, image, channel, series)
    for said in source.notes:
        note(f"{image.name}: {said}")
    return source


def read_frame(
    config: ModelConfig,
    image: Path,
    channel: str | None = None,
    series: int | None = None,
) -> Source:
    """Read one image, of a stack of one plane that plane; see `read_source`."""
    source = read_source(config, image, channel, series)
    leading = source.data.ndim - config.image_axes
    if leading < 1 or set(source.data.shape[:leading]) != {1}:
        return source
    data = source.data.reshape(source.data.shape[leading:])
    return replace(source, data=data, axes=source.axes[leading:])
