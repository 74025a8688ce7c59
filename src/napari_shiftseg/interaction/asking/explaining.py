"""Why two pixels are one object or two, in words a biologist reads."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.words import percent
from napari_shiftseg.interaction.asking.background import why_background
from napari_shiftseg.interaction.asking.bandwidths import SAME
from napari_shiftseg.interaction.asking.borders import tile_border_between
from napari_shiftseg.interaction.asking.different_modes import different_modes
from napari_shiftseg.interaction.asking.edit_to_blame import (
    joined_by_an_edit,
    parted_by_an_edit,
)
from napari_shiftseg.interaction.asking.explanation import Explanation
from napari_shiftseg.interaction.asking.resemblance import modes_apart
from napari_shiftseg.interaction.asking.same_object import same_object
from napari_shiftseg.interaction.asking.shared_mode import shared_mode
from napari_shiftseg.interaction.asking.two_components import (
    are_two_components,
    two_components,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.interaction.asking.borders import TileBorder
    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.asking.places import Place


def explain(
    evidence: Evidence, one: Sequence[int], other: Sequence[int]
) -> Explanation:
    """Explain two pixels that were clicked, by what can be measured.

    An edit that joins or parts them comes first, since it is made again at every
    bandwidth. Else it takes up to a second: a mean shift of the two objects is tried
    with several bandwidths.

    Parameters
    ----------
    evidence : Evidence
    one, other : sequence of int
        Pixels of the image, in array order.

    Raises
    ------
    ValueError
        If a pixel is not one of the image, or was not predicted.
    """
    places = [evidence.place(pixel) for pixel in (one, other)]
    first, second = (evidence.object_at(place) for place in places)
    if not first or not second:
        return _background(evidence, places)
    if first == second:
        return joined_by_an_edit(evidence, places) or same_object(
            evidence, places, first
        )
    return parted_by_an_edit(evidence, places) or _two_objects(evidence, first, second)


def _two_objects(evidence: Evidence, one: int, other: int) -> Explanation:
    border = tile_border_between(evidence, one, other)
    if border is not None and border.parts_them:
        return _split(evidence, border)
    if are_two_components(evidence, one, other):
        return two_components(evidence, one, other)
    if modes_apart(evidence, one, other) <= SAME:
        return shared_mode(evidence, one, other)
    return different_modes(evidence, one, other)


def _background(evidence: Evidence, places: Sequence[Place]) -> Explanation:
    outside = [place for place in places if not evidence.object_at(place)]
    sentences = dict.fromkeys(why_background(evidence, place) for place in outside)
    return Explanation("background", " ".join(sentences))


def _split(evidence: Evidence, border: TileBorder) -> Explanation:
    steps = "beside it there is no step"
    if border.jump is not None and not isinf(border.jump):
        steps = f"{border.jump:.0f} times its steps beside it"
    text = (
        f"Split by the tile border at {evidence.names[border.axis]} = {border.at}: use "
        f"cropped stitching. {percent(border.share)} of the line between them lies on "
        f"it, where the embedding jumps ({steps})."
    )
    return Explanation("tile border", text, border=border)
