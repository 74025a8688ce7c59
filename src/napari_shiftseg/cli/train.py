"""The command ``train``."""

from __future__ import annotations

import json
import sys
from collections import deque
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from napari_shiftseg.inference.progress import Returning
from napari_shiftseg.model.checkpoint import save_model
from napari_shiftseg.model.description import describe
from napari_shiftseg.model.header import SUFFIX
from napari_shiftseg.report.folder import writable_folder
from napari_shiftseg.training.fit import train_steps
from napari_shiftseg.training.recipes import STEPS, sample_training

if TYPE_CHECKING:
    from pathlib import Path

MEAN_OVER = 100  # steps, for the loss that is shown


def run_training(
    sample: str,
    output: Path,
    window: int,
    steps: int | None,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Train on a sample, write the model, print its figures and last loss."""
    report = _trained(sample, output, window, steps, seed, device)
    if as_json:
        print(json.dumps(report))
    else:
        print(f"{report['model']}: loss {report['loss']:.3g}, written to {output}")


def _trained(
    sample: str, output: Path, window: int, steps: int | None, seed: int, device: str
) -> dict[str, Any]:
    if output.suffix != SUFFIX:
        raise ValueError(f"the model file must end with {SUFFIX}, got {output.name!r}")
    writable_folder(output.parent)
    steps = STEPS if steps is None else steps
    training = sample_training(sample, window, steps, seed)
    command = (
        f"shiftseg train --sample {sample} --window {window} --steps {steps} "
        f"--seed {seed} -o {output.name}"
    )
    running = Returning(
        train_steps(
            [training.sample], training.config, training.recipe, device, command
        )
    )
    every = 0.1 if sys.stderr.isatty() else 30  # seconds
    losses: deque[float] = deque(maxlen=MEAN_OVER)
    with tqdm(total=steps, unit="step", mininterval=every, delay=1) as bar:
        for step in running:
            losses.append(step.loss)
            bar.set_postfix(loss=f"{fmean(losses):.3g}", refresh=False)
            bar.update()
    save_model(running.value, output, torch.float16)
    return {
        "model": running.value.config.name,
        "file": str(output),
        "loss": fmean(losses),
        **describe(running.value),
    }
