"""How large objects are in an image, and by how much it is rescaled for a model."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import isfinite, prod
from numbers import Real
from typing import TYPE_CHECKING, Any

from napari_shiftseg.metrics.diameters import median_diameter
from napari_shiftseg.stores.axes import MICRONS, one_spelling
from napari_shiftseg.text import brief, by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from napari_shiftseg.networks.config import NetworkConfig


Diameter = float | str | None  # pixels, "30 um", "auto"; None: no size is asked for
AUTO = "auto"
NONE = ("", "none", "off")
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)"
WRITTEN = re.compile(rf"({NUMBER})\s*([^\d\s]*)", re.IGNORECASE)
MOST_ZOOM = 8.0  # and its inverse the least: beyond, a diameter is a slip of the hand
# chosen on the 67 validation images of DSB2018 with figure-4d: between 0.6 and
# 2 times the model's own diameter any zoom finds less than none, and objects of 8 to 11
# pixels are found best at 1.5, not at the 2 that would give them that diameter
SMALL, LARGE = 0.6, 2.0
LEAST_AUTO, MOST_AUTO = 0.5, 1.5
UNKNOWN_SIZE = (
    "the model does not know how large the objects of its training were, so the image "
    "was not rescaled"
)
NOTHING_FOUND = (
    "no object was found in a first pass, so that their diameter is not known and the "
    "image was not rescaled: give a diameter"
)
AS_IT_IS = (
    "objects of {found:.3g} pixels, about the {own:.3g} that the model knows: the "
    "image was not rescaled"
)
RESCALED = (
    "objects of {found:.3g} pixels: the image was rescaled by {zoom:.3g}, so that they "
    "have {made:.3g} (the model knows {own:.3g}); tiles and seam figures are those of "
    "the rescaled image"
)
NOT_SQUARE = (
    "; its pixels are not square: along its axes {diameter} is {each} pixels, of which "
    "the mean counts, for an image is rescaled by one factor"
)
ALIKE = 1.05  # the larger side of a pixel that is as good as square, over the smaller
FORMS = 'a number of pixels (30), a length ("30 um"), auto or none'


def parse_diameter(value: Any) -> Diameter:
    """Take a diameter as it is, or written as on the command line.

    Returns
    -------
    float, str or None
        Pixels, a length in µm as ``"30 um"``, or "auto"; None where no size is asked
        for.

    Raises
    ------
    ValueError
        If it is neither, or not above 0 and finite.
    """
    if value is None:
        return None
    if isinstance(value, Real) and not isinstance(value, bool):
        return _checked(float(value), value)
    text = value.strip().lower() if isinstance(value, str) else None
    if text in NONE:
        return None
    if text == AUTO:
        return AUTO
    written = WRITTEN.fullmatch(text or "")
    unit = one_spelling(written[2]) if written else ""
    if written is None or (unit != "pixel" and unit not in MICRONS):
        raise ValueError(f"a diameter is {FORMS}, got {brief(value)}")
    number = _checked(float(written[1]), value)
    return number if unit == "pixel" else f"{number * MICRONS[unit]:.12g} um"


def diameter_text(diameter: Diameter) -> str:
    """Return a diameter as a user writes it; empty where none is asked for."""
    if diameter is None or isinstance(diameter, str):
        return diameter or ""
    return f"{diameter:.12g}"


def _checked(number: float, given: Any) -> float:
    if not (isfinite(number) and number > 0):
        raise ValueError(f"a diameter must be above 0 and finite, got {brief(given)}")
    return number


def pixels_of(diameter: float | str, pixel_size: Sequence[float] = ()) -> float:
    """Return a diameter in pixels.

    Parameters
    ----------
    diameter : float or str
        In pixels, or a length as ``"30 um"``.
    pixel_size : sequence of float
        µm from one pixel to the next, per axis; empty: not known. Where they differ it
        is their geometric mean that counts, as a diameter is that of a ball of as many
        pixels.

    Raises
    ------
    ValueError
        If it is a length, and the size of the pixels is not known.
    """
    if not isinstance(diameter, str):
        return diameter
    if not pixel_size:
        raise ValueError(
            f"a diameter of {diameter} needs an image that says how large its pixels "
            f"are, and this one does not: give the diameter in pixels"
        )
    length = float(diameter.removesuffix("um"))
    return float(length / prod(pixel_size) ** (1 / len(pixel_size)))


@dataclass(frozen=True)
class Fit:
    """How an image is brought to the size of objects that a model knows.

    Attributes
    ----------
    diameter : float or None
        Of the objects in the image, in pixels; None: not asked for, or not found.
    zoom : float
        By which the image is rescaled; 1: it is left as it is.
    note : str
        What the user should know.
    """

    diameter: float | None = None
    zoom: float = 1.0
    note: str = ""


def refuse_diameter(diameter: Diameter, what: str) -> None:
    """Refuse to rescale where tiles, or settings of a model, are measured.

    Parameters
    ----------
    diameter : float, str or None
    what : str
        That measures them.
    """
    if diameter is not None:
        raise ValueError(
            f"{what} takes an image as it is, got the diameter {diameter}: leave it "
            f"out, or give an image that is rescaled"
        )


def fit_to(
    diameter: float | str,
    config: NetworkConfig,
    shape: Sequence[int],
    pixel_size: Sequence[float] = (),
) -> Fit:
    """Return how an image whose objects have a known size is brought to a model's.

    Parameters
    ----------
    diameter : float or str
        See `pixels_of`.
    config : NetworkConfig
        Of the model.
    shape : sequence of int
        Of the image, its spatial axes.
    pixel_size : sequence of float
        See `pixels_of`.

    Raises
    ------
    ValueError
        If the model does not know the size of its objects, the diameter is larger than
        the image, or would make it more than 8 times as large or as small.
    """
    pixels = pixels_of(diameter, pixel_size)
    if config.diameter is None:
        raise ValueError(
            f"{config.name!r} does not know how large the objects of its training "
            f"were, so it cannot use a diameter: leave it out, or take a model trained "
            f"by this version"
        )
    if pixels > max(shape):
        raise ValueError(
            f"a diameter of {pixels:.4g} pixels is larger than the image of "
            f"{by(tuple(shape))}: give that of one object"
        )
    zoom = config.diameter / pixels
    if not 1 / MOST_ZOOM <= zoom <= MOST_ZOOM:
        least, most = config.diameter / MOST_ZOOM, config.diameter * MOST_ZOOM
        raise ValueError(
            f"the model knows objects of {config.diameter:.4g} pixels, so a diameter "
            f"must be between {least:.4g} and {most:.4g} pixels, got {pixels:.4g}"
        )
    found = _fit(pixels, zoom, config.diameter)
    if isinstance(diameter, str) and max(pixel_size) > ALIKE * min(pixel_size):
        each = by(tuple(round(pixels_of(diameter, (side,))) for side in pixel_size))
        note = NOT_SQUARE.format(diameter=diameter, each=each)
        found = replace(found, note=found.note + note)
    return found


def fit_from(labels: ArrayLike, own: float) -> Fit:
    """Return how an image is brought to a model's size by what a first pass found.

    Parameters
    ----------
    labels : array_like of int
        What was found.
    own : float
        Diameter that the model knows.
    """
    found = median_diameter([labels])
    if found is None:
        return Fit(note=NOTHING_FOUND)
    zoom = own / found if not SMALL <= found / own <= LARGE else 1.0
    return _fit(found, min(max(zoom, LEAST_AUTO), MOST_AUTO), own)


def _fit(diameter: float, zoom: float, own: float) -> Fit:
    said = AS_IT_IS if zoom == 1 else RESCALED
    known = {"found": diameter, "zoom": zoom, "made": diameter * zoom, "own": own}
    return Fit(diameter, zoom, said.format(**known))
