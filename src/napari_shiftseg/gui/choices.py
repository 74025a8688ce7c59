"""Which image, which model: the rows that every widget begins with."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from magicgui.widgets import ComboBox, Container, PushButton, show_file_dialog
from napari.layers import Image, Labels
from napari.utils.notifications import show_error
from psygnal import Signal
from qtpy.compat import isalive

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.long_names import LongNames
from napari_shiftseg.gui.source import layer_shape
from napari_shiftseg.model.header import bundled_models, named_models, read_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import napari
    from napari.layers import Layer

    from napari_shiftseg.model.config import ModelConfig

SAYS_TRUTH = re.compile(
    r"(?<![a-z])(ground[ _-]?truth|truth|labels?|masks?|gt)(?![a-z])", re.IGNORECASE
)
MOST_LOOKED_AT = 2**24  # pixels of labels; more takes too long in the GUI thread
OPEN_FIRST = "Open an image: File > Open, or File > Open Sample."
METADATA_MODELS = "shiftseg models"  # names, of an image: the usual one first
LEAST_LETTERS = 7  # of a list that may shrink
INFO_WIDTH = 32  # pixels: one letter


class LayerChoice(ComboBox):
    """A list of the viewer's layers that follows the viewer.

    It may be narrower than the names; see `LongNames`. What the user has chosen stays
    while it is open; see `offer`.

    Parameters
    ----------
    viewer : napari.Viewer
    accept : callable
        Whether a layer belongs into the list.
    **options
        Of the ComboBox.
    """

    _own: ref[Layer] | None = None  # that the user chose
    _is_automatic = False  # what is being chosen now

    def __init__(
        self, viewer: napari.Viewer, accept: Callable[[Any], bool], **options: Any
    ) -> None:
        super().__init__(
            choices=lambda _: [layer for layer in viewer.layers if accept(layer)],
            **options,
        )
        may_shrink(self)
        self._names = LongNames(self.native)
        self.changed.connect(self._keep)
        self.native.activated.connect(self._keep)  # also where it was chosen already
        viewer.layers.events.inserted.connect(self._follow)
        viewer.layers.events.removed.connect(self._follow)

    def offer(self, layer: Layer) -> None:
        """Choose a layer if it is listed, unless the user has chosen one himself."""
        own = self._own and self._own()
        if layer in self.choices and (own is None or own is not self.value):
            with self._automatically():
                self.value = layer

    def _keep(self) -> None:
        """Note what the user has chosen."""
        if not self._is_automatic:
            self._own = self.value and ref(self.value)

    @contextmanager
    def _automatically(self) -> Iterator[None]:
        self._is_automatic = True
        try:
            yield
        finally:
            self._is_automatic = False

    def reset_choices(self, *args: Any) -> None:
        """List the layers as they are now."""
        with self._automatically():
            super().reset_choices(*args)
        if hasattr(self, "_names"):  # magicgui lists them before there is a widget
            self._names.widen()

    def _follow(self) -> None:
        if isalive(self.native):
            self.reset_choices()


def may_shrink(choice: ComboBox) -> None:
    """Let a list be narrower than its longest entry: names of layers are long."""
    box = choice.native
    box.setSizeAdjustPolicy(box.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(LEAST_LETTERS)


def is_image(layer: Any) -> bool:
    """Whether a layer is an image to segment, and none that a run made."""
    return isinstance(layer, Image) and METADATA_KEY not in layer.metadata


def is_truth(layer: Any) -> bool:
    """Whether a layer may be true labels: labels that no run made."""
    return isinstance(layer, Labels) and METADATA_KEY not in layer.metadata


def is_result(layer: Any) -> bool:
    """Whether a layer holds labels that a run made."""
    return isinstance(layer, Labels) and isinstance(
        layer.metadata.get(METADATA_KEY), dict
    )


def likely_truth(image: Image, labels: Iterable[Labels | None]) -> Labels | None:
    """Return the labels that are the truth of an image, where that is plain.

    Those that have its name, as samples do; else the only ones of its shape, or of one
    frame of it, if their name says so and something is drawn in them.
    """
    layers = [layer for layer in labels if layer is not None]
    for layer in layers:
        if layer.name == f"{image.name} · truth":
            return layer
    size = layer_shape(image)
    fitting = [la for la in layers if size[-len(layer_shape(la)) :] == layer_shape(la)]
    if len(fitting) != 1:
        return None
    (only,) = fitting
    return only if SAYS_TRUTH.search(only.name) and not _is_empty(only.data) else None


def _is_empty(data: Any) -> bool:
    """Whether nothing is drawn; large, lazy or mapped labels are not looked at."""
    if not isinstance(data, np.ndarray) or isinstance(data, np.memmap):
        return False
    return data.size <= MOST_LOOKED_AT and not data.any()


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


class ModelChoice(Container):
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
        self.list = ComboBox(
            choices=lambda _: OPENED.choices(), value="disks",
            tooltip="The network that predicts: bundled, trained here, or opened",
        )  # fmt: skip
        self.open_button = PushButton(text="Open…", tooltip="Load a model from a file")
        self.info_button = PushButton(
            text="ℹ", tooltip="What this model is: opens Inspect"
        )
        self.info_button.max_width = INFO_WIDTH
        informing = [] if on_info is None else [self.info_button]
        super().__init__(
            widgets=[self.list, self.open_button, *informing],
            layout="horizontal",
            labels=False,
            label="Model",
        )
        self.margins = (0, 0, 0, 0)
        self.config: ModelConfig = read_config(self.value)
        self._is_own = False  # chosen by the user
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

    def suggest(self, image: Layer | None) -> None:
        """Choose the usual model of an image that names some, as samples do.

        A model that the user has chosen stays.
        """
        named = () if image is None else image.metadata.get(METADATA_MODELS, ())
        listed = [name for name in named if name in self.list.choices]
        if listed and not self._is_own:
            self.list.value = listed[0]

    def _keep(self) -> None:
        self._is_own = True

    def open(self, path: str | Path) -> bool:
        """Choose a model file; what is none is refused in words (False)."""
        try:
            read_config(path)
        except (OSError, ValueError) as error:
            show_error(str(error))
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
            show_error(str(error))
            self.list.value = next(iter(bundled_models()))
            return
        self.chosen.emit()

    def _follow(self) -> None:
        if isalive(self.native):
            self.list.reset_choices()
