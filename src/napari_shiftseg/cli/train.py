"""The command ``train``: labelled images, or a sample, to a model file."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import fmean
from threading import Event, current_thread, main_thread
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from napari_shiftseg.cli.terminal import check_model_file, note, with_progress
from napari_shiftseg.geometry.window import as_window, parse_window
from napari_shiftseg.intensity.scale import USUAL_READING
from napari_shiftseg.networks.header import read_unet_config
from napari_shiftseg.networks.properties import describe, own_seams_warning
from napari_shiftseg.networks.unet import save_model
from napari_shiftseg.stores.data_sets import (
    TRAIN,
    VALIDATION,
    images_and_labels,
    part_of,
)
from napari_shiftseg.training.classes import class_names
from napari_shiftseg.training.confidence import judged_model_steps
from napari_shiftseg.training.defaults import (
    CORRECTION_STEPS,
    LOSS,
    SAMPLE_WINDOW,
    STEPS,
    fine_tuned_config,
    object_config,
)
from napari_shiftseg.training.fit import Training
from napari_shiftseg.training.pairs import (
    counted_pairs,
    held_out,
    name_of,
    read_pairs,
    to_learn,
)
from napari_shiftseg.training.recipes import object_training, sample_training
from napari_shiftseg.training.step import Log, is_log
from napari_shiftseg.training.stopping import SUFFIX, Validation
from napari_shiftseg.training.windows import Augmentation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_shiftseg.cli.options import Order
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.training.defaults import TrainingRequest


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
ALL = "all of training,"
OF_A_SAMPLE = ("sample", "window", "steps", "seed", "workers", "resume")
POOR = 0.1  # AP50 below which a model is of no use


def run_training(
    images: Path | None,
    truth: Path | None,
    output: Path,
    request: TrainingRequest,
    order: Order,
) -> None:
    """Train, write the model, its log and, while it runs, its state; print figures.

    Parameters
    ----------
    images, truth, output, request, order
        See ``shiftseg train --help``.
    """
    check_model_file(output)
    if images is not None and truth is None:
        images, request = _parts_of(images, request)
    job = _Job(images, truth, output, request, order)
    training = job.on_a_sample() if request.sample is not None else job.on_images()
    saved = output.with_suffix(SUFFIX)
    longer = f"; to train it longer, add --start {output} and another -o"
    longer = longer * (output.exists() and request.sample is None)
    if request.resume and not saved.is_file():
        raise FileNotFoundError(
            f"there is no training {saved} to go on with: leave out --resume{longer}"
        )
    if request.resume:
        training.resume(saved)
    elif saved.exists():
        raise FileExistsError(
            f"{saved} is a training under way: add --resume to go on with it, or "
            f"delete it to start again"
        )
    elif output.exists():
        raise FileExistsError(
            f"there is a model {output} already: give another name with -o, or "
            f"delete it{longer}"
        )
    table = output.with_suffix(".csv")
    if table.exists() and not is_log(table):
        raise FileExistsError(
            f"{table}, where the course of the training would be written, is another "
            f"table: give another name with -o, or move it away"
        )
    loss = _followed(training, output, saved)
    model = with_progress(judged_model_steps(training), unit="image")
    save_model(model, output, torch.float16)
    _print(training, model, loss, output, order.asked.json)


def _parts_of(folder: Path, request: TrainingRequest) -> tuple[Path, TrainingRequest]:
    """Return what a folder has to train on, and to validate on if it has a part."""
    validation = part_of(folder, VALIDATION)
    if request.validate is None and validation != folder:
        pair = images_and_labels(validation, note)
        request = replace(request, validate=pair)
    return part_of(folder, TRAIN), request


@dataclass(frozen=True)
class _Job:
    """A training as it was ordered; see `run_training`."""

    images: Path | None
    truth: Path | None
    output: Path
    request: TrainingRequest
    order: Order

    @property
    def window(self) -> int | tuple[int, ...] | None:
        """The window that the loss sees; None: the usual one."""
        window = self.request.window
        return None if window is None else parse_window(window)

    @property
    def run(self) -> dict[str, Any]:
        """What of `Training` was ordered."""
        return {
            "device": self.order.settings.device,
            "workers": self.request.workers,
            "command": shlex.join(["shiftseg", *sys.argv[1:]]),
        }

    def on_a_sample(self) -> Training:
        request, window = self.request, self.window
        if self.images is not None:
            raise ValueError("give images and labels, or --sample, not both")
        idle = [*request.idle(OF_A_SAMPLE), *self._about_images]
        if idle:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
            raise ValueError(
                f"a training on a sample is that of the papers, so {options} would "
                f"have no effect: leave it out, or train on IMAGES"
            )
        if isinstance(window, tuple):
            raise ValueError(f"the window on a sample is one number, got {window}")
        steps = STEPS if request.steps is None else request.steps
        size = SAMPLE_WINDOW if window is None else window
        made = sample_training(request.sample or "", size, steps, request.seed)
        return Training([made.sample], made.config, made.recipe, **self.run)

    @property
    def _about_images(self) -> list[str]:
        """What was chosen of how images are read."""
        settings = self.order.settings
        chosen = {
            "truth": self.truth,
            "channel": self.order.asked.channel,
            "intensity": settings.intensity != "auto",
            "invert": settings.invert,
            "ignore_nan": settings.ignore_nan,
        }
        return [name for name, value in chosen.items() if value]

    def on_images(self) -> Training:
        request, reading = self.request, self.order.settings.reading
        channel = self.order.asked.channel
        if self.images is None:
            raise ValueError(
                "nothing to train on: give IMAGES and --truth, or --sample disks"
            )
        read = read_pairs(self.images, self.truth, channel, note, request.classes)
        config = self._config(read)
        pairs = to_learn(read, config, self.window, reading)
        count = counted_pairs(pairs)
        samples = [pair.sample for pair in pairs]
        if count.is_partly:
            note(count.line)
        if request.validate:
            validation = read_pairs(*request.validate, channel, note)
            if reading != USUAL_READING:
                known = to_learn(validation, config, self.window, reading)
                validation = [pair.sample for pair in known]
            name = name_of(request.validate[0])
        else:
            learnt, validation = held_out(samples, count.is_partly)
            which = "every tenth of" if len(learnt) < len(samples) else ALL
            name = f"{which} {name_of(self.images)}"
            samples = learnt
        names = ("batch", "seed", "precision", "learning_rate")
        chosen = {n: v for n in names if (v := getattr(request, n)) is not None}
        chosen["augmentation"] = Augmentation(zoom=request.zoom)
        is_taught = request.start is not None and count.is_partly
        steps = CORRECTION_STEPS if is_taught else STEPS
        training = object_training(
            samples,
            Validation(validation, request.every, request.patience, name),
            config,
            steps if request.steps is None else request.steps,
            self.window,
            request.start,
            request.force,
            chosen,
            request.recurrent_steps,
            **self.run,
        )
        shape = training.config.shape
        window = as_window(training.recipe.window, shape.ndim)
        if warning := own_seams_warning(window, shape):
            note(f"warning: {warning}")
        return training

    def _config(self, samples: list[Sample]) -> ModelConfig:
        request, name = self.request, self.output.stem
        network = {
            "depth": request.depth,
            "features": request.features,
            "embedding_channels": request.channels,
            "normalization": request.normalization,
        }
        chosen = {key: value for key, value in network.items() if value is not None}
        classes = class_names(samples)
        self._refuse_too_few(classes)
        if request.start is None:
            ndim = samples[0].labels.ndim
            loss = request.loss or LOSS
            return object_config(name, loss, ndim=ndim, classes=classes, **chosen)
        if chosen:
            options = ", ".join(f"--{key.replace('_', '-')}" for key in chosen)
            raise ValueError(
                f"a training that begins with {request.start} keeps its network: "
                f"leave out {options}, or --start"
            )
        start = read_unet_config(request.start)
        return fine_tuned_config(name, start, request.loss, classes)

    def _refuse_too_few(self, names: tuple[str, ...]) -> None:
        """Refuse tables that leave nothing to tell apart; a start may have classes."""
        table, start = self.request.classes, self.request.start
        if table is not None and not names:
            raise ValueError(
                f"{table} names no class: write a row label,class for every object, or "
                f"leave out --classes"
            )
        begins_without = start is None or not read_unet_config(start).classes
        if table is not None and len(names) == 1 and begins_without:
            raise ValueError(
                f"{table} names one class alone, {names[0]!r}, but two or more are "
                f"told apart: name another, or leave out --classes"
            )


def _followed(training: Training, output: Path, saved: Path) -> float:
    """Train; write log, state and the best model as they come. Returns the last loss.

    The state stays where the training ends early, so that it can be gone on with.
    """
    log = Log(output.with_suffix(".csv"), training.terms, training.done)
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
                    _write(training, output)
                bar.set_postfix(loss=f"{fmean(losses):.3g}", refresh=False)
                bar.update()
            if is_stopped() and training.done < total:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            if training.done:
                training.save(saved)
                _write(training, output)
                note(f"stopped at step {training.done}; --resume goes on from there")
            raise
    _write(training, output)
    saved.unlink(missing_ok=True)
    return fmean(losses) if losses else float("nan")


def _write(training: Training, output: Path) -> None:
    save_model(training.model(), output, torch.float16)


def _print(
    training: Training, model: UNet, loss: float, output: Path, as_json: bool
) -> None:
    best = training.best
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
            print("it finds hardly any objects: train for more steps, on more images")
    print(f"written to {output}")
