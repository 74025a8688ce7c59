"""The command ``train``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from napari_shiftseg.cli.files import writable_folder
from napari_shiftseg.inference.progress import Returning
from napari_shiftseg.model.checkpoint import save_model
from napari_shiftseg.model.description import describe
from napari_shiftseg.model.header import SUFFIX
from napari_shiftseg.training.fit import train_steps
from napari_shiftseg.training.recipes import STEPS, sample_training

if TYPE_CHECKING:
    from pathlib import Path


def run_training(
    sample: str, output: Path, window: int, steps: int | None, seed: int, device: str
) -> dict[str, Any]:
    """Train on a sample and write the model; returns its figures."""
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
    with tqdm(total=steps, unit="step", disable=None) as bar:
        for step in running:
            bar.update()
            if step.done % 50 == 0:
                bar.set_postfix(loss=f"{step.loss:.3g}")
    save_model(running.value, output, torch.float16)
    return {"model": running.value.config.name, "file": str(output)} | describe(
        running.value
    )
