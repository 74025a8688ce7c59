"""What was corrected by hand, as the layer of corrections tells whoever learns it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.words import number_of

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_shiftseg.inference.scale import Asked

METADATA_CORRECTED = "shiftseg corrected"


@dataclass(frozen=True)
class Corrected:
    """How much of a result was mended, and which model had made it.

    Attributes
    ----------
    objects : int
        Mended or marked as right.
    deleted : int
        Objects that were none.
    frames, of : int
        With at least one of these, of all frames of the image.
    model : str
        Name or path.
    ndim : int
        Axes that it reads.
    intensity : "auto" or (float, float)
        How the run read grey values, and
    invert : bool
        whether it took dark for bright.
    """

    objects: int
    deleted: int
    frames: int
    of: int
    model: str
    ndim: int
    intensity: Asked = "auto"
    invert: bool = False

    @property
    def line(self) -> str:
        """What was corrected, in words."""
        what = []
        if self.objects or not self.deleted:
            what.append(f"{number_of(self.objects, 'object')} mended or marked right")
        if self.deleted:
            nouns = f"{self.deleted:,}" if what else number_of(self.deleted, "object")
            what.append(f"{nouns} deleted")
        where = "1 image"
        if self.of > 1:
            where = f"{self.frames:,} of {self.of:,} frames"
        return f"{' and '.join(what)} in {where}"

    def write(self, labels: Labels) -> None:
        """Note it in the metadata of the layer of corrections."""
        labels.metadata[METADATA_CORRECTED] = asdict(self)

    @classmethod
    def read(cls, labels: Labels) -> Corrected | None:
        """Return what was noted in a layer; None: it holds no corrections."""
        noted = labels.metadata.get(METADATA_CORRECTED)
        return None if noted is None else cls(**noted)
