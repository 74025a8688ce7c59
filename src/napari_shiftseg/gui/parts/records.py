"""What a labels layer was made with, in its metadata."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.intensity.scale import Scale
from napari_shiftseg.mending.edit_files import from_dict, to_dict
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari.layers import Labels

    from napari_shiftseg.intensity.scale import Asked
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.relabelling.relabel import Kept


METADATA_CORRECTED = "shiftseg corrected"


@dataclass(frozen=True)
class CorrectionRecord:
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
    def read(cls, labels: Labels) -> CorrectionRecord | None:
        """Return what was noted in a layer; None: it holds no corrections."""
        noted = labels.metadata.get(METADATA_CORRECTED)
        return None if noted is None else cls(**noted)


class KeptRuns:
    """What runs keep for the labels they made; it goes with the layer.

    Attributes
    ----------
    changed : Signal
        Emitted when a run is kept.
    """

    changed = Signal()

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Labels, Kept] = WeakKeyDictionary()

    def keep(self, layer: Labels, kept: Kept) -> None:
        """Keep what a layer was made from."""
        self._kept[layer] = kept
        self.changed.emit()

    def of(self, layer: Labels | None) -> Kept | None:
        """Return what a layer was made from, if it is kept."""
        return self._kept.get(layer) if layer is not None else None


KEPT = KeptRuns()


@dataclass(frozen=True)
class MadeWith:
    """A clustering, and the edits made on its objects.

    Attributes
    ----------
    clustering : Clustering
    edits : tuple of Edit
        The oldest first; those of other frames say nothing.
    """

    clustering: Clustering
    edits: tuple[Edit, ...]

    def of(self, position: Point) -> tuple[Edit, ...]:
        """Return the edits of a frame."""
        return tuple(edit for edit in self.edits if edit.frame == position)

    def is_like(self, other: MadeWith, position: Point) -> bool:
        """Whether both give a frame the same labels."""
        return self.clustering == other.clustering and (
            self.edits is other.edits or self.of(position) == other.of(position)
        )


METADATA_UNFINISHED = "shiftseg unfinished"  # frames of two clusterings
METADATA_UNREAD = "shiftseg unread"  # frames of an older clustering, or older edits


def recorded_clustering(layer: Labels, kept: Kept) -> Clustering:
    """Return the clustering that labels were made with."""
    settings = Settings(**layer.metadata[METADATA_KEY]["settings"])
    return settings.clustering(kept.config)


def reads(layer: Labels) -> str:
    """Say how the run read grey values; empty where it is not recorded."""
    known = layer.metadata[METADATA_KEY].get("reads")
    if known is None:
        return ""
    return Scale(known["low"], known["high"], known["inverted"]).sentence


def record_clustering(layer: Labels, kept: Kept, clustering: Clustering) -> None:
    """Record a clustering as settings of a run that gives these objects again."""
    without = {"background_embedding"}
    if not kept.has_foreground:
        without.add("foreground_threshold")
        if clustering.scope == "component":  # no run could be given that
            without.add("scope")
    record = layer.metadata[METADATA_KEY]
    settings = record["settings"] | clustering.model_dump(exclude=without)
    layer.metadata[METADATA_KEY] = record | {"settings": settings}


def recorded_frames(layer: Labels) -> tuple[set[Point], dict[Point, MadeWith]]:
    """Return which frames are not as the record of the run and the edits say.

    Returns
    -------
    set of tuple of int
        Frames of two clusterings.
    dict of tuple of int to MadeWith
        Frames of another clustering, or of other edits, and which.

    Raises
    ------
    ValueError
        If the metadata holds edits that are none.
    """
    unfinished = {tuple(at) for at in layer.metadata.get(METADATA_UNFINISHED, ())}
    unread = {
        tuple(known["frame"]): MadeWith(
            Clustering.model_validate(known["clustering"]),
            tuple(from_dict(edit) for edit in known["edits"]),
        )
        for known in layer.metadata.get(METADATA_UNREAD, ())
    }
    return unfinished, unread


def record_frames(
    layer: Labels, unfinished: Iterable[Point], unread: Mapping[Point, MadeWith]
) -> None:
    """Record which frames are not as the record of the run and the edits say."""
    forget_frames(layer)
    if unfinished:
        layer.metadata[METADATA_UNFINISHED] = sorted(unfinished)
    if unread:
        layer.metadata[METADATA_UNREAD] = [
            {
                "frame": at,
                "clustering": made.clustering.model_dump(),
                "edits": [to_dict(edit) for edit in made.of(at)],
            }
            for at, made in sorted(unread.items(), key=lambda item: item[0])
        ]


def forget_frames(layer: Labels) -> None:
    """Take this record away: whoever steers the layer knows it."""
    layer.metadata.pop(METADATA_UNFINISHED, None)
    layer.metadata.pop(METADATA_UNREAD, None)
