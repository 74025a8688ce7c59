"""How a training ends: early, when asked, as a model, or as a file to go on from."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from napari_shiftseg.embeddings.kinds import embedded
from napari_shiftseg.metrics.diameters import median_diameter
from napari_shiftseg.metrics.objects import is_partly
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.pipeline.diameter import LARGE, SMALL
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import by
from napari_shiftseg.training.pairs import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor, nn

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.training.recipes import Recipe
    from napari_shiftseg.training.windows import RandomWindows


def finished(
    model: UNet,
    windows: RandomWindows,
    recipe: Recipe,
    steps: int,
    command: str,
    scores: dict[str, float | int | str] | None = None,
) -> UNet:
    """Fill the background embedding and the provenance into a network's config.

    Parameters
    ----------
    model : UNet
        Trained, in eval mode, on the CPU.
    windows : RandomWindows
        It was trained on.
    recipe : Recipe
    steps : int
        After which these weights were reached.
    command : str
        That makes them again.
    scores : dict, optional
        What they reached, and on which images.
    """
    config = model.config
    if recipe.loss.background:
        background = _mean_of_background(model, windows)
        clustering = config.clustering.model_copy(
            update={"background_embedding": background}
        )
        config = config.model_copy(update={"clustering": clustering})
    provenance = Provenance(
        command=command,
        window=windows.window,
        seed=recipe.seed,
        steps=steps,
        **recipe.described(config.foreground, bool(config.classes)),
        scores=scores or {},
        data=_about(windows.samples),
        date=date.today().isoformat(),
        versions={
            "torch": str(torch.__version__),
            "napari-shiftseg": version("napari-shiftseg"),
        },
    )
    known = {"provenance": provenance, "diameter": _diameter(windows)}
    known["confidence"] = None  # that was of other weights
    model.config = config.model_copy(update=known)
    return model


def _diameter(windows: RandomWindows) -> float | None:
    """Return the median diameter of the objects that were learnt.

    Of objects that were corrected in part of an image, that of the model they correct,
    unless they are far from as large; the zoom of an augmentation leaves the median as
    it is.
    """
    known, found = windows.config.diameter, median_diameter(windows.labels)
    if known is not None and any(map(is_partly, windows.labels)):
        is_alike = found is None or SMALL <= found / known <= LARGE
        found = known if is_alike else found
    return None if found is None else round(found, 2)


def _about(samples: Sequence[Sample]) -> str:
    number, size = len(samples), by(samples[0].image.shape)
    images = (
        f"1 image of {size}" if number == 1 else f"{number} images, first of {size}"
    )
    count = counted(sample.labels for sample in samples)
    return f"{images}; {count.line}" if count.is_partly else images


def _mean_of_background(
    model: UNet, windows: RandomWindows
) -> tuple[float, ...] | None:
    """Return the mean embedding of the first image's background, one value a channel.

    None if no background shows where the image gives the context.
    """
    image, labels = windows.images[0], windows.labels[0]
    size = [
        axis.largest_legal(n) or n
        for axis, n in zip(model.shape.axes, image.shape, strict=True)
    ]
    pixels = image.read([(0, n) for n in size], np.dtype(np.float32))
    with torch.inference_mode():
        raw = model(torch.from_numpy(pixels)[None])[0]
    inside = tuple(
        slice(c // 2, c // 2 + n)
        for c, n in zip(model.shape.context, raw.shape[1:], strict=True)
    )
    background = labels[inside] == 0
    if not background.any():
        return None
    outputs = raw[: model.config.embedding_channels].numpy()
    embedding = embedded(outputs, model.config.embedding, (0,) * (raw.ndim - 1))
    return tuple(round(float(v), 6) for v in embedding[:, background].mean(1))


SUFFIX = ".training"
PARTS = ("done", "key", "weights", "optimizer", "schedule", "best")
LONGEST = 200  # characters of what torch says


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write the state of a training; an old file survives a failure.

    Parameters
    ----------
    state : dict
        With the keys `PARTS`.
    path : Path
        An old file survives a failure.
    """
    try:
        with whole_or_not_at_all(path) as unfinished, unfinished.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:  # torch's word for a full disk
        raise OSError(f"{path} cannot be written: {error}") from None


