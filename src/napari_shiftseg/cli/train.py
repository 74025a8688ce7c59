"""The command ``train``."""

from __future__ import annotations

import json
import signal
import sys
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import fmean
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Any, Literal

import torch
from tqdm import tqdm

from napari_shiftseg.cli.options import check_model_file
from napari_shiftseg.cli.terminal import note
from napari_shiftseg.geometry.window import as_window
from napari_shiftseg.intensity.scale import USUAL_READING, Reading
from napari_shiftseg.networks.checkpoint import save_model
from napari_shiftseg.networks.header import read_config
from napari_shiftseg.networks.remarks import describe, own_seams_warning
from napari_shiftseg.training.defaults import (
    CORRECTION_STEPS,
    STEPS,
    fine_tuned_config,
    object_config,
)
from napari_shiftseg.training.fit import Training
from napari_shiftseg.training.log import Log, is_log
from napari_shiftseg.training.pairs import (
    counted_pairs,
    held_out,
    name_of,
    read_pairs,
    to_learn,
)
from napari_shiftseg.training.recipes import object_training, sample_training
from napari_shiftseg.training.state import SUFFIX
from napari_shiftseg.training.validation import Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_shiftseg.networks.config import ModelConfig
    from napari_shiftseg.samples.sample import Sample


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Take the first Ctrl-C for a wish; yields what tells whether there was one.

    What is under way is not torn in the middle. A second Ctrl-C interrupts at once, as
    usual. Outside the main thread, which alone has signals, there is never a wish.
    """
    wish = Event()
    if current_thread() is not main_thread():
        yield wish.is_set
        return
    usual = signal.getsignal(signal.SIGINT)

    def take(*_: Any) -> None:
        wish.set()
        signal.signal(signal.SIGINT, usual)

    signal.signal(signal.SIGINT, take)
    try:
        yield wish.is_set
    finally:
        signal.signal(signal.SIGINT, usual)


MEAN_OVER = 100  # steps, for the loss that is shown
POOR = 0.1  # AP50 below which a model is of no use


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for; None: as usual."""

    output: Path
    sample: str | None = None
    images: Path | None = None
    labels: Path | None = None
    validate: tuple[Path, Path] | None = None
    start: str | None = None
    window: int | tuple[int, ...] | None = None
    steps: int | None = None
    network: dict[str, Any] = field(default_factory=dict)  # of `object_config`
    batch: int = 1
    learning_rate: float | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    every: int = 1000
    patience: int | None = None
    seed: int = 0
    workers: int = 0
    device: str = "auto"
    resume: bool = False
    reading: Reading = USUAL_READING
    channel: str | None = None
    force: bool = False
    command: str = ""


def run_training(asked: Asked, as_json: bool) -> None:
    """Train, write the model, its log and, while it runs, its state; print figures."""
    check_model_file(asked.output)
    if asked.sample is not None:
        training = _on_the_papers_disks(asked)
    else:
        training = _on_images(asked)
    saved = asked.output.with_suffix(SUFFIX)
    if asked.resume and not saved.is_file():
        raise FileNotFoundError(
            f"there is no training {saved} to go on with: leave out --resume"
        )
    if asked.resume:
        training.resume(saved)
    elif saved.exists():
        raise FileExistsError(
            f"{saved} is a training under way: add --resume to go on with it, or "
            f"delete it to begin anew"
        )
    elif asked.output.exists():
        raise FileExistsError(
            f"there is a model {asked.output} already: give another name with -o, or "
            f"delete it"
        )
    table = asked.output.with_suffix(".csv")
    if table.exists() and not is_log(table):
        raise FileExistsError(
            f"{table}, where the course of the training would be written, is another "
            f"table: give another name with -o, or move it away"
        )
    loss = _followed(training, asked, saved)
    _print(training, loss, asked.output, as_json)


def _on_the_papers_disks(asked: Asked) -> Training:
    if asked.images is not None:
        raise ValueError("give images and labels, or --sample, not both")
    window = 20 if asked.window is None else asked.window
    if not isinstance(window, int):
        raise ValueError(f"the window on a sample is one number, got {asked.window}")
    steps = STEPS if asked.steps is None else asked.steps
    made = sample_training(asked.sample or "", window, steps, asked.seed)
    return Training(
        [made.sample], made.config, made.recipe,
        device=asked.device, workers=asked.workers, command=asked.command,
    )  # fmt: skip


