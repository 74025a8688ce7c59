"""What the Train widget runs off the GUI thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from napari_shiftseg.geometry.cost import time_text
from napari_shiftseg.intensity.scale import USUAL_READING, Reading, written
from napari_shiftseg.progress import Progress, Returning, waiting
from napari_shiftseg.text import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.gui.train.choice import PairSource
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.training.fit import Training
    from napari_shiftseg.training.pairs import Counted
    from napari_shiftseg.training.partial import TrainingPair
    from napari_shiftseg.training.step import TrainingStep

Result = TypeVar("Result")
INTERVAL = 0.1  # seconds between two updates: a step may take a millisecond
NOT_HELD_OUT = "on the images it was trained on"
MOST_VALIDATED = 8  # images; more would take longer than the training


@dataclass(frozen=True)
class TrainingTask:
    """What is to be trained, on what, how.

    Attributes
    ----------
    file : Path
        Of the new model; it is not there yet.
    config : ModelConfig
        Of the new model.
    start : str or None
        Model to begin with, by name or path.
    window : tuple of int or None
        Output window the loss sees; None: the usual one.
    steps, every : int
        Of the training, and from one validation to the next.
    recipe : dict
        What else of `Recipe` is not as usual.
    reading : Reading
        How grey values are read; usually all is automatic.
    """

    file: Path
    pairs: PairSource
    config: ModelConfig
    start: str | None
    window: tuple[int, ...] | None
    steps: int
    every: int
    recipe: dict[str, Any]
    device: str
    reading: Reading = USUAL_READING


@dataclass(frozen=True)
class Preview:
    r"""What a network makes of the first validation image.

    Attributes
    ----------
    labels : ndarray of int32
        (\*spatial)
    pair : TrainingPair
        The image, and where it lies in its series.
    task : TrainingTask
        Of the training.
    """

    labels: NDArray[np.int32]
    pair: TrainingPair
    task: TrainingTask


@dataclass(frozen=True, slots=True)
class TrainingProgress(Progress):
    """Progress of a training.

    Attributes
    ----------
    steps : tuple of TrainingStep
        Since the last progress.
    preview : Preview or None
        If validated.
    before : float or None
        AP50 of the model to begin with, when it has been found.
    """

    steps: tuple[TrainingStep, ...] = field(kw_only=True)
    preview: Preview | None = field(kw_only=True, default=None)
    before: float | None = field(kw_only=True, default=None)


@dataclass(frozen=True)
class TrainingOutcome:
    """How a training ended.

    Attributes
    ----------
    file : Path or None
        Of the model that is kept; None if there is nothing to keep.
    done, total : int
        Steps.
    best : tuple of float and int, or None
        AP50 on the validation part, and the step of the weights that are kept.
    preview : Preview or None
        What they make of the first validation image.
    counted : Counted
        What was known of the images.
    is_held_out : bool
        Whether the validation part was not trained on.
    before : float or None
        AP50 there of the model to begin with; None: there is none.
    trouble : str
        Why it ended early; empty if it did not, or the user stopped it.
    note : str
        What is to be known of the validations: what they left out, for example.
    """

    file: Path | None
    done: int
    total: int
    best: tuple[float, int] | None
    preview: Preview | None
    seconds: float
    counted: Counted
    is_held_out: bool
    before: float | None = None
    trouble: str = ""
    note: str = ""

    @property
    def is_worse(self) -> bool:
        """Whether what is kept is no better than what the training began with."""
        if self.before is None or self.best is None:
            return False
        return self.best[0] <= self.before

    @property
    def line(self) -> str:
        """What came out, in words."""
        if self.file is None:
            why = self.trouble or "Stopped before the first step was done"
            return f"{why}. There is nothing to keep."
        if self.done < self.total:
            ended = f"{self.trouble or 'Stopped'}: step {self.done:,} of {self.total:,}"
        else:
            ended = f"{self.done:,} steps"
        more = [f"It learnt what is known: {self.counted.line}."]
        if not self.counted.is_partly:
            more = []
        if self.note:
            more.append(sentence(self.note))
        kept = "the last step, not validated"
        if self.best is not None:
            score, step = self.best
            part = "on the validation part" if self.is_held_out else NOT_HELD_OUT
            kept = f"step {step:,}, AP50 {score:.2f} {part}{self._about_before}"
        said = (
            f"{ended} in {time_text(self.seconds, '.0f')}; kept as "
            f"{self.file.stem!r}: {kept}. It is in every list of models."
        )
        return " ".join([said, *more])

    @property
    def _about_before(self) -> str:
        if self.before is None:
            return ""
        if self.is_worse:
            return (
                f" (before: {self.before:.2f}: it is no better than the model it began "
                f"with)"
            )
        return f" (before: {self.before:.2f})"


def training_run(
    task: TrainingTask, is_stopped: Callable[[], bool]
) -> Generator[Progress, None, TrainingOutcome]:
    """Train; the best so far is written at every validation.

    Parameters
    ----------
    task : TrainingTask
    is_stopped : callable
        Asked after every step; True: what has been reached is kept.
    """
    yield Progress(0, 0, stage="reading images")
    import matplotlib.backends.backend_qtagg  # noqa: F401, or the GUI waits for it

    import napari_shiftseg.report.plots  # noqa: F401
    from napari_shiftseg.training.pairs import Counted, counted_pairs, held_out

    began = perf_counter()
    doubts: list[str] = []
    found = yield from _unless_stopped(
        is_stopped, lambda: task.pairs.to_learn(task, doubts.append)
    )
    if found is None:
        seconds = perf_counter() - began
        nothing = Counted(0, 0, 0)
        return TrainingOutcome(None, 0, task.steps, None, None, seconds, nothing, False)
    if doubts:
        yield Progress(0, 0, sentence(doubts[0]), "reading images")
    if not found:
        raise ValueError(
            "there is no object in the labels; training needs objects numbered from "
            "1, 0 is background"
        )
    count = counted_pairs(found)
    learnt, validated = held_out(found, count.is_partly)
    is_held_out = all(pair is not validated[0] for pair in learnt)
    training = _opened(
        task,
        [pair.sample for pair in learnt],
        [pair.sample for pair in validated[:MOST_VALIDATED]],
    )
    training.is_stopped = is_stopped
    run = _Run(training, task, validated[0])
    trouble = ""
    try:
        yield from run.steps(is_stopped)
    except (FloatingPointError, MemoryError, RuntimeError) as error:
        trouble = _in_words(error, training)
    run.keep()
    if not (trouble or is_stopped()):
        yield from run.judge()
    best = training.best
    return TrainingOutcome(
        run.file, training.done, task.steps,
        None if best is None else (best.ap50, best.step), run.preview,
        perf_counter() - began, count, is_held_out, run.before, trouble, run.note,
    )  # fmt: skip


def _unless_stopped(
    is_stopped: Callable[[], bool], read: Callable[[], Result]
) -> Generator[Progress, None, Result | None]:
    """Read in another thread; None where the user stopped it."""
    executor = ThreadPoolExecutor(1)
    reading = Returning(waiting(Progress(0, 0, stage="reading images"), executor, read))
    try:
        for progress in reading:
            yield progress
            if is_stopped():
                return None
        return reading.value
    finally:
        executor.shutdown(wait=False)


def _opened(
    task: TrainingTask, learnt: list[Sample], validated: list[Sample]
) -> Training:
    from napari_shiftseg.training.recipes import object_training
    from napari_shiftseg.training.stopping import Validation

    return object_training(
        learnt, Validation(validated, task.every), task.config, task.steps,
        task.window, task.start, recipe=task.recipe, device=task.device,
        command=f"napari, Train: {task.pairs.described}{_about(task.reading)}",
    )  # fmt: skip


def _about(reading: Reading) -> str:
    """Say how grey values are read, where that is not found in each image."""
    usual = reading.intensity == "auto"
    given = "" if usual else f", intensity {written(reading.intensity)}"
    return f"{given}, inverted" if reading.invert else given


class _Run:
    """A training that writes its best model as it goes."""

    def __init__(
        self, training: Training, task: TrainingTask, shown: TrainingPair
    ) -> None:
        self._training, self._task, self._shown = training, task, shown
        self._written: int | None = None  # step of the weights in the file
        self.file: Path | None = None
        self.preview: Preview | None = None  # of the best
        self.before: float | None = None  # AP50
        self.note = ""  # of the latest validation

    def steps(
        self, is_stopped: Callable[[], bool]
    ) -> Generator[TrainingProgress | Progress, None, None]:
        total = self._task.steps
        waiting: list[TrainingStep] = []
        last = perf_counter()
        yield Progress(0, total, stage="training")
        if is_stopped():
            return
        if self._task.start is not None:
            yield Progress(0, total, stage="validating the model to begin with")
            found = self._training.measured()
            self.before = None if found is None else found.ap50
            yield TrainingProgress(
                0, total, stage="training", steps=(), before=self.before
            )
        for step in self._training.steps():
            waiting.append(step)
            self.note = step.note or self.note
            preview = self._validated(step)
            if preview or perf_counter() - last > INTERVAL or step.done == total:
                yield _progress(waiting, preview)
                waiting, last = [], perf_counter()
            if is_stopped():
                break
            if self._training.validation.due(step.done + 1, total):
                yield Progress(step.done, total, stage="validating")
        if waiting:
            yield _progress(waiting)

    def keep(self) -> None:
        """Write the best so far, or without a validation the last, if it is finite."""
        from napari_shiftseg.networks.unet import save_model

        if self._training.done == 0:
            return
        model = self._training.model()
        provenance = model.config.provenance
        step = None if provenance is None else provenance.steps
        if step != self._written and _is_finite(model):
            self.file, self._written = save_model(model, self._task.file), step

    def judge(self) -> Generator[Progress, None, None]:
        """Write how sure objects are into the file, too, where there is one."""
        from napari_shiftseg.networks.unet import save_model
        from napari_shiftseg.training.confidence import judged_model_steps

        if self.file is not None:
            model = yield from judged_model_steps(self._training)
            save_model(model, self.file)

    def _validated(self, step: TrainingStep) -> Preview | None:
        if step.validated is None:
            return None
        preview = Preview(step.validated.preview, self._shown, self._task)
        best = self._training.best
        if best is not None and best.step == step.done:
            self.preview = preview
            self.keep()
        return preview


def _progress(
    steps: list[TrainingStep], preview: Preview | None = None
) -> TrainingProgress:
    done, total = steps[-1].done, steps[-1].total
    said = tuple(steps)
    return TrainingProgress(done, total, stage="training", steps=said, preview=preview)


def _is_finite(model: UNet) -> bool:
    return all(values.isfinite().all() for values in model.state_dict().values())


def _in_words(error: Exception, training: Training) -> str:
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return (
            "The device has too little memory: take a smaller window, fewer windows a "
            "step or another device"
        )
    text = str(error).splitlines()[0]
    return f"{text[:1].upper()}{text[1:]}"
