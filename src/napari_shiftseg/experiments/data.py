"""Images with true labels that a figure is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.training.pairs import read_pairs

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.samples.sample import Sample

PARTS = ("images", "labels")


@dataclass(frozen=True)
class Data:
    """Images with true labels.

    Attributes
    ----------
    name : str
        What they are, in words, or their folder.
    samples : tuple of Sample
        One or more.
    """

    name: str
    samples: tuple[Sample, ...]

    def figures(self) -> dict[str, Any]:
        """Return what was measured on, ready for JSON."""
        return {"data": self.name, "images": len(self.samples)}


def read_data(folder: Path) -> Data:
    """Read the images with labels in a folder.

    Parameters
    ----------
    folder : Path
        Holds ``images/`` and ``labels/``, in which files of one name belong together.

    Raises
    ------
    FileNotFoundError
        If it or one of the two is not there.
    ValueError
        If files do not pair up, or one cannot be read.
    """
    for part in PARTS:
        if not (folder / part).is_dir():
            raise FileNotFoundError(
                f"there is no folder {folder / part}: a folder of data holds "
                f"{PARTS[0]}/ and {PARTS[1]}/, with files of the same names"
            )
    samples = read_pairs(*(folder / part for part in PARTS))
    return Data(folder.resolve().name, tuple(samples))
