"""Sample data for File > Open Sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import napari
from napari.layers import Layer

from napari_shiftseg.gui.parts.belonging import METADATA_OF
from napari_shiftseg.gui.parts.models import METADATA_MODELS, OPENED
from napari_shiftseg.gui.parts.result_layers import result_layers
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.samples.catalogue import NUCLEI_3D_SPACING, SAMPLES

if TYPE_CHECKING:
    from napari_shiftseg.pipeline.comparison import Comparison


SampleTuple = tuple[Any, dict[str, Any], str]


def disks_13() -> list[SampleTuple]:
    """Disks at period 13."""
    return layers_of("disks", name="disks (period 13)")


def disks_15() -> list[SampleTuple]:
    """Disks at period 15, which has no common divisor with 8."""
    return layers_of("disks-15", name="disks (period 15)")


def disks_16() -> list[SampleTuple]:
    """Disks at period 16, the period of a network with l = 4, f = 2."""
    return layers_of("disks-16", name="disks (period 16)")


def disks_noise() -> list[SampleTuple]:
    """Disks at period 16 with noise."""
    return layers_of("disks-noise")


def disks_bent() -> list[SampleTuple]:
    """Disks at period 16, deformed elastically."""
    return layers_of("disks-bent")


def constant() -> list[SampleTuple]:
    """Make an image without content: all that differs comes from the network."""
    return layers_of("constant", contrast_limits=(0, 1))


def nuclei() -> list[SampleTuple]:
    """Synthetic fluorescence nuclei."""
    return layers_of("nuclei")


def nuclei_3d() -> list[SampleTuple]:
    """Make a stack of synthetic nuclei, its planes two pixels apart."""
    return layers_of("nuclei-3d", scale=NUCLEI_3D_SPACING)


def nuclei_small() -> list[SampleTuple]:
    """Make a stack of small synthetic nuclei."""
    return layers_of("nuclei-small")


def layers_of(
    sample: str,
    name: str | None = None,
    scale: tuple[float, ...] | None = None,
    **options: Any,
) -> list[SampleTuple]:
    """Make a sample, and its hidden true labels where it has objects.

    The networks of figures that it is made for are then in every list of models, and
    the image names its models.

    Parameters
    ----------
    sample : str
        One of `SAMPLES`.
    name : str, optional
        Of the image layer; that of the sample if not given.
    scale : tuple of float, optional
        Of the layers.
    **options
        More of the image layer.
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
        truth = {
            "name": f"{name} · truth", "scale": scale, "visible": False, "metadata": of
        }  # fmt: skip
        layers.append((made.labels, truth, "labels"))
    return layers


def show_demo(comparison: Comparison, model: str) -> None:
    """Open napari with the sample, both results and the Segment widget; wait for it."""
    viewer = open_demo(comparison, model)
    viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    napari.run()


def open_demo(comparison: Comparison, model: str) -> napari.Viewer:
    """Return a viewer with the sample and the layers of both sides, naive on top."""
    viewer = napari.Viewer(title="napari-shiftseg: the disk sample")
    for data, options, kind in disks_13():
        getattr(viewer, f"add_{kind}")(data, **options)
    source = LayerSource.of(viewer.layers[0])
    for side in (comparison.cropped, comparison.naive):
        for layer in result_layers(side.result, source, model):
            added = viewer.add_layer(Layer.create(*layer))
            added.visible = added.visible and side is comparison.naive
    return viewer
