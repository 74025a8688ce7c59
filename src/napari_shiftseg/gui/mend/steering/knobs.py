"""The knobs of the clustering: each turn re-labels."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any, get_args

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FloatSlider,
    SpinBox,
)
from psygnal import Signal

from napari_shiftseg.gui.advanced import KERNEL_TIP
from napari_shiftseg.gui.note import align_labels
from napari_shiftseg.model.config import Clustering, Kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

REACH = 4.0  # times the bandwidth that the slider reaches
FINEST = 100  # steps of the slider in a bandwidth
LEAST_PROBABILITY = 0.01
LINE = 60  # characters of a tooltip; Qt breaks no plain text
TOOLTIPS = {
    "bandwidth": "Pixels whose embeddings lie within about this distance are one "
    "object. Larger merges, smaller splits.",
    "foreground_threshold": "Probability above which a pixel is object. Lower keeps "
    "faint objects, higher parts them.",
    "min_size": "Smaller objects, in pixels, go.",
    "kernel": KERNEL_TIP,
    "split_far_parts": "Pieces that look alike to the network but do not touch become "
    "objects of their own. Off: they count as one object.",
}


class Knobs(Container):
    """Bandwidth, foreground threshold, minimum size, kernel, split far parts.

    Attributes
    ----------
    turned : Signal
        Emitted when the user turned one; not by `take`.
    """

    turned = Signal()

    def __init__(self) -> None:
        self.bandwidth = FloatSlider(
            value=1, min=1 / FINEST, max=REACH, label="Bandwidth"
        )
        self.foreground_threshold = FloatSlider(
            value=0.5, min=LEAST_PROBABILITY, max=1 - LEAST_PROBABILITY, step=0.01,
            label="Foreground above",
        )  # fmt: skip
        self.min_size = SpinBox(max=10**7)
        self.kernel = ComboBox(choices=get_args(Kernel), label="Kernel")
        self.split_far_parts = CheckBox(value=True, text="Split far parts")
        self._taken = Clustering()
        self._turned: dict[str, Any] = {}
        self._taking = False
        self._knobs = {
            "bandwidth": self.bandwidth,
            "foreground_threshold": self.foreground_threshold,
            "min_size": self.min_size,
            "kernel": self.kernel,
            "split_far_parts": self.split_far_parts,
        }
        size = Container(
            widgets=[self.min_size, self.split_far_parts], layout="horizontal",
            labels=False, label="Minimum size",
        )  # fmt: skip
        super().__init__(
            widgets=[self.bandwidth, self.foreground_threshold, size, self.kernel]
        )
        size.tooltip = fill(TOOLTIPS["min_size"], LINE)
        for part in (self, size):
            part.margins = (0, 0, 0, 0)
        align_labels(self)
        for name, knob in self._knobs.items():
            knob.tooltip = fill(TOOLTIPS[name], LINE)
            knob.native.setToolTip(knob.tooltip)  # also beside a slider
            knob.changed.connect(lambda value, name=name: self._turn(name, value))

    def take(self, clustering: Clustering, has_foreground: bool) -> None:
        """Show a clustering; the sliders reach as far as is of use for it."""
        self._taken, self._turned = clustering, {}
        self._taking = True
        try:
            self._let_bandwidth_reach(clustering.bandwidth)
            for name, knob in self._knobs.items():
                knob.value = self._reached(name, getattr(clustering, name))
            self.foreground_threshold.visible = has_foreground
        finally:
            self._taking = False

    def _let_bandwidth_reach(self, h: float) -> None:
        slider = self.bandwidth
        slider.range = (min(h / FINEST, slider.min), max(REACH * h, slider.max))
        slider.value = h  # in both ranges
        slider.range = (h / FINEST, REACH * h)
        slider.step = h / FINEST

    def use(self, values: Mapping[str, Any]) -> None:
        """Turn several knobs at once, by the names of `Clustering`.

        A knob shows what it can of a value beyond its ends.
        """
        self._taking = True
        try:
            for name in self._knobs.keys() & values.keys():
                self._knobs[name].value = self._reached(name, values[name])
        finally:
            self._taking = False
        self._turned |= values
        self.turned.emit()

    def go_to(self, clustering: Clustering, has_foreground: bool) -> None:
        """Turn all knobs to a clustering; the sliders reach as `take` lets them."""
        self.take(clustering, has_foreground)
        self.turned.emit()

    def _reached(self, name: str, value: Any) -> Any:
        knob = self._knobs[name]
        if isinstance(knob, (FloatSlider, SpinBox)):
            return min(max(value, knob.min), knob.max)
        return value

    @property
    def clustering(self) -> Clustering:
        """What the knobs say; one that was not turned says what was taken, exactly."""
        return Clustering.model_validate(self._taken.model_dump() | self._turned)

    def _turn(self, name: str, value: Any) -> None:
        if not self._taking:
            self._turned[name] = value
            self.turned.emit()
