"""A network's tiles as its own library would lay and read them, to be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.geometry.library_tiles import (
    OVERLAPS,
    WAYS,
    Way,
    blended_plan,
    declared_plan,
)
from napari_shiftseg.geometry.tiling import TilePlan, plan_tiles
from napari_shiftseg.inference.scaled_by_tile import ScaledByTile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.stores.image import Image

NO_HALO = (
    "{} declares no halo, only BioImage.IO packages do, so there are no tiles of a "
    "declared halo"
)
NO_SCALE = (
    "{} reads grey values as they are, so nothing is normalised, tile by tile or not"
)
NO_MEAN = (
    "{} predicts an embedding on the sphere, where tiles have no mean that they could "
    "be blended to"
)


def parse_ways(text: str) -> tuple[Way, ...]:
    """Read ways to tile, joined by commas: ``blended,declared-halo``.

    Raises
    ------
    ValueError
        If one is not known.
    """
    names = (name.strip().lower().replace("-", " ") for name in text.split(","))
    return checked_ways(name for name in names if name)


def checked_ways(names: Iterable[str]) -> tuple[Way, ...]:
    """Return names of ways to tile, each once; one that is not known is refused."""
    known: dict[str, Way] = {way: way for way in WAYS}
    each = (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
    for name in each:
        if name not in known:
            raise ValueError(
                f"also compared can be {', '.join(WAYS)} (on the command line with "
                f"a hyphen for a space), got {name!r}: take one or "
                f"several of these"
            )
    return tuple(known[name] for name in each)


def ways_of(config: NetworkConfig) -> tuple[Way, ...]:
    """Return the ways that there are to tile a model, beside naive and cropped."""
    return tuple(way for way in WAYS if not why_not(way, config))


def why_not(way: Way, config: NetworkConfig) -> str:
    """Say why a model cannot be tiled in a way; empty where it can.

    Parameters
    ----------
    way : str
        Of `WAYS`.
    config : NetworkConfig
    """
    if way in OVERLAPS and config.embedding == "spherical":
        return NO_MEAN.format(config.name)
    if way == "declared halo" and config.declared_halo is None:
        return NO_HALO.format(config.name)
    if way == "normalised by tile" and config.intensity == "as-is":
        return NO_SCALE.format(config.name)
    return ""


def check_also(
    also: Iterable[str], config: NetworkConfig, settings: Settings
) -> tuple[Way, ...]:
    """Return the ways that are to be compared, too.

    Parameters
    ----------
    also : iterable of str
        Of `WAYS`.
    config : NetworkConfig
        Of the model.
    settings : Settings

    Raises
    ------
    ValueError
        If one is not known, or the model or the settings do not have it.
    """
    ways = checked_ways(also)
    for way in ways:
        reason = why_not(way, config)
        if reason:
            raise ValueError(f"{reason}: leave out {way!r}")
    if ways and settings.views > 1:
        raise ValueError(
            f"tiles of other libraries are of one view, got views={settings.views}: "
            f"take views=1"
        )
    if "normalised by tile" in ways and settings.reading.intensity != "auto":
        raise ValueError(
            "with the intensity given, nothing is normalised tile by tile: leave out "
            "the intensity, or 'normalised by tile'"
        )
    return ways


def laid_as(
    way: Way, image: Image, config: NetworkConfig, naive: TilePlan, settings: Settings
) -> tuple[Image, TilePlan]:
    """Return the image as it is read in this way, and its tiles.

    Parameters
    ----------
    way : str
        That the model has; see `check_also`.
    image : Image
    config : NetworkConfig
        Of the model.
    naive : TilePlan
        Naive tiles of the same window over the same region.
    settings : Settings
    """
    if way in OVERLAPS:
        return image, blended_plan(naive, OVERLAPS[way])
    if way == "declared halo":
        return image, declared_plan(naive, config.declared_halo or ())
    cropped = plan_tiles(
        naive.image_shape, naive.shape, naive.window, "cropped", naive.border,
        naive.region,
    )  # fmt: skip
    by_tile = ScaledByTile(
        image.data, image.ndim, image.scale, config.intensity, settings.reading
    )
    return by_tile, cropped
