"""What Train is asked to do: pairs, network, window, steps, advanced rows."""

from __future__ import annotations

from dataclasses import asdict
from math import prod
from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox, LineEdit, SpinBox

from napari_shiftseg.geometry.window import as_window, parse_window
from napari_shiftseg.gui.parts.intensity_choice import IntensityChoice
from napari_shiftseg.gui.parts.layout import ControlForm, is_open
from napari_shiftseg.gui.parts.models import OPENED, holds_volume
from napari_shiftseg.gui.parts.records import CorrectionRecord
from napari_shiftseg.gui.parts.source import layer_shape
from napari_shiftseg.gui.parts.window_advice import WindowChoice, images_text
from napari_shiftseg.gui.train.advanced import LOSS_OF, USUAL_LOSS, TrainAdvancedRows
from napari_shiftseg.gui.train.choice import PairsChoice
from napari_shiftseg.gui.train.run import TrainingTask
from napari_shiftseg.intensity.scale import USUAL_READING, Reading
from napari_shiftseg.networks.header import (
    find_model,
    is_ours,
    new_model_path,
    read_unet_config,
)
from napari_shiftseg.samples.catalogue import USUAL_MODEL, VOLUME_MODEL
from napari_shiftseg.training.defaults import (
    fine_tuned_config,
    nearest_raw_outputs,
    object_config,
    refuse_small_images,
    refuse_untrained_phases,
    usual_depth,
    usual_window,
)

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Labels

    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.training.pairs import Counted


SAME_READING = "Choose this intensity in Segment, too: the model does not keep it."
NOTHING = "nothing"  # to start from
NAME = "my-model"
STEPS = 300  # minutes on a CPU, and nuclei are found


