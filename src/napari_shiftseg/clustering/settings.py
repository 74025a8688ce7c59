"""How embeddings become objects: what can be chosen, and how much may be computed."""

from __future__ import annotations

from math import inf
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Kernel = Literal["gaussian", "flat", "von-mises-fisher"]
Scope = Literal["global", "component"]

NARROWEST = 1e-9  # bandwidth


def _not_tiny(bandwidth: float) -> float:
    if bandwidth < NARROWEST:
        raise ValueError(f"the bandwidth must be at least {NARROWEST}, got {bandwidth}")
    return bandwidth


Count = Annotated[int, Field(ge=0, lt=2**63)]
# in float32, squares of embeddings are neither 0 nor infinite
Coordinate = Annotated[float, Field(ge=-1e18, le=1e18, allow_inf_nan=False)]
Bandwidth = Annotated[
    float,
    Field(gt=0, le=1e18, allow_inf_nan=False),
    AfterValidator(_not_tiny),
]


class Clustering(BaseModel):
    """How the embeddings of a model become objects, unless the user says otherwise.

    Attributes
    ----------
    bandwidth : float
        Of the mean shift, in units of the embedding.
    kernel : {"gaussian", "flat", "von-mises-fisher"}
        Of the mean shift.
    scope : {"global", "component"}
        One mean shift for the image, or one for each connected component of the
        foreground.
    min_size : int
        Objects of fewer pixels are dropped.
    split_far_parts : bool
        Whether parts of one mode that do not touch are objects of their own.
    background_embedding : tuple of float or None
        The mode nearest to it is the background; None: there is no background mode.
    foreground_threshold : float
        Pixels that are foreground with a higher probability are clustered, 0 < t < 1;
        of no effect in a model without a foreground logit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bandwidth: Bandwidth = 1.0
    kernel: Kernel = "gaussian"
    scope: Scope = "global"
    min_size: Count = 0
    split_far_parts: bool = True
    background_embedding: tuple[Coordinate, ...] | None = None
    foreground_threshold: float = Field(default=0.5, gt=0, lt=1)


class Effort:
    """Distances that the searches of a clustering may compute, all together.

    When they are spent the search under way ends with the modes it has, and each later
    one takes all of its points for one cluster, so that a clustering which finds no
    clusters comes to an end soon. The same clustering always ends at the same place,
    however fast the machine is.

    Parameters
    ----------
    most : float
        Distances between two points, counted roughly.
    """

    def __init__(self, most: float = inf) -> None:
        self._left = most

    @property
    def is_spent(self) -> bool:
        """Whether a search has to end, and results are those of one cut short."""
        return self._left < 0

    def spend(self, distances: int) -> None:
        """Take distances off what is left."""
        self._left -= distances
