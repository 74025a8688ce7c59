"""What a training is asked and what is usual; what its output window means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import PlainValidator
from pydantic.dataclasses import dataclass as settings

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.embeddings.kinds import Kind, bandwidth_for, spatial_channels
from napari_shiftseg.geometry.window import as_window
from napari_shiftseg.networks.config import check_classes
from napari_shiftseg.networks.properties import own_seams_warning
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.glossary import setting
from napari_shiftseg.text import by, compact, sentence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape


STEPS = 15_000
RATE = 2e-3  # peak of the learning rate
CORRECTION_STEPS = 300  # of a model that learns a few corrected objects
CORRECTION_RATE = 5e-4
SAMPLE_WINDOW, SAMPLE_RATE = 20, 1e-3  # of the papers' disks
FEATURES = CHANNELS = 16
ZOOM = 1.4
NORMALIZATION = "batch"
Loss = Literal["discriminative", "cosine", "spatial"]
LOSS: Loss = "discriminative"
KINDS: dict[Loss, Kind] = {
    "discriminative": "discriminative", "cosine": "spherical", "spatial": "spatial",
}  # fmt: skip
CLUSTERINGS: dict[Loss, dict[str, Any]] = {
    "discriminative": {"bandwidth": 1.0},
    "cosine": {"bandwidth": bandwidth_for(0.5), "kernel": "von-mises-fisher"},
    "spatial": {"bandwidth": 0.6, "kernel": "learnt-spread"},
}
LARGEST_WINDOW = {1: 1000, 2: 244, 3: 60}  # pixels, by the number of axes


def object_config(name: str, loss: Loss = LOSS, **options: Any) -> ModelConfig:
    """Return a network for images of many objects that touch, nuclei for example.

    Sixteen embedding channels part the objects of one connected piece of foreground,
    which a logit finds; batch norm, harmless to tiling in eval mode, trains faster.

    Parameters
    ----------
    name : str
        Of the model.
    loss : {"discriminative", "cosine", "spatial"}
        Of its embeddings.
    **options
        Those of `ModelConfig.new` that shall differ.
    """
    ndim = options.get("ndim", 2)
    usual = {
        "depth": usual_depth(ndim),
        "features": FEATURES,
        "foreground": True,
        "normalization": NORMALIZATION,
        "intensity": "percentile",
        **of_loss(loss, ndim),
    }
    return ModelConfig.new(name=name, **{**usual, **options})


def of_loss(loss: Loss, ndim: int) -> dict[str, Any]:
    """Return what the loss decides of a network: its embedding and its clustering.

    Parameters
    ----------
    loss : {"discriminative", "cosine", "spatial"}
    ndim : int
        Image axes.
    """
    clustering = Clustering(scope="component", min_size=20, **CLUSTERINGS[loss])
    channels = spatial_channels(ndim) if loss == "spatial" else CHANNELS
    return {
        "embedding": KINDS[loss],
        "embedding_channels": channels,
        "clustering": clustering,
    }


def usual_depth(ndim: int) -> int:
    """Return how often a network for objects pools, by the number of image axes."""
    return 3 if ndim == 3 else 4


def fine_tuned_config(
    name: str,
    start: ModelConfig,
    loss: Loss | None = None,
    classes: Sequence[str] = (),
) -> ModelConfig:
    """Return the network of a model whose weights are the first ones.

    Parameters
    ----------
    name : str
        Of the new model.
    start : ModelConfig
        Of the model to begin with.
    loss : {"discriminative", "cosine", "spatial"}, optional
        Of embeddings of another kind, which its last layer learns anew; that of the
        model if not given.
    classes : sequence of str
        Of the objects to learn; none where they are not known. A model that tells none
        apart learns them anew, one that does keeps its own.
    """
    if not start.foreground:
        raise ValueError(
            f"{start.name} has no foreground logit, so it cannot be fine-tuned on "
            f"images: train a new model, or start with one that has a logit"
        )
    if start.classes and not classes:
        raise ValueError(
            f"{start.name} tells the classes {', '.join(start.classes)} apart, so it "
            f"needs the class of every object to go on: take shiftseg train with "
            f"--classes, or start with another model"
        )
    check_classes(tuple(start.classes or classes))
    known = start.model_copy(
        update={
            "name": name,
            "provenance": None,
            "classes": tuple(start.classes or classes),
        }
    )
    if loss is None or KINDS[loss] == start.embedding:
        return known
    return known.model_copy(update=of_loss(loss, start.ndim))


def _depth(value: Any) -> int | tuple[int, ...] | None:
    """Take a depth as it is, or written as on the command line."""
    if value is None:
        return None
    levels = str(value).lower().split("x")
    if not all(each.isdecimal() and int(each) for each in levels):
        raise ValueError(
            f"depth is a whole number from 1, or one an axis, 4 or 2x3x3; got {value!r}"
        )
    first, *others = map(int, levels)
    return (first, *others) if others else first


@settings(frozen=True)
class TrainingRequest:
    """What a training is asked; None: as usual."""

    validate: tuple[Path, Path] | None = setting(
        None, "Pairs to validate on.", "every tenth image", form="IMAGES TRUTH"
    )
    sample: str | None = setting(
        None, "Train as for a bundled disk model: disks, disks-16.", "none"
    )
    start: str | None = setting(None, "Model to begin with (fine-tuning).", "none")
    classes: Path | None = setting(
        None, "Classes of the objects: a table label,class (.csv, .json), or a folder "
        "of them; a sample's own by its name.", "none",
    )  # fmt: skip
    window: str | None = setting(
        None, "Output window the loss sees, above the period, 20 or 24x96x96.",
        f"largest that fits, to {LARGEST_WINDOW[2]} in 2-D; sample: {SAMPLE_WINDOW}",
        form="SIZE",
    )  # fmt: skip
    steps: int | None = setting(
        None, "Training steps.",
        f"{STEPS}; {CORRECTION_STEPS} where --start learns corrections", ge=1,
    )  # fmt: skip
    depth: Annotated[int | tuple[int, ...] | None, PlainValidator(_depth)] = setting(
        None, "Levels of pooling, 4 or 2x3x3.",
        f"{usual_depth(2)}; {usual_depth(3)} in 3-D", form="NUMBER",
    )  # fmt: skip
    features: int | None = setting(
        None, "Channels at the finest level.", str(FEATURES), ge=1
    )
    loss: Loss | None = setting(
        None, "What the embedding is asked: discriminative (far from other objects), "
        "cosine (on the sphere) or spatial (the middle of its object).",
        f"{LOSS}; that of --start",
    )  # fmt: skip
    recurrent_steps: int = setting(
        0, "Loops of a mean shift that the cosine loss is trained through.", ge=0, le=50
    )
    channels: int | None = setting(
        None, "Channels of the embedding.",
        f"{CHANNELS}; spatial: one an axis and one", ge=1,
    )  # fmt: skip
    normalization: str | None = setting(None, "batch or none.", NORMALIZATION)
    batch: int = setting(1, "Windows per step.", ge=1)
    learning_rate: float | None = setting(
        None, "Peak of the learning rate.",
        f"{RATE:g}; of corrections: {CORRECTION_RATE:g}; sample: {SAMPLE_RATE:g}",
        gt=0, allow_inf_nan=False,
    )  # fmt: skip
    precision: Literal["float32", "bfloat16"] = setting(
        "float32", "bfloat16 is faster where the device has it."
    )
    zoom: float = setting(
        ZOOM, "Objects are made up to so many times as large or as small.", ge=1, le=8
    )
    every: int = setting(1000, "Steps between validations and saved states.", ge=1)
    patience: int | None = setting(
        None, "Stop after so many validations without a better one.", "never", ge=1
    )
    seed: int = setting(0, "Seed of weights and windows.", ge=0, lt=2**63)
    workers: int = setting(0, "Processes that read images.", ge=0)
    resume: bool = setting(False, "Go on with a training that stopped.")
    force: bool = setting(False, "Take a window below the period, too.")

    def idle(self, used: Collection[str]) -> list[str]:
        """Return what was chosen unlike the usual and is not among what is used.

        Parameters
        ----------
        used : collection of str
        """
        usual = vars(TrainingRequest())
        return [n for n, v in vars(self).items() if n not in used and v != usual[n]]


@dataclass(frozen=True)
class WindowAdvice:
    """Advice on a training window."""

    warning: str  # that the network will make seams of its own; empty if it will not
    note: str  # what a training window must be, and what this one costs
    # the nearest raw outputs above the period that the images hold, per axis one value;
    # empty if the window is one
    nearest: tuple[tuple[int, ...], ...]


def usual_window(shape: UNetShape, images: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the largest raw output that fits every image, up to a usual size.

    The larger the window, the less of what is computed is context: up to 244 pixels in
    2-D, 60 in 3-D. Where nothing fits, the smallest raw output above the period.

    Parameters
    ----------
    shape : UNetShape
    images : sequence of sequence of int
        Pixels of each image, per axis.
    """
    largest = LARGEST_WINDOW[shape.ndim]
    return tuple(
        max(
            (n for n in _raw_outputs(axis, min(*sizes, largest)) if n <= min(sizes)),
            default=_raw_outputs(axis, 0)[0],
        )
        for axis, *sizes in zip(shape.axes, *images, strict=True)
    )


