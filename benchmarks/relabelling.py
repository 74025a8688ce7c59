r"""Seconds from the turn of a knob to new labels: in view, and of the whole image.

    python benchmarks/relabelling.py

An image of 1,024² synthetic nuclei and the network `figure-4d` (16 channels); the
view is the 512² in the middle. Each knob is turned by itself, from the model's own
clustering, all of which is remembered: a mean shift is done where the knob has a say in
it. The least of several rounds counts, in seconds of the clock and of the processor
(other programs disturb the clock). The shares are those of the seconds that a full run
takes, prediction and clustering.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling.relabel import InView, Kept, Relabelling
from napari_shiftseg.samples.nuclei import nuclei

if TYPE_CHECKING:
    from napari_shiftseg.clustering.settings import Clustering

SIZE, VIEW = 1024, ((256, 768), (256, 768))
TARGETS = {"view": 0.2, "whole": 2.0}  # seconds
KNOBS: dict[str, Any] = {
    "bandwidth": 0.8,
    "kernel": "flat",
    "min_size": 60,
    "split_far_parts": False,
    "foreground_threshold": 0.6,
}


@dataclass(frozen=True)
class Seconds:
    """Of the clock or the processor, until what is in view is labelled, and all is."""

    view: float
    whole: float
    view_processor: float
    whole_processor: float


def timed(prediction: Prediction, kept: Kept, before: Clustering, knob: str) -> Seconds:
    """Time one turn of a knob."""
    relabelling = Relabelling(prediction, kept.neighbourhood, "cpu")
    exhaust(relabelling.steps(before))
    changed = {"scope": "component"} if knob == "scope" else {knob: KNOBS.get(knob)}
    turned = before if knob == "nothing" else before.model_copy(update=changed)
    began, began_processor = perf_counter(), process_time()
    seen = (0.0, 0.0)
    for step in relabelling.steps(turned, VIEW):
        if isinstance(step, InView):
            seen = perf_counter() - began, process_time() - began_processor
    return Seconds(
        seen[0], perf_counter() - began, seen[1], process_time() - began_processor
    )


def least(rounds: list[Seconds]) -> Seconds:
    """Return the least of each."""
    names = [field.name for field in fields(Seconds)]
    return Seconds(**{n: min(getattr(each, n) for each in rounds) for n in names})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    model = load_unet("figure-4d")
    result = segment(nuclei((SIZE, SIZE)).image, model, device="cpu")
    kept = Kept(result, model.config)
    own, frame = kept.clustering, kept.frame()
    everywhere = Prediction(frame.embedding, None, frame.plan, ())
    whole = own.model_copy(update={"scope": "global"})
    rows = [
        *((frame, own, knob) for knob in KNOBS),
        (frame, whole, "scope"),  # to "component"
        *((frame, whole, knob) for knob in KNOBS),
        *((everywhere, whole, knob) for knob in KNOBS if knob[0] != "f"),
    ]
    share = np.mean(result.labels > 0)
    print(f"{result.objects} objects on {share:.0%} of the pixels")
    print(f"a full run {result.seconds:.2f} s, with {chosen.threads} threads")
    print(f"targets: view {TARGETS['view']} s, whole image {TARGETS['whole']} s")
    table = []
    for prediction, before, knob in rows:
        rounds = [timed(prediction, kept, before, knob) for _ in range(chosen.rounds)]
        best = least(rounds)
        everything = prediction.logit is None
        scope = "global, all pixels" if everything else before.scope
        table.append(
            [
                scope,
                knob,
                f"{best.view:.3f}",
                f"{best.whole:.3f}",
                f"{best.view_processor:.3f}",
                f"{best.whole_processor:.3f}",
                f"{best.view / result.seconds:.1%}",
                f"{best.whole / result.seconds:.1%}",
            ]
        )
    print_table(
        ["scope", "knob", "view s", "whole s", "view CPU s", "whole CPU s",
         "view share", "whole share"],
        table,
    )  # fmt: skip


if __name__ == "__main__":
    main()
