"""What Segment was asked last, kept by napari."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

from napari.settings import get_plugin_settings

from napari_shiftseg.geometry.window import Stitching

if TYPE_CHECKING:
    from napari.utils.events import EventedModel


PLUGIN = "napari-shiftseg"


@dataclass(frozen=True)
class LastChoice:
    """What Segment begins with; the manifest declares the same names.

    Attributes
    ----------
    model : str
        That the user has chosen himself, name or path; empty: none.
    tile_size : str
        That he gave for this model (for the usual one if it is empty); empty: none.
    """

    model: str = ""
    tile_size: str = ""
    stitching: Stitching = "cropped"
    device: str = "auto"

    @classmethod
    def read(cls) -> LastChoice:
        """Return what napari keeps; what is usual where it keeps nothing."""
        kept = _kept()
        if kept is None:
            return cls()
        known: dict[str, Any] = {name: getattr(kept, name) for name in asdict(cls())}
        if known["stitching"] not in get_args(Stitching):
            known["stitching"] = cls().stitching
        return cls(**known)

    def write(self) -> None:
        """Let napari keep it, where it can."""
        kept = _kept()
        if kept is None:
            return
        with suppress(OSError):  # a full disk: the choice stands, but for this session
            for name, value in asdict(self).items():
                if getattr(kept, name) != value:
                    setattr(kept, name, value)


def _kept() -> EventedModel | None:
    """Return the settings; None where napari does not know the manifest."""
    try:
        return get_plugin_settings(PLUGIN).segment
    except (KeyError, AttributeError):
        return None
