r"""Instances of three classes: with an embedding, and by the map of classes alone.

    python benchmarks/semantic_instances.py -o instances_output

Generates images of disks, squares and stars, trains a network of classes on them with
each loss of the embedding and with none, all alike, and scores images it has not seen:
region average precision at IoU 0.5 of each class (APr; Hariharan et al., ECCV 2014),
with objects ranked by the probability of their class and, where there is an embedding,
by a regressor besides ("judged"); and how well the map of classes fits, as the mean
intersection over union of background and classes, everywhere and in a band round the
true boundaries. Without an embedding the objects are the connected components of the
map of classes.

"lines": the foreground is trained to part objects that touch by a line, as it usually
is; elsewhere it is not, so that the embedding alone parts them.

A model that is there is not trained again, and a training that was stopped goes on.
With 1,500 steps a training takes a few minutes of one CPU core: too little to be good,
enough to compare. A table is printed; ``results.csv`` has every row.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import torch
from variants import report, trained

from napari_shiftseg.detection.instances import (
    class_map,
    components_of_classes,
    judged_classes,
    learn_class_confidence,
)
from napari_shiftseg.embeddings.losses import ForegroundLoss
from napari_shiftseg.metrics.classes import (
    ClassedObjects,
    class_ious,
    near_boundaries,
    region_average_precision,
)
from napari_shiftseg.pipeline.classes import class_vote
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.samples.shapes import CLASSES, shapes
from napari_shiftseg.stores.folders import writable_folder
from napari_shiftseg.training.defaults import KINDS, object_config
from napari_shiftseg.training.recipes import (
    FOREGROUND_WEIGHTS,
    USUAL_LOSSES,
    object_training,
)
from napari_shiftseg.training.stopping import Validation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from napari_shiftseg.embeddings.kinds import Kind
    from napari_shiftseg.embeddings.losses import EmbeddingLoss
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.training.defaults import Loss
    from napari_shiftseg.training.fit import Training


@dataclass(frozen=True)
class NoLoss:
    """The loss of an embedding that nothing is asked of."""

    name: ClassVar[str] = "none"
    kind: ClassVar[Kind] = "discriminative"
    term_names: ClassVar[tuple[str, ...]] = ("none",)
    background: bool = False

    class Terms(NamedTuple):
        none: Tensor

    def terms(self, outputs: Tensor, labels: Tensor) -> Terms:
        return self.Terms(outputs.sum() * 0)

    @property
    def total(self) -> Callable[..., Tensor]:
        return lambda none: none


@dataclass(frozen=True)
class Variant:
    """What is trained."""

    embedding: Loss | None  # None: classes and foreground alone
    lines: bool = False  # whether the foreground parts objects that touch

    @property
    def loss(self) -> EmbeddingLoss:
        if self.embedding is None:
            return NoLoss()
        return USUAL_LOSSES[KINDS[self.embedding]]

    @property
    def foreground(self) -> ForegroundLoss:
        weight = FOREGROUND_WEIGHTS[self.loss.kind]
        if self.lines:
            return ForegroundLoss(weight=weight)
        return ForegroundLoss(edge_weight=1, part_within=0, weight=weight)


VARIANTS = {
    "classes alone": Variant(None),
    "discriminative": Variant("discriminative"),
    "cosine": Variant("cosine"),
    "spatial": Variant("spatial"),
    "classes alone, lines": Variant(None, lines=True),
    "discriminative, lines": Variant("discriminative", lines=True),
}
# seeds of the images: of those trained on, that a confidence is learnt from, scored
LEARNT, JUDGED, HELD_OUT = range(100, 124), range(200, 205), range(10)
SIZE = (192, 192)  # of an image, in pixels
NETWORK = {"depth": 2, "features": 12}
WINDOW, STEPS, SEEDS = 84, 1500, (0,)  # pixels that a loss sees; steps
RATE = 4e-3  # peak of the learning rate
BAND = 3  # pixels
JUDGED_MEAN = "APr mean, judged"
FIGURES = (
    *(f"APr {name}" for name in CLASSES), "APr mean", JUDGED_MEAN, "map IoU",
    f"in band {BAND} px", "objects IoU in band",
)  # fmt: skip


def begun(
    name: str, seed: int, samples: Sequence[Sample], steps: int, model: str
) -> Training:
    """Begin the training of a variant."""
    variant = VARIANTS[name]
    recipe = {
        "loss": variant.loss, "foreground": variant.foreground, "seed": seed,
        "learning_rate": RATE,
        "augmentation": None,  # blur would hide textures
    }  # fmt: skip
    kind = variant.embedding or "discriminative"
    config = object_config(model, kind, classes=CLASSES, **NETWORK)
    return object_training(
        samples, Validation(), config, steps, WINDOW, recipe=recipe, device="cpu"
    )


def detected(result: Segmentation, embedding: bool) -> ClassedObjects:
    """Return the objects of a run with their classes."""
    labels = result.labels
    if not embedding:
        classes = class_map(result.prediction())
        labels = components_of_classes(classes, min_size=20)
    found = class_vote(labels, result.class_logits, result.class_names)
    return ClassedObjects(labels, found.by_id, found.confidence_by_id)


def painted(objects: ClassedObjects) -> Any:
    """Return the number of the class of each pixel, by the object that it is of."""
    number = {name: at for at, name in enumerate(CLASSES, start=1)}
    size = int(np.max(objects.labels, initial=0)) + 1
    of = [number.get(objects.classes.get(label, ""), 0) for label in range(size)]
    return np.array(of)[objects.labels]


def judged(
    model: UNet, results: Sequence[Segmentation], samples: Sequence[Sample]
) -> list[ClassedObjects]:
    """Return the objects of runs, ranked by a regressor that learns from samples."""
    judge = learn_class_confidence(samples, model, device="cpu")
    votes = [judged_classes(result, model, judge) for result in results]
    return [
        ClassedObjects(result.labels, found.by_id, found.confidence_by_id)
        for result, found in zip(results, votes, strict=True)
    ]


def scored(
    model: UNet,
    samples: Sequence[Sample],
    embedding: bool,
    of_judge: Sequence[Sample] = (),
) -> dict[str, float]:
    """Segment images as users do, and score them, all pixels and objects pooled."""
    results = [segment(sample.image, model, device="cpu") for sample in samples]
    truth = [ClassedObjects(s.labels, s.classes or {}) for s in samples]
    found = [detected(result, embedding) for result in results]
    scores = region_average_precision(truth, found)
    true, objects, maps, band = (
        np.concatenate([each.ravel() for each in several])
        for several in (
            map(painted, truth),
            map(painted, found),
            (class_map(result.prediction()) for result in results),
            (near_boundaries(sample.labels, BAND) for sample in samples),
        )
    )

    def fit(classes: Any, where: Any = None) -> float:
        return float(np.nanmean(class_ious(true, classes, len(CLASSES), where)))

    of_maps = (fit(maps), fit(maps, band), fit(objects, band))
    mean = again = fmean(scores.values())
    if embedding and of_judge:
        ranked = judged(model, results, of_judge)
        again = fmean(region_average_precision(truth, ranked).values())
    of_objects = (*(scores[name] for name in CLASSES), mean, again)
    return dict(zip(FIGURES, (*of_objects, *of_maps), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description="Instances of classes.")
    parser.add_argument("-o", "--output", type=Path, default=Path("instances_output"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--only", choices=VARIANTS, nargs="+", default=list(VARIANTS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    folder = writable_folder(asked.output)
    learnt, of_judge, held_out = (
        [shapes(SIZE, seed=seed) for seed in seeds]
        for seeds in (LEARNT, JUDGED, HELD_OUT)
    )
    rows: list[dict[str, Any]] = []
    for seed in asked.seeds:
        for name in asked.only:
            begin = partial(begun, name, seed, learnt, asked.steps)
            model = trained(name, asked.steps, seed, folder, begin)
            embedding = VARIANTS[name].embedding is not None
            figures = scored(model, held_out, embedding, of_judge)
            rows.append({"trained": name, "seed": seed} | figures)
            report(rows, "trained", FIGURES, folder)


if __name__ == "__main__":
    main()
