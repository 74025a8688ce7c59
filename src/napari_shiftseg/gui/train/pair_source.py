"""Images with their true labels, from layers or from folders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.gui.parts.choices import is_result
from napari_shiftseg.gui.parts.result_layers import METADATA_KEY
from napari_shiftseg.metrics.label_image import doubt_about
from napari_shiftseg.metrics.objects import is_labelled
from napari_shiftseg.training.defaults import usual_window
from napari_shiftseg.training.pairs import counted
from napari_shiftseg.training.partial import training_pairs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import napari
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.gui.train.run import Preview, TrainingTask
    from napari_shiftseg.networks.config import ModelConfig
    from napari_shiftseg.training.pairs import Counted
    from napari_shiftseg.training.partial import TrainingPair


MOST_COUNTED = 2**22  # pixels
MOST_PARTED = 2**20  # pixels; the parts of more take long to find


@dataclass(frozen=True)
class LayerPair:
    r"""An image layer and the labels of its pixels, as they were when a run began.

    Attributes
    ----------
    image : LayerSource
    labels : array of int
        ([leading,] \*spatial), −1 is not known.
    labels_name : str
        Of the layer.
    """

    image: LayerSource
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
        self, task: TrainingTask, say: Callable[[str], None]
    ) -> list[TrainingPair]:
        """Return the frames that are labelled; of corrections what is known.

        A series or a stack is taken plane by plane by a 2-D network. The labels are
        copied: the layer may be painted on meanwhile.

        Parameters
        ----------
        task : TrainingTask
            With these pairs.
        say : callable
            Takes nothing: what is to be said of layers stands there before a training.

        Raises
        ------
        ValueError
            If nothing is known.
        """
        labels, config = np.array(self.labels), task.config
        size = labels.shape[-config.ndim :]
        return list(
            training_pairs(
                self.image.pixels(),
                labels,
                config,
                task.window or usual_window(config.shape, [size]),
                f"labels {self.labels_name!r}",
                task.reading,
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
        self, task: TrainingTask, say: Callable[[str], None]
    ) -> list[TrainingPair]:
        """Return the images, each split into frames where the network reads fewer axes.

        Parameters
        ----------
        task : TrainingTask
            See `LayerPair`.
        say : callable
            Takes one sentence where labels look like a mask.

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
        return to_learn(samples, task.config, task.window, task.reading)

    def counted(self, config: ModelConfig) -> None:
        """Return nothing: the files are not read before a training."""

    def doubt(self, ndim: int) -> str:
        """Return nothing, for the same reason."""
        return ""


PairSource = LayerPair | FolderPair


HIDDEN = "The layer “validation · …” comes hidden, so as not to cover the labels."
VALIDATION = "validation"  # in the metadata: no labels to train on


class ValidationPreview:
    """A Labels layer that is made at the first validation and then updated in place.

    It is hidden at first where it would cover labels of a run, which may be mended
    meanwhile. Where files are trained on, the validation image is shown, too. A layer
    that the user removes stays away until the next training.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self._layer: Labels | None = None

    def begin(self) -> None:
        """Hide what an earlier training has shown; this one gets its own layer."""
        if self._layer is not None:
            self._layer.visible = False
        self._layer = None

    def show(self, preview: Preview) -> None:
        """Show labels; to be called in the GUI thread."""
        if self._layer is None:
            self._layer = self._added(preview)
        elif self._layer in self._viewer.layers:
            self._layer.data = _preview_data(preview)

    def _added(self, preview: Preview) -> Labels:
        task, data = preview.task, _preview_data(preview)
        pairs = task.pairs
        selected, place = self._viewer.layers.selection.active, {}
        if isinstance(pairs, LayerPair):
            source = replace(pairs.image, first=preview.pair.frame)
            place = source.placed(preview.pair.corner, data.ndim)
        else:
            self._viewer.add_image(
                preview.pair.sample.image, name=f"validation image · {pairs.name}"
            )
        layer = self._viewer.add_labels(
            data,
            name=f"validation · {pairs.name} · {task.config.name}",
            metadata={METADATA_KEY: VALIDATION},
            visible=not self._covers,
            **place,
        )
        if selected is not None:
            self._viewer.layers.selection.active = selected
        return layer

    @property
    def note(self) -> str:
        """What is to be known of the layer; empty where it is simply shown."""
        return HIDDEN if self._covers else ""

    @property
    def _covers(self) -> bool:
        layers = self._viewer.layers
        return any(layer.visible and is_result(layer) for layer in layers)


def _preview_data(preview: Preview) -> NDArray[np.int32]:
    """Return the labels, as one frame of a series where the image is one."""
    task = preview.task
    if task.config.in_channels > 1 or not isinstance(task.pairs, LayerPair):
        return preview.labels
    return preview.labels[(None,) * len(preview.pair.frame)]
