"""The axes of an image: their letters and order, which holds channels, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import tifffile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray


COLOURS = (3, 4)  # values a pixel, RGB and RGBA
THINNER = 4  # times, than rows and columns: such a last axis is not x
MOST = 16  # channels at the end of what may be a volume


def is_channels_last(shape: Sequence[int], ndim: int) -> bool:
    r"""Whether the last axis of an image without names holds channels, not x.

    A first axis holds frames, whatever its length: (3, Y, X) are three frames. A last
    axis holds channels where its length is 1, 3 or 4, where rows and columns before it
    are at least four times as long, or where they are alike and at least twice as
    long: (160, 160, 1), (512, 640, 2), (96, 96, 31). As the depth of a volume may be
    small, of as many axes as the model reads (\*spatial) only the thin ones count.

    Parameters
    ----------
    shape : sequence of int
    ndim : int
        Spatial axes that the model reads.
    """
    if len(shape) < 3 or ndim < 2:
        return len(shape) > ndim and shape[-1] in (1, *COLOURS)
    if len(shape) == ndim:
        return THINNER * shape[-1] <= min(shape[-3:-1]) and shape[-1] <= MOST
    return shape[-1] in (1, *COLOURS) or is_thin_last(shape)


def is_thin_last(shape: Sequence[int]) -> bool:
    """Whether the last of three or more axes is much shorter than those before it.

    At most a quarter of rows and columns, or half of them where these are alike.
    """
    *_, rows, columns, last = shape
    most = columns / 2 if rows == columns else min(rows, columns) / THINNER
    return last <= most


CHANNELS, SAMPLES, UNNAMED = "C", "S", "Q"  # letters of axes, as tifffile writes them
ORDER = "TCZYX"
ALSO_CHANNELS = "EHL"  # tifffile's letters of wavelength, lifetime, exposure


def unnamed(shape: tuple[int, ...]) -> str:
    """Return the axes of an array without names: frames, y, x, or channels at its end.

    (160, 160, 3) is "YXS", (160, 160, 5) "YXC", (5, 160, 160) "QYX".
    """
    if len(shape) < 3:
        return "YX"[2 - len(shape) :]
    if shape[-1] > 1 and not is_thin_last(shape):
        return UNNAMED * (len(shape) - 2) + "YX"
    last = SAMPLES if shape[-1] in COLOURS else CHANNELS
    return UNNAMED * (len(shape) - 3) + "YX" + last


def ordered(
    data: NDArray[Any], axes: str, order: str = ORDER + SAMPLES
) -> tuple[NDArray[Any], str]:
    """Return the axes in the order TCZYX, others before them, S at the end.

    Parameters
    ----------
    data : ndarray
    axes : str
        One letter an axis.
    order : str
        Another order.
    """
    places = sorted(range(len(axes)), key=lambda at: order.find(axes[at]))
    if places == [*range(len(axes))]:
        return data, axes
    return data.transpose(places), "".join(axes[at] for at in places)


def in_order(axes: str) -> str:
    """Return axes as `ordered` sorts them."""
    return "".join(sorted(axes, key=(ORDER + SAMPLES).find))


def named_axes(axes: str, shape: tuple[int, ...], kind: str) -> str:
    """Return axes in letters that we know; what no one has named by its shape.

    Parameters
    ----------
    axes : str
        In tifffile's letters.
    shape : tuple of int
    kind : str
        Of the series, as tifffile names it.
    """
    for letter in ALSO_CHANNELS:
        if CHANNELS not in axes:
            axes = axes.replace(letter, CHANNELS)
    axes = axes.replace("I", UNNAMED)
    is_unnamed = kind == "shaped" and axes == UNNAMED * (len(axes) - 2) + "YX"
    return unnamed(shape) if is_unnamed else axes


def result_axes(axes: str, ndim: int, spatial: int) -> str:
    """Return the axes of a result: those of the image, names where it has none.

    Parameters
    ----------
    axes : str
        Of the image; C is gone from the result, and Q has no name.
    ndim, spatial : int
        Axes of the result, and those of them that the model reads.
    """
    axes = axes.replace(CHANNELS, "")
    if len(axes) != ndim:
        return axis_names(ndim, spatial)
    if UNNAMED not in axes:
        return axes
    named = axes[: ndim - spatial] + "ZYX"[-spatial:]
    leading = named.count(UNNAMED)
    usual = axis_names(leading + spatial, spatial)[:leading]
    if usual == "Z" and set("TZ") & set(named):
        usual = "T"
    if set(usual) & set(named) - {UNNAMED}:
        return named
    return usual + named.replace(UNNAMED, "")


def axis_names(ndim: int, spatial: int) -> str:
    """Name the axes of an image: time and planes (Q: others), then the spatial ones.

    One axis before y and x is planes, as where they are linked; see `linked_axis`.

    Parameters
    ----------
    ndim, spatial : int
        Axes of the image, and those of them that the model reads.
    """
    leading, free = ndim - spatial, {1: "ZT", 2: "TZ"}.get(spatial, "T")
    known = free[len(free) - leading :] if leading <= len(free) else UNNAMED * leading
    return "".join(sorted(known)) + "ZYX"[-spatial:]


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
    "d": ("day", "days"),
    "ns": ("nanosecond", "nanoseconds"),
    "\u00b5s": ("us", "microsecond", "microseconds"),
    "pm": ("picometer", "picometers", "picometre", "picometres"),
    "km": ("kilometer", "kilometers", "kilometre", "kilometres"),
}  # fmt: skip
ONE_UNIT = {name: unit for unit, names in SPELLINGS.items() for name in names}
OF_LENGTH = (MICRO, "nm", "mm", "cm", "m", "Å", "in", "pixel", "pm", "km")
MICRONS = {  # a unit of length
    MICRO: 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "Å": 1e-4, "in": 25400.0,
}  # fmt: skip
OF_TIME = ("s", "ms", "min", "h", "d", "ns", "\u00b5s")
CENTIMETRES = {2: "in", 3: "cm"}  # TIFF's resolution unit
METRES_IN_MICRONS = 1e6
DIGITS = 12  # of a size; those behind come of a division


@dataclass(frozen=True)
class Distance:
    """How far apart two neighbours along an axis are."""

    size: float  # above 0, finite
    unit: str  # "µm", "s", ...; "pixel" where a file says none


Calibration = dict[str, Distance]  # by the letter of the axis; what is not known lacks


def one_spelling(unit: Any) -> str:
    """Return a unit as OME spells it: um, micron, ... → µm; "" → pixel."""
    text = str(unit or "").strip().strip("\0").strip()
    known = ONE_UNIT.get(text.lower(), text)
    return known or "pixel"


def from_ome(pixels: Mapping[str, Any]) -> Calibration:
    """Return what OME's ``Pixels`` says: PhysicalSizeX, PhysicalSizeXUnit, ..."""
    lengths = {
        axis: (
            pixels.get(f"PhysicalSize{axis}"),
            pixels.get(f"PhysicalSize{axis}Unit", MICRO),
        )
        for axis in "ZYX"
    }
    interval = pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s")
    return known_sizes({"T": interval, **lengths})


