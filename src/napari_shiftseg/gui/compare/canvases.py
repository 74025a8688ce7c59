"""Two canvases that look at the same place, their layer switches, a tour of seams."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import CheckBox, PushButton
from napari.components import ViewerModel
from napari.layers import Labels, Layer
from napari.qt import QtViewer
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy, QSplitter, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_shiftseg.gui.compare.layers import KINDS
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.keys import NEXT, PREVIOUS, press_on_key
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows
from napari_shiftseg.gui.parts.text_boxes import plainly, wrapped_label
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_shiftseg.gui.compare.layers import CommonScale
    from napari_shiftseg.gui.parts.result_layers import LayerTuple
    from napari_shiftseg.metrics.splits import Seam


TIP = "Show or hide it on both sides"
EXPLAINED = ("embedding", "difference")  # below the switches; the others' tips do


class LayerSwitches(ControlRows):
    """A switch for every kind of layer, and a legend of what needs one.

    Attributes
    ----------
    toggled : Signal
        Emitted with a kind and whether it is to be seen.
    """

    toggled = Signal(str, bool)

    def __init__(self) -> None:
        self.boxes = {
            kind: CheckBox(text=kind, value=shown, tooltip=TIP)
            for kind, shown in KINDS.items()
        }
        self.legend = wrapped_label()
        self._meanings: dict[str, str] = {}
        super().__init__(ControlRow(*self.boxes.values()), self.legend)
        for kind, box in self.boxes.items():
            box.changed.connect(partial(self._toggle, kind))
        self._explain()

    def shows(self, kind: str) -> bool:
        """Whether a kind is to be seen; what has no switch is."""
        return kind not in self.boxes or self.boxes[kind].value

    def explain(self, common: CommonScale, whole_on_the_right: bool = False) -> None:
        """Say what the colours of a comparison mean.

        Parameters
        ----------
        common : CommonScale
        whole_on_the_right : bool
        """
        self._meanings = common.meanings(whole_on_the_right)
        for kind, meaning in self._meanings.items():
            self.boxes[kind].tooltip = meaning
        self._explain()

    def _toggle(self, kind: str, shown: bool) -> None:
        self._explain()
        self.toggled.emit(kind, shown)

    def _explain(self) -> None:
        lines = [
            self._meanings[kind]
            for kind in EXPLAINED
            if self.boxes[kind].value and kind in self._meanings
        ]
        self.legend.value = "\n".join(lines)
        self.legend.visible = bool(lines)


LEAST_SIDE = 120  # pixels of a canvas
LEAST_HEIGHT = 190  # pixels of a canvas with its title: on a low screen, too
MARGIN = 0.1  # of the canvas, around a place that is framed
BACKGROUND = "black"  # in any theme: the gradient magnitude is light added to it
OUTLINE = 1  # pixels of label contours
SCALED, SCALE = ("difference",), (12, 80)  # kinds with a colour bar; its pixels
MARK = "mark"
GREY = "gray"  # readable in a dark and in a light theme
CAMERA = ("center", "zoom", "angles", "perspective")
SLIDERS = ("ndisplay", "order", "current_step")


class Pane(QWidget):
    """One canvas with a title: a viewer model of its own and its layers by kind."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.model = ViewerModel(title=title)
        self.model.canvas.background_color_override = BACKGROUND
        self.canvas = QtViewer(self.model)
        self.canvas.setAcceptDrops(False)  # files dropped here belong into the viewer
        policy = QSizePolicy.Policy.Ignored  # else it would take the whole window
        self.canvas.setSizePolicy(policy, policy)
        self.title = QElidingLabel(title)
        self.title.setElideMode(Qt.TextElideMode.ElideMiddle)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title.setSizePolicy(policy, QSizePolicy.Policy.Fixed)  # it may be long
        self.set_dimmed(False)
        self._layers: dict[str, Layer] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.title)
        column.addWidget(self.canvas, stretch=1)
        self.setMinimumSize(LEAST_SIDE, LEAST_HEIGHT)

    def set_dimmed(self, dimmed: bool) -> None:
        """Show the title grey, or as it is."""
        colour = f"color: {GREY};" if dimmed else ""
        self.title.setStyleSheet(f"font-weight: bold; {colour}")

    def layer(self, kind: str) -> Layer:
        """Return the layer of a kind: "labels", "gradient", ..."""
        return self._layers[kind]

    def show_layers(self, title: str, layers: Iterable[LayerTuple]) -> None:
        """Show layers in place of all but a mark.

        Parameters
        ----------
        title : str
        layers : iterable of LayerTuple
            The lowest first.
        """
        self.title.setText(title)
        self.title.setToolTip(plainly(title))
        mark = self._layers.pop(MARK, None)
        old = [layer for layer in self.model.layers if layer is not mark]
        self._layers = {}
        for data in layers:
            layer = self.model.add_layer(Layer.create(*data))
            if isinstance(layer, Labels):
                layer.contour = OUTLINE
            if layer.metadata[METADATA_KEY] in SCALED:
                layer.colorbar.size = SCALE
                layer.colorbar.visible = True
            self._layers[layer.metadata[METADATA_KEY]] = layer
        for layer in old:  # last: an empty canvas would forget where it looks
            self.model.layers.remove(layer)
        if mark is not None:
            self._layers[MARK] = mark
            self.model.layers.move(0, len(self.model.layers))

    def mark(self, frame: LayerTuple) -> None:
        """Draw a frame in place of the one before."""
        self.unmark()
        self._layers[MARK] = self.model.add_layer(Layer.create(*frame))

    def unmark(self) -> None:
        """Take the frame away, if there is one."""
        if MARK in self._layers:
            self.model.layers.remove(self._layers.pop(MARK))

    def set_visible(self, kind: str, visible: bool) -> None:
        """Show or hide a layer, if there is one.

        Parameters
        ----------
        kind : str
        visible : bool
        """
        if kind in self._layers:
            self._layers[kind].visible = visible


