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
        """Model, tiles, grey values, and what else was chosen."""
        model = Path(self.model).name or f"{USUAL_MODEL}, of volumes {VOLUME_MODEL}"
        said = [
            f"Model: {model}",
            f"tiles: {self._tiles}",
            f"grey values: {self._reads}",
        ]
        if self.channel:
            said.append(f"channel: {self.channel}")
        said += [f"{name}: {value}" for name, value in self._chosen.items()]
        return "\n".join([" · ".join(said), *self.notes])

    @property
    def _reads(self) -> str:
        low_high, dark = self.settings.intensity, self.settings.invert
        how = "found in each image"
        if low_high != "auto":
            how = f"{' to '.join(map(grey, low_high))} in every image"
        return f"{how}, objects are dark" if dark else how

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
            name.replace("_", " "): _in_words(value)
            for name, value in asdict(self.settings).items()
            if name not in (*IN_OTHER_WORDS, "invert") and value != usual[name]
        }


def _in_words(value: Any) -> Any:
    return ("no", "yes")[value] if isinstance(value, bool) else value
