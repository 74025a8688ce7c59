"""Which frame of a labels layer the viewer shows, and which part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.gui.source import frame_in_view, region_in_view

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.interaction.editing.positions import Point
    from napari_shiftseg.interaction.steering.kept import Kept


def shown_part(
    viewer: napari.Viewer, layer: Labels, kept: Kept
) -> tuple[Point, Region | None]:
    """Return the frame that is shown, and its pixels that are in view.

    Returns
    -------
    tuple of int
        Position on the leading axes.
    tuple of (int, int) or None
        Pixels of the image, one plane of a volume that is shown plane by plane; None
        if nothing of it is in view.
    """
    frame = frame_in_view(layer, viewer.dims, layer.ndim - kept.ndim)
    try:
        region = region_in_view(layer, viewer.dims, kept.ndim)
    except ValueError:  # it has been moved out of the view
        return frame, None
    at = frame_in_view(layer, viewer.dims, layer.ndim)[-kept.ndim :]
    displayed = {axis - viewer.dims.ndim + kept.ndim for axis in viewer.dims.displayed}
    return frame, tuple(
        (start + o, stop + o) if axis in displayed else (x + o, x + o + 1)
        for axis, ((start, stop), x, o) in enumerate(
            zip(region, at, kept.offset, strict=True)
        )
    )
