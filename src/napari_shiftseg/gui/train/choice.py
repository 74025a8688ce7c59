"""What is trained on: an image and its labels, as layers or as folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import FileEdit, PushButton, RadioButtons
from napari.layers import Labels

from napari_shiftseg.gui.parts.belonging import (
    METADATA_KEY,
    doubts,
    image_of_labels,
    is_of_a_run,
    labels_of,
)
from napari_shiftseg.gui.parts.choices import (
    ColourChoice,
    LayerChoice,
    is_image,
    selected,
)
from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.source import layer_shape, source_in_view
from napari_shiftseg.gui.parts.viewer import taken_note
from napari_shiftseg.metrics.label_image import doubt_about
from napari_shiftseg.metrics.objects import is_labelled
from napari_shiftseg.text import by, sentence
from napari_shiftseg.training.defaults import usual_window
from napari_shiftseg.training.pairs import counted
from napari_shiftseg.training.partial import signed, training_pairs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import napari
    from magicgui.widgets import Widget
    from napari.layers import Image

    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.gui.train.run import TrainingTask
    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.training.pairs import Counted
    from napari_shiftseg.training.partial import TrainingPair


MOST_COUNTED = 2**22  # pixels
MOST_PARTED = 2**20  # pixels; the parts of more take long to find


@dataclass(frozen=True)
class LayerPair:
    r"""An image layer and the labels of its pixels, as they were when a run began.

    Attributes
    ----------
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

        The labels are copied: the layer may be painted on meanwhile.

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
        window = task.window or usual_window(config.shape, [size])
        found = training_pairs(
            self.image.pixels(), labels, config, window,
            f"labels {self.labels_name!r}", task.reading,
        )  # fmt: skip
        return list(found)

    def counted(self, config: ModelConfig) -> Counted | None:
        """Count what is known of the frames that are labelled; None: it takes long."""
        labels = self.labels
        if not isinstance(labels, np.ndarray) or labels.size > MOST_COUNTED:
            return None
        leading = labels.shape[: labels.ndim - config.ndim]
        frames = (labels[at] for at in np.ndindex(leading))
        return counted(frame for frame in frames if not leading or is_labelled(frame))

    def doubt(self, ndim: int) -> str:
        """Say that frames of `ndim` axes look like a mask; else empty."""
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
        FileNotFoundError, ValueError
            See `read_pairs` and `to_learn`.
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
LAYERS, FOLDERS = "layers", "folders"
CLASS = "class"  # column of a layer's features, as Segment makes it


class NotChosenYet(ValueError):
    """Something has still to be chosen; nothing is wrong."""


