"""Images with their true labels, from layers or from folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.inference.scale import USUAL_READING
from napari_shiftseg.interaction.teaching import training_pairs
from napari_shiftseg.metrics.partly import is_labelled
from napari_shiftseg.metrics.parts import doubt_about
from napari_shiftseg.training.counted import counted
from napari_shiftseg.training.training_window import usual_window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.inference.scale import Reading
    from napari_shiftseg.interaction.teaching import TrainingPair
    from napari_shiftseg.model.config import ModelConfig
    from napari_shiftseg.training.counted import Counted

MOST_COUNTED = 2**22  # pixels
MOST_PARTED = 2**20  # pixels; the parts of more take long to find


@dataclass(frozen=True)
class LayerPair:
    r"""An image layer and the labels of its pixels, as they were when a run began.

    Attributes
    ----------
    image : Source
    labels : array of int
        ([leading,] \*spatial), −1 is not known.
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

    def to_learn(
        self,
        config: ModelConfig,
        window: tuple[int, ...] | None,
        say: Callable[[str], None] = lambda _: None,
        reading: Reading = USUAL_READING,
    ) -> list[TrainingPair]:
        """Return the frames that are labelled; of corrections what is known.

        A series or a stack is taken plane by plane by a 2-D network. The labels are
        copied: the layer may be painted on meanwhile.

        Parameters
        ----------
        config : ModelConfig
        window : tuple of int or None
            Output window the loss sees; None: the usual one.
        say : callable
            Takes nothing: what is to be said of layers stands there before a training.
        reading : Reading
            How grey values are read.

        Raises
        ------
        ValueError
            If nothing is known.
        """
        labels = np.array(self.labels)
        size = labels.shape[-config.ndim :]
        return list(
            training_pairs(
                self.image.pixels(),
                labels,
                config,
                window or usual_window(config.shape, [size]),
                f"labels {self.labels_name!r}",
                reading,
            )
        )

    def counted(self, config: ModelConfig) -> Counted | None:
        """Count what is known of the frames that are labelled; None: it takes too long.

        Labels that are in memory and no more than a few million pixels are counted, so
        that a widget can say it at once.
        """
        labels = self.labels
        if not isinstance(labels, np.ndarray) or labels.size > MOST_COUNTED:
            return None
        leading = labels.shape[: labels.ndim - config.ndim]
        frames = (labels[at] for at in np.ndindex(leading))
        return counted(frame for frame in frames if not leading or is_labelled(frame))

    def doubt(self, ndim: int) -> str:
        """Say that the labels look like a mask; empty if not, or it takes too long.

        Parameters
        ----------
        ndim : int
            Axes that the network reads; each frame has ids of its own.
        """
        labels = self.labels
        if not isinstance(labels, np.ndarray) or labels.size > MOST_PARTED:
            return ""
        frames = labels.reshape(-1, *labels.shape[-ndim:])
        about = doubt_about(frame for frame in frames if is_labelled(frame))
        return about and f"labels {self.labels_name!r} {about}"


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

    def to_learn(
        self,
        config: ModelConfig,
        window: tuple[int, ...] | None,
        say: Callable[[str], None] = lambda _: None,
        reading: Reading = USUAL_READING,
    ) -> list[TrainingPair]:
        """Return the images, each split into frames where the network reads fewer axes.

        Parameters
        ----------
        config, window
            See `LayerPair`.
        say : callable
            Takes one sentence where labels look like a mask.
        reading : Reading
            How grey values are read.

        Raises
        ------
        FileNotFoundError
            If a folder is not there.
        ValueError
            If files do not pair up or cannot be read, differ in shape, or nothing of
            one is known.
        """
        from napari_shiftseg.training.pairs import read_pairs, to_learn

        samples = read_pairs(self.images, self.labels, say=say)
        return to_learn(samples, config, window, reading)

    def counted(self, config: ModelConfig) -> None:
        """Return nothing: the files are not read before a training."""

    def doubt(self, ndim: int) -> str:
        """Return nothing, for the same reason."""
        return ""


Pairs = LayerPair | FolderPair
