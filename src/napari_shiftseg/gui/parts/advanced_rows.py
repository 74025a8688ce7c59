"""The advanced controls of a run, and the settings they stand for."""

from __future__ import annotations

from math import isclose
from typing import Any, get_args

from magicgui.widgets import (
    CheckBox,
    ComboBox,
    Container,
    FloatSpinBox,
    SpinBox,
)

from napari_shiftseg.clustering.settings import Clustering, Kernel, Scope
from napari_shiftseg.device import Precision
from napari_shiftseg.geometry.tiling import Border
from napari_shiftseg.gui.parts.rows import ControlRow, align_labels

DIGITS = 6  # of bandwidth and threshold
SHOWN = (  # layers beside the labels, and what they show
    ("gradient", "How far the embedding changes from a pixel to the next. It comes by "
     "itself where tiles make seams."),
    ("embedding", "What the network makes of every pixel, as colours."),
    ("tile grid", "Where tiles meet. It comes by itself where they make seams."),
)  # fmt: skip
WHOLE_IMAGE, IN_VIEW = "whole image", "what the view shows"

KERNEL_TIP = (
    "How pixels around a mode count when it is found. gaussian: the nearer, the more. "
    "flat: all within a bandwidth alike. von-mises-fisher: as gaussian, but only the "
    "direction of the embeddings counts, not their length."
)


class AdvancedRows(Container):
    """What a biologist need not touch: clustering, border, batch, region.

    A change of model sets the clustering to what the model says.
    """

    def __init__(self) -> None:
        self.bandwidth = FloatSpinBox(
            min=10**-DIGITS, max=1e6, step=0.05, label="Bandwidth",
            tooltip="Pixels whose embeddings lie within about this distance are one "
            "object. Larger merges, smaller splits.",
        )  # fmt: skip
        self.kernel = ComboBox(
            choices=get_args(Kernel), label="Kernel", tooltip=KERNEL_TIP
        )
        self.scope = ComboBox(
            choices=get_args(Scope), label="Cluster",
            tooltip="global: the whole image at once. component: each connected part "
            "of the foreground by itself (models with a foreground).",
        )  # fmt: skip
        self.min_size = SpinBox(
            max=10**7, label="Minimum size", tooltip="Smaller objects, in pixels, go."
        )
        self.split_far_parts = CheckBox(
            value=True, text="Split far parts",
            tooltip="Parts of one mode that do not touch are objects of their own.",
        )  # fmt: skip
        self.foreground_threshold = FloatSpinBox(
            min=10**-DIGITS, max=1 - 10**-DIGITS, step=0.05, label="Foreground above",
            tooltip="Probability above which a pixel is object (models with a "
            "foreground). Lower keeps faint objects, higher parts them.",
        )  # fmt: skip
        self.border = ComboBox(
            choices=get_args(Border), label="Border",
            tooltip="mirror: every pixel is predicted, the image mirrored beyond its "
            "border. valid: only where the image itself gives the context.",
        )  # fmt: skip
        self.batch = SpinBox(
            max=1024, label="Batch", tooltip="Tiles at once; 0: as many as fit."
        )
        self.precision = ComboBox(
            choices=get_args(Precision), label="Precision",
            tooltip="float16 and bfloat16: faster on a graphics card, less exact. "
            "float64: slower, nearly free of rounding.",
        )  # fmt: skip
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
        return None if isclose(shown, own, abs_tol=10**-DIGITS) else shown

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
