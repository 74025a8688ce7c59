"""What can be chosen of object proposals."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from napari_shiftseg.clustering.settings import Bandwidth
from napari_shiftseg.pipeline.candidates import A_LIST
from napari_shiftseg.pipeline.glossary import setting

FACTORS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)  # of the model's own bandwidth
NUMBER = 60  # of proposals
SAME = 0.9  # intersection over union above which two objects are one


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Pooling:
    """Which groupings are pooled, and which of their objects are the same.

    Attributes
    ----------
    bandwidths : sequence of float, optional
        Of the groupings. Not given: 0.35, 0.5, 0.7, 1, 1.4, 2 and 2.8 times the model's
        own.
    same_above : float
        Intersection over union above which two objects are one, 0.5 to below 1.

    Raises
    ------
    ValueError
        If a value is out of range, or there is no bandwidth.
    """

    bandwidths: Annotated[tuple[Bandwidth, ...] | None, A_LIST] = setting(
        None,
        "Bandwidths of the groupings that are pooled.",
        "0.35 to 2.8 of the model's own",
        unit="embedding",
        form="NUMBER,...",
    )
    same_above: float = setting(
        SAME, "Overlap (IoU) above which two objects are one.", ge=0.5, lt=1
    )

    def __post_init__(self) -> None:
        if self.bandwidths == ():
            raise ValueError(
                "proposals need one bandwidth or more, got none; leave them out to "
                "take those about the model's own"
            )

    def of(self, own: float) -> tuple[float, ...]:
        """Return the bandwidths for a model, by its own."""
        if self.bandwidths is not None:
            return self.bandwidths
        return tuple(factor * own for factor in FACTORS)
