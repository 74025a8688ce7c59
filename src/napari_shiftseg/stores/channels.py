"""One channel of an image that has several, or its colours as grey."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.stores.image import luminance
from napari_shiftseg.stores.stored_image import CHANNELS, SAMPLES, Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray


COLOUR_NAMES = ("red", "green", "blue")
MADE_GREY = (
    "colours were made grey (their luminance): choose one with --channel red, green or "
    "blue if only one shows the objects"
)
MAYBE_PLANES = (
    "; if they are planes or frames, save it with its axes named, as OME-TIFF"
)
EQUAL_COLOURS = "its three colours are alike, and were read as grey"
INVERTED = "the lowest value is white in this file: it was inverted, as viewers show it"


def one_channel(stored: Stored, channel: int | str | None, several: int = 1) -> Stored:
    r"""Return an image of one channel, as a viewer shows it.

    Parameters
    ----------
    stored : Stored
    channel : int or str, optional
        Which one, counted from 1, or its name; red, green and blue of colours.
    several : int
        How many channels the model reads; above 1 all of them stay.

    Returns
    -------
    Stored
        Without an axis C (but with `several` above 1), and without S.

    Raises
    ------
    ValueError
        If there is no such channel, or there are several and none is chosen; the
        message lists them.
    """
    stored = _as_shown(stored)
    if SAMPLES in stored.axes and CHANNELS not in stored.axes and channel is not None:
        return _taken(stored, SAMPLES, channel, _colours(stored))
    if CHANNELS in stored.axes:
        number = stored.data.shape[stored.axes.index(CHANNELS)]
        if several > 1 and channel is None:
            if number != several:
                raise ValueError(
                    f"the model reads {several} channels, the image has {number}"
                )
            return _grey(stored)
        if channel is None and number > 1:
            raise ValueError(
                f"the image has {number} channels ({_list(stored.channels, number)}), "
                f"one is expected: choose it with --channel, by number or name"
                f"{MAYBE_PLANES if stored.axes.endswith('YXC') else ''}"
            )
        stored = _taken(stored, CHANNELS, 1 if channel is None else channel)
        return _grey(stored)
    if channel not in (None, 1, "1"):
        raise ValueError(
            f"the image has one channel: there is no channel {channel!r}, leave "
            f"--channel out"
        )
    return _grey(stored)


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
        f"there is no channel {channel!r}: the image has {number} "
        f"({_list(names, number)}), counted from 1"
    )


def _colours(stored: Stored) -> tuple[str, ...]:
    return (*COLOUR_NAMES, "opacity") if stored.kind == "rgb" else ()


def _list(names: tuple[str, ...], number: int) -> str:
    """Write the channels with their numbers: ``1 DAPI, 2 GFP``."""
    named = [*names, *[""] * number][: min(number, 12)]
    listed = ", ".join(f"{at} {name}".strip() for at, name in enumerate(named, 1))
    return listed + ", …" * (number > len(named))