def _on_images(asked: Asked) -> Training:
    if asked.images is None:
        raise ValueError(
            "nothing to train on: give IMAGES and LABELS, or --sample disks"
        )
    read = read_pairs(asked.images, asked.labels, asked.channel, note)
    config = _config(asked, read)
    pairs = to_learn(read, config, asked.window, asked.reading)
    count = counted_pairs(pairs)
    samples = [pair.sample for pair in pairs]
    if count.is_partly:
        note(count.line)
    if asked.validate:
        validation = read_pairs(*asked.validate, asked.channel, note)
        if asked.reading != USUAL_READING:
            known = to_learn(validation, config, asked.window, asked.reading)
            validation = [pair.sample for pair in known]
        name = name_of(asked.validate[0])
    else:
        learnt, validation = held_out(samples, count.is_partly)
        which = "every tenth of" if len(learnt) < len(samples) else "all of training,"
        name = f"{which} {name_of(asked.images)}"
        samples = learnt
    recipe: dict[str, Any] = {
        "batch": asked.batch, "seed": asked.seed, "precision": asked.precision,
    }  # fmt: skip
    if asked.learning_rate is not None:
        recipe["learning_rate"] = asked.learning_rate
    is_taught = asked.start is not None and count.is_partly
    steps = CORRECTION_STEPS if is_taught else STEPS
    training = object_training(
        samples,
        Validation(validation, asked.every, asked.patience, name),
        config,
        steps if asked.steps is None else asked.steps,
        asked.window,
        asked.start,
        asked.force,
        recipe,
        device=asked.device,
        workers=asked.workers,
        command=asked.command,
    )
    _warn_of_own_seams(training)
    return training


def _warn_of_own_seams(training: Training) -> None:
    shape = training.config.shape
    window = as_window(training.recipe.window, shape.ndim)
    warning = own_seams_warning(window, shape)
    if warning:
        note(f"warning: {warning}")


def _config(asked: Asked, samples: list[Sample]) -> ModelConfig:
    name = asked.output.stem
    if asked.start is None:
        return object_config(name, ndim=samples[0].labels.ndim, **asked.network)
    if asked.network:
        given = ", ".join(asked.network)
        raise ValueError(f"{given}: fine-tuning keeps the network of {asked.start}")
    return fine_tuned_config(name, read_config(asked.start))


def _followed(training: Training, asked: Asked, saved: Path) -> float:
    """Train; write log, state and the best model as they come. Returns the last loss.

    The state stays where the training ends early, so that it can be gone on with.
    """
    log = Log(asked.output.with_suffix(".csv"), training.done)
    losses: deque[float] = deque(maxlen=MEAN_OVER)
    every = 0.1 if sys.stderr.isatty() else 30  # seconds
    total = training.recipe.steps
    bar = tqdm(
        total=total, initial=training.done, unit="step", mininterval=every, delay=1
    )
    with bar, asked_to_stop() as is_stopped:
        training.is_stopped = is_stopped
        said = ""
        try:
            for step in training.steps():
                losses.append(step.loss)
                log.add(step)
                if step.validated:
                    bar.set_description(f"AP50 {step.validated.ap50:.3f}")
                if step.note and step.note != said:
                    said = step.note
                    tqdm.write(said, file=sys.stderr)
                if training.validation.due(step.done, total):
                    training.save(saved)
                    _write(training, asked.output)
                bar.set_postfix(loss=f"{fmean(losses):.3g}", refresh=False)
                bar.update()
            if is_stopped() and training.done < total:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            if training.done:
                training.save(saved)
                _write(training, asked.output)
                note(f"stopped at step {training.done}; --resume goes on from there")
            raise
    _write(training, asked.output)
    saved.unlink(missing_ok=True)
    return fmean(losses) if losses else float("nan")


def _write(training: Training, output: Path) -> None:
    save_model(training.model(), output, torch.float16)


def _print(training: Training, loss: float, output: Path, as_json: bool) -> None:
    model, best = training.model(), training.best
    report = {
        "model": model.config.name,
        "file": str(output),
        "loss": loss,
        "ap50": best and best.ap50,
        **describe(model),
    }
    if as_json:
        print(json.dumps(report))
        return
    print(f"{report['model']}: mean loss of the last steps {loss:.3g}")
    if best:
        of = f"{best.ap50:.3f} on {training.validation.name}"
        print(f"kept: step {best.step} of {training.done}, AP50 {of}")
        if best.ap50 < POOR:
            print("it finds hardly an object: train for more steps, on more images")
    print(f"written to {output}")
