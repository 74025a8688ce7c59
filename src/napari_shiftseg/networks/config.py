"""What any network reads and gives, and how it came about, within bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

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
from napari_shiftseg.embeddings.kinds import Kind
from napari_shiftseg.intensity.scale import Rule
from napari_shiftseg.networks.confidence_rule import ConfidenceRule
from napari_shiftseg.text import brief, readable, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.network_shape import NetworkShape

MOST_CLASSES = 1000
LONGEST_NAME = 255  # of a file, on all systems

# what a person reads is text and nothing else, on a terminal as on a label
DECODED = BeforeValidator(lambda w: readable(w) if isinstance(w, str) else w)
Name = Annotated[str, Field(max_length=LONGEST_NAME), DECODED, AfterValidator(visible)]
Text = Annotated[str, DECODED, AfterValidator(lambda text: visible(text, "\n\t"))]
Pixels = Annotated[int, Field(ge=1, le=2**20)]


Intensity = Literal["as-is", "range", "percentile"] | Rule


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


class NetworkConfig(BaseModel):
    """What a network reads and gives, its clustering defaults and its provenance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = "untitled"
    description: Text = ""
    ndim: int = Field(default=2, ge=1, le=3)  # image axes, 1 to 3
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
    # how an image is scaled as a whole before it is read: not at all, minimum to
    # maximum → 0 to 1, percentiles 1 to 99.8 → 0 to 1, or by another program's rule
    intensity: Intensity = "as-is"
    # median diameter of the objects of the training, in pixels; None: not known
    diameter: float | None = Field(default=None, gt=0, allow_inf_nan=False, repr=False)
    # how sure objects are, see `object_confidence`; None: nobody has measured it
    confidence: ConfidenceRule | None = Field(default=None, repr=False)
    clustering: Clustering = Clustering()
    provenance: Provenance | None = None

    if TYPE_CHECKING:

        @property
        def shape(self) -> NetworkShape:
            """Sizes of this network."""

        @property
        def architecture(self) -> dict[str, Any]:
            """What is known of how it is built, ready for JSON."""

    @model_validator(mode="after")
    def _kernel_of_its_kind(self) -> NetworkConfig:
        has_spread = self.clustering.kernel == "learnt-spread"
        if has_spread != (self.embedding == "spatial"):
            raise ValueError(
                f"the kernel learnt-spread is that of spatial embeddings, and their "
                f"only one, but the embedding is {self.embedding} and the kernel "
                f"{self.clustering.kernel}: take another kernel"
            )
        return self

    @model_validator(mode="after")
    def _classes_of_a_foreground(self) -> NetworkConfig:
        check_classes(self.classes)
        if self.classes and not self.foreground:
            raise ValueError(
                f"classes are told apart within a foreground, but this network has no "
                f"foreground logit: give it one (foreground=True), or leave out the "
                f"classes {', '.join(self.classes)}"
            )
        return self

    @property
    def gives(self) -> str:
        """What it predicts, in a word: "embedding", or "prediction"."""
        return "prediction" if self.embedding == "outputs" else "embedding"

    @property
    def directed(self) -> tuple[str, ...]:
        """Kinds of outputs that belong to a direction: flipped, they are others."""
        return ()

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
    def usual_window(self) -> tuple[int, ...]:
        """Window to begin with: the one trained with; one period if it is not known."""
        return self.provenance.window if self.provenance else self.shape.period

    @property
    def is_foreign(self) -> bool:
        """Whether the network was made elsewhere."""
        return False

    @property
    def declared_halo(self) -> tuple[int, ...] | None:
        """Pixels that its package calls wrong at both ends; None: it says nothing."""
        return None

    @property
    def seamless_window(self) -> tuple[int, ...]:
        """The largest multiple of the period within the usual window, or one period."""
        pairs = zip(self.usual_window, self.shape.period, strict=True)
        return tuple(max(w - w % p, p) for w, p in pairs)
