"""Images and labels read from files, or made as samples."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.label_image import (
    as_labels,
    as_whole,
    doubt_about,
    is_image,
)
from napari_shiftseg.metrics.objects import partial_labels
from napari_shiftseg.samples.catalogue import SAMPLES as MADE
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores.axes import (
    CHANNELS,
    MICRONS,
    ordered,
    to_ome,
)
from napari_shiftseg.stores.label_axes import axes_of_labels, one_number_a_pixel
from napari_shiftseg.stores.lazy import in_memory
from napari_shiftseg.stores.own_stores import refuse_labels
from napari_shiftseg.stores.stored_image import (
    DamagedError,
    one_channel,
    stored_array,
    stored_picture,
)
from napari_shiftseg.stores.tiff import about_tiff, stored_tiff
from napari_shiftseg.stores.zarr_image import is_zarr, leading_of, stored_zarr

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.stores.axes import Calibration
    from napari_shiftseg.stores.stored_image import Stored


TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".lsm", ".stk")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
STORE = ".zarr"
IMAGE_SUFFIXES = (*TIFF_SUFFIXES, ".npy", *PICTURE_SUFFIXES)
KINDS = "a TIFF, PNG, JPEG, BMP or .npy file"
UNKNOWN_UNIT = "the unit {!r} is not known: the results keep the sizes without a unit"
BEGINNINGS = {  # of a file, which say better than its suffix what it is
    b"II*\0": stored_tiff, b"MM\0*": stored_tiff, b"II+\0": stored_tiff,
    b"MM\0+": stored_tiff, b"\x93NUMPY": stored_array, b"\x89PNG": stored_picture,
    b"\xff\xd8\xff": stored_picture, b"BM": stored_picture,
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """An image read from a file."""

    name: str  # without folder and suffix
    data: Any  # (*axes), one channel as a viewer shows it; an array, or `Lazy`
    # one letter an axis, in the order T, Z, Y, X; Q for one without a name, before
    # these; C where several channels were asked for
    axes: str = ""
    # `Distance` by letter: pixel size, plane distance, frame interval
    calibration: Calibration = field(default_factory=dict)
    # what was decided while reading: the series, the pages, the colours
    notes: tuple[str, ...] = ()
    path: str = ""  # of the file, absolute; the name of a sample
    channel: str = ""  # that was chosen; empty: none was
    series: int | None = None  # that was chosen
    # where the first pixel is, by letter, in the unit of its size; 0 if not said
    origin: dict[str, float] = field(default_factory=dict)

    def pixel_size(self, ndim: int) -> tuple[float, ...]:
        """Return µm from one pixel to the next; empty where the file says less.

        Parameters
        ----------
        ndim : int
            How many axes, the last ones.
        """
        known = [self.calibration.get(axis) for axis in self.axes[-ndim:]]
        sizes = [
            each.size * MICRONS[each.unit]
            for each in known
            if each is not None and each.unit in MICRONS
        ]
        return tuple(sizes) if len(sizes) == ndim else ()

    @property
    def pixel(self) -> tuple[float, ...]:
        """Height and width of a pixel in one unit; empty where the file says less."""
        known = [self.calibration.get(axis) for axis in "YX"]
        sides = [side for side in known if side is not None]
        is_known = len(sides) == 2 and sides[0].unit == sides[1].unit
        return tuple(side.size for side in sides) if is_known else ()


def read_image(
    path: str | Path,
    channel: int | str | None = None,
    series: int | None = None,
    several: int = 1,
    lazily: bool = False,
) -> Source:
    r"""Read one channel of an image, or make the sample of this name.

    Parameters
    ----------
    path : str or Path
        A TIFF (OME, ImageJ, LSM, ...), PNG, JPEG, BMP or .npy file, a zarr store
        (OME-Zarr, or an array in one), or the name of a sample.
    channel : int or str, optional
        Which of several channels, counted from 1, or its name; red, green or blue of
        colours, which are made grey if none is chosen.
    series : int, optional
        Which of several series of a TIFF, counted from 1. If not given, pages that are
        alike are joined, and of other series the largest is taken.
    several : int
        How many channels are wanted; above 1 all of them are kept, along C.
    lazily : bool
        Whether pixels may stay on disk, as `Lazy`: those of zarr stores, and of TIFFs
        that hold plain grey values.

    Raises
    ------
    FileNotFoundError
        If there is neither a file nor a sample of this name.
    IsADirectoryError
        If it is a folder.
    ValueError
        If it is no image, is damaged, or has several channels and none is chosen.
    """
    path = Path(path)
    if is_sample(path):
        if series is not None or channel not in (None, 1, "1"):
            raise ValueError(
                f"the sample {path} has one channel and one series: choose none"
            )
        image = make_sample(str(path)).image
        return Source(path.name, image, "ZYX"[-image.ndim :], path=str(path))
    stored = stored_in(path, series, lazily)
    try:
        one = one_channel(stored, channel, several)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None
    data, axes = ordered(one.data if lazily else in_memory(one.data), one.axes)
    unknown = map(UNKNOWN_UNIT.format, sorted(set(to_ome(one.calibration)[1])))
    return Source(
        name_of_file(path), data, axes, one.calibration, (*one.notes, *unknown),
        str(path.resolve()), "" if channel is None else str(channel), series,
        one.origin,
    )  # fmt: skip


def image_for(
    config: NetworkConfig,
    path: Path,
    channel: int | str | None = None,
    series: int | None = None,
    lazily: bool = False,
) -> Source:
    """Read an image as a model reads it: see `read_image`.

    A model of several channels gets all of them, before its spatial axes. Where a
    model of volumes reads what the file calls time, a note says so.

    Parameters
    ----------
    config : NetworkConfig
        Of the model.
    path, channel, series, lazily
        See `read_image`.

    Raises
    ------
    ValueError
        As `read_image`, and if it holds labels that a run made.
    """
    refuse_labels(path)
    source = read_image(path, channel, series, config.in_channels, lazily)
    axes = source.axes
    if CHANNELS in axes:
        at, before = axes.index(CHANNELS), len(axes) - 1 - config.ndim
        rest = axes.replace(CHANNELS, "")
        axes = rest[:before] + CHANNELS + rest[before:]
        if at != before:
            data = np.moveaxis(in_memory(source.data), at, before)
            source = replace(source, data=data)
        source = replace(source, axes=axes)
    if "T" in axes[-config.ndim :]:
        note = f"{source.name}: the model reads volumes, so time was read as planes"
        source = replace(source, notes=(*source.notes, note))
    return source


def name_of_file(path: Path) -> str:
    """Return the name of an image without its suffix, ``.ome.tif`` as one."""
    name = path.stem
    is_ome = path.suffix.lower() in (*TIFF_SUFFIXES, STORE) and name.lower().endswith(
        ".ome"
    )
    return name[: -len(".ome")] if is_ome else name


def is_sample(path: Path) -> bool:
    """Whether this names a sample, not a file."""
    return not path.exists() and str(path) in MADE


def read_labels(kind: str, path: Path, partly: bool = False) -> NDArray[np.integer]:
    """Read a label image; a sample gives its truth.

    Parameters
    ----------
    kind : str
        Stands for it in errors.
    path : Path
    partly : bool
        Whether pixels may be −1, not known.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, is of colours or channels, is not of whole numbers from 0
        upward, is an image, or no pixel of it is known.
    """
    if is_sample(path):
        return make_sample(str(path)).labels
    stored = stored_in(path)
    data, axes = ordered(in_memory(stored.data), axes_of_labels(stored))
    checked = partial_labels if partly else as_labels
    name = f"{kind} {path.name}"
    labels = checked(name, as_whole(one_number_a_pixel(name, data, axes, stored.kind)))
    if is_image(labels):
        raise ValueError(
            f"the {name} is an image, not labels: neighbouring pixels hardly ever have "
            f"one number; give the labels of its objects"
        )
    return labels


def doubt(path: Path, labels: NDArray[np.integer]) -> str:
    """Say that labels look like a raw image or a mask; empty if they do not.

    Parameters
    ----------
    path : Path
        The labels were read from.
    labels : ndarray of int
    """
    frames = labels.reshape(-1, *labels.shape[numbered_anew(path) :])
    about = doubt_about(frames)
    return about and f"{path.name} {about}"


def numbered_anew(path: Path) -> int:
    """Return over how many leading axes of a label file objects are others.

    The first one where the file, or store, calls it time; as many as it says where this
    program wrote it.
    """
    if is_zarr(path):
        return leading_of(path)
    if not path.is_file() or path.suffix.lower() not in TIFF_SUFFIXES:
        return 0
    about = about_tiff(path)
    if about.image_axes and about.axes.endswith(about.image_axes):
        return len(about.axes) - len(about.image_axes)
    return about.axes.find("T") + 1


def stored_in(path: Path, series: int | None = None, lazily: bool = False) -> Stored:
    """Read a file by what it begins with, or a store; some of it may stay on disk.

    Parameters
    ----------
    path, series, lazily
        See `read_image`, which says what is refused, too.
    """
    if is_zarr(path):
        return _understood(path, lambda: stored_zarr(path, series))
    _refuse_no_file(path)
    return _understood(path, lambda: _of_file(path, series, lazily))


def _of_file(path: Path, series: int | None, lazily: bool) -> Stored:
    with path.open("rb") as file:
        begins = file.read(8)
    read = next((r for b, r in BEGINNINGS.items() if begins.startswith(b)), None)
    if read is None:
        what = "it is not what its suffix says" if begins else "it is empty"
        raise DamagedError(what)
    if read is stored_tiff:
        return stored_tiff(path, series, lazily)
    if series not in (None, 1):
        raise ValueError(f"the file has one series: there is no series {series}")
    return read(path)


def _understood(path: Path, read: Callable[[], Stored]) -> Stored:
    """Read an image of numbers; an error names the file."""
    try:
        return _of_numbers(read())
    except DamagedError as error:
        raise ValueError(
            f"{path.name} cannot be read: {error}; save the image again"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from None


def _of_numbers(stored: Stored) -> Stored:
    kind = stored.data.dtype
    if kind.kind not in "buif":
        raise ValueError(f"an image must hold real numbers, this one holds {kind}")
    return stored


def _refuse_no_file(path: Path) -> None:
    """Refuse what is no regular file, unopened: a pipe would wait for ever."""
    if path.is_dir():
        raise IsADirectoryError(_about_folder(path))
    if not path.exists():
        raise FileNotFoundError(_about_missing(path))
    if not path.is_file():
        raise ValueError(
            f"{path} is a pipe or a device, not a file: save the image as {KINDS}"
        )
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise ValueError(f"{path.name} ends with {path.suffix!r}: give {KINDS}")


def _about_folder(folder: Path) -> str:
    """Say that a folder is no image, and which images are in it."""
    images = sorted(
        path.name
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES or is_zarr(path)
    )
    if not images:
        return f"{folder} is a folder without an image: name an image, {KINDS}"
    return f"{folder} is a folder, not an image: name one in it, {folder / images[0]}"


def _about_missing(path: Path) -> str:
    """Say what of a path is not there; a lone word may be meant for a sample."""
    why = "there is no such file"
    if set("*?[") & {*str(path)}:
        why = "no file matches this pattern"
    elif not path.suffix and path.name == str(path):
        why = f"it is neither a file nor one of the samples ({', '.join(MADE)})"
    elif not path.parent.is_dir():
        why = f"there is no folder {path.parent}"
    return f"no image {str(path)!r}: {why}"
