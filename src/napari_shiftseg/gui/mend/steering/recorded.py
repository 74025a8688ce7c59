"""What a labels layer was made with, in its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.mend.steering.made_with import MadeWith
from napari_shiftseg.inference.scale import Scale
from napari_shiftseg.interaction.editing.plain import from_dict, to_dict
from napari_shiftseg.model.config import Clustering
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari.layers import Labels

    from napari_shiftseg.interaction.editing.positions import Point
    from napari_shiftseg.interaction.steering.kept import Kept

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
