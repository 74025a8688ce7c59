"""An image as a file stores it; pictures, arrays of NumPy; one channel, colours."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass, field, replace
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, Literal

import imagecodecs
import numpy as np
from PIL import Image, UnidentifiedImageError

from napari_shiftseg.stores.axes import CHANNELS, SAMPLES, UNNAMED, unnamed
from napari_shiftseg.stores.image import luminance

if TYPE_CHECKING:
    from pathlib import Path

    import tifffile
    from numpy.typing import NDArray

    from napari_shiftseg.stores.axes import Calibration


Kind = Literal["grey", "rgb", "cmyk", "palette"]


class DamagedError(ValueError):
    """A file is damaged, or cut off; what is wrong is said."""


class RefusedError(ValueError):
    """A file is whole, but cannot be read as asked; what to do is said."""


@dataclass(frozen=True)
class Stored:
    r"""An image as a file stores it."""

    data: Any  # (*axes), as it stands in the file; an array, or `Lazy`
    # one letter an axis: T, C, Z, Y, X; S for the samples of a pixel; Q for one without
    # a name; others as tifffile writes them
    axes: str
    calibration: Calibration = field(default_factory=dict)  # by letter
    channels: tuple[str, ...] = ()  # names of the channels; empty where they have none
    notes: tuple[str, ...] = ()  # what was decided while reading
    kind: Kind = "grey"  # what the samples of a pixel, or its index, stand for
    # number of bits a sample has where the lowest value is white; None: where the
    # lowest is black
    white_is_low: int | None = None
    palette: NDArray[Any] | None = None  # (3, colours), what an index stands for
    is_lut: bool = False  # whether the palette only says how an intensity is shown
    # where the first pixel is, by letter, in the unit of its size; 0 if not said
    origin: dict[str, float] = field(default_factory=dict)


DEPTH_AT = 24  # byte of a PNG that says how many bits a sample has
GREY = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
BITS_OF_TWO_BYTES = 16
FIRST = "the file has {} pictures, the first was read: save a series as a TIFF stack"


def stored_picture(path: Path) -> Stored:
    """Read a PNG, JPEG or BMP picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _stored(path)
    except UnidentifiedImageError:
        raise DamagedError("the picture is damaged") from None
    except (
        SyntaxError, OSError, EOFError, struct.error, LookupError, RuntimeError,
        TypeError, MemoryError, OverflowError, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        raise DamagedError(f"the picture is damaged ({error})") from None


def stored_array(path: Path) -> Stored:
    """Read an array that NumPy saved; one of pickled objects is refused."""
    try:
        data = np.load(path, allow_pickle=False)
    except (
        ValueError, EOFError, SyntaxError, LookupError, TypeError, MemoryError,
        OverflowError, TokenError,
    ) as error:  # fmt: skip
        raise DamagedError(f"the array is damaged ({error})") from None
    if not isinstance(data, np.ndarray):
        raise ValueError("it holds several arrays: save one of them alone")
    axes = unnamed(data.shape)
    return Stored(data, axes, kind="rgb" if SAMPLES in axes else "grey")


def _stored(path: Path) -> Stored:
    if _is_deep_colour(path):  # Pillow would read 8 of its 16 bits
        data = imagecodecs.png_decode(path.read_bytes())
        if data.ndim == 3:
            return _of_samples(data)
        return Stored(data, "YX")
    with Image.open(path) as picture:
        picture.load()
        stored = _of_picture(picture)
        number = getattr(picture, "n_frames", 1)
    notes = (FIRST.format(number),) if number > 1 else ()
    return replace(stored, notes=notes)


def _of_picture(picture: Image.Image) -> Stored:
    if picture.mode == "P":
        colours = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3).T
        palette = np.zeros((3, 256), np.uint8)
        palette[:, : colours.shape[1]] = colours
        return Stored(np.asarray(picture), "YX", kind="palette", palette=palette)
    if picture.mode in GREY:
        return Stored(np.asarray(picture), "YX")
    if picture.mode in ("LA", "La", "PA"):
        return Stored(np.asarray(picture)[..., 0], "YX")
    is_plain = picture.mode in ("RGB", "RGBA")
    return _of_samples(np.asarray(picture if is_plain else picture.convert("RGB")))


def _of_samples(data: np.ndarray) -> Stored:
    """Return pixels of several samples: grey with opacity, RGB or RGBA."""
    if data.shape[-1] == 2:
        return Stored(data[..., 0], "YX")
    return Stored(data, "YX" + SAMPLES, kind="rgb")


