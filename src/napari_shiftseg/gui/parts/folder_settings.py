"""With what a folder of images is segmented, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import USUAL_MODEL, VOLUME_MODEL
from napari_shiftseg.text import grey

IN_OTHER_WORDS = ("window", "stitching", "intensity", "region", "device")


@dataclass(frozen=True)
class FolderSettings:
    """What all images of a folder are segmented with.

    Attributes
    ----------
    model : str
        Name or path; empty: the usual one of each image.
    settings : Settings
        Without a region: of each image all is segmented.
    channel : str
        That is read of several, a number from 1, or a colour; empty: the one there is.
    notes : tuple of str
        What is not as in the widget that they come from.
    """

    model: str = ""
    settings: Settings = field(default_factory=Settings)
    channel: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_usual(self) -> bool:
        """Whether nothing was chosen."""
        return self == FolderSettings()

    @property
    def words(self) -> str:
        """Model, tiles, grey values, and what else was chosen, a line each."""
        model = Path(self.model).name or f"{USUAL_MODEL}, of volumes {VOLUME_MODEL}"
        lines = [f"Model: {model}", f"Tiles: {self._tiles}"]
        low_high, invert = self.settings.intensity, self.settings.invert
        if low_high == "auto":
            reads = "found in each image"
        else:
            low, high = map(grey, low_high)
            reads = f"{low} to {high} in every image"
        lines.append(f"Grey values: {reads}{', objects are dark' if invert else ''}")
        if self.channel:
            lines.append(f"Channel: {self.channel}")
        chosen = self._chosen
        if chosen:
            lines.append(
                "; ".join(f"{name}: {value}" for name, value in chosen.items())
            )
        return "\n".join([*lines, *self.notes])

    @property
    def _tiles(self) -> str:
        stitching, window = self.settings.stitching, self.settings.window
        if stitching == "whole":
            return "none, each image in one pass"
        if window is None:
            size = "the cheapest size"
        else:
            size = window_text([window] if isinstance(window, int) else window)
        return f"{size}, {stitching}"

    @property
    def _chosen(self) -> dict[str, Any]:
        """What is neither usual nor said in other words."""
        usual = asdict(Settings())
        return {
            name.replace("_", " "): value
            for name, value in asdict(self.settings).items()
            if name not in (*IN_OTHER_WORDS, "invert") and value != usual[name]
        }
