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
from functools import partial
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from variants import report, trained

from napari_shiftseg.embeddings.recurrent import LossOnEveryLoop
from napari_shiftseg.embeddings.spherical import CosineMarginLoss
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.metrics.objects import object_scores, pooled
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.stores.folders import writable_folder
from napari_shiftseg.training.defaults import Loss, object_config
from napari_shiftseg.training.recipes import USUAL_LOSSES, object_training
from napari_shiftseg.training.stopping import Validation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.embeddings.losses import EmbeddingLoss
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.training.fit import Training

NETWORK = {"depth": 3, "features": 16}
WINDOW = 116  # pixels, of the output that a loss sees
STEPS, SEEDS, LOOPS = 5_000, (0, 1, 2), 5
FIGURES = ("AP50 mean", "AP50 pooled", "false splits", "false merges", "seconds")
PLAIN = CosineMarginLoss(background=False, size_weights=False)
EVEN = CosineMarginLoss(background=False)
VARIANTS: dict[str, tuple[Loss, EmbeddingLoss]] = {
    "discriminative": ("discriminative", USUAL_LOSSES["discriminative"]),
    "cosine": ("cosine", PLAIN),
    "cosine, size weights": ("cosine", EVEN),
    "cosine, recurrent": ("cosine", LossOnEveryLoop(background=False, steps=LOOPS)),
    "spatial": ("spatial", USUAL_LOSSES["spatial"]),
}


def begun(
    name: str, seed: int, samples: Sequence[Sample], steps: int, model: str
) -> Training:
    """Begin the training of a variant."""
    loss, terms = VARIANTS[name]
    recipe = {"loss": terms, "seed": seed, "precision": "bfloat16"}
    config = object_config(model, loss, **NETWORK)
    return object_training(samples, Validation(), config, steps, WINDOW, recipe=recipe)


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
        "AP50 mean": fmean(score.ap50 for score in scores),
        "AP50 pooled": of_all.ap50,
        "false splits": of_all.false_splits,
        "false merges": of_all.false_merges,
        "seconds": seconds,
    }


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
            begin = partial(begun, name, seed, learnt, asked.steps)
            model = trained(name, asked.steps, seed, folder, begin)
            rows.append({"embedding": name, "seed": seed} | scored(model, held_out))
            report(rows, "embedding", FIGURES, folder)


if __name__ == "__main__":
    main()
