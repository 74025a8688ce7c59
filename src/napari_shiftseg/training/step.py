"""A step of a training: the terms of its loss; the course of all, as a CSV file."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING

import torch

from napari_shiftseg.embeddings.capacity import unmet_margin
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.training.recipes import Recipe
    from napari_shiftseg.training.validation import Validated


MOST_POINTS = 200  # of a curve


@dataclass
class Course:
    """What a training has shown so far."""

    steps: list[int] = field(default_factory=list)  # numbers of the steps
    # each term of the loss, one value a step
    terms: dict[str, list[float]] = field(default_factory=dict)
    # AP50 on the validation part, by the step it was found at
    ap50: dict[int, float] = field(default_factory=dict)
    # AP50 there of the model that the training began with; None: with nothing
    before: float | None = None

    def add(self, step: TrainingStep) -> None:
        """Take up a step."""
        self.steps.append(step.done)
        for name, value in step.terms.items():
            self.terms.setdefault(name, []).append(value)
        if step.validated is not None:
            self.ap50[step.done] = step.validated.ap50

    def curve(self, name: str) -> tuple[list[float], list[float]]:
        """Return steps and values of a term, as means of many steps where needed."""
        width = -(-len(self.steps) // MOST_POINTS) or 1
        return _means(self.steps, width), _means(self.terms[name], width)


def _means(values: list[float] | list[int], width: int) -> list[float]:
    return [fmean(values[i : i + width]) for i in range(0, len(values), width)]


FIRST_COLUMNS, LAST_COLUMNS = ("step", "loss"), ("ap50", "seconds", "note")
EVERY = 100  # steps a row is the mean of


class Log:
    """Writes a row every 100 steps, and at each validation: means since the last one.

    Parameters
    ----------
    path : Path
        Of the CSV file. Rows after `done` are dropped from a file that is there.
    terms : sequence of str
        Of the loss; a column each.
    done : int
        Steps before this run; 0: a new file is begun.

    Raises
    ------
    FileExistsError
        If the file that is there is no such log; it is left as it is.
    """

    def __init__(self, path: Path, terms: Sequence[str], done: int = 0) -> None:
        self._path = path
        self._columns = (*FIRST_COLUMNS, *terms, *LAST_COLUMNS)
        self._steps: list[TrainingStep] = []
        self._began = perf_counter()
        rows = [row for row in _rows(path) if int(row["step"]) <= done]
        self._before = float(rows[-1]["seconds"]) if rows else 0.0
        with (
            whole_or_not_at_all(path) as new,
            new.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    def add(self, step: TrainingStep) -> None:
        """Take up a step; writes a row if it is time."""
        self._steps.append(step)
        is_due = step.done % EVERY == 0 or step.done == step.total
        if is_due or step.validated or step.note:
            self._write()

    def _write(self) -> None:
        last = self._steps[-1]
        row = {
            "step": last.done,
            "loss": fmean(step.loss for step in self._steps),
            **{k: fmean(s.terms[k] for s in self._steps) for k in last.terms},
            "ap50": last.validated.ap50 if last.validated else "",
            "seconds": round(self._before + perf_counter() - self._began, 1),
            "note": next((s.note for s in reversed(self._steps) if s.note), ""),
        }
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(row)
        self._steps.clear()


def is_log(path: Path) -> bool:
    """Whether a file is the course of a training, and not a table of the user's."""
    try:
        _rows(path)
    except FileExistsError:
        return False
    return True


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the whole rows of a log; none where there is no file, or an empty one."""
    if not path.exists() or not path.stat().st_size:
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = tuple(reader.fieldnames or ())
            is_ours = _are_ours(columns)
            rows = [row for row in reader if is_ours and _is_whole(row, columns)]
    except (UnicodeDecodeError, csv.Error):
        is_ours = False
    if not is_ours:
        raise FileExistsError(
            f"{path} is already there and is not the log of a training: move it away, "
            f"or give the model another name"
        )
    return rows


def _are_ours(columns: tuple[str, ...]) -> bool:
    first, last = len(FIRST_COLUMNS), len(LAST_COLUMNS)
    return columns[:first] == FIRST_COLUMNS and columns[-last:] == LAST_COLUMNS


def _is_whole(row: dict[str, str], columns: tuple[str, ...]) -> bool:
    """Whether a row is one of ours, not one whose writing was cut short."""
    try:
        step, seconds = int(row["step"]), float(row["seconds"])
    except (KeyError, TypeError, ValueError):
        return False
    return set(row) == set(columns) and step > 0 <= seconds


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """Progress of a training."""

    # steps
    done: int
    total: int
    loss: float  # of this step; the sum of its weighted terms
    # those of the embedding's loss; ``foreground`` and ``classes`` of such logits
    terms: dict[str, float]
    validated: Validated | None = None  # where this step ended with a validation
    # what the user should know: that a validation took too long, for example
    note: str = ""


def refuse_tiles(config: ModelConfig, window: Sequence[int], tiles: int) -> None:
    """Refuse a window that a network cannot predict as so many tiles.

    Parameters
    ----------
    config : ModelConfig
    window : sequence of int
        Output window the loss sees, per axis.
    tiles : int
        Along each axis.
    """
    if tiles == 1:
        return
    if config.padding != "same":
        raise ValueError(
            f"only same-padded networks predict a window as {tiles} tiles an axis, but "
            f"this one has padding {config.padding!r}: take 1, valid tiles have no "
            f"seams to train away"
        )
    multiple = tuple(tiles * p for p in config.shape.period)
    if any(w % m for w, m in zip(window, multiple, strict=True)):
        raise ValueError(
            f"{tiles} tiles an axis need a training window that is a multiple of "
            f"{by(multiple)}, got {by(tuple(window))}"
        )


def refuse_other_kind(config: ModelConfig, recipe: Recipe) -> None:
    """Refuse a loss of embeddings of another kind than the network makes.

    Parameters
    ----------
    config : ModelConfig
    recipe : Recipe
    """
    if recipe.loss.kind != config.embedding:
        raise ValueError(
            f"the {recipe.loss.name} loss is one of {recipe.loss.kind} embeddings, but "
            f"{config.name!r} makes {config.embedding} ones: take another loss or "
            f"network"
        )


def in_tiles(network: Callable[[Tensor], Tensor], images: Tensor, tiles: int) -> Tensor:
    r"""Predict images as equal tiles side by side, and stitch what comes out.

    No tile sees another: each is read by itself, all in one batch.

    Parameters
    ----------
    network : callable
        (batch, in_channels, \*size) → (batch, channels, \*size), of any such size.
    images : Tensor
        (batch, in_channels, \*spatial)
    tiles : int
        Along each axis; it divides the images' size.
    """
    axes = range(2, images.ndim)
    for axis in axes:
        images = torch.cat(images.chunk(tiles, axis))
    stitched = network(images)
    for axis in reversed(axes):
        stitched = torch.cat(stitched.chunk(tiles), axis)
    return stitched


def loss_terms(
    raw: Tensor,
    labels: Tensor,
    config: ModelConfig,
    recipe: Recipe,
    classes: Tensor | None = None,
) -> dict[str, Tensor]:
    r"""Return the terms of the loss, each the mean over the images of the batch.

    Parameters
    ----------
    raw : Tensor
        (batch, channels, \*window), what the network gives: embedding, then logits.
    labels : Tensor
        (batch, \*window), ids of true objects.
    config : ModelConfig
    recipe : Recipe
        Its loss, and those of the logits.
    classes : Tensor of int, optional
        (batch, \*window), of a network with classes their numbers; −1 counts not.
    """
    sums: dict[str, Tensor] = {}
    for number, (image, truth) in enumerate(zip(raw, labels, strict=True)):
        found = recipe.loss.terms(image[: config.embedding_channels], truth)
        terms = {**found._asdict(), "loss": recipe.loss.total(*found)}
        if config.foreground:
            logit = image[config.embedding_channels]
            terms["foreground"] = recipe.foreground(logit, truth)
            terms["loss"] = terms["loss"] + terms["foreground"]
        if classes is not None:
            logits = image[-len(config.classes) :]
            terms["classes"] = recipe.classes(logits, classes[number])
            terms["loss"] = terms["loss"] + terms["classes"]
        for name, term in terms.items():
            sums[name] = sums[name] + term if name in sums else term
    return {name: total / len(raw) for name, total in sums.items()}


def term_names(config: ModelConfig, recipe: Recipe) -> tuple[str, ...]:
    """Return the names of the terms of the loss, see `loss_terms`, but the sum's.

    Parameters
    ----------
    config : ModelConfig
    recipe : Recipe
    """
    of_logits = {"foreground": config.foreground, "classes": bool(config.classes)}
    return (*recipe.loss.term_names, *filter(of_logits.get, of_logits))


def check_finite(loss: Tensor, step: int, recipe: Recipe) -> None:
    """Refuse a loss that is no longer finite.

    Parameters
    ----------
    loss : Tensor
        A scalar.
    step : int
        Number of the step.
    recipe : Recipe
    """
    if not torch.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss.item()} at step {step}: lower the learning rate (now "
            f"{recipe.learning_rate})"
        )


def crowded(labels: Tensor, config: ModelConfig, recipe: Recipe) -> str:
    r"""Say that the objects of a window have no room on the sphere; else empty.

    Parameters
    ----------
    labels : Tensor
        (batch, \*window), ids of true objects.
    config : ModelConfig
    recipe : Recipe
    """
    margin = getattr(recipe.loss, "margin", None)
    if margin is None:  # of no cosine loss
        return ""
    first = 0 if recipe.loss.background else 1
    objects = max(len(one[one >= first].unique()) for one in labels)
    return unmet_margin(objects, config.embedding_channels, margin) or ""


def rising_share(recipe: Recipe) -> float:
    """Return the share of the steps in which the rate rises: a step and a half or more.

    The schedule divides by the rising steps less one.
    """
    return max(recipe.warm_up, min(1.5 / recipe.steps, 0.75))
