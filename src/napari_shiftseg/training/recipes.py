"""Recipes: how a network is trained, on a sample or on labelled images."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.embeddings.losses import (
    ClassLoss,
    DiscriminativeLoss,
    EmbeddingLoss,
    ForegroundLoss,
)
from napari_shiftseg.embeddings.recurrent import LossOnEveryLoop
from napari_shiftseg.embeddings.spatial import SpatialLoss
from napari_shiftseg.embeddings.spherical import CosineMarginLoss
from napari_shiftseg.metrics.objects import is_partly
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.training.defaults import (
    CORRECTION_RATE,
    RATE,
    SAMPLE_RATE,
    SAMPLE_WINDOW,
    STEPS,
    refuse_untrained_phases,
    usual_window,
)
from napari_shiftseg.training.fit import Training
from napari_shiftseg.training.windows import Augmentation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.embeddings.kinds import Kind
    from napari_shiftseg.geometry.window import Border
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.training.stopping import Validation


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    window : int or sequence of int
        Output window the loss sees; it must be above the period, or functions of
        neighbouring phases never meet in the loss.
    steps : int
        Of the training.
    batch : int
        Windows a step; the loss is the mean of theirs, object ids are never pooled.
    learning_rate : float
        Peak of its one-cycle schedule over all steps, for Adam.
    warm_up : float
        Share of the steps in which the learning rate rises.
    clip : float
        Largest norm of the gradient.
    seed : int
        Of the weights and the windows.
    loss : EmbeddingLoss
        Of embeddings of the network's kind.
    foreground : ForegroundLoss
        Of a network with a foreground logit.
    border : {"valid", "mirror"}
        Which windows are drawn; see `RandomWindows`.
    augmentation : Augmentation, optional
    precision : {"float32", "bfloat16"}
        Of the convolutions; weights and losses are float32.
    fixed_statistics : float
        Share of the steps, the last ones, in which batch norm no longer takes the
        statistics of the windows of a step but keeps those it has gathered, as it does
        in prediction: of few windows a step they differ much from them.
    tiles : int
        Along each axis, that a window is predicted as, for same-padded networks: tiles
        side by side and one loss over what they are stitched to, so that an object
        which a tile border cuts must have one embedding on both sides.
    grid : int
        Windows are read from multiples of so many pixels of the image; 1: from
        anywhere.
    classes : ClassLoss
        Of a network that tells classes apart.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    window: int | Sequence[int]
    steps: int
    batch: int = 1
    learning_rate: float = SAMPLE_RATE
    warm_up: float = 0.3
    clip: float = 1.0
    seed: int = 0
    loss: EmbeddingLoss = field(default_factory=DiscriminativeLoss)
    foreground: ForegroundLoss = field(default_factory=ForegroundLoss)
    border: Border = "valid"
    augmentation: Augmentation | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    fixed_statistics: float = 0.0
    tiles: int = 1
    grid: int = 1
    # not in the repr, by which a training that goes on is known; see `Training`
    classes: ClassLoss = field(default_factory=ClassLoss, repr=False)

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "tiles", "grid"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"training needs {name} of 1 or more, got {value}")
        if not self.learning_rate > 0:
            raise ValueError(
                f"the learning rate must be above 0, got {self.learning_rate}"
            )
        if not 0 < self.warm_up < 1:
            raise ValueError(
                f"the share of the steps in which the learning rate rises must be "
                f"between 0 and 1, got {self.warm_up}"
            )

        if not 0 <= self.fixed_statistics <= 1:
            raise ValueError(
                f"the share of the steps in which batch norm is fixed must be from 0 "
                f"to 1, got {self.fixed_statistics}"
            )

    def described(
        self, foreground: bool = False, classes: bool = False
    ) -> dict[str, dict[str, Any]]:
        """Return what the provenance of a model holds of this recipe.

        What is not as in the papers is named: batch, warm-up, precision, tiles, grid,
        borders and augmentation.

        Parameters
        ----------
        foreground, classes : bool
            Whether the network has such logits, whose losses are then named, too.
        """
        loss: dict[str, Any] = asdict(self.loss)  # type: ignore[call-overload]
        loss = {key: value for key, value in loss.items() if value is not None}
        if foreground:
            of_logit = asdict(self.foreground).items()
            loss |= {f"foreground_{key}": value for key, value in of_logit}
        if classes:
            loss["classes_weight"] = self.classes.weight
        changes = asdict(self.augmentation) if self.augmentation else {}
        if self.border == "mirror":
            changes["mirrored_borders"] = True
        return {
            "loss": {"name": self.loss.name, **loss},
            "optimizer": {
                "name": "Adam",
                "schedule": "one-cycle",
                "learning_rate": self.learning_rate,
                "clip": self.clip,
                **self._unlike_the_papers(
                    "batch", "warm_up", "precision", "fixed_statistics", "tiles", "grid"
                ),
            },
            "augmentation": changes,
        }

    def _unlike_the_papers(self, *names: str) -> dict[str, Any]:
        usual = {each.name: each.default for each in fields(self)}
        values = {name: getattr(self, name) for name in names}
        return {name: v for name, v in values.items() if v != usual[name]}


@dataclass(frozen=True)
class SampleTraining:
    """A sample, the network to train on it and how."""

    sample: Sample
    config: ModelConfig
    recipe: Recipe


PAPER_BANDWIDTH = 0.1**0.5  # the paper's kernel exp(−‖d‖²/0.2)
SAMPLES_TO_TRAIN_ON = ("disks", "disks-16")


def sample_training(
    name: str, window: int = SAMPLE_WINDOW, steps: int = STEPS, seed: int = 0
) -> SampleTraining:
    """Return the training that makes a bundled disk model.

    The paper's experiment (Rumberger et al., ICCV 2021, section 4.1): l = 4, f = 2,
    16 features doubling, 3 embedding channels, background an ordinary object. Its
    Fig. 4b takes window 20, Fig. 4a window 16.

    Parameters
    ----------
    name : {"disks", "disks-16"}
        Sample to train on.
    window : int
        Output window the loss sees, in pixels.
    steps, seed : int
        Of the training.
    """
    if name not in SAMPLES_TO_TRAIN_ON:
        known = ", ".join(SAMPLES_TO_TRAIN_ON)
        raise ValueError(f"cannot train on the sample {name!r}: choose one of {known}")
    if window < 1 or steps < 1:
        raise ValueError(
            f"window and steps must be 1 or more, got {window} and {steps}"
        )
    config = ModelConfig.new(
        name=name if window == SAMPLE_WINDOW else f"{name}-w{window}",
        description=f"Disks on a lattice; its loss saw {window} × {window} pixels.",
        ndim=2,
        depth=4,
        features=16,
        embedding_channels=3,
        intensity="range",
        clustering=Clustering(bandwidth=PAPER_BANDWIDTH),
    )
    recipe = Recipe(window=window, steps=steps, seed=seed)
    return SampleTraining(make_sample(name), config, recipe)


USUAL_LOSSES: dict[Kind, EmbeddingLoss] = {
    "discriminative": DiscriminativeLoss(0.5, 1.5, background=False, push_within=4),
    "spherical": CosineMarginLoss(background=False),
    "spatial": SpatialLoss(),
}
# so that the loss of the logit is about as large as that of the embedding
FOREGROUND_WEIGHTS: dict[Kind, float] = {
    "discriminative": 3.0,
    "spherical": 1.0,
    "spatial": 1.0,
}


def on_every_loop(loss: EmbeddingLoss, steps: int) -> EmbeddingLoss:
    """Return a loss of embeddings as they are and after each loop of a grouping.

    Parameters
    ----------
    loss : EmbeddingLoss
        Cosine; other embeddings are not grouped on the sphere.
    steps : int
        Loops; 0: none.
    """
    if not steps:
        return loss
    if type(loss) is not CosineMarginLoss:
        raise ValueError(
            f"recurrent steps make a cosine loss one on every loop, but the loss is "
            f"{loss.name}{' with loops' * isinstance(loss, LossOnEveryLoop)}: take the "
            f"loss cosine, or no recurrent steps"
        )
    return LossOnEveryLoop(**asdict(loss), steps=steps)


def object_recipe(window: int | Sequence[int], steps: int, **options: Any) -> Recipe:
    """Return how to train a network for objects that touch.

    The discriminative loss, unless another is given, pushes near objects apart only.

    Parameters
    ----------
    window, steps, **options
        Of `Recipe`.
    """
    usual: dict[str, Any] = {
        "learning_rate": RATE,
        "warm_up": 0.05,
        "loss": USUAL_LOSSES["discriminative"],
        "foreground": ForegroundLoss(weight=FOREGROUND_WEIGHTS["discriminative"]),
        "fixed_statistics": 0.4,
        "border": "mirror",
        "augmentation": Augmentation(),
    }
    return Recipe(window, steps, **{**usual, **options})


def object_training(
    samples: Sequence[Sample],
    validation: Validation,
    config: ModelConfig,
    steps: int,
    window: int | Sequence[int] | None = None,
    start: str | None = None,
    force: bool = False,
    recipe: dict[str, Any] | None = None,
    recurrent_steps: int = 0,
    **options: Any,
) -> Training:
    """Return a training on images of objects that touch.

    A model that is fine-tuned on partly labelled images, the corrections of a few
    objects, learns at a quarter of the usual rate and keeps the statistics of its
    batch norm: a few places must not stand for all images.

    Parameters
    ----------
    samples, validation, config, steps
        See `Training`, `Recipe`, `object_config` and `fine_tuned_config`.
    window : int or sequence of int, optional
        Output window the loss sees; the usual one if not given.
    start : str, optional
        Model whose weights are the first ones, by name or path.
    force : bool
        Whether a window below the period is let pass.
    recipe : dict, optional
        What else of `Recipe` is not as usual.
    recurrent_steps : int
        Of the grouping that is trained through, see `on_every_loop`.
    **options
        Of `Training`: device, workers, command.
    """
    sizes = [sample.labels.shape for sample in samples]
    window = window or usual_window(config.shape, sizes)
    if not force:
        refuse_untrained_phases(window, config.shape)
    usual: dict[str, Any] = {}
    if start and any(is_partly(sample.labels) for sample in samples):
        usual |= {"learning_rate": CORRECTION_RATE, "fixed_statistics": 1.0}
    usual["loss"] = USUAL_LOSSES[config.embedding]
    usual["foreground"] = ForegroundLoss(weight=FOREGROUND_WEIGHTS[config.embedding])
    chosen = {**usual, **(recipe or {})}
    chosen["loss"] = on_every_loop(chosen["loss"], recurrent_steps)
    made = object_recipe(window, steps, **chosen)
    first = load_unet(start) if start else None
    return Training(samples, config, made, validation, first, **options)
