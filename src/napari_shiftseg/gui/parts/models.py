"""Which model computes, and whether it suits an image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox, PushButton, show_file_dialog
from napari.utils.notifications import show_error, show_info
from psygnal import Signal

from napari_shiftseg.gui.parts.layout import ControlRow, is_open
from napari_shiftseg.gui.parts.opening import FILTER, look_into
from napari_shiftseg.gui.parts.source import (
    LayerSource,
    first_channel,
    is_channel,
    layer_shape,
)
from napari_shiftseg.gui.parts.text_boxes import plainly
from napari_shiftseg.networks.header import (
    PACKAGE_NAMES,
    bundled_models,
    figure_models,
    is_ours,
    named_models,
)
from napari_shiftseg.networks.loading.models import is_read_at_once, read_config
from napari_shiftseg.samples.catalogue import USUAL_MODEL, VOLUME_MODEL
from napari_shiftseg.stores.axes import is_channels_last
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Layer

    from napari_shiftseg.networks.config import NetworkConfig


METADATA_MODELS = "shiftseg models"  # names, of an image: the usual one first
REAL_NUCLEI = "figure-4d"  # trained on real images, as the usual one
INFO_WIDTH = 32  # pixels: one letter


def models_of(image: Layer) -> tuple[str, ...]:
    """Return the models that an image names, as samples do, the usual one first."""
    return tuple(image.metadata.get(METADATA_MODELS, ()))


def is_for_samples(model: str) -> bool:
    """Whether a model that comes with the plugin knows samples, and no other image."""
    of_images = {USUAL_MODEL, VOLUME_MODEL, REAL_NUCLEI}
    known = {*bundled_models(), *figure_models()} - of_images
    return model in known


def sample_model_warning(model: str, image: Layer) -> str:
    """Say that a model was made for samples, and this is none; else empty.

    Parameters
    ----------
    model : str
        Name or path.
    image : Layer
    """
    if models_of(image) or not is_for_samples(model):
        return ""
    return (
        f"the model {model} was trained on synthetic images only: for your own images "
        f"take {USUAL_MODEL} or a model of your own"
    )


def holds_volume(image: Layer) -> bool:
    """Whether an image is a volume of grey values; see `is_volume`."""
    from napari_shiftseg.pipeline.series import is_volume  # has torch imported

    if getattr(image, "rgb", False):
        return False
    source = LayerSource.of(image)
    return is_volume(source.names, source.shape)


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

    def __contains__(self, path: str) -> bool:
        return path in self._paths

    def look_again(self) -> None:
        """List what has been trained meanwhile."""
        self.changed.emit()

    def choices(self) -> list[tuple[str, str]]:
        """Return what is shown and what it stands for."""
        files = [(_name_of(Path(path)), path) for path in self._paths]
        return [*((name, name) for name in named_models()), *files]


def _name_of(path: Path) -> str:
    """Return the name of a file, or of the folder of a package it describes."""
    return path.parent.name if path.name in PACKAGE_NAMES else path.name


OPENED = OpenedModels()


def _config_of(model: str | Path) -> NetworkConfig | None:
    """Read what a model is; what cannot be read is told in a notification."""
    try:
        return read_config(model)
    except (OSError, ValueError) as error:
        show_error(plainly(str(error)))
        return None


def found_in_short(config: NetworkConfig) -> str:
    """Say in a line what was found of a network that was made elsewhere.

    Parameters
    ----------
    config : NetworkConfig
    """
    tiling = config.architecture.get("tiling", "exact")
    can = {
        "exact": "tiles of multiples of it can be exact",
        "nearly": "tiles can be nearly exact",
        "impossible": "no tiles can be exact: Inspect says why",
    }
    return f"{config.name}: period {by(config.shape.period)}, {can[tiling]}."


OF_VOLUMES = (
    f"The image is taken for a volume (z, y, x), so {VOLUME_MODEL} was chosen; "
    f"{USUAL_MODEL} takes it plane by plane, as times are."
)


class ModelChoice(ControlRow):
    """A list of models, and a button that opens a file.

    Parameters
    ----------
    on_info : callable, optional
        Called when ℹ is pressed; without it there is no such button.

    Attributes
    ----------
    config : NetworkConfig
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
            text="ℹ", tooltip="Describe this model: opens Inspect"
        )
        self.info_button.max_width = INFO_WIDTH
        informing = [] if on_info is None else [self.info_button]
        super().__init__(self.list, self.open_button, *informing, label="Model")
        self.config: NetworkConfig = read_config(self.value)
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

    @property
    def note(self) -> str:
        """Say that a model was chosen because the image is a volume; else empty."""
        is_offered = not self._is_own and not self._named
        return OF_VOLUMES if is_offered and self.value == VOLUME_MODEL else ""

    def suggest(self, image: Layer | None) -> None:
        """Choose the usual model of an image: of a sample its own, else `usual`.

        Of a volume that is the model of volumes, unless `usual` is one that the user
        chose before. A model that the user has chosen stays; but one that a sample
        names, and that was chosen for it, goes with the sample.
        """
        if image is None:
            return
        before, self._named = self._named, models_of(image)
        if self._named != before and self.value in before:
            self._is_own = False
        if not self._is_own:
            named = (*self._named, self._usual_for(image))
            listed = [name for name in named if name in self.list.choices]
            self.list.value = listed[0] if listed else USUAL_MODEL

    def _usual_for(self, image: Layer) -> str:
        if self.usual not in (USUAL_MODEL, VOLUME_MODEL):
            return self.usual
        return VOLUME_MODEL if holds_volume(image) else USUAL_MODEL

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
        """Choose a model file; what is none is refused in words (False).

        A network that was made elsewhere is chosen later, once it is looked into.
        """
        was_opened = str(path) in OPENED and is_read_at_once(path)
        if not is_ours(Path(path)) and not was_opened:
            look_into(path, self.native, self._take_found)
            return True
        if _config_of(path) is None:
            return False
        self._offer(str(path))
        return True

    def _take_found(self, path: str, config: NetworkConfig) -> None:
        self._offer(path)
        show_info(found_in_short(config))

    def _offer(self, path: str) -> None:
        OPENED.add(path)
        self.value = path

    def _ask(self) -> None:
        path = show_file_dialog("r", "Open a model", filter=FILTER)
        if path:
            self.open(path)

    def _choose(self) -> None:
        model = self.value
        if not is_read_at_once(model):  # its file was changed
            self.list.value = USUAL_MODEL
            look_into(model, self.native, self._take_found)
            return
        config = _config_of(model)
        if config is None:  # the file went or changed meanwhile
            self.list.value = USUAL_MODEL
            return
        self.config = config
        self.chosen.emit()

    def _follow(self) -> None:
        if not is_open(self.native):
            return
        chosen = self.value
        with self.list.changed.blocked():
            self.list.reset_choices()
            if chosen not in self.list.choices:
                self.list.value = USUAL_MODEL
        if self.value != chosen:
            self.list.changed.emit(self.value)


