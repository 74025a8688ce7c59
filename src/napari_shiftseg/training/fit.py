"""Fit a U-Net to labelled images."""

from __future__ import annotations

import copy
from itertools import islice
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from napari_shiftseg.device import channels_last, resolve_device
from napari_shiftseg.geometry.window import as_window, is_whole
from napari_shiftseg.networks.unet import BATCH_NORM, UNet, begin_with, build
from napari_shiftseg.training.step import (
    TrainingStep,
    check_finite,
    crowded,
    in_tiles,
    loss_terms,
    refuse_other_kind,
    refuse_tiles,
    rising_share,
    term_names,
)
from napari_shiftseg.training.stopping import (
    FIRST,
    Best,
    Stopped,
    Validation,
    as_before_if_left,
    asking,
    damaged,
    finished,
    load_state,
    save_state,
)
from napari_shiftseg.training.validation import (
    SHARE,
    Validated,
    part_for,
    validate,
    work_of_a_step,
)
from napari_shiftseg.training.windows import RandomWindows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.training.recipes import Recipe
    from napari_shiftseg.training.stopping import Due
    from napari_shiftseg.training.validation import ValidatedPart


COMMAND = "napari_shiftseg.train"
LEAST_SECONDS = 10  # that a validation may take, however few the steps before it
BATCH_NORMS = tuple(BATCH_NORM.values())
MOMENTUM = 0.01  # batch norm gathers its statistics over a hundred steps or so


