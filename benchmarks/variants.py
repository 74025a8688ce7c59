"""Variants of a training: each trained once, and a table over the seeds."""

from __future__ import annotations

import csv
from statistics import fmean, stdev
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from napari_shiftseg.cli.terminal import note, print_table
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.training.stopping import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.training.fit import Training

EVERY = 250  # steps between two states that a training can go on from


def trained(
    name: str, steps: int, seed: int, folder: Path, start: Callable[[str], Training]
) -> UNet:
    """Return a model of a variant: from its file, or trained to the end.

    `start` gets the name of the model, which says the variant, the steps and the seed.
    """
    model = f"{name.replace(', ', '-').replace(' ', '-')}-{steps}-steps-{seed}"
    file = folder / f"{model}.safetensors"
    if file.exists():
        return load_unet(file)
    training, state = start(model), file.with_suffix(SUFFIX)
    if state.exists():
        training.resume(state)
    began, before = perf_counter(), training.done
    for step in training.steps():
        if step.done % EVERY == 0:
            training.save(state)
            pace = (perf_counter() - began) / (step.done - before)
            note(f"{name}, seed {seed}: step {step.done}, {pace:.2f} s a step")
    save_model(training.model(), file, torch.float16)
    state.unlink(missing_ok=True)
    return load_unet(file)


def told(values: Sequence[float]) -> str:
    """Return mean and standard deviation, in as many digits as they are worth."""
    digits = 3 if max(values) <= 1 else 0
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}"


def report(
    rows: Sequence[dict[str, Any]], by: str, figures: Sequence[str], folder: Path
) -> None:
    """Write every row into ``results.csv``, and print the table over the seeds."""
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, (by, "seed", *figures))
        writer.writeheader()
        writer.writerows(rows)
    of: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        of.setdefault(row[by], []).append(row)
    print_table(
        (by, *figures),
        [
            [name, *(told([row[key] for row in own]) for key in figures)]
            for name, own in of.items()
        ],
    )
