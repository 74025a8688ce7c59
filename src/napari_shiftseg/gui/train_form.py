"""What the Train widget is asked to do: pairs, network, window, steps."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import (
    ComboBox,
    Container,
    FileEdit,
    LineEdit,
    RadioButtons,
    SpinBox,
)
from napari.layers import Labels
from qtpy.compat import isalive

from napari_shiftseg.geometry.advice import by
from napari_shiftseg.geometry.window import as_window, parse_window, window_text
from napari_shiftseg.gui.choices import OPENED, LayerChoice, is_image
from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.note import align_labels
from napari_shiftseg.gui.source import Source, colour_note, layer_shape
from napari_shiftseg.gui.training_pairs import FolderPair, LayerPair
from napari_shiftseg.gui.training_run import TrainingTask
from napari_shiftseg.gui.validation_preview import VALIDATION
from napari_shiftseg.model.header import new_model_path, read_config
from napari_shiftseg.training.networks import (
    fine_tuned_config,
    object_config,
    usual_depth,
)
from napari_shiftseg.training.training_window import (
    nearest_raw_outputs,
    refuse_small_images,
    refuse_untrained_phases,
    usual_window,
)

if TYPE_CHECKING:
    import napari

    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.gui.train_advanced import TrainAdvanced
    from napari_shiftseg.gui.training_pairs import Pairs
    from napari_shiftseg.model.config import ModelConfig

LAYERS, FOLDERS = "layers", "folders"
NOTHING = "nothing"  # to start from
NAME = "my-model"
STEPS = 300  # minutes on a CPU, and nuclei are found


class NotChosenYet(ValueError):
    """Something has still to be chosen; nothing is wrong."""


class TrainForm(Container):
    """The rows above the advice, and what they and the advanced controls stand for.

    Parameters
    ----------
    viewer : napari.Viewer
    advanced : TrainAdvanced
        Shown elsewhere.
    """

    def __init__(self, viewer: napari.Viewer, advanced: TrainAdvanced) -> None:
        self.advanced = advanced
        self._offered = ""  # window that was not typed
        self._build(viewer)
        super().__init__(
            widgets=[
                self.kind, self.image, self.truth, self.image_folder, self.truth_folder,
                self.network, self.start, self.model_name, self.depth, self.window,
                self.steps,
            ]
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)
        align_labels(self)
        self.image.changed.connect(self._match_labels)
        self.network.changed.connect(self._take_network)
        self.start.changed.connect(self._take_network)
        OPENED.changed.connect(self._follow_models)
        self._take_network()
        self._match_labels()

    def _build(self, viewer: napari.Viewer) -> None:
        self.kind = RadioButtons(
            choices=(LAYERS, FOLDERS), value=LAYERS, orientation="horizontal",
            label="Train on",
            tooltip="folders: files of one name belong together, also NAME and "
            "NAME_labels; TIFF or .npy.",
        )  # fmt: skip
        self.image = LayerChoice(viewer, is_image, label="Image")
        self.truth = LayerChoice(
            viewer, is_to_learn, label="Labels",
            tooltip="The true objects: each a number of its own, 0 is background.",
        )  # fmt: skip
        self.image_folder = FileEdit(mode="d", nullable=True, label="Images")
        self.truth_folder = FileEdit(mode="d", nullable=True, label="Labels")
        self.network = ComboBox(
            choices=[("2-D, plane by plane", 2), ("3-D", 3)], label="Network",
            tooltip="A 2-D network learns from each plane that has labels. A 3-D one "
            "takes far longer.",
        )  # fmt: skip
        self.start = ComboBox(
            choices=lambda _: starts(), label="Start from",
            tooltip="nothing: a new network. A model: fine-tune it, its network stays.",
        )  # fmt: skip
        self.model_name = LineEdit(
            value=NAME, label="Name", tooltip="Of the new model in every list."
        )
        self.depth = SpinBox(
            value=4, min=1, max=6, label="Depth",
            tooltip="Poolings of the network: the period is 2 to this power, in "
            "pixels. Objects larger than a few periods need more.",
        )  # fmt: skip
        self.window = LineEdit(
            label="Training window",
            tooltip="Size that the loss sees, in pixels: 244, or one value an axis. "
            "Empty: the largest that fits, up to 244 (60 in 3-D).",
        )
        self.steps = SpinBox(
            value=STEPS, min=1, max=10**6, label="Steps",
            tooltip="300 for a first result; thousands for a good model.",
        )  # fmt: skip

    # What is shown

    def show_rows(self) -> None:
        """Show the rows that matter."""
        layers = self.kind.value == LAYERS
        for row in (self.image, self.truth):
            row.visible = layers
        for row in (self.image_folder, self.truth_folder):
            row.visible = not layers
        stack = not layers or (
            self.image.value is not None and self.image.value.ndim > 2
        )
        self.network.visible = stack and self._begins_with is None
        self.depth.enabled = self._begins_with is None
        self.advanced.lock_network(self._begins_with is not None)

    def offer_window(self) -> None:
        """Write the usual window into its field, unless the user typed another."""
        if self.window.value != self._offered:
            return
        size = self._sizes()
        window = usual_window(self.shape, size) if size else ()
        self._offered = window_text(window) if window else ""
        self.window.value = self._offered

    def use_window(self, window: tuple[int, ...]) -> None:
        """Write a window into its field."""
        self.window.value = window_text(window)

    def _take_network(self) -> None:
        """Show the depth that the network has, or usually has."""
        start = self._start()
        if start is None:
            self.depth.value = usual_depth(self.ndim)
        else:
            self.depth.value = max(axis.depth for axis in start.shape.axes)

    def _match_labels(self) -> None:
        """Choose labels of as many pixels as the image, if there are any."""
        image, labels = self.image.value, self.truth.value
        if image is None or (
            labels is not None and layer_shape(labels) == layer_shape(image)
        ):
            return
        for layer in self.truth.choices:
            if layer_shape(layer) == layer_shape(image):
                self.truth.value = layer
                return

    def _follow_models(self) -> None:
        if isalive(self.native):
            self.start.reset_choices()

    # What it stands for

    @property
    def ndim(self) -> int:
        """Axes that the network reads."""
        start = self._start()
        if start is not None:
            return start.ndim
        flat = self.image.value is None or self.image.value.ndim == 2
        return 2 if self.kind.value == LAYERS and flat else self.network.value

    @property
    def shape(self) -> UNetShape:
        """Sizes of the network."""
        return self.config(NAME).shape

    def config(self, name: str) -> ModelConfig:
        """Return the network, under this name."""
        start = self._start()
        if start is not None:
            return fine_tuned_config(name, start)
        return object_config(
            name, ndim=self.ndim, depth=self.depth.value, **self.advanced.network()
        )

    def training_window(self) -> tuple[int, ...] | None:
        """Return the window that is asked for; None: the usual one of what is read.

        Raises
        ------
        ValueError
            If it is no window, is below the period or larger than the image.
        """
        text, shape = self.window.value.strip(), self.shape
        if not text:
            return None
        window = as_window(parse_window(text), shape.ndim)
        refuse_untrained_phases(window, shape)
        refuse_small_images(window, shape, self._sizes())
        return window

    def better_windows(self) -> list[tuple[int, ...]]:
        """Return windows to offer: the nearest raw outputs and the usual window.

        Those that the image does not hold, and what is in the field, are left out.
        """
        shape, sizes = self.shape, self._sizes()
        try:
            window = as_window(parse_window(self.window.value), shape.ndim)
        except ValueError:
            window = ()
        offered = list(nearest_raw_outputs(window, shape)) if window else []
        offered += [usual_window(shape, sizes)] if sizes else []
        return [
            w
            for w in dict.fromkeys(offered)
            if w != window
            and all(n <= m for size in sizes for n, m in zip(w, size, strict=True))
        ]

    def notes(self, about_name: bool) -> list[str]:
        """Return what is to be known about the pairs and, if asked for, the name."""
        file = new_model_path(self.model_name.value)
        asked = self.model_name.value.strip()
        taken = f"There is a model {asked!r} already: this one will be {file.stem!r}."
        return [
            self._about_validation(),
            taken * (about_name and file.stem != asked),
            colour_note(self.image.value) if self.kind.value == LAYERS else "",
        ]

    def _about_validation(self) -> str:
        if self.kind.value == FOLDERS:
            return "Every tenth image is held out: the network is validated on it."
        size = layer_shape(self.truth.value)
        planes = prod(size[: len(size) - self.ndim])
        if planes > 1:
            return (
                f"Of {planes:,} planes those with labels are trained on, every tenth "
                f"of them is held out: the network is validated on it."
            )
        return (
            "One image is trained on and validated on: AP50 says nothing of other "
            "images."
        )

    def check(self) -> None:
        """Refuse what cannot be trained on, before any pixel is read.

        Raises
        ------
        NotChosenYet
            If images or labels are not chosen yet.
        ValueError
            If they do not fit each other or the network.
        """
        if self.kind.value == FOLDERS:
            self._check_folders()
        else:
            self._check_layers()
        new_model_path(self.model_name.value)
        self.training_window()

    def task(self, device: str) -> TrainingTask:
        """Return what the controls ask for.

        Raises
        ------
        ValueError
            If a control says what cannot be.
        """
        self.check()
        file = new_model_path(self.model_name.value)
        return TrainingTask(
            file=file,
            pairs=self._pairs(),
            config=self.config(file.stem),
            start=self._begins_with,
            window=self.training_window(),
            steps=self.steps.value,
            every=self.advanced.validated_every(self.steps.value),
            recipe=self.advanced.recipe(),
            device=device,
        )

    @property
    def _begins_with(self) -> str | None:
        return None if self.start.value in (None, NOTHING) else self.start.value

    def _start(self) -> ModelConfig | None:
        return self._begins_with and read_config(self._begins_with)

    def _sizes(self) -> list[tuple[int, ...]]:
        """Return the pixels of an image, per axis; none where it is not known yet."""
        if self.kind.value == FOLDERS or self.image.value is None:
            return []
        size = layer_shape(self.image.value)
        return [size[-self.ndim :]] if len(size) >= self.ndim else []

    def _pairs(self) -> Pairs:
        if self.kind.value == FOLDERS:
            return FolderPair(self.image_folder.value, self.truth_folder.value)
        labels = self.truth.value
        data = labels.data[0] if labels.multiscale else labels.data
        return LayerPair(Source.of(self.image.value), data, labels.name)

    def _check_folders(self) -> None:
        for row, what in (
            (self.image_folder, "images"),
            (self.truth_folder, "their labels"),
        ):
            if row.value is None:
                raise NotChosenYet(f"Choose the folder of {what}.")
            if not row.value.is_dir():
                raise ValueError(f"there is no folder {row.value}")

    def _check_layers(self) -> None:
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
        own = self.config(NAME).image_axes
        size, needed = layer_shape(image), layer_shape(labels)
        if len(size) < own:
            raise ValueError(
                f"the network reads {own} axes, the image has {len(size)}: choose "
                f"another image, or another model to start from"
            )
        expected = (*size[: len(size) - own], *size[len(size) - self.ndim :])
        if needed != expected:
            raise ValueError(
                f"the labels need as many pixels as the image, {by(expected)}, "
                f"got {by(needed)}: choose the labels of this image"
            )


def is_to_learn(layer: Any) -> bool:
    """Whether a layer may be true labels: a run's that were mended by hand, too."""
    return isinstance(layer, Labels) and layer.metadata.get(METADATA_KEY) != VALIDATION


def starts() -> list[tuple[str, str]]:
    """Return what a training can begin with: what is shown, what it stands for.

    Nothing, or a model that can be fine-tuned.
    """
    models = [choice for choice in OPENED.choices() if _can_start(choice[1])]
    return [(NOTHING, NOTHING), *models]


def _can_start(model: str) -> bool:
    try:
        return read_config(model).foreground
    except (OSError, ValueError):  # no model, or gone
        return False
