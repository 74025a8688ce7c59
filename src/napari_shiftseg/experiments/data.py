"""Images with true labels that a figure is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.samples.nuclei import nuclei
from napari_shiftseg.training.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_shiftseg.model.unet import UNet
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

    def numbered(self) -> Iterator[tuple[str, Sample]]:
        """Return the samples, each with its place among them in words."""
        for number, sample in enumerate(self.samples, start=1):
            yield f"image {number} of {len(self.samples)}", sample

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
    images, labels = (folder / part for part in PARTS)
    samples = read_pairs(images, labels)
    return Data(folder.resolve().name, tuple(samples))


def crowded_nuclei(shape: tuple[int, int], number: int) -> Data:
    """Make images of small nuclei, half of which touch another.

    Parameters
    ----------
    shape : (int, int)
        Pixels along each axis.
    number : int
        Of images; each has a seed of its own.
    """
    return Data(
        "synthetic nuclei",
        tuple(
            nuclei(shape, diameter=(14, 26), density=0.35, touching=0.5, seed=seed)
            for seed in range(number)
        ),
    )


def pull_margin(model: UNet) -> float | None:
    """Return within which distance of their mean the loss left an object's pixels.

    A bandwidth of this size takes apart what training did not bring together. None
    (the model's own bandwidth, in `Settings`) where the margin is 0 or not known.
    """
    about = model.config.provenance
    margin = float(about.loss.get("pull_margin", 0)) if about else 0.0
    return margin or None
