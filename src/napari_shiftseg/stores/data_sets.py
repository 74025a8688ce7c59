"""Folders of images with true labels, and their parts to train, validate and test on.

The layout is that of StarDist's archives: ``train/``, ``val/`` and ``test/``, each with
``images/`` and ``masks/``; or one such part alone. ``masks/`` are label images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMAGES, LABELS, MASKS = "images", "labels", "masks"
TRAIN, VALIDATION, TEST = "train", "val", "test"
HOLDS = (
    f"a folder of data holds {IMAGES}/ and {LABELS}/ (or {MASKS}/, as StarDist's "
    f"does), with files of the same names"
)


def part_of(folder: Path, *parts: str) -> Path:
    """Return the first of these parts that a folder has; it is one itself if none.

    Parameters
    ----------
    folder : Path
    *parts : str
        "train", "val", "test".
    """
    found = (folder / part for part in parts if (folder / part / IMAGES).is_dir())
    return next(found, folder)


def has_images(folder: Path) -> bool:
    """Whether a folder is a part of a data set."""
    return (folder / IMAGES).is_dir()


def images_and_labels(
    folder: Path, say: Callable[[str], None] = lambda _: None
) -> tuple[Path, Path]:
    """Return the folders of the images and of the true labels of a part.

    Parameters
    ----------
    folder : Path
    say : callable
        Takes one sentence where both ``labels/`` and ``masks/`` are there.

    Raises
    ------
    FileNotFoundError
        If one of the two is not there.
    """
    images, labels, masks = (folder / name for name in (IMAGES, LABELS, MASKS))
    if masks.is_dir() and labels.is_dir():
        say(f"{folder} holds {LABELS}/ and {MASKS}/: {LABELS}/ is read")
    elif masks.is_dir():
        labels = masks
    for part in (images, labels):
        if not part.is_dir():
            raise FileNotFoundError(f"there is no folder {part}: {HOLDS}")
    return images, labels