def advise_training(window: int | Sequence[int], shape: UNetShape) -> WindowAdvice:
    """Say what a training window means.

    It must be above the period, or functions of neighbouring phases never meet in the
    loss (Rumberger et al., ICCV 2021, section 3.3). It need not be a multiple of it, as
    the window of a tile must: all of a raw output is used.

    Parameters
    ----------
    window : int or sequence of int
        Output window the loss sees.
    shape : UNetShape

    Raises
    ------
    ValueError
        If the window is below the period along an axis.
    """
    sizes = as_window(window, shape.ndim)
    refuse_untrained_phases(sizes, shape)
    warning = own_seams_warning(sizes, shape)
    notes = [
        f"A training window must be above the period, {compact(shape.period)}. It need "
        f"not be a multiple of it."
    ]
    computed = shape.raw_output(shape.input_for(sizes))
    if computed != sizes:
        notes.append(
            f"The network predicts {compact(computed)} pixels at once, not "
            f"{compact(sizes)}: the rest is dropped."
        )
    nearest = nearest_raw_outputs(sizes, shape) if computed != sizes or warning else ()
    return WindowAdvice(sentence(warning) if warning else "", " ".join(notes), nearest)


def nearest_raw_outputs(
    window: Sequence[int], shape: UNetShape
) -> tuple[tuple[int, ...], ...]:
    """Return the raw outputs above the period next to a window, per axis one value.

    The largest that is not above the window and the smallest that is not below it,
    or the smallest of all for both.

    Parameters
    ----------
    window : sequence of int
    shape : UNetShape
    """
    below, above = zip(
        *(_around(axis, w) for axis, w in zip(shape.axes, window, strict=True)),
        strict=True,
    )
    return tuple(dict.fromkeys((below, above)))


