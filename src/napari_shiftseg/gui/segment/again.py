"""Run again like the selected layer: a button, and what it says of that run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton

from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.text_boxes import plainly
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari


class RunAgain(PushButton):
    """Shown while a layer is selected that a run made.

    `on_press` takes the record of that run, the layer's ``metadata["shiftseg"]``.
    """

    def __init__(
        self, viewer: napari.Viewer, on_press: Callable[[dict[str, Any]], None]
    ) -> None:
        super().__init__(
            text="Run again like the selected layer",
            tooltip="Run again with the settings that made this layer",
        )
        self._layers, self._on_press = viewer.layers, on_press
        self.changed.connect(self._press)
        viewer.layers.selection.events.active.connect(self.offer)

    def offer(self) -> None:
        """Show the button if there is something to run again."""
        if is_open(self.native):
            record = self._record()
            self.visible = record is not None
            if record is not None:
                self.tooltip = plainly(_settings_text(record))

    def _press(self) -> None:
        record = self._record()
        if record is not None:
            self._on_press(record)

    def _record(self) -> dict[str, Any] | None:
        """Return how the selected layer was made, if a run made it."""
        layer = self._layers.selection.active
        record = layer.metadata.get(METADATA_KEY) if layer is not None else None
        is_whole = isinstance(record, dict) and "store" not in record
        return record if is_whole else None


def _settings_text(record: dict[str, Any]) -> str:
    """Say how a layer was made: image, model, tile size, settings that are given."""
    settings, usual = record["settings"], asdict(Settings())
    chosen = [
        f"{name.replace('_', ' ')}: {value}"
        for name, value in settings.items()
        if name not in ("window", "stitching") and value != usual.get(name)
    ]
    lines = [
        f"image: {record['image']}",
        f"model: {Path(record['model']).name}",
        f"tile size (window): {window_text(record['window'])}",
        f"stitching: {settings['stitching']}",
    ]
    return "\n".join([*lines, *chosen])