def _is_deep_colour(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(DEPTH_AT + 2)
    is_png = head.startswith(b"\x89PNG") and len(head) > DEPTH_AT + 1
    return is_png and head[DEPTH_AT] == BITS_OF_TWO_BYTES and head[DEPTH_AT + 1] > 0


COLOUR_NAMES = ("red", "green", "blue")
MADE_GREY = (
    "colours were made grey (their luminance): if only one of them shows the objects, "
    "choose it (channel, --channel): red, green or blue"
)
MAYBE_PLANES = (
    "; if they are planes or frames, save it with its axes named, as OME-TIFF"
)
EQUAL_COLOURS = "its three colours are equal, so it was read as grey"
INVERTED = "its lowest value is white, so it was inverted, as viewers show it"


def one_channel(stored: Stored, channel: int | str | None, several: int = 1) -> Stored:
    r"""Return an image of one channel, as a viewer shows it.

    Parameters
    ----------
    stored : Stored
    channel : int or str, optional
        Which one, counted from 1, or its name; red, green and blue of colours.
    several : int
        How many channels the model reads; above 1 all of them stay, along C, and so
        do colours.
    """
    stored = _as_shown(stored)
    if several > 1 and channel is None:
        stored = _colours_as_channels(stored)
    if SAMPLES in stored.axes and CHANNELS not in stored.axes and channel is not None:
        return _taken(stored, SAMPLES, channel, _colours(stored))
    if CHANNELS in stored.axes:
        number = stored.data.shape[stored.axes.index(CHANNELS)]
        if several > 1 and channel is None:
            if number != several:
                raise ValueError(
                    f"the model reads {several} channels, the image has {number}: "
                    f"take another model, or save an image of {several} channels"
                )
            return _grey(stored)
        if channel is None and number > 1:
            raise ValueError(
                f"the image has {number} channels ({_list(stored.channels, number)}): "
                f"choose one by number or name (channel, --channel)"
                f"{MAYBE_PLANES if stored.axes.endswith('YXC') else ''}"
            )
        stored = _taken(stored, CHANNELS, 1 if channel is None else channel)
        return _grey(stored)
    if channel not in (None, 1, "1"):
        raise ValueError(
            f"the image has one channel: there is no channel {channel!r}, leave "
            f"the channel (--channel) out"
        )
    return _grey(stored)


def _colours_as_channels(stored: Stored) -> Stored:
    """Let red, green and blue be channels, where there are no others; no opacity."""
    if SAMPLES not in stored.axes or CHANNELS in stored.axes or stored.kind != "rgb":
        return stored
    colours = np.arange(len(COLOUR_NAMES))
    data = stored.data.take(colours, stored.axes.index(SAMPLES))
    axes = stored.axes.replace(SAMPLES, CHANNELS)
    return replace(stored, data=data, axes=axes, channels=COLOUR_NAMES, kind="grey")


def _as_shown(stored: Stored) -> Stored:
    """Return pixels as a viewer shows them: white is high, an index is its colour."""
    if stored.white_is_low is not None:
        data = _inverted(stored.data, stored.white_is_low)
        notes = (*stored.notes, INVERTED)
        return replace(stored, data=data, white_is_low=None, notes=notes)
    if stored.kind == "palette" and not stored.is_lut and stored.palette is not None:
        index = stored.data.astype(np.intp)
        colours = np.moveaxis(stored.palette.take(index, 1, mode="clip"), 0, -1)
        axes = stored.axes + SAMPLES
        return replace(stored, data=colours, axes=axes, kind="rgb", palette=None)
    if stored.kind == "cmyk":
        ink = np.moveaxis(stored.data, stored.axes.index(SAMPLES), -1)
        most = float(np.iinfo(ink.dtype).max) if ink.dtype.kind == "u" else 1.0
        light = 1 - ink.astype(np.float32) / most
        axes = stored.axes.replace(SAMPLES, "") + SAMPLES
        return replace(
            stored, data=light[..., :3] * light[..., 3:4], axes=axes, kind="rgb"
        )
    return stored


def _inverted(data: NDArray[Any], bits: int) -> NDArray[Any]:
    if data.dtype.kind == "u":
        return np.asarray((1 << bits) - 1 - data, data.dtype)
    return ~data if data.dtype.kind in "bi" else -data


def _grey(stored: Stored) -> Stored:
    """Make the samples of a pixel one: grey as it is, colours by their luminance."""
    if SAMPLES not in stored.axes:
        return stored
    samples = np.moveaxis(stored.data, stored.axes.index(SAMPLES), -1)
    axes = stored.axes.replace(SAMPLES, "")
    if samples.shape[-1] < 3 or stored.kind == "grey":
        return replace(stored, data=samples[..., 0], axes=axes)
    is_grey = all(np.array_equal(samples[..., 0], samples[..., n]) for n in (1, 2))
    if is_grey:
        notes = (*stored.notes, EQUAL_COLOURS)
        return replace(
            stored, data=samples[..., 0], axes=axes, kind="grey", notes=notes
        )
    notes = (*stored.notes, MADE_GREY)
    return replace(stored, data=luminance(samples), axes=axes, kind="grey", notes=notes)


def _taken(
    stored: Stored, axis: str, channel: int | str, names: tuple[str, ...] | None = None
) -> Stored:
    """Take one place along an axis."""
    at = stored.axes.index(axis)
    number = stored.data.shape[at]
    names = stored.channels if names is None else names
    return replace(
        stored,
        data=stored.data.take(_place(channel, names, number), at),
        axes=stored.axes.replace(axis, ""),
        kind="grey" if axis == SAMPLES else stored.kind,
    )


def _place(channel: int | str, names: tuple[str, ...], number: int) -> int:
    """Return which channel is meant, counted from 0."""
    text = str(channel).strip().lower()
    alike = [at for at, name in enumerate(names) if name.strip().lower() == text]
    if len(alike) == 1:
        return alike[0]
    if text.isdecimal() and 1 <= int(text) <= number:
        return int(text) - 1
    raise ValueError(
        f"there is no channel {channel!r}: the image has {number} channels "
        f"({_list(names, number)}), counted from 1"
    )


def _colours(stored: Stored) -> tuple[str, ...]:
    return (*COLOUR_NAMES, "opacity") if stored.kind == "rgb" else ()


def _list(names: tuple[str, ...], number: int) -> str:
    """Write the channels with their numbers: ``1 DAPI, 2 GFP``."""
    named = [*names, *[""] * number][: min(number, 12)]
    listed = [f"{at} {name}".strip() for at, name in enumerate(named, 1)]
    if number > len(named):
        listed.append("…")
    return ", ".join(listed)


WHITE_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, LAB = 0, 2, 3, 5, 6, (8, 9, 10)
COLOURED, PLANAR = (RGB, YCBCR), 2
SAVE_WITH_AXES = "save it again with axes, or as .npy"
FRAMES = (
    "the file marks 3 or 4 planes of more than 8 bits as colours, they were read as "
    f"frames: if they are colours, {SAVE_WITH_AXES}"
)
MAYBE_FRAMES = (
    "the file marks its planes as colours, as some programs do with any stack of 3 or "
    f"4 planes: if they are frames, {SAVE_WITH_AXES}"
)
TIFFFILE = "tifffile.py"  # as it signs what it writes
OPACITY = (1, 2)  # of TIFF's extra samples
PLAIN = ("generic", "uniform", "shaped")  # kinds of series that pages make by chance


def with_photometry(stored: Stored, page: tifffile.TiffPage, kind: str) -> Stored:
    """Add what the samples of a pixel stand for.

    tifffile marks every array of booleans as min-is-white, without inverting it: where
    it wrote the file, they are taken as they are.

    Parameters
    ----------
    stored : Stored
    page : TiffPage
        Whose tags say it.
    kind : str
        Of the series, as tifffile names it.
    """
    photometric = int(page.photometric)
    if photometric == WHITE_IS_ZERO:
        is_mask = stored.data.dtype == bool and kind == "shaped"
        bits = None if is_mask else int(page.bitspersample)
        return replace(stored, white_is_low=bits)
    if photometric == PALETTE and _is_index(stored.data, page.colormap):
        is_lut = kind == "imagej"
        return replace(stored, kind="palette", palette=page.colormap, is_lut=is_lut)
    return _with_samples(stored, page, kind) if SAMPLES in stored.axes else stored


def _is_index(data: NDArray[Any], palette: NDArray[Any] | None) -> bool:
    return palette is not None and data.dtype.kind in "bu"


def _with_samples(stored: Stored, page: tifffile.TiffPage, kind: str) -> Stored:
    """Add what several samples a pixel stand for: colours, opacity, or channels.

    tifffile, and what saves with it, marks every stack of 3 or 4 planes as colours,
    plane by plane; of more than 8 bits that is a stack, of 8 bits it may be.
    """
    photometric, at = int(page.photometric), stored.axes.index(SAMPLES)
    samples = stored.data.shape[at]
    if photometric == SEPARATED and samples >= 4:
        return replace(stored, kind="cmyk")
    colours = 3 if photometric in COLOURED and samples >= 3 else 1
    opaque = sum(int(extra) in OPACITY for extra in page.extrasamples or ())
    if colours == 3 and samples - opaque <= 4:
        by_tifffile = kind == "shaped" or page.software == TIFFFILE
        if not by_tifffile or kind not in PLAIN or page.planarconfig != PLANAR:
            return replace(stored, kind="rgb")
        if stored.data.dtype == np.uint8:
            return replace(stored, kind="rgb", notes=(*stored.notes, MAYBE_FRAMES))
        axes, notes = stored.axes.replace(SAMPLES, UNNAMED), (*stored.notes, FRAMES)
        return replace(stored, axes=axes, notes=notes)
    if photometric in LAB or samples - opaque == 1:  # the lightness, or grey, alone
        data = stored.data.take(0, at)
        return replace(stored, data=data, axes=stored.axes.replace(SAMPLES, ""))
    if CHANNELS in stored.axes:
        return stored
    return replace(stored, axes=stored.axes.replace(SAMPLES, CHANNELS))