def leading_axes(layer: Layer, config: NetworkConfig) -> int:
    """Return how many axes (time, planes) stand before those that the model reads.

    Parameters
    ----------
    layer : Layer
    config : NetworkConfig
        Of the model.

    Raises
    ------
    ValueError
        If the image has fewer axes than the model reads, or channels where it reads
        none, or the model reads one axis only.
    """
    if config.ndim < 2:
        raise ValueError(
            "this model reads images of one axis, which napari does not show: use it "
            "in Python or on the command line"
        )
    shape, channel = layer_shape(layer), first_channel(layer)
    if channel is not None and config.in_channels > 1:
        raise ValueError(
            f"this model reads {config.in_channels} channels together, napari shows "
            f"one channel at a time: use it in Python or on the command line"
        )
    if getattr(layer, "rgb", False) and config.in_channels > 1:
        raise ValueError(
            f"this model reads {config.in_channels} channels together, and of colours "
            f"one is read here, or their grey: use it in Python or on the command line"
        )
    leading = config.leading_axes(len(shape))
    if config.in_channels == 1 and not getattr(layer, "rgb", False):
        _refuse_channels_last(layer, shape, config.ndim)
    if channel is not None and channel.axis >= max(leading, 1):
        raise ValueError(
            f"channels lie between the axes that the model reads (axis {channel.axis} "
            f"of {layer.ndim}): add the image to napari with "
            f"channel_axis={channel.axis}, one layer per channel"
        )
    return leading


def _refuse_channels_last(layer: Layer, shape: tuple[int, ...], ndim: int) -> None:
    named = is_channel(layer.axis_labels[-1])
    if 0 in shape or not (named or is_channels_last(shape, ndim)):
        return
    colours = ", or with rgb=True" if shape[-1] in (3, 4) else ""
    raise ValueError(
        f"the last axis of the image, of {by(shape)}, seems to hold channels: add it "
        f"to napari with channel_axis=-1, one layer per channel{colours}"
    )
