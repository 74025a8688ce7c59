"""What a labels layer was made with, in its metadata."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.intensity.scale import Scale
from napari_shiftseg.mending.edit_lists import EditStore, from_dict, to_dict
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.intensity.scale import Asked
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.relabelling.relabel import Kept
    from napari_shiftseg.results.measuring import Measuring


METADATA_CORRECTED = "shiftseg corrected"
SESSION_ATTRIBUTE = "_shiftseg_session"


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


class LayerSession:
    """What is known of a labels layer while the program runs; it goes with the layer.

    An attribute of the layer: a copy of the layer, or of its metadata, has none.

    Attributes
    ----------
    kept : Kept or None
        What its run kept.
    edits : EditStore or None
        Of the layer, from when it was mended first.
    right : RightMarks or None
        Objects that were marked right.
    colours : dict of tuple of int to ndarray
        Of the objects of its frames, (objects + 1, 4).
    colormap : LabelColormap or None
        That was made of these.
    measuring : Measuring or None
        How its objects are measured, where its run is known.
    table : DataFrame or None
        Of its objects, as its run made them.
    numbers : StackNumbers or None
        What its objects are called, from when it was mended first.
    """

    def __init__(self) -> None:
        self.kept: Kept | None = None
        self.edits: EditStore | None = None
        self.right: Any = None
        self.colours: dict[Point, NDArray[np.float32]] = {}
        self.colormap: Any = None
        self.numbers: Any = None
        self.measuring: Measuring | None = None
        self.table: Any = None

    @classmethod
    def of(cls, layer: Labels) -> LayerSession:
        """Return that of a layer, to be written to."""
        session: LayerSession = vars(layer).setdefault(SESSION_ATTRIBUTE, cls())
        return session

    @classmethod
    def known(cls, layer: Labels) -> LayerSession:
        """Return that of a layer, to be read; an empty one where it has none."""
        return vars(layer).get(SESSION_ATTRIBUTE) or cls()


class KeptRuns:
    """What runs keep for the labels they made; it goes with the layer.

    Attributes
    ----------
    changed : Signal
        Emitted when a run is kept.
    """

    changed = Signal()

    def keep(self, layer: Labels, kept: Kept) -> None:
        """Keep what a layer was made from.

        Parameters
        ----------
        layer : Labels
        kept : Kept
        """
        LayerSession.of(layer).kept = kept
        self.changed.emit()

    def of(self, layer: Labels | None) -> Kept | None:
        """Return what a layer was made from, if it is kept."""
        return None if layer is None else LayerSession.known(layer).kept


KEPT = KeptRuns()


@dataclass(frozen=True)
class MadeWith:
    """What labels were made with.

    Attributes
    ----------
    clustering : Clustering
    edits : tuple of Edit
        The oldest first; those of other frames say nothing.
    revision : int
        Of the edits; -1 where they are those of another program.
    """

    clustering: Clustering
    edits: tuple[Edit, ...]
    revision: int = -1


METADATA_EDITS = "shiftseg edits"
METADATA_SAVED = "shiftseg saved edits"  # as they were saved to a file last
METADATA_UNFINISHED = "shiftseg unfinished"  # frames of two clusterings
METADATA_UNREAD = "shiftseg unread"  # frames of an older clustering, or older edits


class LayerRecord:
    """What the metadata of a labels layer says of its run and its edits.

    It is read and written here alone, as it is written to files.
    """

    def __init__(self, layer: Labels) -> None:
        self._metadata = layer.metadata

    @property
    def run(self) -> dict[str, Any]:
        """What the run was asked and made with."""
        known: dict[str, Any] = self._metadata[METADATA_KEY]
        return known

    @property
    def reads(self) -> str:
        """How the run read grey values; empty where it is not recorded."""
        known = self.run.get("reads")
        if known is None:
            return ""
        ends = known["low"], known["high"], known["inverted"]
        return Scale(*ends, is_standardized=known.get("standardized", False)).sentence

    @property
    def chosen(self) -> dict[str, Any]:
        """The clustering of the objects, without what the model chooses."""
        settings = self.run["settings"].items()
        names = Clustering.model_fields
        return {name: x for name, x in settings if name in names and x is not None}

    def clustering(self, kept: Kept) -> Clustering:
        """Return the clustering of the objects, of which this is kept."""
        settings = Settings(**self.run["settings"])
        return settings.clustering(kept.config, kept.rescaling)

    def write_clustering(self, kept: Kept, clustering: Clustering) -> None:
        """Record a clustering as settings of a run that gives these objects again.

        Parameters
        ----------
        kept : Kept
            Of the run.
        clustering : Clustering
        """
        without = Clustering.model_fields.keys() - asdict(Settings()).keys()
        if not kept.has_foreground:
            without.add("foreground_threshold")
            if clustering.scope == "component":  # no run could be given that
                without.add("scope")
        settings = self.run["settings"] | clustering.model_dump(exclude=without)
        self._metadata[METADATA_KEY] = self.run | {"settings": settings}

    def edits(self) -> list[dict[str, Any]]:
        """Return the edits as plain dicts, the oldest first."""
        return list(self._metadata.get(METADATA_EDITS, ()))

    def begun(self) -> EditStore:
        """Return the edits as they are recorded, ready to be added to.

        Raises
        ------
        ValueError
            If the metadata holds edits that are none.
        """
        saved = self._metadata.get(METADATA_SAVED, ())
        return EditStore(map(from_dict, self.edits()), map(from_dict, saved))

    def write_edits(self, edits: EditStore) -> None:
        """Record the edits."""
        self._metadata[METADATA_EDITS] = edits.as_dicts()

    def write_saved(self, edits: EditStore) -> None:
        """Record that the edits were saved as they are."""
        edits.mark_saved()
        self._metadata[METADATA_SAVED] = edits.as_dicts()

    def frames(self) -> tuple[set[Point], dict[Point, MadeWith]]:
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
        unfinished = {tuple(at) for at in self._metadata.get(METADATA_UNFINISHED, ())}
        unread = {
            tuple(known["frame"]): MadeWith(
                Clustering.model_validate(known["clustering"]),
                tuple(from_dict(edit) for edit in known["edits"]),
            )
            for known in self._metadata.get(METADATA_UNREAD, ())
        }
        return unfinished, unread

    def write_frames(
        self, unfinished: Iterable[Point], unread: Mapping[Point, MadeWith]
    ) -> None:
        """Record which frames are not as the record of the run and the edits say.

        Parameters
        ----------
        unfinished, unread
            As `frames` returns them.
        """
        self.forget_frames()
        if unfinished:
            self._metadata[METADATA_UNFINISHED] = sorted(unfinished)
        if unread:
            self._metadata[METADATA_UNREAD] = [
                {
                    "frame": at,
                    "clustering": made.clustering.model_dump(),
                    "edits": [to_dict(edit) for edit in made.edits if edit.frame == at],
                }
                for at, made in sorted(unread.items(), key=lambda item: item[0])
            ]

    def forget_frames(self) -> None:
        """Take the record of frames away: whoever steers the layer knows it."""
        self._metadata.pop(METADATA_UNFINISHED, None)
        self._metadata.pop(METADATA_UNREAD, None)