def refuse_untrained_phases(window: int | Sequence[int], shape: UNetShape) -> None:
    """Refuse a window smaller than the period: some functions would see no loss.

    Parameters
    ----------
    window : int or sequence of int
        Output window the loss sees.
    shape : UNetShape
    """
    sizes = as_window(window, shape.ndim)
    if any(w < p for w, p in zip(sizes, shape.period, strict=True)):
        above = by(tuple(p + 1 for p in shape.period))
        raise ValueError(
            f"a training window of {by(sizes)} is below the period "
            f"{by(shape.period)}, so some of the network's functions would never be "
            f"trained: take {above} or more"
        )


def refuse_small_images(
    window: Sequence[int], shape: UNetShape, images: Iterable[Sequence[int]]
) -> None:
    """Refuse a window that an image does not hold; its context may be mirrored.

    Parameters
    ----------
    window : sequence of int
        Output window the loss sees.
    shape : UNetShape
    images : iterable of sequence of int
        Pixels of each image, per axis.
    """
    for size in images:
        if any(n < w for n, w in zip(size, window, strict=True)):
            least = by(tuple(_raw_outputs(axis, 0)[0] for axis in shape.axes))
            raise ValueError(
                f"the training window is {by(tuple(window))} pixels, but the image has "
                f"only {by(tuple(size))}: take a larger image, a smaller window (at "
                f"least {least} at this depth) or less depth"
            )


def _around(axis: AxisShape, window: int) -> tuple[int, int]:
    outputs = _raw_outputs(axis, window + axis.period)
    below = max((n for n in outputs if n <= window), default=outputs[0])
    return below, min((n for n in outputs if n >= window), default=outputs[-1])


def _raw_outputs(axis: AxisShape, size: int) -> list[int]:
    """Return the raw outputs above the period up to `size`; at least the smallest."""
    first = axis.raw_output(axis.input_for(axis.period + 1))
    return [first, *range(first + axis.period, size + 1, axis.period)]
