"""What a comparison of stitchings has found: its sides, each measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from napari_shiftseg.geometry.library_tiles import Way
from napari_shiftseg.metrics.metric import Measured, figures
from napari_shiftseg.metrics.splits import split_objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_shiftseg.metrics.chance import Difference, Outcomes
    from napari_shiftseg.metrics.objects import ObjectScores
    from napari_shiftseg.metrics.seams import SeamScores
    from napari_shiftseg.metrics.splits import Seam
    from napari_shiftseg.pipeline.result import Segmentation

SideName = Literal["naive", "cropped"]
Left = Literal["naive"] | Way


@dataclass(frozen=True)
class Side:
    """One stitching of a comparison.

    Attributes
    ----------
    result : Segmentation
    seams : SeamScores
        Of this stitching's embedding.
    untiled : SeamScores
        Of the untiled prediction over the same pairs: what the scores would be
        without any seam.
    objects : ObjectScores or None
        None without a truth.
    splitting : tuple of Seam or None
        Seams that split an object, the worst first. Whole objects are the true ones,
        or else those of cropped stitching, which then has None. None without a seam.
    outcomes : Outcomes or None
        Of every true object; None without a truth.
    by_pixel : mapping
        Values of the metrics that look at pixels.
    """

    result: Segmentation
    seams: SeamScores
    untiled: SeamScores
    objects: ObjectScores | None
    splitting: tuple[Seam, ...] | None
    outcomes: Outcomes | None = None
    by_pixel: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cutting(self) -> tuple[Seam, ...]:
        """Seams that cut an object which the other stitching leaves whole there."""
        return tuple(seam for seam in self.splitting or () if seam.cuts)

    @property
    def measured(self) -> Measured:
        """What the metrics of this side are computed of."""
        return Measured(
            self.result.plan,
            seams=self.seams,
            untiled=self.untiled,
            objects=self.result.objects,
            scores=self.objects,
            split=None if self.splitting is None else split_objects(self.splitting),
            seconds=self.result.seconds,
            outcomes=self.outcomes,
            by_pixel=self.by_pixel,
        )

    @property
    def is_commensurate(self) -> bool:
        """Whether objects and tiles share a rhythm, so that 1 is not the reference."""
        return self.measured.is_commensurate

    def figures(self) -> dict[str, Any]:
        """Return the figures of this side, ready for JSON; see `METRICS`."""
        return figures(self.measured)


@dataclass(frozen=True)
class Comparison:
    r"""Naive and cropped stitching of one image, over the same region.

    Attributes
    ----------
    naive, cropped : Side
    reference : ndarray
        (channels, \*spatial), the untiled prediction.
    device : str
        That predicted.
    differences : dict of Difference
        Naive less cropped, by figure, where one can be resampled: over true objects
        those of objects, over places the distances of the seam ratios from the untiled
        ones.
    also : dict of Side
        The same as other libraries tile it, by the name of the way.
    also_differences : dict of dict
        `differences` of each of these less cropped.
    left : str
        What stands in `naive`: "naive", or a way of other libraries; see `seen_as`.
    """

    naive: Side
    cropped: Side
    reference: NDArray[Any]
    device: str
    differences: dict[str, Difference] = field(default_factory=dict)
    also: dict[Way, Side] = field(default_factory=dict)
    also_differences: dict[Way, dict[str, Difference]] = field(default_factory=dict)
    left: Left = "naive"

    def seen_as(self, left: Left) -> Comparison:
        """Return it with tiles of another library in the place of naive ones.

        Parameters
        ----------
        left : str
            "naive": as it is; or one of `also`.
        """
        if left == "naive":
            return self
        side, differences = self.also[left], self.also_differences[left]
        return replace(self, naive=side, differences=differences, left=left)

    @property
    def sides(self) -> dict[str, Side]:
        """Both sides by name, naive first."""
        return {"naive": self.naive, "cropped": self.cropped}
