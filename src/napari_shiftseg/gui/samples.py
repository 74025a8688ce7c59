"""Sample data for File > Open Sample."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import napari
from napari.layers import Layer

from napari_shiftseg.gui.parts.belonging import METADATA_OF
from napari_shiftseg.gui.parts.models import METADATA_MODELS, OPENED
from napari_shiftseg.gui.parts.result_layers import class_features, result_layers
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.samples.catalogue import NUCLEI_3D_SPACING, SAMPLES

if TYPE_CHECKING:
    from napari_shiftseg.pipeline.comparison import Comparison


SampleTuple = tuple[Any, dict[str, Any], str]


def _layers_of(
    sample: str,
    name: str | None = None,
    scale: tuple[float, ...] | None = None,
    **options: Any,
) -> list[SampleTuple]:
    """Make a sample, and its hidden true labels where it has objects.

    The networks of figures that it is made for are then in every list of models, and
    the image names its models.
    """
    entry, name = SAMPLES[sample], name or sample
    made = entry.make()
    for model in entry.models:
        OPENED.add(model)
    of = {METADATA_OF: uuid4().hex}
    metadata = {METADATA_MODELS: entry.models, **of}
    image = {"name": name, "scale": scale, "metadata": metadata, **options}
    layers: list[SampleTuple] = [(made.image, image, "image")]
    if made.labels.any():
        truth: dict[str, Any] = {
            "name": f"{name} · truth", "scale": scale, "visible": False, "metadata": of
        }  # fmt: skip
        if made.classes is not None:
            truth["features"] = class_features(made.classes)
        layers.append((made.labels, truth, "labels"))
    return layers


disks_13 = partial(_layers_of, "disks", name="disks (period 13)")
disks_15 = partial(_layers_of, "disks-15", name="disks (period 15)")
disks_16 = partial(_layers_of, "disks-16", name="disks (period 16)")
disks_noise = partial(_layers_of, "disks-noise")
disks_bent = partial(_layers_of, "disks-bent")
constant = partial(_layers_of, "constant", contrast_limits=(0, 1))  # no content at all
nuclei = partial(_layers_of, "nuclei")
nuclei_3d = partial(_layers_of, "nuclei-3d", scale=NUCLEI_3D_SPACING)
nuclei_small = partial(_layers_of, "nuclei-small")
shapes = partial(_layers_of, "shapes")


def show_demo(comparison: Comparison, model: str) -> None:
    """Open napari with the sample, both results and the Segment widget; wait for it.

    The naive result lies on top.

    Parameters
    ----------
    comparison : Comparison
        Of the disk sample.
    model : str
        Name of the model that it was made with.
    """
    viewer = napari.Viewer(title="napari-shiftseg: the disk sample")
    for data, options, kind in disks_13():
        getattr(viewer, f"add_{kind}")(data, **options)
    source = LayerSource.of(viewer.layers[0])
    for side in (comparison.cropped, comparison.naive):
        for layer in result_layers(side.result, source, model):
            added = viewer.add_layer(Layer.create(*layer))
            added.visible = added.visible and side is comparison.naive
    viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    napari.run()
