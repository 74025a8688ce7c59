"""The advanced rows of Segment: how objects are made, and how it is computed."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import CheckBox, Container

from napari_shiftseg.clustering.settings import (
    KNOBS,
    Clustering,
    idle_knobs,
    kernels_like,
    methods_for,
)
from napari_shiftseg.gui.parts.layout import (
    ControlRow,
    align_labels,
    control_of,
    nearest,
)
from napari_shiftseg.gui.parts.result_layers import TO_MODE
from napari_shiftseg.gui.parts.viewer import RegionChoice
from napari_shiftseg.networks.config import NetworkConfig
from napari_shiftseg.pipeline.diameter import diameter_text, parse_diameter
from napari_shiftseg.pipeline.glossary import terms
from napari_shiftseg.pipeline.settings import Settings

ADVANCED = {  # of `Settings`, and how the row is called
    "method": "Objects by",
    "bandwidth": "Bandwidth",
    "kernel": "Kernel",
    "scope": "Cluster",
    "prominence": "Prominence",
    "min_size": "Minimum size",
    "split_far_parts": "Split far parts",
    "foreground_threshold": "Foreground above",
    "border": "Border",
    "batch": "Batch",
    "views": "Views",
    "diameter": "Diameter",
    "precision": "Precision",
    "engine": "Engine",
}
OF_THE_MODEL = [name for name in ADVANCED if name in Clustering.model_fields]
ROUNDED = ("bandwidth", "foreground_threshold", "prominence")
SHOWN = {  # layers beside the labels
    "gradient": "How far the embedding changes from one pixel to the next. Added by "
    "itself where tiles make seams.",
    "embedding": "What the network computes for every pixel, as colours.",
    TO_MODE: "How far each pixel of an object lies from what its object has in common, "
    "in bandwidths. Bright parts may belong elsewhere.",
    "tile grid": "Where tiles meet. Added by itself where they make seams.",
}


class AdvancedRows(Container):
    """What a biologist need not touch: clustering, border, batch, region.

    Each control is an attribute, named as its setting. A model sets the clustering.
    """

    def __init__(self) -> None:
        known = terms(Settings)
        self.controls = {
            name: control_of(known[name], label=label)
            for name, label in ADVANCED.items()
        }
        self.controls["batch"].tooltip += f" 0: {known['batch'].unset}."
        self.controls["diameter"].tooltip += f" Empty: {known['diameter'].unset}."
        self.region = RegionChoice("predicted")
        self.layers = {
            kind: CheckBox(text=kind, tooltip=t) for kind, t in SHOWN.items()
        }
        boxes = [*self.layers.values()]
        show = [
            ControlRow(*boxes[: len(boxes) // 2], label="Also add"),
            ControlRow(*boxes[len(boxes) // 2 :], label=" "),
        ]
        # what is meant where a control shows it rounded, or cut off at its ends
        self._meant: dict[tuple[str, Any], Any] = {}
        self._taken = NetworkConfig()
        super().__init__(widgets=[*self.controls.values(), self.region, *show])
        align_labels(self)
        self.controls["method"].changed.connect(self._show_rows)
        self._show_rows()

    @property
    def extra(self) -> tuple[str, ...]:
        """Layers that are asked for beside the labels."""
        return tuple(kind for kind, box in self.layers.items() if box.value)

    def take(self, config: NetworkConfig) -> None:
        """Show the clustering of a model; one without a foreground has one method."""
        self._taken, self._meant = config, {}
        clustering = config.clustering
        self.controls["kernel"].choices = kernels_like(clustering.kernel)
        self.controls["method"].choices = methods_for(config.foreground)
        for name in OF_THE_MODEL:
            value = getattr(clustering, name)
            self._show(name, value, None if name in ROUNDED else value)
        self._show_rows()
        gives = "outputs" if config.gives == "prediction" else config.gives
        self.layers["embedding"].text = gives

    def _show_rows(self) -> None:
        """Show the rows that say something to the method chosen."""
        method = self.controls["method"]
        method.visible = len(method.choices) > 1
        for name in set(OF_THE_MODEL) - {"method"}:
            self.controls[name].visible = name in KNOBS[method.value]
        # without the diameter that a model knows nothing can be rescaled to it
        self.controls["diameter"].visible = self._taken.diameter is not None

    def restore(self, settings: dict[str, Any]) -> None:
        """Show the settings of an earlier run; None is the model's own."""
        self.take(self._taken)
        diameter = diameter_text(settings.get("diameter"))
        for name in self.controls:
            value = diameter if name == "diameter" else settings.get(name)
            if value is not None:
                self._show(name, value, value)
        self.controls["batch"].value = settings.get("batch") or 0

    def _show(self, name: str, value: Any, meant: Any) -> None:
        control = self.controls[name]
        control.value = nearest(control, value)
        self._meant[name, control.value] = meant

    def settings(self) -> dict[str, Any]:
        """Return what is shown, as keywords of `Settings`.

        Where the model's own value is shown, rounded, there is None.

        Raises
        ------
        ValueError
            If what is written is no diameter.
        """
        shown = {name: control.value for name, control in self.controls.items()}
        meant = {name: self._meant.get((name, x), x) for name, x in shown.items()}
        diameter = parse_diameter(shown["diameter"])
        meant |= dict.fromkeys(idle_knobs(shown["method"]))  # their rows are hidden
        return meant | {"batch": shown["batch"] or None, "diameter": diameter}