class Training:
    """A training that can be stopped after any step, saved and resumed.

    Parameters
    ----------
    samples : sequence of Sample
        Images with truth.
    config : ModelConfig
    recipe : Recipe
    validation : Validation, optional
        The model is then the best validated one, not the last.
    start : UNet, optional
        Its weights are the first ones (fine-tuning), but those of the last layer where
        its embedding is of another kind; its architecture must be that of the config.
    device : str
        "auto", "cpu", "cuda", ...
    workers : int
        Processes that read and change windows; 0: none but this one.
    command : str
        That makes the model again, for its provenance.

    Attributes
    ----------
    device : torch.device
    done : int
        Steps so far.
    best : Best or None
        Best validation so far.
    is_stopped : callable
        Asked many times a second. Where it says True the present step or validation is
        left as if it had not begun, and the training ends.

    Raises
    ------
    ValueError
        If an image cannot be read or is too small for the window, or the window cannot
        be predicted in tiles as the recipe says.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        config: ModelConfig,
        recipe: Recipe,
        validation: Validation | None = None,
        start: UNet | None = None,
        device: str = "auto",
        workers: int = 0,
        command: str = COMMAND,
    ) -> None:
        self.recipe = recipe
        self.validation = validation or Validation()
        self.command = command
        self.done = 0
        self._is_crowded = False  # a window was, and it was said
        self.best: Best | None = None
        self.is_stopped: Callable[[], bool] = lambda: False
        self._seconds, self._timed = 0.0, 0  # of steps, and how many they were
        self._parts: dict[Due, ValidatedPart] = {}
        self.device = resolve_device(device)
        self._workers = workers
        window = as_window(recipe.window, config.ndim)
        self._windows = RandomWindows(
            samples, config, window, recipe.border, recipe.augmentation, recipe.grid
        )
        refuse_tiles(config, window, recipe.tiles)
        refuse_other_kind(config, recipe)
        self._model = build(config, recipe.seed)
        if start is not None:
            begin_with(self._model, start)
        self._model = self._model.to(self.device)
        if recipe.precision == "bfloat16":  # faster by about a sixth on a CPU
            channels_last(self._model)
        self._norms = [m for m in self._model.modules() if isinstance(m, BATCH_NORMS)]
        for norm in self._norms:
            norm.momentum = MOMENTUM
        self._optimizer = torch.optim.Adam(self._model.parameters())
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            recipe.learning_rate,
            total_steps=recipe.steps,
            pct_start=rising_share(recipe),
        )

    @property
    def config(self) -> ModelConfig:
        """Architecture of what is trained."""
        return self._windows.config

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the terms of the loss, of the logits', too."""
        return term_names(self.config, self.recipe)

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._schedule.get_last_lr()[0])

    def steps(self) -> Iterator[TrainingStep]:
        """Train, yielding after each step, until all are done or it ends early.

        Raises
        ------
        FloatingPointError
            If the loss is no longer finite; the best model so far is kept.
        """
        began = perf_counter()
        for windows in self._loader():
            try:
                terms = self._step(*(each.to(self.device) for each in windows))
            except Stopped:
                return
            self.done += 1
            self._seconds += perf_counter() - began
            self._timed += 1
            validated, note = self._validated()
            note = "; ".join(filter(None, (note, self._crowded(windows[1]))))
            loss = terms.pop("loss")
            yield TrainingStep(
                self.done, self.recipe.steps, loss, terms, validated, note
            )
            began = perf_counter()
            if self.is_stopped():
                return
            if self.best is not None and self.validation.is_over(self.done, self.best):
                return

    def _crowded(self, labels: Tensor) -> str:
        """Say, once, that the objects of a window have no room on the sphere."""
        said = "" if self._is_crowded else crowded(labels, self.config, self.recipe)
        self._is_crowded |= bool(said)
        return said

    def model(self) -> UNet:
        """Return the best validated network, or without validation the last one.

        In eval mode, on the CPU, its background embedding and provenance filled in.
        """
        model = copy.deepcopy(self._model).cpu().eval()
        step = self.done
        if self.best is not None:
            model.load_state_dict(self.best.weights)
            step = self.best.step
        scores = {} if self.best is None else self.validation.scores(self.best)
        return finished(model, self._windows, self.recipe, step, self.command, scores)

    def save(self, path: Path) -> None:
        """Write all that is needed to go on; an old file survives a failure."""
        state = {
            "done": self.done,
            "key": self._key(),
            "weights": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "best": None if self.best is None else vars(self.best),
        }
        save_state(state, path)

    def resume(self, path: Path) -> None:
        """Go on where a saved training was.

        Raises
        ------
        ValueError
            If the file is no training, or one with other settings.
        """
        state = load_state(path)
        if str(state["key"]) != self._key():
            raise ValueError(
                f"{path.name} is a training with other settings or another network: "
                f"give the same settings to go on, or delete the file to start again"
            )
        try:
            self._take_up(state)
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as e:
            raise damaged(path, e) from None

    def _take_up(self, state: dict[str, Any]) -> None:
        if not (is_whole(state["done"]) and 0 <= state["done"] <= self.recipe.steps):
            raise ValueError(f"step {state['done']} of {self.recipe.steps}")
        if set(state["schedule"]) != set(self._schedule.state_dict()):
            raise ValueError("its schedule is not the same")
        self.done = state["done"]
        self._model.load_state_dict(state["weights"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self.best = state["best"] and Best(**state["best"])

    def _key(self) -> str:
        """Write down what must be the same where a training goes on."""
        about = (self.recipe, self._windows.config, self.validation.every)
        number = f"{len(self._windows.samples)} {len(self.validation.samples)}"
        classes = f" {self.config.classes} {self.recipe.classes}"
        return f"{about} {number}{classes * bool(self.config.classes)}"

    def _loader(self) -> DataLoader[Any]:
        """Return the batches from the next step on, the same after a resumption."""
        recipe = self.recipe
        places = self._windows.places(np.random.default_rng(recipe.seed))
        first, last = self.done * recipe.batch, recipe.steps * recipe.batch
        return DataLoader(
            self._windows,  # type: ignore[arg-type]
            batch_size=recipe.batch,
            sampler=islice(places, first, last),
            num_workers=self._workers,
        )

    def _step(
        self, images: Tensor, labels: Tensor, *classes: Tensor
    ) -> dict[str, float]:
        """Do a step, or leave all as it was where the training is to stop."""
        if self.is_stopped():
            raise Stopped
        with as_before_if_left(self._model), asking(self._model, self.is_stopped):
            terms = self._terms_of(images, labels, *classes)
            self._optimizer.zero_grad()
            terms["loss"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._model.parameters(), self.recipe.clip)
        self._optimizer.step()
        self._schedule.step()
        return {name: term.item() for name, term in terms.items()}

    def _terms_of(
        self, images: Tensor, labels: Tensor, *classes: Tensor
    ) -> dict[str, Tensor]:
        """Predict windows; return the terms of their loss."""
        self._model.train()
        if self.done >= (1 - self.recipe.fixed_statistics) * self.recipe.steps:
            for norm in self._norms:
                norm.eval()
        reduced = self.recipe.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=reduced):
            raw = in_tiles(self._model, images, self.recipe.tiles)
        window: tuple[Any, ...] = (..., *(slice(0, n) for n in labels.shape[1:]))
        found = raw[window].float()
        terms = loss_terms(found, labels, self.config, self.recipe, *classes)
        check_finite(terms["loss"], self.done + 1, self.recipe)
        return terms

    def measured(self) -> Validated | None:
        """Validate the network as it is now; None if stopped, or without images for it.

        Before the first step it is the one that a fine-tuning begins with.
        """
        if not self.validation.samples:
            return None
        device = str(self.device)
        return validate(self._model.eval(), self.part("full"), device, self.is_stopped)

    def _steps_before(self, due: Due) -> int:
        """Return the steps of which a validation may take a fifth."""
        if due == "quick":
            return FIRST
        return min(self.validation.every, self.recipe.steps)

    def part(self, due: Due) -> ValidatedPart:
        """Return what is looked at every so many steps, or before that."""
        if due not in self._parts:
            shape, steps = self.config.shape, self._steps_before(due)
            work = work_of_a_step(shape, self._windows.window, self.recipe.batch)
            self._parts[due] = part_for(self.validation.samples, shape, steps, work)
        return self._parts[due]

    def _most_seconds(self, due: Due) -> float:
        """Return how long a validation may take; the last one is not left."""
        if self.done == self.recipe.steps:
            return inf
        a_step = self._seconds / self._timed
        return max(SHARE * self._steps_before(due) * a_step, LEAST_SECONDS)

    def _validated(self) -> tuple[Validated | None, str]:
        """Validate if it is time; return the outcome, and what is to be known of it."""
        due = self.validation.due(self.done, self.recipe.steps)
        if due is None or self.is_stopped():
            return None, ""
        began, seconds = perf_counter(), self._most_seconds(due)

        def is_left() -> bool:
            return self.is_stopped() or perf_counter() - began > seconds

        part = self.part(due)
        outcome = validate(self._model.eval(), part, str(self.device), is_left)
        if outcome is None:
            too_long = (
                f"the validation took too long and was stopped after {seconds:.0f} s"
            )
            return None, "" if self.is_stopped() else too_long
        is_full = due == "full"
        if self.best is None or self.best.is_beaten_by(outcome.ap50, is_full):
            weights = {k: v.cpu().clone() for k, v in self._model.state_dict().items()}
            self.best = Best(outcome.ap50, self.done, weights, is_full)
        return outcome, "; ".join(filter(None, (part.note, outcome.note)))


def train(
    samples: Sequence[Sample],
    config: ModelConfig,
    recipe: Recipe,
    device: str = "auto",
    validation: Validation | None = None,
    start: UNet | None = None,
    workers: int = 0,
    command: str = COMMAND,
) -> UNet:
    """Train a network to the end; see `Training` for progress.

    Parameters
    ----------
    samples, config, recipe, device, validation, start, workers, command
        Of `Training`.

    Returns
    -------
    UNet
        In eval mode, on the CPU, its background embedding and provenance filled in.

    Raises
    ------
    ValueError
        If an image cannot be read, or is smaller than the input the window needs.
    FloatingPointError
        If the loss is no longer finite.
    """
    training = Training(
        samples, config, recipe, validation, start, device, workers, command
    )
    for _ in training.steps():
        pass
    return training.model()
