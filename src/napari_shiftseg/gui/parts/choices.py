"""Which layer: lists of images and labels, and of the colours of an image."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from magicgui.widgets import ComboBox
from napari.layers import Image, Labels
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QStyle, QStyleOptionComboBox, QStylePainter, QToolTip

from napari_shiftseg.gui.parts.belonging import (
    METADATA_KEY,
    SAYS_TRUTH,
    MadeFrom,
    says_it_is_of,
)
from napari_shiftseg.gui.parts.layout import Watch, is_open
from napari_shiftseg.gui.parts.source import COLOURS, layer_shape
from napari_shiftseg.gui.parts.text_boxes import plainly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import napari
    from napari.layers import Layer
    from qtpy.QtWidgets import QComboBox


MOST_LOOKED_AT = 2**24  # pixels of labels; more takes too long in the GUI thread
OPEN_FIRST = "Open an image: File > Open, or File > Open Sample."
LEAST_LETTERS = 7  # of a list that may shrink


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
        self._viewer_layers, self._accept = viewer.layers, accept
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

    def _layers(self) -> list[Layer]:
        return [layer for layer in self._viewer_layers if self._accept(layer)]

    def offer(self, layer: Layer) -> None:
        """Choose a layer if it is listed, unless the user has chosen one himself."""
        if not self.is_own:
            self.suggest(layer)

    def suggest(self, layer: Layer | None) -> None:
        """Choose a layer if it is listed; that is no choice of the user's."""
        if layer is not None and layer in self.choices:
            with self._automatically():
                self.value = layer

    def follow(self, other: LayerChoice, opening: bool = False) -> None:
        """Choose what another list has, unless the user has chosen one here.

        Parameters
        ----------
        other : LayerChoice
        opening : bool
            Whether this widget is being opened: then what is selected in the viewer
            counts more, unless the user has chosen the other.
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
        if is_open(self.native):
            self.reset_choices()


def selected(viewer: napari.Viewer, listed: Sequence[Layer]) -> Layer | None:
    """Return the layer that is selected, or what belongs to it, if that is listed.

    To labels of a run belongs the image that they were made from, to an image the
    topmost labels that were made from it. Of several that are selected the topmost.

    Parameters
    ----------
    viewer : napari.Viewer
    listed : sequence of Layer
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
    return any(isinstance(r, dict) and MadeFrom(r).is_it(layer) for r, layer in records)


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

    Those that say so, as a sample's do, or have its name; else the only ones of its
    shape, or of one frame of it, if their name says so and something is drawn in them.

    Parameters
    ----------
    image : Image
    labels : iterable of Labels or None
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


SEPARATOR = " · "  # between image, kind and run in the name of a layer
CUT = "…"
MOST_WIDTH = 600  # pixels of an open list
LIST_MARGIN = 40  # pixels beside the names of an open list


def shortened(name: str, fits: Callable[[str], bool]) -> str:
    """Return a name, or as much of it as fits, cut in its middle.

    Its last part, after the last " · ", tells the runs on one image apart: it stays
    whole where it can, then as much of the beginning as there is room for.

    Parameters
    ----------
    name : str
    fits : callable
        Whether there is room for a text; what is shorter fits, too.

    Returns
    -------
    str
        No more than "…" where nothing fits.
    """
    if fits(name):
        return name
    last = len(name.rpartition(SEPARATOR)[2]) if SEPARATOR in name else 0
    for letters in range(len(name) - 1, 0, -1):
        behind = min(letters, max(last, letters // 2))
        text = name[: letters - behind].rstrip() + CUT + name[len(name) - behind :]
        if fits(text):
            return text
    return CUT


class LongNames(Watch):
    """Cuts what a closed list shows so that it tells; a tooltip shows all of it."""

    def __init__(self, box: QComboBox) -> None:
        super().__init__(box)
        self._box = box
        box.view().setTextElideMode(Qt.TextElideMode.ElideMiddle)

    @property
    def shown(self) -> str:
        """What the closed list shows."""
        option = self._option()
        part = QStyle.SubControl.SC_ComboBoxEditField
        kind = QStyle.ComplexControl.CC_ComboBox
        room = self._box.style().subControlRect(kind, option, part, self._box).width()
        return shortened(option.currentText, lambda text: self._width(text) <= room)

    def widen(self) -> None:
        """Make the list, when it is open, as wide as its names; to be called anew."""
        box = self._box
        names = [box.itemText(row) for row in range(box.count())]
        for row, name in enumerate(names):
            box.setItemData(row, plainly(name), Qt.ItemDataRole.ToolTipRole)
        widest = max(map(self._width, names), default=0)
        box.view().setMinimumWidth(min(widest + LIST_MARGIN, MOST_WIDTH))

    def _sees(self, box: QObject, event: QEvent) -> bool:
        """Paint the name, and tell all of it; leave to Qt what fits."""
        if event.type() not in (QEvent.Type.Paint, QEvent.Type.ToolTip):
            return False
        name, shown = self._box.currentText(), self.shown
        if name == shown:
            return False
        if event.type() == QEvent.Type.Paint:
            self._paint(shown)
        else:
            about = "\n".join(filter(None, [name, self._box.toolTip()]))
            QToolTip.showText(event.globalPos(), plainly(about), self._box)
        return True

    def _paint(self, text: str) -> None:
        option = self._option()
        option.currentText = text
        painter = QStylePainter(self._box)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _option(self) -> QStyleOptionComboBox:
        option = QStyleOptionComboBox()
        self._box.initStyleOption(option)
        return option

    def _width(self, text: str) -> int:
        return int(self._box.fontMetrics().horizontalAdvance(text))


class ColourChoice(ComboBox):
    """Grey, or one of the three colours; shown while a colour image is chosen."""

    def __init__(self, image: LayerChoice) -> None:
        super().__init__(
            choices=COLOURS, label="Colour",
            tooltip="What is read of the colours: their luminance (grey), or one of "
            "them where a stain has its own colour.",
        )  # fmt: skip
        image.changed.connect(self.follow)
        self.follow(image.value)

    def follow(self, image: Image | None) -> None:
        """Be seen beside an image that has colours."""
        self.visible = image is not None and image.rgb
