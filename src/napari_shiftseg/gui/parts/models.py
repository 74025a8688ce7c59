"""Which model: the bundled ones, those opened, and which suits an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox, PushButton, show_file_dialog
from napari.utils.notifications import show_error
from psygnal import Signal
from qtpy.compat import isalive

from napari_shiftseg.gui.parts.plain_text import plainly
from napari_shiftseg.gui.parts.rows import ControlRow
from napari_shiftseg.networks.header import (
    bundled_models,
    figure_models,
    named_models,
    read_config,
)
from napari_shiftseg.samples.catalogue import USUAL_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Layer

    from napari_shiftseg.networks.config import ModelConfig


METADATA_MODELS = "shiftseg models"  # names, of an image: the usual one first


INFO_WIDTH = 32  # pixels: one letter


def models_of(image: Layer) -> tuple[str, ...]:
    """Return the models that an image names, as samples do, the usual one first."""
    return tuple(image.metadata.get(METADATA_MODELS, ()))


def is_for_samples(model: str) -> bool:
    """Whether a model that comes with the plugin knows samples, and no other image."""
    return model != USUAL_MODEL and model in (*bundled_models(), *figure_models())


def sample_model_warning(model: str, image: Layer) -> str:
    """Say that a model was made for samples, and this is none; else empty."""
    if models_of(image) or not is_for_samples(model):
        return ""
    return (
        f"the model {model} knows its own synthetic images alone: for an image of "
        f"yours take {USUAL_MODEL}, or a model of your own"
    )


class OpenedModels:
    """Models known by name, and files opened so far; all widgets list them."""

    changed = Signal()

    def __init__(self) -> None:
        self._paths: list[str] = []

    def add(self, path: str) -> None:
        """List a model file, once."""
        if path not in (*self._paths, *named_models()):
            self._paths.append(path)
            self.changed.emit()

    def look_again(self) -> None:
        """List what has been trained meanwhile."""
        self.changed.emit()

    def choices(self) -> list[tuple[str, str]]:
        """Return what is shown and what it stands for."""
        files = [(Path(path).name, path) for path in self._paths]
        return [*((name, name) for name in named_models()), *files]


OPENED = OpenedModels()


class ModelChoice(ControlRow):
    """A list of models, and a button that opens a file.

    Parameters
    ----------
    on_info : callable, optional
        Called when ℹ is pressed; without it there is no such button.

    Attributes
    ----------
    config : ModelConfig
        Of the chosen model, read once.
    chosen : Signal
        Emitted when another model is chosen.
    """

    chosen = Signal()

    def __init__(self, on_info: Callable[[], None] | None = None) -> None:
        self._is_own = False  # chosen by the user
        self._named: tuple[str, ...] = ()  # by the sample that is chosen
        self.usual = USUAL_MODEL
        self.list = ComboBox(
            choices=lambda _: OPENED.choices(), value=USUAL_MODEL,
            tooltip="The network that predicts: bundled, trained here, or opened",
        )  # fmt: skip
        self.open_button = PushButton(text="Open…", tooltip="Load a model from a file")
        self.info_button = PushButton(
            text="ℹ", tooltip="What this model is: opens Inspect"
        )
        self.info_button.max_width = INFO_WIDTH
        informing = [] if on_info is None else [self.info_button]
        super().__init__(self.list, self.open_button, *informing, label="Model")
        self.config: ModelConfig = read_config(self.value)
        self.list.changed.connect(self._choose)
        self.list.native.activated.connect(self._keep)
        self.open_button.changed.connect(self._ask)
        if on_info is not None:
            self.info_button.changed.connect(lambda: on_info())
        OPENED.changed.connect(self._follow)

    @property
    def value(self) -> str:
        """Name of a bundled model or of the user's own, or path of a file."""
        name: str = self.list.value
        return name

    @value.setter
    def value(self, name: str) -> None:
        self._keep()
        self.list.value = name

    @property
    def is_own(self) -> bool:
        """Whether the user has chosen the model, and not only one of a sample's."""
        return self._is_own and self.value not in self._named

    def suggest(self, image: Layer | None) -> None:
        """Choose the usual model of an image: of a sample its own, else `usual`.

        A model that the user has chosen stays; but one that a sample names, and that
        was chosen for it, goes with the sample.
        """
        if image is None:
            return
        before, self._named = self._named, models_of(image)
        if self._named != before and self.value in before:
            self._is_own = False
        if not self._is_own:
            listed = [n for n in (*self._named, self.usual) if n in self.list.choices]
            self.list.value = listed[0] if listed else USUAL_MODEL

    def take(self, name: str) -> None:
        """Choose the model that another widget has, if it is listed."""
        if name in self.list.choices:
            self.list.value = name

    def follow(self, other: ModelChoice) -> None:
        """Choose what another widget has, unless the user has chosen one here."""
        self.usual = other.value if other.is_own else other.usual
        if not self._is_own:
            self.take(other.value)

    def _keep(self) -> None:
        self._is_own = True

    def open(self, path: str | Path) -> bool:
        """Choose a model file; what is none is refused in words (False)."""
        try:
            read_config(path)
        except (OSError, ValueError) as error:
            show_error(plainly(str(error)))
            return False
        OPENED.add(str(path))
        self.value = str(path)
        return True

    def _ask(self) -> None:
        path = show_file_dialog("r", "Open a model", filter="Models (*.safetensors)")
        if path:
            self.open(path)

    def _choose(self) -> None:
        try:
            self.config = read_config(self.value)
        except (OSError, ValueError) as error:  # the file went or changed meanwhile
            show_error(plainly(str(error)))
            self.list.value = USUAL_MODEL
            return
        self.chosen.emit()

    def _follow(self) -> None:
        if not isalive(self.native):
            return
        chosen = self.value
        with self.list.changed.blocked():
            self.list.reset_choices()
            if chosen not in self.list.choices:
                self.list.value = USUAL_MODEL
        if self.value != chosen:
            self.list.changed.emit(self.value)
