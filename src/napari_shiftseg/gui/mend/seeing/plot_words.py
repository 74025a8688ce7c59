"""What the embedding plot says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.geometry.words import number_of, percent

if TYPE_CHECKING:
    from napari_shiftseg.gui.mend.seeing.embedding_steps import Lassoed
    from napari_shiftseg.interaction.seeing.projection import Projection

NOTHING = "No embedding yet: segment an image, then open this plot from its result."
DELETED = "The labels were deleted: there is nothing to plot."
OTHER_SHAPE = "The labels have another shape now: segment the image again."
HOW = (
    "Draw around points: all their pixels light up in the image. Click a point: its "
    "object lights up, too."
)


def sample_text(projection: Projection) -> str:
    """Say what stands for what."""
    sample, shown = projection.sample, len(projection.points)
    objects = sample.objects - projection.background
    what = number_of(objects, "object")
    what += " and the background" * projection.background
    held = percent(sum(projection.components.shares))
    if shown == sample.of:
        begin = f"All {shown:,} pixels of {what}"
    elif sample.each == 0:
        begin = f"One pixel each of {shown:,} of {what}"
    else:
        begin = (
            f"{shown:,} of {sample.of:,} pixels of {what}, at most {sample.each} of "
            f"each, so that small ones are seen"
        )
    return f"{begin}. Both axes hold {held} of the variance."


def chosen_text(label: int, points: int, in_image: bool) -> str:
    """Say how an object lights up, here and perhaps in the image."""
    if points == 0:
        return f"Object {label} has no point here."
    also = "; its pixels are white in the image" * in_image
    return f"Object {label}: {number_of(points, 'point')}, large{also}."


def lassoed_text(found: Lassoed) -> str:
    """Say what a lasso holds."""
    if found.pixels == 0:
        return "No pixel lies within the lasso."
    objects = number_of(found.objects, "object")
    return f"Lassoed: {found.pixels:,} pixels of {objects}, white in the image."