def from_imagej(known: Mapping[str, Any]) -> Calibration:
    """Return what ImageJ's description says: plane distance and frame interval.

    The pixel size stands in the resolution; see `from_resolution`.
    """
    unit = known.get("unit")
    interval = known.get("finterval")
    rate = known.get("fps")
    if not interval and isinstance(rate, (int, float)) and rate > 0:
        interval = 1 / rate
    return known_sizes(
        {
            "T": (interval, known.get("tunit") or "s"),
            "Z": (known.get("spacing"), known.get("zunit") or unit),
        }
    )


def from_resolution(
    page: tifffile.TiffPage, unit: Any = None, unit_y: Any = None
) -> Calibration:
    """Return the pixel size that stands in the tags of a page; empty where none does.

    Parameters
    ----------
    page : TiffPage
    unit, unit_y : str, optional
        Of x and of y where something else than the tags says it.
    """
    unit = unit or CENTIMETRES.get(_number(page, "ResolutionUnit", 2))
    sizes = {axis: _pixels_a_unit(page, f"{axis}Resolution") for axis in "YX"}
    if one_spelling(unit) == "pixel" and set(sizes.values()) <= {0.0, 1.0}:
        return {}
    units = {"Y": unit_y or unit, "X": unit}
    return known_sizes({axis: (1 / n, units[axis]) for axis, n in sizes.items() if n})


def from_lsm(known: Mapping[str, Any]) -> Calibration:
    """Return what Zeiss's LSM says, in metres and seconds."""
    lengths = {
        axis: (known.get(f"VoxelSize{axis}", 0) * METRES_IN_MICRONS, MICRO)
        for axis in "ZYX"
    }
    return known_sizes({"T": (known.get("TimeIntervall"), "s"), **lengths})


def ome_images(xml: str) -> list[dict[str, Any]]:
    """Return the images that OME-XML describes; none where it is damaged."""
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


def known_sizes(said: Mapping[str, tuple[Any, Any]]) -> Calibration:
    """Return the sizes that are numbers above 0; ImageJ's plane distance may be < 0.

    Parameters
    ----------
    said : mapping
        Size and unit of each axis, in whatever spelling.
    """
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
