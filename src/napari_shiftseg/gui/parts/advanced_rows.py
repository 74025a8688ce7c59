"""The advanced controls of a run, and the settings they stand for."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, Any

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FloatSpinBox,
    SpinBox,
)

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.parts.rows import ControlRow, align_labels
from napari_shiftseg.pipeline.glossary import terms
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from napari_shiftseg.pipeline.glossary import Term


DIGITS = 6  # of bandwidth and threshold
SMALLEST = 10**-DIGITS
SHOWN = (  # layers beside the labels, and what they show
    ("gradient", "How far the embedding changes from a pixel to the next. It comes by "
     "itself where tiles make seams."),
    ("embedding", "What the network makes of every pixel, as colours."),
    ("tile grid", "Where tiles meet. It comes by itself where they make seams."),
)  # fmt: skip
WHOLE_IMAGE, IN_VIEW = "whole image", "what the view shows"


def _choice(term: Term, label: str) -> ComboBox:
    return ComboBox(choices=term.choices, label=label, tooltip=term.meaning)


class AdvancedRows(Container):
    """What a biologist need not touch: clustering, border, batch, region.

    A change of model sets the clustering to what the model says.
    """

    def __init__(self) -> None:
        known = terms(Settings)
        self.bandwidth = FloatSpinBox(
            min=known["bandwidth"].bounds["gt"] + SMALLEST, max=1e6, step=0.05,
            label="Bandwidth", tooltip=known["bandwidth"].meaning,
        )  # fmt: skip
        self.kernel = _choice(known["kernel"], "Kernel")
        self.scope = _choice(known["scope"], "Cluster")
        self.min_size = SpinBox(
            min=int(known["min_size"].bounds["ge"]), max=10**7, label="Minimum size",
            tooltip=known["min_size"].meaning,
        )  # fmt: skip
        self.split_far_parts = CheckBox(
            value=True, text="Split far parts",
            tooltip=known["split_far_parts"].meaning,
        )  # fmt: skip
        threshold = known["foreground_threshold"]
        self.foreground_threshold = FloatSpinBox(
            min=threshold.bounds["gt"] + SMALLEST,
            max=threshold.bounds["lt"] - SMALLEST,
            step=0.05, label="Foreground above", tooltip=threshold.meaning,
        )  # fmt: skip
        self.border = _choice(known["border"], "Border")
        batch = known["batch"]
        self.batch = SpinBox(
            max=1024, label="Batch", tooltip=f"{batch.meaning} 0: {batch.unset}."
        )
        self.precision = _choice(known["precision"], "Precision")
        self.region = ComboBox(
            choices=(WHOLE_IMAGE, IN_VIEW), label="Region",
            tooltip="What is predicted: all of the image, or the part that napari "
            "shows.",
        )  # fmt: skip
        self.layers = {kind: CheckBox(text=kind, tooltip=tip) for kind, tip in SHOWN}
        show = ControlRow(*self.layers.values(), label="Also add")
        self.bandwidth.native.setDecimals(DIGITS)
        self.foreground_threshold.native.setDecimals(DIGITS)
        self._taken = Clustering()
        super().__init__(
            widgets=[
                self.bandwidth, self.kernel, self.scope, self.min_size,
                self.split_far_parts, self.foreground_threshold, self.border,
                self.batch, self.precision, self.region, show,
            ]
        )  # fmt: skip
        align_labels(self)

    @property
    def extra(self) -> tuple[str, ...]:
        """Layers that are asked for beside the labels."""
        return tuple(kind for kind, box in self.layers.items() if box.value)

    def take(self, clustering: Clustering) -> None:
        """Show the clustering of a model."""
        self._taken = clustering
        self.bandwidth.value = clustering.bandwidth
        self.kernel.value = clustering.kernel
        self.scope.value = clustering.scope
        self.min_size.value = clustering.min_size
        self.split_far_parts.value = clustering.split_far_parts
        self.foreground_threshold.value = clustering.foreground_threshold

    def _unless_the_models(self, name: str) -> float | None:
        """Return a value; None where the model's own, rounded, is shown."""
        shown, own = getattr(self, name).value, getattr(self._taken, name)
        return None if isclose(shown, own, abs_tol=SMALLEST) else shown

    def restore(self, settings: dict[str, Any]) -> None:
        """Show the settings of an earlier run."""
        for name in ("bandwidth", "kernel", "scope", "min_size", "split_far_parts",
                     "foreground_threshold", "border", "precision"):  # fmt: skip
            if settings.get(name) is not None:
                getattr(self, name).value = settings[name]
        self.batch.value = settings.get("batch") or 0

    def settings(self) -> dict[str, Any]:
        """Return what is shown, as keywords of `Settings`."""
        return {
            "bandwidth": self._unless_the_models("bandwidth"),
            "foreground_threshold": self._unless_the_models("foreground_threshold"),
            "kernel": self.kernel.value,
            "scope": self.scope.value,
            "min_size": self.min_size.value,
            "split_far_parts": self.split_far_parts.value,
            "border": self.border.value,
            "precision": self.precision.value,
            "batch": self.batch.value or None,
        }
