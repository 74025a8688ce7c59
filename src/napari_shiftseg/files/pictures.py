"""PNG, JPEG and BMP pictures, and arrays of NumPy."""

from __future__ import annotations

import struct
import warnings
from dataclasses import replace
from tokenize import TokenError
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
from PIL import Image, UnidentifiedImageError

from napari_shiftseg.files.stored import SAMPLES, DamagedError, Stored, unnamed

if TYPE_CHECKING:
    from pathlib import Path

DEPTH_AT = 24  # byte of a PNG that says how many bits a sample has
GREY = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
BITS_OF_TWO_BYTES = 16
FIRST = "of {} pictures in the file the first was read: save a series as a TIFF stack"


def stored_picture(path: Path) -> Stored:
    """Read a PNG, JPEG or BMP picture.

    Raises
    ------
    DamagedError
        If it is damaged; what is wrong is said.
    """
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
    """Read an array that NumPy saved; one of pickled objects is refused.

    Raises
    ------
    ValueError
        If it is damaged, or holds objects.
    """
    try:
        data = np.load(path, allow_pickle=False)
    except (
        ValueError, EOFError, SyntaxError, LookupError, TypeError, MemoryError,
        OverflowError, TokenError,
    ) as error:  # fmt: skip
        raise DamagedError(f"the array is damaged ({error})") from None
    if not isinstance(data, np.ndarray):
        raise ValueError("it holds several arrays, one is expected")
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