class PairsChoice:
    """The rows that name images and labels; they stand in another container."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self.kind = RadioButtons(
            choices=(LAYERS, FOLDERS), value=LAYERS, orientation="horizontal",
            label="Train on",
            tooltip="folders: files of the same name belong together, also NAME and "
            "NAME_labels; TIFF or .npy.",
        )  # fmt: skip
        self._viewer = viewer
        self.image = LayerChoice(
            viewer, is_image, label="Image", tooltip="The image to learn from."
        )
        self.colour = ColourChoice(self.image)
        self.truth = LayerChoice(
            viewer, _is_to_learn, label="Labels",
            tooltip="The true objects: each has its own number, 0 is background, −1 is "
            "not known and does not count. Classes of objects are not learnt here.",
        )  # fmt: skip
        self.signed = PushButton(
            text="Let the labels hold -1",
            tooltip="This layer cannot hold −1 (not known). Copy its numbers to a type "
            "that can; the objects stay the same.",
        )  # fmt: skip
        self.image_folder = FileEdit(
            mode="d", nullable=True, label="Images", tooltip="Folder of the images."
        )
        self.truth_folder = FileEdit(
            mode="d", nullable=True, label="Labels",
            tooltip="Folder of their true labels; it may be the same folder.",
        )  # fmt: skip
        self._begin()
        self.image.changed.connect(self._match_labels)
        self.signed.changed.connect(self._let_hold_unknown)
        viewer.layers.events.inserted.connect(self._match_new, position="last")

    @property
    def rows(self) -> list[Widget]:
        """The widgets, from top to bottom."""
        return [
            self.kind, self.image, self.colour, self.truth, self.signed,
            self.image_folder, self.truth_folder,
        ]  # fmt: skip

    def show_rows(self) -> None:
        """Show the rows that matter."""
        are_folders = self.are_folders
        self.image.visible = self.truth.visible = not are_folders
        self.image_folder.visible = self.truth_folder.visible = are_folders
        self.signed.visible = not are_folders and _is_unsigned(self.truth.value)
        self.colour.follow(None if are_folders else self.image.value)

    @property
    def are_folders(self) -> bool:
        """Whether files are trained on, and not layers."""
        return bool(self.kind.value == FOLDERS)

    @property
    def is_flat(self) -> bool:
        """Whether there is one plane only, as far as is known."""
        image = self.image.value
        return not self.are_folders and (image is None or image.ndim == 2)

    def sizes(self, ndim: int) -> list[tuple[int, ...]]:
        """Return the pixels of an image, per axis; none where it is not known yet."""
        if self.are_folders or self.image.value is None:
            return []
        size = layer_shape(self.image.value)
        return [size[-ndim:]] if len(size) >= ndim else []

    @property
    def note(self) -> str:
        """What is to be known of the image; empty if there is nothing to say."""
        if self.are_folders:
            return ""
        return taken_note(self.image.value, self._viewer.dims, self.colour.value)

    @property
    def about_classes(self) -> str:
        """That the classes of the labels do not count; empty if they have none."""
        labels = None if self.are_folders else self.truth.value
        if labels is None or CLASS not in labels.features:
            return ""
        return (
            f"The classes of labels {labels.name!r} are not learnt here: "
            f"shiftseg train --classes learns them."
        )

    def doubt(self, ndim: int) -> str:
        """Say why a network of `ndim` axes should not learn the labels; else empty."""
        if self.are_folders or self.image.value is None or self.truth.value is None:
            return ""
        found = doubts(self.truth.value, self.image.value, self.image.choices)
        about = self.pairs().doubt(ndim)
        return "\n".join([*found, *([sentence(about)] if about else [])])

    def check(self, config: ModelConfig) -> None:
        """Refuse what this network cannot be trained on, before any pixel is read.

        Raises
        ------
        NotChosenYet
            If images or labels are not chosen yet.
        ValueError
            If they do not fit each other or the network.
        """
        if self.are_folders:
            self._check_folders()
        else:
            self._check_layers(config)

    def choose(self, image: Image, labels: Labels) -> None:
        """Choose two layers.

        Parameters
        ----------
        image : Image
        labels : Labels
        """
        self.kind.value = LAYERS
        self.image.value, self.truth.value = image, labels

    def pairs(self) -> PairSource:
        """Return the images with their labels; see `check`."""
        if self.are_folders:
            return FolderPair(self.image_folder.value, self.truth_folder.value)
        image, labels, dims = self.image.value, self.truth.value, self._viewer.dims
        known = source_in_view(labels, dims, 0).pixels()
        source = source_in_view(image, dims, 0, self.colour.value)
        return LayerPair(source, known, labels.name)

    def _begin(self) -> None:
        """Begin with the labels that are selected, or with those of the image."""
        labels = selected(self._viewer, [la for la in self.truth.choices if la])
        if labels is not None:
            self.image.suggest(image_of_labels(labels, self.image.choices))
        if labels is not None and not is_of_a_run(labels):
            self.truth.suggest(labels)
        else:
            self._match_labels()

    def _match_labels(self) -> None:
        """Choose the labels that belong to the image, but for the user's own choice."""
        image, labels = self.image.value, self.truth.value
        if image is None or labels is None:
            return
        if self.truth.is_own and layer_shape(labels) == layer_shape(image):
            return
        self.truth.suggest(labels_of(image, self.truth.choices, self.image.choices))

    def _match_new(self) -> None:
        """Choose labels that belong to the image and come after it."""
        if is_open(self.truth.native) and not self.truth.is_own:
            self._match_labels()

    def _let_hold_unknown(self) -> None:
        """Give the labels a type that has −1."""
        layer = self.truth.value
        if _is_unsigned(layer):
            wide = signed(np.dtype(layer.dtype))
            if layer.multiscale:
                layer.data = [level.astype(wide) for level in layer.data]
            else:
                layer.data = layer.data.astype(wide)
        self.show_rows()

    def _check_folders(self) -> None:
        for row, what in (
            (self.image_folder, "images"),
            (self.truth_folder, "their labels"),
        ):
            if row.value is None:
                raise NotChosenYet(f"Choose the folder of {what}.")
            if not row.value.is_dir():
                raise ValueError(f"there is no folder {row.value}")

    def _check_layers(self, config: ModelConfig) -> None:
        image, labels = self.image.value, self.truth.value
        if image is None:
            raise NotChosenYet(
                "Open an image: File > Open, or File > Open Sample > ShiftSeg > Nuclei."
            )
        if labels is None:
            raise NotChosenYet(
                "Add a Labels layer with the true objects of the image: give each "
                "object its own number; 0 is background."
            )
        own = config.image_axes
        size, needed = layer_shape(image), layer_shape(labels)
        if len(size) < own:
            raise ValueError(
                f"the network reads {own} axes, the image has {len(size)}: choose "
                f"another image, or another model to start from"
            )
        expected = (*size[: len(size) - own], *size[len(size) - config.ndim :])
        if needed != expected:
            raise ValueError(
                f"the labels need as many pixels as the image, {by(expected)}, "
                f"got {by(needed)}: choose the labels of this image"
            )


def _is_unsigned(layer: Labels | None) -> bool:
    return layer is not None and np.dtype(layer.dtype).kind == "u"


def _is_to_learn(layer: Any) -> bool:
    """Whether a layer may be true labels: a run's that were mended by hand, too."""
    made = layer.metadata.get(METADATA_KEY)  # what only marks something has a name
    return isinstance(layer, Labels) and not isinstance(made, str)
