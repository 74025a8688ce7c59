"""The model of a command that was given none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.files.reading import is_sample
from napari_shiftseg.samples.catalogue import usual_model

if TYPE_CHECKING:
    from pathlib import Path


def model_for(chosen: str | None, *images: Path) -> str:
    """Return the model that was chosen; else a sample's own, else that of nuclei.

    Raises
    ------
    ValueError
        If none was chosen and the images have different ones.
    """
    if chosen is not None:
        return chosen
    usual = {
        str(image): usual_model(str(image) if is_sample(image) else None)
        for image in images
    }
    models = set(usual.values()) or {usual_model(None)}
    if len(models) > 1:
        said = ", ".join(f"{name}: {model}" for name, model in usual.items())
        raise ValueError(
            f"these images have different models of their own ({said}): name one with "
            f"-m"
        )
    return models.pop()
