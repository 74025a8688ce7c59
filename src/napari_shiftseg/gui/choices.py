"""Which image, which model: the rows that every widget begins with."""

from __future__ import annotations

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

from napari_shiftseg.gui.belonging import SAYS_TRUTH, says_it_is_of
from napari_shiftseg.gui.identity import is_made_from
from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.long_names import LongNames
from napari_shiftseg.gui.plain_text import plainly
from napari_shiftseg.gui.source import layer_shape
from napari_shiftseg.model.header import (
    bundled_models,
    figure_models,
    named_models,
    read_config,
)
from napari_shiftseg.samples.catalogue import USUAL_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import napari
    from napari.layers import Layer

    from napari_shiftseg.model.config import ModelConfig

MOST_LOOKED_AT = 2**24  # pixels of labels; more takes too long in the GUI thread
OPEN_FIRST = "Open an image: File > Open, or File > Open Sample."
METADATA_MODELS = "shiftseg models"  # names, of an image: the usual one first
LEAST_LETTERS = 7  # of a list that may shrink
INFO_WIDTH = 32  # pixels: one letter


class LayerChoice(ComboBox):
    """A list of the viewer's layers that follows the viewer, and their names.

    It begins with the layer that is selected there, or the image that this was made
    from. A layer stays chosen whatever it is named; what the user has chosen stays
    while it is open; see `offer`. The list may be narrower than the names; see
    `LongNames`.

    Parameters
    ----------
    viewer : napari.Viewer
    accept : callable
        Whether a layer belongs into the list.
    follows_selection : bool
        Whether it begins with what is selected.
    **options
        Of the ComboBox.
    """

    _own: ref[Layer] | None = None  # that the user chose
    _is_automatic = False  # what is being chosen now

    def __init__(
        self,
        viewer: napari.Viewer,
        accept: Callable[[Any], bool],
        follows_selection: bool = True,
        **options: Any,
    ) -> None:
        self._layers = lambda: [layer for layer in viewer.layers if accept(layer)]
        super().__init__(choices=lambda _: self._layers(), **options)
        may_shrink(self)
        self._names = LongNames(self.native)
        self.changed.connect(self._keep)
        self.native.activated.connect(self._keep)  # also where it was chosen already
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.renamed,
                      events.reordered):  # fmt: skip
            event.connect(self._follow)
        begun = selected(viewer, self._layers()) if follows_selection else None
        self._began_with_selected = begun is not None
        self.suggest(begun)

    def offer(self, layer: Layer) -> None:
        """Choose a layer if it is listed, unless the user has chosen one himself."""
        own = self._own and self._own()
        if own is None or own is not self.value:
            self.suggest(layer)

    def suggest(self, layer: Layer | None) -> None:
        """Choose a layer if it is listed; that is no choice of the user's."""
        if layer is not None and layer in self.choices:
            with self._automatically():
                self.value = layer

    def follow(self, other: LayerChoice, opening: bool = False) -> None:
        """Choose what another list has, unless the user has chosen one here.

        In a widget that is being opened what is selected in the viewer counts more,
        unless the user has chosen the other.
        """
        is_selected = opening and self._began_with_selected
        if not self.is_own and (other.is_own or not is_selected):
            self.suggest(other.value)

    @property
    def is_own(self) -> bool:
        """Whether the user has chosen what is chosen."""
        return self._own is not None and self._own() is self.value

    def _keep(self) -> None:
        """Note what the user has chosen."""
        if not self._is_automatic:
            self._own = self.value and ref(self.value)

    @contextmanager
    def _automatically(self) -> Iterator[None]:
        before, self._is_automatic = self._is_automatic, True
        try:
            yield
        finally:
            self._is_automatic = before

    def reset_choices(self, *args: Any) -> None:
        """List the layers as they are now; magicgui would choose by name."""
        if not hasattr(self, "_names"):  # magicgui lists them before there is a widget
            super().reset_choices(*args)
            return
        chosen = self.value
        with self._automatically():
            with self.changed.blocked():
                self._list_anew(chosen)
            if self.value is not chosen:
                self.changed.emit(self.value)
        self._names.widen()

    def _list_anew(self, chosen: Layer | None) -> None:
        listed = [self.native.itemText(row) for row in range(self.native.count())]
        names = [layer.name for layer in self._layers()]
        if len(set(names)) < len(names):
            return  # napari gives one of them another name, and tells so
        if [name for name in listed if name != self.null_string] != names:
            self.native.clear()
        super().reset_choices()
        if chosen is not None and chosen in self.choices:
            self.value = chosen

    def _follow(self) -> None:
        if isalive(self.native):
            self.reset_choices()


def selected(viewer: napari.Viewer, listed: Sequence[Layer]) -> Layer | None:
    """Return the layer that is selected, or what belongs to it, if that is listed.

    To labels of a run belongs the image that they were made from, to an image the
    topmost labels that were made from it. Of several that are selected the topmost.
    """
    chosen = [la for la in viewer.layers if la in viewer.layers.selection]
    for layer in reversed(chosen):
        if layer in listed:
            return layer
    for layer in reversed(chosen):
        for other in reversed(listed):
            if _are_of_one_run(layer, other):
                return other
    return None


def _are_of_one_run(one: Layer, other: Layer) -> bool:
    """Whether one of two layers was made from the other."""
    records = [(one.metadata.get(METADATA_KEY), other)]
    records.append((other.metadata.get(METADATA_KEY), one))
    return any(isinstance(r, dict) and is_made_from(r, layer) for r, layer in records)


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


def models_of(image: Layer) -> tuple[str, ...]:
    """Return the models that an image names, as samples do, the usual one first."""
    return tuple(image.metadata.get(METADATA_MODELS, ()))


def likely_truth(image: Image, labels: Iterable[Labels | None]) -> Labels | None:
    """Return the labels that are the truth of an image, where that is plain.

    Those that say so, as a sample's do, or have its name; else the only ones of its
    shape, or of one frame of it, if their name says so and something is drawn in them.
    """
    layers = [
        layer
        for layer in labels
        if layer is not None and says_it_is_of(layer, image) is not False
    ]
    for layer in layers:
        if says_it_is_of(layer, image) or layer.name == f"{image.name} · truth":
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
        super().__init__(
            widgets=[self.list, self.open_button, *informing],
            layout="horizontal",
            labels=False,
            label="Model",
        )
        self.margins = (0, 0, 0, 0)
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
