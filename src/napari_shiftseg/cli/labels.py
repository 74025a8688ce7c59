"""Label images, with a word on standard error where they do not look like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.cli.terminal import note
from napari_shiftseg.files import reading
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


def read_labels(kind: str, path: Path) -> NDArray[np.integer]:
    """Read labels; note what looks like a raw image or a mask. See `files.reading`."""
    labels = reading.read_labels(kind, path)
    doubt = reading.doubt(path, labels)
    if doubt:
        note(f"{kind} {doubt}")
    return labels


def read_truth(image: Path, truth: Path | None) -> NDArray[np.integer] | None:
    """Read the true labels of an image; those of a sample are its own.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, or is no label image.
    """
    if truth is None:
        return make_sample(str(image)).labels if reading.is_sample(image) else None
    return read_labels("truth", truth)
