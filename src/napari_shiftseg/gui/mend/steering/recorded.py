"""The clustering that a labels layer was made with, in the record of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from napari.layers import Labels

    from napari_shiftseg.interaction.steering.kept import Kept
    from napari_shiftseg.model.config import Clustering


def recorded_clustering(layer: Labels, kept: Kept) -> Clustering:
    """Return the clustering that labels were made with."""
    settings = Settings(**layer.metadata[METADATA_KEY]["settings"])
    return settings.clustering(kept.config)


def record_clustering(layer: Labels, kept: Kept, clustering: Clustering) -> None:
    """Record a clustering as settings of a run that gives these objects again."""
    without = {"background_embedding"}
    if not kept.has_foreground:
        without.add("foreground_threshold")
    record = layer.metadata[METADATA_KEY]
    settings = record["settings"] | clustering.model_dump(exclude=without)
    layer.metadata[METADATA_KEY] = record | {"settings": settings}
