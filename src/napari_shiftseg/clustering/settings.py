"""How embeddings become objects: what can be chosen, and how much may be computed."""

from __future__ import annotations

from math import inf
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Kernel = Literal["gaussian", "flat", "von-mises-fisher", "learnt-spread"]
Scope = Literal["global", "component"]
Method = Literal["mean-shift", "components", "watershed"]


def kernels_like(kernel: Kernel) -> tuple[Kernel, ...]:
    """Return the kernels that suit the embeddings which a kernel suits.

    Places with a spread have one of their own; all others suit any other embedding.
    """
    own = "learnt-spread"
    return tuple(k for k in get_args(Kernel) if (k == own) == (kernel == own))


KNOBS: dict[Method, tuple[str, ...]] = {  # of `Clustering`, that say something to it
    "mean-shift": (
        "bandwidth", "kernel", "scope", "min_size", "split_far_parts",
        "foreground_threshold",
    ),
    "components": ("min_size", "foreground_threshold"),
    "watershed": ("prominence", "min_size", "foreground_threshold"),
}  # fmt: skip


def idle_knobs(method: Method) -> set[str]:
    """Return the knobs that say nothing to a method."""
    return set().union(*KNOBS.values()) - set(KNOBS[method])


def methods_for(has_foreground: bool) -> tuple[Method, ...]:
    """Return the methods that make objects, with a foreground or without one."""
    return get_args(Method) if has_foreground else ("mean-shift",)


NARROWEST = 1e-9  # bandwidth


def _not_tiny(bandwidth: float) -> float:
    if bandwidth < NARROWEST:
        raise ValueError(f"the bandwidth must be at least {NARROWEST}, got {bandwidth}")
    return bandwidth


Count = Annotated[int, Field(ge=0, lt=2**63)]
# in float32, squares of embeddings are neither 0 nor infinite
Coordinate = Annotated[float, Field(ge=-1e18, le=1e18, allow_inf_nan=False)]

# The first sentence of a description stands beside an option of the command line, all
# of it in tooltips and in the glossary.
THE_MODELS = {"unset": "the model's"}
Bandwidth = Annotated[
    float,
    Field(
        gt=0,
        le=1e18,
        allow_inf_nan=False,
        description="Embeddings within about this distance are one object. Larger "
        "merges, smaller splits.",
        json_schema_extra={"unit": "embedding", **THE_MODELS},
    ),
    AfterValidator(_not_tiny),
]
KernelChoice = Annotated[
    Kernel,
    Field(
        description="How pixels around a mode count when it is found. gaussian: the "
        "nearer, the more. flat: all within a bandwidth alike. von-mises-fisher: as "
        "gaussian, but only the direction of the embeddings counts, not their length. "
        "learnt-spread: as gaussian, with the bandwidth in units of the spread that a "
        "spatial model predicts.",
        json_schema_extra={**THE_MODELS},
    ),
]
ScopeChoice = Annotated[
    Scope,
    Field(
        description="What is clustered at once. global: the whole image. component: "
        "each connected part of the foreground by itself (models with a foreground).",
        json_schema_extra={**THE_MODELS},
    ),
]
MinSize = Annotated[
    int,
    Field(
        ge=0,
        lt=2**63,
        description="Objects of fewer pixels are dropped.",
        json_schema_extra={"unit": "pixels", **THE_MODELS},
    ),
]
SplitFarParts = Annotated[
    bool,
    Field(
        description="Parts of one mode that do not touch are objects of their own.",
        json_schema_extra={**THE_MODELS},
    ),
]
ForegroundThreshold = Annotated[
    float,
    Field(
        gt=0,
        lt=1,
        description="Probability above which a pixel is object (models with a "
        "foreground). Lower keeps faint objects, higher parts them.",
        json_schema_extra={"unit": "probability", **THE_MODELS},
    ),
]
MethodChoice = Annotated[
    Method,
    Field(
        description="How objects are made. mean-shift: of pixels whose embeddings are "
        "alike. components: each connected part of the foreground is one. watershed: "
        "such a part is cut along its waists, or where the network sees boundaries.",
        json_schema_extra={**THE_MODELS},
    ),
]
Prominence = Annotated[
    float,
    Field(
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="How far two middles of one foreground must rise above what lies "
        "between them to be two objects (watershed). Larger merges, smaller splits.",
        json_schema_extra={"unit": "pixels, or the output's", **THE_MODELS},
    ),
]


class Clustering(BaseModel):
    """How the embeddings of a model become objects, unless the user says otherwise.

    The mode nearest to `background_embedding` is the background; None: there is no
    background mode. What the others mean is described in their fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bandwidth: Bandwidth = 1.0
    kernel: KernelChoice = "gaussian"
    scope: ScopeChoice = "global"
    min_size: MinSize = 0
    split_far_parts: SplitFarParts = True
    background_embedding: tuple[Coordinate, ...] | None = None
    foreground_threshold: ForegroundThreshold = 0.5
    # not in the repr, by which a training is known again
    method: MethodChoice = Field(default="mean-shift", repr=False)
    prominence: Prominence = Field(default=1.0, repr=False)
    # of the outputs, which one is high in the middle of objects, and which one between
    # them; None and None: the shape of the foreground says where they are parted
    middle_channel: Count | None = Field(default=None, repr=False)
    boundary_channel: Count | None = Field(default=None, repr=False)


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
