"""Images with their true labels, from layers or from folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.metrics.contingency import as_labels
from napari_shiftseg.samples.sample import Sample

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.model.config import ModelConfig

Frame = tuple[int, ...]


@dataclass(frozen=True)
class LayerPair:
    r"""An image layer and the labels of its pixels, as they were when a run began.

    Attributes
    ----------
    image : Source
    labels : array of int
        ([leading,] \*spatial)
    labels_name : str
        Of the layer.
    """

    image: Source
    labels: Any
    labels_name: str

    @property
    def name(self) -> str:
        """Of the image."""
        return self.image.name

    @property
    def described(self) -> str:
        """Which layers they are."""
        return f"{self.image.name}, {self.labels_name}"

    def samples(self, config: ModelConfig) -> list[tuple[Frame, Sample]]:
        """Return the frames that have an object, with their positions.

        A series or a stack is taken plane by plane by a 2-D network. The labels are
        copied: the layer may be painted on meanwhile.
        """
        pixels, labels = self.image.pixels(), np.array(self.labels)
        leading = labels.shape[: labels.ndim - config.ndim]
        if not leading:
            return [((), Sample(pixels, labels))]
        return [
            (at, Sample(pixels[at], labels[at]))
            for at in np.ndindex(leading)
            if labels[at].any()
        ]


@dataclass(frozen=True)
class FolderPair:
    """A folder of images and one of labels; files of one name belong together."""

    images: Path
    labels: Path

    @property
    def name(self) -> str:
        """Of the folder of images."""
        return self.images.name

    @property
    def described(self) -> str:
        """Which folders they are."""
        return f"{self.images}, {self.labels}"

    def samples(self, config: ModelConfig) -> list[tuple[Frame, Sample]]:
        """Return the images, each split into frames where the network reads fewer axes.

        Raises
        ------
        FileNotFoundError
            If a folder is not there.
        ValueError
            If files do not pair up or cannot be read, or differ in shape.
        """
        from napari_shiftseg.training.pairs import read_pairs

        return [
            ((number, *at), frame)
            for number, sample in enumerate(read_pairs(self.images, self.labels))
            for at, frame in _frames(sample, config)
        ]


Pairs = LayerPair | FolderPair


def _frames(sample: Sample, config: ModelConfig) -> list[tuple[Frame, Sample]]:
    labels = as_labels("true labels", sample.labels)
    leading = labels.ndim - config.ndim
    if leading <= 0 or sample.image.shape[:leading] != labels.shape[:leading]:
        return [((), sample)]  # whatever is wrong with it is said when it is opened
    return [
        (at, Sample(sample.image[at], labels[at]))
        for at in np.ndindex(labels.shape[:leading])
        if labels[at].any()
    ]