def load_state(path: Path) -> dict[str, Any]:
    """Read the state of a training."""
    with path.open("rb") as file:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001 - unpickling raises what it likes
            raise damaged(path, error) from None
    if not isinstance(state, dict) or set(state) != set(PARTS):
        raise damaged(path, ValueError("it holds something else"))
    return state


def damaged(path: Path, error: Exception) -> ValueError:
    """Return the error for a state that cannot be taken up.

    Parameters
    ----------
    path : Path
    error : Exception
        Its first line stands in the message.
    """
    first = str(error).strip().partition("\n")[0][:LONGEST] or type(error).__name__
    return ValueError(
        f"{path.name} is not a training that can go on ({first}): delete it to start "
        f"again"
    )


FIRST = 50  # steps to the first look, where validations are farther apart
Due = Literal["full", "quick"]


@dataclass(frozen=True)
class Validation:
    """When and on what a training is validated.

    Parameters
    ----------
    samples : sequence of Sample
        Images with truth that the training does not see; none: no validation.
    every : int
        Steps from one validation to the next; the last step is validated, too. Before
        the first there are quick ones, on less, at 50 steps and at each doubling.
    patience : int, optional
        The training stops after so many validations without a better one.
    name : str
        Of these images, for the provenance of the model.
    """

    samples: Sequence[Sample] = ()
    every: int = 1000
    patience: int | None = None
    name: str = "images held out"

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(
                f"the steps between validations must be 1 or more, got {self.every}"
            )

    def due(self, done: int, total: int) -> Due | None:
        """Return which validation follows this step of so many.

        Parameters
        ----------
        done, total : int
            Steps so far, and of the whole training.
        """
        if not self.samples:
            return None
        if done == total or done % self.every == 0:
            return "full"
        looks, rest = divmod(done, FIRST)
        doubled = not rest and looks.bit_count() == 1
        return "quick" if doubled and done < self.every else None

    def is_over(self, done: int, best: Best) -> bool:
        """Whether the training stops early: patience has ended at this step.

        Parameters
        ----------
        done : int
            Steps so far.
        best : Best
            Best validation so far.
        """
        if self.patience is None:
            return False
        return done - best.step >= self.patience * self.every

    def scores(self, best: Best) -> dict[str, float | int | str]:
        """Return what the best weights reached, for the provenance."""
        return {"ap50": best.ap50, "images": len(self.samples), "of": self.name}


@dataclass(frozen=True)
class Best:
    """The best validation so far: its mean AP50, its step and the weights then."""

    ap50: float
    step: int
    weights: dict[str, Tensor]
    is_full: bool = True  # a full validation counts for more than any quick one

    def is_beaten_by(self, ap50: float, is_full: bool) -> bool:
        """Whether another, later validation is a better one; of two at 0 the later.

        Parameters
        ----------
        ap50, is_full : float, bool
            Of the other one.
        """
        better = ap50 > self.ap50 or ap50 == self.ap50 == 0
        return is_full > self.is_full or (is_full == self.is_full and better)


@contextmanager
def as_before_if_left(model: nn.Module) -> Iterator[None]:
    """Give a network back what it gathers in a step, should the step not be done."""
    before = [buffer.clone() for buffer in model.buffers()]
    try:
        yield
    except BaseException:
        for buffer, old in zip(model.buffers(), before, strict=True):
            buffer.copy_(old)
        raise


class Stopped(Exception):
    """Somebody asked the training to stop."""


@contextmanager
def asking(model: nn.Module, is_stopped: Callable[[], bool]) -> Iterator[None]:
    """Ask before each layer, and where each weight has its gradient, whether to stop.

    Parameters
    ----------
    model : nn.Module
    is_stopped : callable
        Says whether to stop.
    """

    def ask(*_: Any) -> None:
        if is_stopped():
            raise Stopped

    hooks = [layer.register_forward_pre_hook(ask) for layer in model.modules()]
    for weight in model.parameters():
        hooks.append(weight.register_hook(ask))  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
