"""How far apart pixels, planes and frames are: what files say, in one spelling."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import tifffile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MICRO = "µm"  # with the micro sign, as OME writes it
SPELLINGS = {
    MICRO: ("um", "\u03bcm", "\\u00b5m", "\u00c2\u00b5m", "\u00ce\u00bcm", "micron",
            "microns", "micrometer", "micrometers", "micrometre", "micrometres"),
    "nm": ("nanometer", "nanometers", "nanometre", "nanometres"),
    "mm": ("millimeter", "millimeters", "millimetre", "millimetres"),
    "cm": ("centimeter", "centimeters", "centimetre", "centimetres"),
    "m": ("meter", "meters", "metre", "metres"),
    "Å": ("\u212b", "a", "angstrom", "angstroms", "\\u00c5"),
    "in": ("inch", "inches", '"'),
    "pixel": ("pixels", "px", "voxel"),
    "s": ("sec", "secs", "second", "seconds"),
    "ms": ("msec", "millisecond", "milliseconds"),
    "min": ("mins", "minute", "minutes"),
    "h": ("hr", "hour", "hours"),
}  # fmt: skip
ONE_UNIT = {name: unit for unit, names in SPELLINGS.items() for name in names}
OF_LENGTH = (MICRO, "nm", "mm", "cm", "m", "Å", "in", "pixel", "pm", "km")
OF_TIME = ("s", "ms", "min", "h", "d", "ns", "\u00b5s")
CENTIMETRES = {2: "in", 3: "cm"}  # TIFF's resolution unit
METRES_IN_MICRONS = 1e6
DIGITS = 12  # of a size; those behind come of a division


@dataclass(frozen=True)
class Distance:
    """How far apart two neighbours along an axis are.

    Attributes
    ----------
    size : float
        Above 0, finite.
    unit : str
        "µm", "s", ...; "pixel" where a file says none.
    """

    size: float
    unit: str


Calibration = dict[str, Distance]  # by the letter of the axis; what is not known lacks


def one_spelling(unit: Any) -> str:
    """Return a unit as OME spells it: um, micron, ... → µm; "" → pixel."""
    text = str(unit or "").strip().strip("\0").strip()
    known = ONE_UNIT.get(text.lower(), text)
    return known or "pixel"


def from_ome(pixels: Mapping[str, Any]) -> Calibration:
    """Return what the attributes of OME's ``Pixels`` say.

    Parameters
    ----------
    pixels : mapping
        PhysicalSizeX, PhysicalSizeXUnit, ..., TimeIncrement, TimeIncrementUnit.
    """
    lengths = {
        axis: (
            pixels.get(f"PhysicalSize{axis}"),
            pixels.get(f"PhysicalSize{axis}Unit", MICRO),
        )
        for axis in "ZYX"
    }
    interval = pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")
    return _known({"T": interval, **lengths})


def from_imagej(known: Mapping[str, Any]) -> Calibration:
    """Return what ImageJ's description says: plane distance and frame interval.

    The pixel size stands in the resolution; see `from_resolution`.
    """
    unit = known.get("unit")
    interval = known.get("finterval")
    rate = known.get("fps")
    if not interval and isinstance(rate, (int, float)) and rate > 0:
        interval = 1 / rate
    return _known(
        {
            "T": (interval, known.get("tunit") or "s"),
            "Z": (known.get("spacing"), known.get("zunit") or unit),
        }
    )


def from_resolution(
    page: tifffile.TiffPage, unit: Any = None, unit_y: Any = None
) -> Calibration:
    """Return the pixel size that stands in the tags of a page.

    Parameters
    ----------
    page : TiffPage
    unit, unit_y : str, optional
        Of x and of y where something else than the tags says it.

    Returns
    -------
    dict
        Empty where nothing is said: one pixel a unit without a name, or no tags.
    """
    unit = unit or CENTIMETRES.get(_number(page, "ResolutionUnit", 2))
    sizes = {axis: _pixels_a_unit(page, f"{axis}Resolution") for axis in "YX"}
    if one_spelling(unit) == "pixel" and set(sizes.values()) <= {0.0, 1.0}:
        return {}
    units = {"Y": unit_y or unit, "X": unit}
    return _known({axis: (1 / n, units[axis]) for axis, n in sizes.items() if n})


def from_lsm(known: Mapping[str, Any]) -> Calibration:
    """Return what Zeiss's LSM says, in metres and seconds."""
    lengths = {
        axis: (known.get(f"VoxelSize{axis}", 0) * METRES_IN_MICRONS, MICRO)
        for axis in "ZYX"
    }
    return _known({"T": (known.get("TimeIntervall"), "s"), **lengths})


def from_shaped(known: Mapping[str, Any]) -> Calibration:
    """Return what the JSON says that tifffile writes, in ImageJ's or in OME's words."""
    return from_imagej(known) | from_ome(known)


def ome_images(xml: str) -> list[dict[str, Any]]:
    """Return the images that OME-XML describes; none where it is damaged.

    Parameters
    ----------
    xml : str
    """
    try:
        root = tifffile.xml2dict(xml).get("OME", {})
    except ParseError:
        return []
    images = root.get("Image", []) if isinstance(root, dict) else []
    return [image for image in _listed(images) if isinstance(image, dict)]


def ome_channels(pixels: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the channels in OME's ``Pixels``; "" for one without."""
    channels = _listed(pixels.get("Channel", []))
    return tuple(
        str(channel.get("Name", "")) if isinstance(channel, dict) else ""
        for channel in channels
    )


def to_ome(calibration: Calibration) -> tuple[dict[str, Any], list[str]]:
    """Return a calibration as OME's attributes, and the units that OME does not know.

    Those are written as "reference frame".
    """
    written: dict[str, Any] = {}
    unknown = []
    for axis, distance in calibration.items():
        name = "TimeIncrement" if axis == "T" else f"PhysicalSize{axis}"
        unit = distance.unit
        if unit not in (OF_TIME if axis == "T" else OF_LENGTH):
            unknown.append(unit)
            if axis == "T":
                continue  # OME has no word for another time
            unit = "reference frame"
        written |= {name: distance.size, f"{name}Unit": unit}
    return written, unknown


def _known(said: Mapping[str, tuple[Any, Any]]) -> Calibration:
    """Return the sizes that are numbers above 0; ImageJ's plane distance may be < 0."""
    found = {}
    for axis, (size, unit) in said.items():
        try:
            number = abs(float(size))
        except (TypeError, ValueError):
            continue
        if number and isfinite(number):  # 13 µm in 40 pixels are 0.325
            found[axis] = Distance(float(f"{number:.{DIGITS}g}"), one_spelling(unit))
    return found


def _pixels_a_unit(page: tifffile.TiffPage, name: str) -> float:
    """Return pixels a unit of length, a fraction in the file; 0 where it says none."""
    tag = page.tags.get(name)
    try:
        above, below = tag.value
        number = above / below
    except (AttributeError, TypeError, ValueError, ZeroDivisionError):
        return 0.0
    return number if isfinite(number) and number > 0 else 0.0


def _number(page: tifffile.TiffPage, name: str, usual: int) -> int:
    tag = page.tags.get(name)
    return usual if tag is None or not isinstance(tag.value, int) else int(tag.value)


def _listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple)) else [value]
