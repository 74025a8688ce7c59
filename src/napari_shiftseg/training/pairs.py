"""Images with their true labels, from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from napari_shiftseg.files.pairs import pairs
from napari_shiftseg.files.reading import is_sample, read_image, read_labels
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.samples.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Item = TypeVar("Item")

HELD_OUT = 10  # of this many images one is held out for validation


def read_pairs(images: Path, labels: Path | None) -> list[Sample]:
    """Read images and their labels: two files or two folders, or one sample.

    Parameters
    ----------
    images, labels : Path
        In folders, files of one name belong together, and ``NAME`` and
        ``NAME_labels``. No labels: `images` is the name of a sample.

    Raises
    ------
    FileNotFoundError
        If a file or folder is not there.
    ValueError
        If there are no labels, files do not pair up (the message names those without
        partner), or one cannot be read.
    """
    if is_sample(images) and labels is None:
        return [make_sample(str(images))]
    if labels is None:
        raise ValueError(
            f"the true labels of {images} are missing: give a file or folder of "
            f"label images, too"
        )
    for path in (images, labels):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
    return [
        Sample(read_image(image).data, read_labels("labels", truth))
        for truth, image in pairs(labels, images).values()
    ]


def name_of(images: Path) -> str:
    """Name images by their file, folder or sample; ``val/images`` by the parent, too.

    Parameters
    ----------
    images : Path
    """
    *_, parent, name = ("", *images.absolute().parts)
    return f"{parent}/{name}" if name.lower() == "images" else name


def held_out(samples: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Part samples into those to train on and those to validate on, every tenth.

    One image alone is both.
    """
    if len(samples) == 1:
        return list(samples), list(samples)
    validation = list(samples[::HELD_OUT])
    rest = [s for i, s in enumerate(samples) if i % HELD_OUT]
    return rest, validation
