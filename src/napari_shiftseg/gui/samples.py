"""Sample data for File > Open Sample."""

from __future__ import annotations

from typing import Any

from napari_shiftseg.samples.catalogue import NUCLEI_3D_SPACING, make_sample
from napari_shiftseg.samples.disks import disks

LayerTuple = tuple[Any, dict[str, Any], str]


def disks_13() -> list[LayerTuple]:
    """Disks at period 13 with their true labels."""
    return disk_layers()


def disks_16() -> list[LayerTuple]:
    """Disks at period 16, the period of a network with l = 4, f = 2."""
    return disk_layers(period=16, size=513)


def constant() -> list[LayerTuple]:
    """Make an image without content: all that differs comes from the network."""
    image = make_sample("constant").image
    return [(image, {"name": "constant", "contrast_limits": (0, 1)}, "image")]


def nuclei() -> list[LayerTuple]:
    """Synthetic fluorescence nuclei with their true labels."""
    return _nuclei_layers("nuclei", scale=(1, 1))


def nuclei_3d() -> list[LayerTuple]:
    """Make a stack of synthetic nuclei, its planes two pixels apart, and its truth."""
    return _nuclei_layers("nuclei-3d", scale=NUCLEI_3D_SPACING)


def _nuclei_layers(name: str, scale: tuple[float, ...]) -> list[LayerTuple]:
    sample = make_sample(name)
    truth = {"name": f"{name} · truth", "scale": scale, "visible": False}
    return [
        (sample.image, {"name": name, "scale": scale}, "image"),
        (sample.labels, truth, "labels"),
    ]


def disk_layers(
    period: int = 13, size: int = 508, radius: float = 5
) -> list[LayerTuple]:
    """Make disks of any size and period, and their hidden true labels."""
    sample = disks((size, size), period, radius)
    name = f"disks (period {period})"
    return [
        (sample.image, {"name": name}, "image"),
        (sample.labels, {"name": f"{name} · truth", "visible": False}, "labels"),
    ]
