"""Which kinds of layers are shown, and what their colours mean."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from magicgui.widgets import CheckBox, Container
from psygnal import Signal

from napari_shiftseg.gui.comparison_layers import KINDS
from napari_shiftseg.gui.note import wrapped_label

if TYPE_CHECKING:
    from napari_shiftseg.gui.comparison_layers import Shared

TIP = "Show or hide it on both sides"
EXPLAINED = ("embedding", "difference")  # below the switches; the others' tips do


class LayerSwitches(Container):
    """A switch for every kind of layer, and a legend of what needs one.

    Attributes
    ----------
    toggled : Signal
        Emitted with a kind and whether it is to be seen.
    boxes : dict of CheckBox
        By kind.
    """

    toggled = Signal(str, bool)

    def __init__(self) -> None:
        self.boxes = {
            kind: CheckBox(text=kind, value=shown, tooltip=TIP)
            for kind, shown in KINDS.items()
        }
        self.legend = wrapped_label()
        self._meanings: dict[str, str] = {}
        row = Container(widgets=list(self.boxes.values()), layout="horizontal")
        super().__init__(widgets=[row, self.legend], labels=False)
        for part in (self, row):
            part.margins = (0, 0, 0, 0)
        for kind, box in self.boxes.items():
            box.changed.connect(partial(self._toggle, kind))
        self._explain()

    def shows(self, kind: str) -> bool:
        """Whether a kind is to be seen; what has no switch is."""
        return kind not in self.boxes or self.boxes[kind].value

    def explain(self, common: Shared, whole_on_the_right: bool = False) -> None:
        """Say what the colours of a comparison mean."""
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