class LinkedCanvases(QSplitter):
    """Two panes whose cameras and sliders are one.

    They have viewer models of their own: nothing that is done to the layers of the
    napari viewer reaches them, and nothing done here reaches it.
    """

    def __init__(self, left: str, right: str) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.left, self.right = self.panes = (Pane(left), Pane(right))
        for number, pane in enumerate(self.panes):
            self.addWidget(pane)
            self.setStretchFactor(number, 1)
        self.setSizes([LEAST_SIDE] * len(self.panes))
        self.setChildrenCollapsible(False)
        self._following = False  # or the two would follow each other in a circle
        models = [pane.model for pane in self.panes]
        self._home = self._looks_at()
        for model in models:
            model.canvas.events.size.connect(self._resized)
        for source, target in (models, models[::-1]):
            self._link(source.scene.camera, target.scene.camera, CAMERA)
            self._link(source.dims, target.dims, SLIDERS)

    def _link(self, source: Any, target: Any, names: Sequence[str]) -> None:
        """Let one model take attributes of another whenever they change."""
        for name in names:
            copy = partial(self._copy, source, target, name)
            getattr(source.events, name).connect(lambda _=None, copy=copy: copy())

    def _copy(self, source: Any, target: Any, name: str) -> None:
        if not self._following:
            self._following = True
            try:
                setattr(target, name, getattr(source, name))
            finally:
                self._following = False

    def set_theme(self, theme: str) -> None:
        """Take the theme of the napari viewer."""
        for pane in self.panes:
            pane.model.theme = theme

    def set_visible(self, kind: str, visible: bool) -> None:
        """Show or hide layers on both sides.

        Parameters
        ----------
        kind : str
            See `KINDS`.
        visible : bool
        """
        for pane in self.panes:
            pane.set_visible(kind, visible)

    def reset_view(self) -> None:
        """Look at the whole on both sides, though one is narrower than the other."""
        left, right = (np.maximum(pane.model.canvas.size, 1) for pane in self.panes)
        self.left.model.reset_view()
        self.left.model.scene.camera.zoom *= min(1, (right / left).min())
        self._home = self._looks_at()

    def _looks_at(self) -> tuple[float, ...]:
        camera = self.left.model.scene.camera
        return (*camera.center, camera.zoom)

    def _resized(self) -> None:
        """Keep looking at the whole, unless the user looks elsewhere."""
        if np.allclose(self._looks_at(), self._home):
            self.reset_view()

    def mark(self, frame: LayerTuple) -> None:
        """Draw a frame on both sides and look at it."""
        for pane in self.panes:
            pane.mark(frame)
        self.look_at(frame)

    def unmark(self) -> None:
        """Take the frames away, if there are any."""
        for pane in self.panes:
            pane.unmark()

    def look_at(self, frame: LayerTuple) -> None:
        """Look at a place on both sides."""
        model = self.left.model
        layer = model.add_layer(Layer.create(*frame))  # only a viewer's own can be fit
        middle = layer.extent.world.mean(axis=0)
        for axis in model.dims.not_displayed:
            model.dims.set_point(axis, middle[axis])
        model.fit_to_view(layers=[layer], margin=MARGIN)
        model.layers.remove(layer)


