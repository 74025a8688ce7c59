"""The model that is taken where none is named, by what an image is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.clustering.linking import LINK_THRESHOLD
from napari_shiftseg.pipeline.series import is_volume
from napari_shiftseg.samples.catalogue import VOLUME_MODEL, usual_model
from napari_shiftseg.stores.data_sets import IMAGES, VALIDATION, has_images, part_of
from napari_shiftseg.stores.file_axes import grey_axes
from napari_shiftseg.stores.folders import images_in
from napari_shiftseg.stores.reading import is_sample
from napari_shiftseg.stores.zarr_image import is_zarr

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.pipeline.settings import Settings

SAID_OF_VOLUMES = (
    f"taken for a volume (z, y, x), so the model is {VOLUME_MODEL}, which sees all of "
    f"it; -m {usual_model(None)} takes plane by plane, as it should if these are times"
)


def usual_model_of(
    image: Path, settings: Settings | None = None, series: int | None = None
) -> str:
    """Return a sample's own model, else that of nuclei: in planes, or in volumes.

    That of volumes is taken where the image is one (see `is_volume`), unless what is
    asked for is of planes.

    Parameters
    ----------
    image : Path
        Or a folder of images, the first of which is looked at.
    settings : Settings, optional
        That are asked for.
    series : int, optional
        Of the image.
    """
    if is_sample(image):
        return usual_model(str(image))
    of_planes = settings is not None and _is_of_planes(settings)
    return usual_model(None, not of_planes and _holds_volume(image, series))


def _is_of_planes(settings: Settings) -> bool:
    """Whether something is asked for that has a meaning for planes only."""
    linked = settings.link_planes, settings.link_threshold
    sizes = settings.window, settings.region
    return linked != (None, LINK_THRESHOLD) or any(
        isinstance(given, tuple) and len(given) == 2 for given in sizes
    )


def _holds_volume(image: Path, series: int | None) -> bool:
    """Whether a file, or the first image in a folder, is a volume.

    What cannot be read is none: it is refused later, with the reason.
    """
    try:
        if image.is_dir() and not is_zarr(image):
            part = part_of(image, VALIDATION)
            folder = part / IMAGES if has_images(part) else part
            image = next(iter(images_in(folder).values()))
        return is_volume(*grey_axes(image, series))
    except (OSError, ValueError):
        return False
