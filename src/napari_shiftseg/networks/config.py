"""What a model is and how it was made, within bounds: its file but the weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from napari_shiftseg.clustering.settings import Clustering, Count
from napari_shiftseg.embeddings.kinds import Kind, spatial_channels
from napari_shiftseg.geometry.unet_shape import AxisShape, Padding, UNetShape
from napari_shiftseg.geometry.window import is_whole
from napari_shiftseg.text import brief, readable, visible

MOST = {
    "in_channels": 4096,
    "embedding_channels": 4096,
    "features": 2**16,
    "growth": 16,
    "convolutions": 8,
}
MOST_CLASSES = 1000
MOST_LEVELS, WIDEST_KERNEL = 16, 15
LARGEST_PERIOD, LARGEST_CONTEXT = 2**10, 2**11  # pixels an axis
MOST_WEIGHTS = 10**9  # 4 GB
MOST_WORK = 10**13  # products for one tile: minutes without a GPU
LONGEST_NAME = 255  # of a file, on all systems
WHY = "more would exhaust time or memory, and no network needs it"

# what a person reads is text and nothing else, on a terminal as on a label
DECODED = BeforeValidator(lambda w: readable(w) if isinstance(w, str) else w)
Name = Annotated[str, Field(max_length=LONGEST_NAME), DECODED, AfterValidator(visible)]
Text = Annotated[str, DECODED, AfterValidator(lambda text: visible(text, "\n\t"))]
Pixels = Annotated[int, Field(ge=1, le=2**20)]


def check_bounds(config: ModelConfig) -> None:
    """Refuse what would exhaust time or memory."""
    for name, most in MOST.items():
        _at_most(name, getattr(config, name), most)
    check_levels(len(config.pooling_factors))
    _at_most("kernel_size", max(config.kernel_size), WIDEST_KERNEL)
    for level in config.pooling_factors:
        _at_most("a pooling factor", max(level), LARGEST_PERIOD)
    for axis in config.shape.axes:
        _at_most("the period", axis.period, LARGEST_PERIOD)
        _at_most("the context", axis.context or axis.halo, LARGEST_CONTEXT)
    _at_most("the number of weights", weights_of(config), MOST_WEIGHTS)
    _at_most("the work for one tile", work_of(config), MOST_WORK)


def check_classes(names: Sequence[str]) -> None:
    """Refuse classes among which there is nothing to tell; none at all are right."""
    if len(names) == 1:
        raise ValueError(
            f"a class head tells two classes or more apart, got one, "
            f"{brief(names[0])}: name another class, or train without classes"
        )
    blank = [name for name in names if not name.strip()]
    if blank or len(set(names)) < len(names):
        raise ValueError(
            f"each class needs a name of its own, got {brief(tuple(names))}: name "
            f"every class once"
        )


def check_levels(number: int) -> None:
    """Refuse more pooling levels than any network has, before they are listed."""
    _at_most("the number of pooling levels", number, MOST_LEVELS)


def weights_of(config: ModelConfig) -> int:
    """Return how many weights the network has, without making it."""
    return sum(_weights_of_levels(config))


def work_of(config: ModelConfig) -> int:
    """Return about how many products its smallest tile takes."""
    pixels = prod(axis.input_for(1 + 2 * axis.halo) for axis in config.shape.axes)
    work = 0
    for weights, factors in zip(
        _weights_of_levels(config), (*config.pooling_factors, ()), strict=True
    ):
        work += pixels * weights
        pixels = pixels // prod(factors) + 1
    return work


def _weights_of_levels(config: ModelConfig) -> list[int]:
    kernel, features = prod(config.kernel_size), config.level_features
    norm = 2 * (config.normalization == "batch")

    def block(given: int, made: int) -> int:
        widths = pairwise([given, *[made] * config.convolutions])
        return sum((kernel * a + 1 + norm) * b for a, b in widths)

    ways_down = zip((config.in_channels, *features[:-1]), features, strict=True)
    weights = [block(given, made) for given, made in ways_down]
    weights[0] += (features[0] + 1) * config.out_channels
    for level, factors in enumerate(config.pooling_factors):
        fine, coarse = features[level : level + 2]
        if config.upsampling == "learnt":
            weights[level] += (coarse * prod(factors) + 1) * fine
            coarse = fine
        weights[level] += block(fine + coarse, fine)
    return weights


def _at_most(name: str, value: Any, most: int) -> None:
    if value > most:
        raise ValueError(f"{name} must be at most {most:,}, got {brief(value)}: {WHY}")


Upsampling = Literal["learnt", "nearest"]
Intensity = Literal["as-is", "range", "percentile"]
PerAxis = int | Sequence[int]


class Provenance(BaseModel):
    """How the weights came about."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    command: Text  # that makes them again
    window: tuple[Pixels, ...]  # output window the loss saw, per axis
    # of the training
    seed: Count
    steps: Count
    # name, margins and weights of the loss; ``foreground_...``: those of the logit's
    loss: dict[Name, float | bool | Text]
    # name, schedule and peak of the learning rate, largest norm of the gradient; batch,
    # warm-up and precision where they are not as in the papers
    optimizer: dict[Name, float | Text] = {}
    # how far training windows were changed; empty: not at all
    augmentation: dict[Name, float | bool] = {}
    # what the model reached (``ap50``, ...), and on which images; empty: not known
    scores: dict[Name, float | int | Text] = {}
    # what it was trained on; ISO date
    data: Text
    date: Name
    versions: dict[Name, Text]  # of the libraries that matter

    @model_serializer(mode="wrap")
    def _without_what_is_empty(
        self, serialize: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        known: dict[str, Any] = serialize(self)
        absent = [name for name in ("augmentation", "scores") if not known.get(name)]
        return {name: value for name, value in known.items() if name not in absent}


class ModelConfig(BaseModel):
    """Architecture of a U-Net, its clustering defaults and its provenance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = "untitled"
    description: Text = ""
    ndim: int = Field(default=2, ge=1, le=3)  # image axes, 1 to 3
    # per level (finest first), one factor an axis
    pooling_factors: tuple[tuple[int, ...], ...]
    kernel_size: tuple[int, ...]  # width of a convolution, per axis; odd
    convolutions: int = Field(default=2, ge=1)  # in a block
    features: int = Field(default=16, ge=1)  # channels at the finest level
    # factor by which the channels grow at each level
    growth: int = Field(default=2, ge=1)
    # what the outputs stand for, see `embedded`; not in the repr (nor is the diameter),
    # by which a training that goes on is known: the loss in it tells as much
    embedding: Kind = Field(default="discriminative", repr=False)
    # channels of the image and of the embedding
    in_channels: int = Field(default=1, ge=1)
    embedding_channels: int = Field(default=3, ge=1)
    foreground: bool = False  # whether one more output channel is a foreground logit
    # of objects, by name, one more output channel each: logits of a softmax over the
    # classes, within the foreground. Not in the repr, as the embedding is not.
    classes: tuple[Name, ...] = Field(default=(), max_length=MOST_CLASSES, repr=False)
    padding: Padding = "valid"
    upsampling: Upsampling = "learnt"
    # batch norm in eval mode is harmless to tiling; norms over space are not, and are
    # not offered
    normalization: Literal["none", "batch"] = "none"
    # how an image is scaled as a whole before it is read: not at all, minimum to
    # maximum → 0 to 1, or percentiles 1 to 99.8 → 0 to 1
    intensity: Intensity = "as-is"
    # median diameter of the objects of the training, in pixels; None: not known
    diameter: float | None = Field(default=None, gt=0, allow_inf_nan=False, repr=False)
    clustering: Clustering = Clustering()
    provenance: Provenance | None = None

    @model_validator(mode="before")
    @classmethod
    def _usual_kernel(cls, given: Any) -> Any:
        is_open = isinstance(given, dict) and "clustering" not in given
        if is_open and given.get("embedding") == "spatial":
            return given | {"clustering": Clustering(kernel="learnt-spread")}
        return given

    @model_validator(mode="after")
    def _kernel_of_its_kind(self) -> ModelConfig:
        has_spread = self.clustering.kernel == "learnt-spread"
        if has_spread != (self.embedding == "spatial"):
            raise ValueError(
                f"the kernel learnt-spread is that of spatial embeddings, and their "
                f"only one, but the embedding is {self.embedding} and the kernel "
                f"{self.clustering.kernel}: take another kernel"
            )
        return self

    @model_validator(mode="after")
    def _classes_of_a_foreground(self) -> ModelConfig:
        check_classes(self.classes)
        if self.classes and not self.foreground:
            raise ValueError(
                f"classes are told apart within a foreground, but this network has no "
                f"foreground logit: give it one (foreground=True), or leave out the "
                f"classes {', '.join(self.classes)}"
            )
        return self

    @model_validator(mode="after")
    def _one_value_an_axis(self) -> ModelConfig:
        for name, values in (
            ("kernel_size", self.kernel_size),
            *(("pooling_factors", level) for level in self.pooling_factors),
        ):
            if len(values) != self.ndim:
                raise ValueError(
                    f"{name} needs {self.ndim} values, one an axis, got {values}"
                )
        spatial = spatial_channels(self.ndim)
        if self.embedding == "spatial" and self.embedding_channels != spatial:
            raise ValueError(
                f"a spatial embedding in {self.ndim} axes has {spatial} channels, a "
                f"place and its spread, got {self.embedding_channels}: leave out the "
                f"number of channels, or take another loss"
            )
        background = self.clustering.background_embedding
        if self.embedding == "spatial" and background is not None:
            raise ValueError(
                "the background has no middle, so a spatial embedding has no "
                "background_embedding: leave it out"
            )
        if background is not None and len(background) != self.embedding_channels:
            raise ValueError(
                f"background_embedding needs {self.embedding_channels} values, "
                f"one an embedding channel, got {len(background)}"
            )
        check_bounds(self)  # and the shape itself refuses impossible sizes
        if self.provenance and len(self.provenance.window) != self.ndim:
            raise ValueError(
                f"the training window needs {self.ndim} values, one an axis, got "
                f"{self.provenance.window}"
            )
        return self

    @property
    def out_channels(self) -> int:
        """Embedding channels, then a foreground logit and one a class, if any."""
        return self.embedding_channels + self.foreground + len(self.classes)

    @property
    def image_axes(self) -> int:
        """Axes of one image: the spatial ones, and channels if it reads several."""
        return self.ndim + (self.in_channels > 1)

    def leading_axes(self, axes: int, name: str = "the image") -> int:
        """Return how many axes (time, planes) stand before those of one image.

        Parameters
        ----------
        axes : int
            That the image has.
        name : str
            Stands for the image in the error.
        """
        if axes < self.image_axes:
            raise ValueError(
                f"this model reads {self.image_axes} axes, {name} has {axes}: choose "
                f"another model or image"
            )
        return axes - self.image_axes

    @property
    def level_features(self) -> tuple[int, ...]:
        """Channels of each level, finest first, the bottom last."""
        levels = len(self.pooling_factors) + 1
        return tuple(self.features * self.growth**i for i in range(levels))

    @property
    def usual_window(self) -> tuple[int, ...]:
        """Window to begin with: the one trained with; one period if it is not known."""
        return self.provenance.window if self.provenance else self.shape.period

    @property
    def seamless_window(self) -> tuple[int, ...]:
        """The largest multiple of the period within the usual window, or one period."""
        pairs = zip(self.usual_window, self.shape.period, strict=True)
        return tuple(max(w - w % p, p) for w, p in pairs)

    @property
    def shape(self) -> UNetShape:
        """Sizes of this network."""
        axes = tuple(
            AxisShape(
                factors=tuple(level[axis] for level in self.pooling_factors),
                kernel=self.kernel_size[axis],
                convolutions=self.convolutions,
                padding=self.padding,
            )
            for axis in range(self.ndim)
        )
        return UNetShape(axes, self.level_features, self.in_channels, self.out_channels)

    @classmethod
    def new(
        cls,
        ndim: int = 2,
        depth: PerAxis = 3,
        pooling_factor: PerAxis = 2,
        kernel_size: PerAxis = 3,
        **options: Any,
    ) -> ModelConfig:
        """Make a config from depth and pooling factor, each one value or one an axis.

        An axis that is less deep than the others pools at the coarsest levels only.

        Parameters
        ----------
        ndim : int
            Image axes, 1 to 3.
        depth, pooling_factor, kernel_size : int or sequence of int
            How often it pools, by which factor, and the width of its convolutions.
        **options
            Other attributes.

        Raises
        ------
        ValueError
            If a value is out of range or their number is not that of the axes.
        """
        if not (is_whole(ndim) and 1 <= ndim <= 3):
            raise ValueError(f"ndim must be 1, 2 or 3, got {ndim!r}")
        depths = _per_axis("depth", depth, ndim)
        factors = _per_axis("pooling_factor", pooling_factor, ndim)
        deepest = max(depths)
        check_levels(deepest)
        levels = tuple(
            tuple(
                factor if level >= deepest - own else 1
                for factor, own in zip(factors, depths, strict=True)
            )
            for level in range(deepest)
        )
        kernel = _per_axis("kernel_size", kernel_size, ndim)
        return cls(ndim=ndim, pooling_factors=levels, kernel_size=kernel, **options)


def _per_axis(name: str, value: PerAxis, ndim: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, Iterable) else (value,) * ndim
    if len(values) != ndim or not all(is_whole(v) and v >= 1 for v in values):
        raise ValueError(
            f"{name} needs one value or {ndim} (one an axis), each 1 or more, "
            f"got {value!r}"
        )
    return tuple(int(v) for v in values)
