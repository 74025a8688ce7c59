r"""Every kind of embedding on one footing: trained alike, scored alike.

    python benchmarks/embeddings.py dsb2018 -o embeddings_output

Trains {discriminative, cosine, cosine with size weights, cosine through a recurrent
mean shift, spatial} × seeds on ``train/`` of a folder of data, each with the same
network but for its last layer, the same windows and as many steps, and scores them on
``val/``: AP50, mean over images and pooled, false splits, false merges, seconds to
segment. A table of means and standard deviations over the seeds is printed;
``results.csv`` has every row.

A model that is there is not trained again, and a training that was stopped goes on: the
same command again is all it takes. With 5,000 steps a training takes about seven
minutes of one CPU core.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from statistics import fmean, stdev
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from napari_shiftseg.cli.terminal import note, print_table
from napari_shiftseg.embeddings.recurrent import LossOnEveryLoop
from napari_shiftseg.embeddings.spherical import CosineMarginLoss
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.metrics.objects import object_scores, pooled
from napari_shiftseg.networks.unet import load_model, save_model
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.stores.folders import writable_folder
from napari_shiftseg.training.defaults import Loss, object_config
from napari_shiftseg.training.recipes import USUAL_LOSSES, object_training
from napari_shiftseg.training.stopping import SUFFIX, Validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.embeddings.losses import EmbeddingLoss
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample

EVERY = 500  # steps between two states that a training can go on from
NETWORK = {"depth": 3, "features": 16}
WINDOW = 116  # pixels, of the output that a loss sees
STEPS, SEEDS, LOOPS = 5_000, (0, 1, 2), 5
FIGURES = ("ap50_mean", "ap50_pooled", "false_splits", "false_merges", "seconds")
PLAIN = CosineMarginLoss(background=False, size_weights=False)
EVEN = CosineMarginLoss(background=False)
VARIANTS: dict[str, tuple[Loss, EmbeddingLoss]] = {
    "discriminative": ("discriminative", USUAL_LOSSES["discriminative"]),
    "cosine": ("cosine", PLAIN),
    "cosine, size weights": ("cosine", EVEN),
    "cosine, recurrent": ("cosine", LossOnEveryLoop(background=False, steps=LOOPS)),
    "spatial": ("spatial", USUAL_LOSSES["spatial"]),
}


def trained(
    name: str, seed: int, samples: Sequence[Sample], folder: Path, steps: int
) -> UNet:
    """Return a model of a variant: from its file, or trained to the end."""
    loss, terms = VARIANTS[name]
    stem = f"{name.replace(', ', '-').replace(' ', '-')}-{steps}-steps-{seed}"
    file = folder / f"{stem}.safetensors"
    if file.exists():
        return load_model(file)
    recipe = {"loss": terms, "seed": seed, "precision": "bfloat16"}
    config = object_config(stem, loss, **NETWORK)
    training = object_training(
        samples, Validation(), config, steps, WINDOW, recipe=recipe
    )
    state = file.with_suffix(SUFFIX)
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
    return load_model(file)


def scored(model: UNet, samples: Sequence[Sample]) -> dict[str, float]:
    """Segment images as users do, and score them."""
    began = perf_counter()
    found = [segment(sample.image, model, device="cpu").labels for sample in samples]
    seconds = perf_counter() - began
    scores = [
        object_scores(sample.labels, labels)
        for sample, labels in zip(samples, found, strict=True)
    ]
    of_all = pooled(scores)
    return {
        "ap50_mean": fmean(score.ap50 for score in scores),
        "ap50_pooled": of_all.ap50,
        "false_splits": of_all.false_splits,
        "false_merges": of_all.false_merges,
        "seconds": seconds,
    }


def told(values: Sequence[float]) -> str:
    """Return mean and standard deviation, in as many digits as they are worth."""
    digits = 3 if max(values) <= 1 else 0
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}"


def report(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write every row, and print the table over the seeds."""
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("embedding", "seed", *FIGURES))
        writer.writeheader()
        writer.writerows(rows)
    names = dict.fromkeys(row["embedding"] for row in rows)
    print_table(
        ("embedding", *(name.replace("_", " ") for name in FIGURES)),
        [
            [
                name,
                *(
                    told([row[key] for row in rows if row["embedding"] == name])
                    for key in FIGURES
                ),
            ]
            for name in names
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Every kind of embedding, alike.")
    parser.add_argument("data", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("-o", "--output", type=Path, default=Path("embeddings_output"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--only", choices=VARIANTS, nargs="+", default=list(VARIANTS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folder = writable_folder(asked.output)
    learnt, held_out = (read_data(asked.data / p).samples for p in ("train", "val"))
    rows: list[dict[str, Any]] = []
    for seed in asked.seeds:
        for name in asked.only:
            model = trained(name, seed, learnt, folder, asked.steps)
            rows.append({"embedding": name, "seed": seed} | scored(model, held_out))
            report(rows, folder)


if __name__ == "__main__":
    main()