class TrainForm(ControlForm):
    """The rows above the advice, and what they and the advanced controls stand for.

    The advanced controls are shown elsewhere.
    """

    def __init__(self, viewer: napari.Viewer, advanced: TrainAdvancedRows) -> None:
        self.advanced = advanced
        self._build(viewer)
        super().__init__(
            *self.pairs.rows, self.intensity, self.network, self.start,
            self.model_name, self.depth, self.window, self.steps,
        )  # fmt: skip
        for control in (self.network, self.start):
            control.changed.connect(self._take_network)
            control.changed.connect(self.intensity.refresh)
        self.start.changed.connect(self._take_loss)
        self.pairs.image.changed.connect(self._suggest)
        OPENED.changed.connect(self._follow_models)
        self._take_network()
        self._take_loss()
        self._suggest(self.pairs.image.value)

    def _build(self, viewer: napari.Viewer) -> None:
        self.pairs = PairsChoice(viewer)
        self.network = ComboBox(
            choices=[("2-D, plane by plane", 2), ("3-D", 3)], label="Network",
            tooltip="A 2-D network learns from each plane that has labels. A 3-D one "
            "takes far longer.",
        )  # fmt: skip
        self.start = ComboBox(
            choices=lambda _: starts(), label="Start from",
            value=_usual_start(False),
            tooltip="nothing: train a new network. A model: fine-tune it.",
        )  # fmt: skip
        self._suggested = self.start.value
        self.model_name = LineEdit(
            value=NAME, label="Name", tooltip="Name of the new model in the lists."
        )
        self.depth = SpinBox(
            value=4, min=1, max=6, label="Depth",
            tooltip="How often the network pools: its period is 2 to this power, in "
            "pixels. Objects larger than a few periods need more.",
        )  # fmt: skip
        self.window = WindowChoice(
            "Training window",
            "Size that the loss sees, in pixels: 244, or one value per axis. "
            "Empty: the largest that fits, up to 244 (60 in 3-D).",
        )
        self.steps = SpinBox(
            value=STEPS, min=1, max=10**6, label="Steps",
            tooltip="300 for a first result; thousands for a good model.",
        )  # fmt: skip
        self.intensity = IntensityChoice(
            self.pairs.image, lambda: self.config(NAME), self.pairs.colour
        )

    # What is shown

    def take_corrections(self, image: Image, labels: Labels) -> None:
        """Choose corrections, and the model that made the labels if it can go on.

        Parameters
        ----------
        image : Image
        labels : Labels
        """
        self.pairs.choose(image, labels)
        corrected = CorrectionRecord.read(labels)
        if corrected is None:  # labels of the user's own
            return
        self.network.value = corrected.ndim
        known = [value for _, value in starts()]
        self.start.value = corrected.model if corrected.model in known else NOTHING
        self.intensity.restore(asdict(corrected))

    def show_rows(self) -> None:
        """Show the rows that matter."""
        self.pairs.show_rows()
        self.intensity.read_files(self.pairs.are_folders)
        self.network.visible = not self.pairs.is_flat and self._begins_with is None
        self.depth.enabled = self._begins_with is None
        self.advanced.begin_with_model(self._begins_with is not None)

    def offer_window(self) -> None:
        """Write the usual window into its field, unless the user typed another."""
        size = self.pairs.sizes(self.ndim)
        self.window.follow(usual_window(self.shape, size) if size else ())

    def _take_network(self) -> None:
        """Show the depth that the network has, or usually has."""
        start = self._start()
        if start is None:
            self.depth.value = usual_depth(self.ndim)
        else:
            self.depth.value = max(axis.depth for axis in start.shape.axes)

    def _take_loss(self) -> None:
        """Show the loss of the model to begin with; without one, the usual one."""
        start = self._start()
        self.advanced.loss.value = LOSS_OF[start.embedding] if start else USUAL_LOSS

    def _suggest(self, image: Image | None) -> None:
        """Begin with the model of volumes on a volume, unless the user chose another.

        A new network, too, is one of the axes of the image.
        """
        if image is None or self.start.value != self._suggested:
            return
        is_of_volume = holds_volume(image)
        self.network.value = 3 if is_of_volume else 2
        self.start.value = self._suggested = _usual_start(is_of_volume)

    def _follow_models(self) -> None:
        if is_open(self.native):
            self.start.reset_choices()

    # What it stands for

    @property
    def ndim(self) -> int:
        """Axes that the network reads."""
        start = self._start()
        if start is not None:
            return start.ndim
        return 2 if self.pairs.is_flat else self.network.value

    @property
    def shape(self) -> UNetShape:
        """Sizes of the network."""
        return self.config(NAME).shape

    def config(self, name: str) -> ModelConfig:
        """Return the network, under this name."""
        start = self._start()
        if start is not None:
            return fine_tuned_config(name, start, self.advanced.loss.value)
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
        refuse_small_images(window, shape, self.pairs.sizes(self.ndim))
        return window

    def better_windows(self) -> list[tuple[int, ...]]:
        """Return windows to offer: the nearest raw outputs and the usual window.

        Those that the image does not hold, and what is in the field, are left out.
        """
        shape, sizes = self.shape, self.pairs.sizes(self.ndim)
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
        """Return what is to be known about pairs and name, most important first."""
        file = new_model_path(self.model_name.value)
        asked = self.model_name.value.strip()
        taken = f"There is already a model {asked!r}: this one will be {file.stem!r}."
        count = self.pairs.pairs().counted(self.config(NAME))
        sentences = [
            *(self._about_corrections(count) or [self._about_validation()]),
            taken if about_name and file.stem != asked else "",
            self.pairs.note,
            self.pairs.about_classes,
            "" if self.intensity.reading == USUAL_READING else SAME_READING,
        ]
        if count is not None and count.is_partly:
            sentences.append(
                "With fewer than ten corrected regions AP50 says nothing about other "
                "images; with ten or more, every tenth is held out for validation."
            )
        return list(filter(None, sentences))

    def _about_corrections(self, count: Counted | None) -> list[str]:
        if count is None or not count.is_partly:
            return []
        counts, rest = f"{count.line}.", "The rest is not known and does not count."
        corrected = CorrectionRecord.read(self.pairs.truth.value)
        if corrected is None:
            return [counts, rest]
        what = [f"{corrected.line}.", f"With what is next to them {counts}", rest]
        if self._begins_with is None and (why := _why_no_start(corrected.model)):
            what.append(
                f"Model {corrected.model!r} {why} and cannot be fine-tuned: a new "
                f"network is trained from scratch."
            )
        return what

    def _about_validation(self) -> str:
        if self.pairs.are_folders:
            return "Every tenth image is held out for validation."
        size = layer_shape(self.pairs.truth.value)
        planes = prod(size[: len(size) - self.ndim])
        if planes > 1:
            return (
                f"Of {images_text(self.pairs.truth.value, planes)}, those with labels "
                f"are trained on; every tenth of them is held out for validation."
            )
        return (
            "Training and validation use the same image: AP50 says nothing about "
            "other images."
        )

    def check(self) -> None:
        """Refuse what cannot be trained on; see `PairsChoice.check`."""
        self.pairs.check(self.config(NAME))
        self.intensity.settings()
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
            pairs=self.pairs.pairs(),
            config=self.config(file.stem),
            start=self._begins_with,
            window=self.training_window(),
            steps=self.steps.value,
            every=self.advanced.validated_every(self.steps.value),
            recipe=self.advanced.recipe(),
            device=device,
            reading=Reading(**self.intensity.settings()),
        )

    @property
    def _begins_with(self) -> str | None:
        return None if self.start.value in (None, NOTHING) else self.start.value

    def _start(self) -> ModelConfig | None:
        model = self._begins_with
        return None if model is None else read_unet_config(model)


def starts() -> list[tuple[str, str]]:
    """Return what is shown of what a training can begin with, and what it means."""
    models = [choice for choice in OPENED.choices() if not _why_no_start(choice[1])]
    return [(NOTHING, NOTHING), *models]


def _usual_start(is_of_volume: bool) -> str:
    """Return the model that a training begins with, if it can.

    They learn other bright objects in few steps, too.
    """
    usual = VOLUME_MODEL if is_of_volume else USUAL_MODEL
    return NOTHING if _why_no_start(usual) else usual


def _why_no_start(model: str) -> str:
    """Say why a training here cannot begin with a model; empty if it can."""
    try:
        if not is_ours(find_model(model)):
            return "was made elsewhere"
        config = read_unet_config(model)
    except (OSError, ValueError):  # no model, or gone
        return "has no foreground logit"
    if config.classes:
        return "needs the class of every object, which the command line takes,"
    return "" if config.foreground else "has no foreground logit"