NARROW = 32  # pixels of a button with one sign


class SeamTour(ControlRow):
    """Buttons that go through the seams that cut an object, and that show all again."""

    def __init__(self, show_all: Callable[[], None]) -> None:
        self._visit: Callable[[Seam], None] = lambda _: None
        self._seams: Sequence[Seam] = ()
        self._at = -1
        self.all = PushButton(text="⤢", tooltip="Show all")
        self.previous = PushButton(text="◂", tooltip="Previous seam")
        self.next = PushButton(
            text="Next worst seam ▸",
            tooltip="Go to the next tile border that cuts an object; the right side "
            "leaves it whole. The most harmful come first.",
        )
        self.text = wrapped_label()
        super().__init__(self.all, self.previous, self.next, self.text)
        for small in (self.all, self.previous):
            small.native.setMaximumWidth(NARROW)
        self._show_all = show_all
        self.all.changed.connect(self._leave)
        self.previous.changed.connect(lambda: self._go(self._at - 1))
        self.next.changed.connect(lambda: self._go(self._at + 1))
        self.all.enabled = False
        self._enable()

    def bind_keys(self, owner: QWidget) -> None:
        """Let Ctrl and the arrow keys go on and back while the focus is in a widget.

        Parameters
        ----------
        owner : QWidget
            Its parts count.
        """
        press_on_key(owner, NEXT, self.next)
        press_on_key(owner, PREVIOUS, self.previous)

    def begin(self, seams: Sequence[Seam], visit: Callable[[Seam], None]) -> None:
        """Take other seams; none is visited yet.

        Parameters
        ----------
        seams : sequence of Seam
            The most harmful first.
        visit : callable
            Shows one.
        """
        self._seams, self._visit, self._at = seams, visit, -1
        self.all.enabled = True
        self._count()
        self._enable()

    def _count(self) -> None:
        number = len(self._seams)
        if number > 1:
            self.text.value = f"{number:,} tile borders cut objects"
        elif number:
            self.text.value = "1 tile border cuts objects"
        else:
            self.text.value = "no seam cuts an object"

    def _leave(self) -> None:
        """Show all again: there is no frame to speak of."""
        self._count()
        self._show_all()

    def _go(self, at: int) -> None:
        self._at = at
        seam = self._seams[at]
        cut = number_of(len(seam.cuts), "object")
        self.text.value = f"seam {at + 1} of {len(self._seams):,}: {cut} cut (green)"
        self._enable()
        self._visit(seam)

    def _enable(self) -> None:
        self.previous.enabled = self._at > 0
        self.next.enabled = self._at + 1 < len(self._seams)
