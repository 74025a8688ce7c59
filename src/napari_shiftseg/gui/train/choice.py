"""What is to be trained on: an image and its labels, as layers or as folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import FileEdit, PushButton, RadioButtons
from napari.layers import Labels
from qtpy.compat import isalive

from napari_shiftseg.gui.parts.belonging import (
    doubts,
    image_of_labels,
    is_of_a_run,
    labels_of,
)
from napari_shiftseg.gui.parts.choices import LayerChoice, is_image, selected
from napari_shiftseg.gui.parts.intensity_choice import ColourChoice
from napari_shiftseg.gui.parts.result_layers import METADATA_KEY
from napari_shiftseg.gui.parts.source import layer_shape, source_in_view, taken_note
from napari_shiftseg.gui.train.pair_source import FolderPair, LayerPair
from napari_shiftseg.text import by, sentence
from napari_shiftseg.training.partial import signed

if TYPE_CHECKING:
    import napari
    from magicgui.widgets import Widget
    from napari.layers import Image

    from napari_shiftseg.gui.train.pair_source import PairSource
    from napari_shiftseg.networks.config import ModelConfig
    from napari_shiftseg.training.pairs import Counted

LAYERS, FOLDERS = "layers", "folders"


class NotChosenYet(ValueError):
    """Something has still to be chosen; nothing is wrong."""


class PairsChoice:
    """The rows that name images and labels; they stand in another container.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self.kind = RadioButtons(
            choices=(LAYERS, FOLDERS), value=LAYERS, orientation="horizontal",
            label="Train on",
            tooltip="folders: files of one name belong together, also NAME and "
            "NAME_labels; TIFF or .npy.",
        )  # fmt: skip
        self._viewer = viewer
        self.image = LayerChoice(
            viewer, is_image, label="Image", tooltip="The image to learn from."
        )
        self.colour = ColourChoice(self.image)
        self.truth = LayerChoice(
            viewer, is_to_learn, label="Labels",
            tooltip="The true objects: each a number of its own, 0 is background, -1 "
            "is not known and does not count.",
        )  # fmt: skip
        self.signed = PushButton(
            text="Let the labels hold -1",
            tooltip="The layer's numbers begin at 0: −1, not known, cannot be painted. "
            "They are copied to numbers with a sign; the objects stay.",
        )  # fmt: skip
        self.image_folder = FileEdit(
            mode="d", nullable=True, label="Images", tooltip="Folder of the images."
        )
        self.truth_folder = FileEdit(
            mode="d", nullable=True, label="Labels",
            tooltip="Folder of their true labels; it may be the same.",
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
        for row in (self.image, self.truth):
            row.visible = not self.are_folders
        self.signed.visible = not self.are_folders and _is_unsigned(self.truth.value)
        if self.are_folders:
            self.colour.visible = False
        else:
            self.colour.follow(self.image.value)
        for row in (self.image_folder, self.truth_folder):
            row.visible = self.are_folders

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

    def counted(self, config: ModelConfig) -> Counted | None:
        """Count what is known of the labels; None where it is not known at once."""
        return self.pairs().counted(config)

    @property
    def note(self) -> str:
        """What is to be known of the image; empty if there is nothing to say."""
        if self.are_folders:
            return ""
        return taken_note(self.image.value, self._viewer.dims, self.colour.value)

    def doubt(self, ndim: int) -> str:
        """Say why the labels may not be those of the image, or no labels; empty: fine.

        Parameters
        ----------
        ndim : int
            Axes that the network reads.
        """
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
        """Choose two layers."""
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
        if isalive(self.truth.native) and not self.truth.is_own:
            self._match_labels()

    def _let_hold_unknown(self) -> None:
        """Give the labels a type that has −1."""
        layer = self.truth.value
        if _is_unsigned(layer):
            wide = signed(np.dtype(layer.dtype))
            data = layer.data
            layer.data = (
                [level.astype(wide) for level in data]
                if layer.multiscale
                else data.astype(wide)
            )
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
                "Add a Labels layer with the true objects of the image: each object a "
                "number of its own, 0 is background."
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


def is_to_learn(layer: Any) -> bool:
    """Whether a layer may be true labels: a run's that were mended by hand, too."""
    made = layer.metadata.get(METADATA_KEY)  # what only marks something has a name
    return isinstance(layer, Labels) and not isinstance(made, str)
