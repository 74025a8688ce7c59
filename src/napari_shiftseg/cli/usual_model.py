"""The model that a command takes where none is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from napari_shiftseg.pipeline.usual_model import SAID_OF_VOLUMES, usual_model_of
from napari_shiftseg.samples.catalogue import VOLUME_MODEL, usual_model
from napari_shiftseg.stores.reading import is_sample

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.pipeline.settings import Settings


def model_for(
    chosen: str | None,
    *images: Path,
    settings: Settings | None = None,
    series: int | None = None,
) -> str:
    """Return the model that was chosen; else that of `usual_model_of`.

    That it is the one of volumes is said.

    Parameters
    ----------
    chosen : str or None
        By the user.
    *images : Path
        Or folders of images, the first of which is looked at.
    settings : Settings, optional
        That are asked for.
    series : int, optional
        Of the images.

    Raises
    ------
    ValueError
        If none was chosen and the images have different ones.
    """
    if chosen is not None:
        return chosen
    usual = {str(image): usual_model_of(image, settings, series) for image in images}
    models = set(usual.values()) or {usual_model(None)}
    if len(models) > 1:
        said = ", ".join(f"{name}: {model}" for name, model in usual.items())
        raise ValueError(
            f"these images have different models of their own ({said}): name one with "
            f"-m"
        )
    model = models.pop()
    if model == VOLUME_MODEL and not all(map(is_sample, images)):
        typer.echo(SAID_OF_VOLUMES, err=True)
    return model
