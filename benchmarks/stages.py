r"""What each stage of a segmentation takes, as a share of the network, in one run.

    python benchmarks/stages.py dsb2018/val/images --threads 2 --rounds 3

The bundled model `nuclei` segments a mosaic, 2,048 × 2,048 pixels of the images of the
commonest size in a folder; without one, of the sample of nuclei. The stages: reading
grey values (which are 0 and 1, in all pixels), the network with all that goes with it,
clustering and labelling, the gradient. They take turns, and the best round of each
counts. A line a stage: seconds; their share of the network's; the same in processor
time, of all threads, which other programs change less.
"""

from __future__ import annotations

import argparse
from collections import Counter
from itertools import count
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tifffile import imread

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.metrics.seams import gradient_magnitude
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.frame import (
    clustered_steps,
    opened_steps,
    plan_of,
    predicted_steps,
)
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

NETWORK = "network"


def mosaic(folder: Path | None, side: int) -> NDArray[Any]:
    """Return an image of so many pixels a side, put together from smaller ones."""
    if folder is None:
        images = [make_sample("nuclei").image]
    else:
        images = [imread(path) for path in sorted(folder.glob("*.tif"))]
    shape = Counter(image.shape for image in images).most_common(1)[0][0]
    images = [image for image in images if image.shape == shape]
    made = np.zeros((side, side), images[0].dtype)
    numbers = count()
    for y in range(0, side, shape[0]):
        for x in range(0, side, shape[1]):
            part = made[y : y + shape[0], x : x + shape[1]]
            image = images[next(numbers) % len(images)]
            part[:] = image[: part.shape[0], : part.shape[1]]
    return made


class Stages:
    """The stages of one segmentation, each timed by itself."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}

    def timed(self, name: str, call: Callable[[], Any]) -> Any:
        """Make a call, and note its seconds and its processor time."""
        began, busy = perf_counter(), process_time()
        result = call()
        self.seconds[name] = perf_counter() - began, process_time() - busy
        return result

    def run(self, image: NDArray[Any], model: UNet, settings: Settings) -> int:
        """Segment an image; returns how many objects there are."""
        opened = self.timed(
            "reading grey values",
            lambda: exhaust(opened_steps(image, model, settings)),
        )
        plan = plan_of(opened, model, settings)
        predicted = self.timed(
            NETWORK, lambda: exhaust(predicted_steps(opened, model, plan, settings))
        )
        how = settings.clustering(model.config)
        objects = self.timed(
            "clustering and labelling",
            lambda: exhaust(clustered_steps(predicted, model, how, settings.device)),
        )
        self.timed("gradient", lambda: gradient_magnitude(predicted.embedding))
        return int(objects.labels.max())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="images, as TIFF")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument("--side", type=int, default=2048, help="of the mosaic, pixels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    model, image = load_unet(asked.model), mosaic(asked.folder, asked.side)
    settings = Settings(device="cpu")
    Stages().run(image[:256, :256], model, settings)  # what is loaded once
    rounds = [Stages() for _ in range(asked.rounds)]
    objects = [each.run(image, model, settings) for each in rounds]
    best = {
        name: [min(each.seconds[name][i] for each in rounds) for i in (0, 1)]
        for name in rounds[0].seconds
    }
    print(f"{asked.side}² pixels, {objects[0]:,} objects, best of {asked.rounds}\n")
    rows = [
        [
            name, f"{wall:.2f}", f"{wall / best[NETWORK][0]:.3f}",
            f"{busy:.2f}", f"{busy / best[NETWORK][1]:.3f}",
        ]
        for name, (wall, busy) in best.items()
    ]  # fmt: skip
    print_table(["stage", "s", "of network", "processor s", "of network"], rows)


if __name__ == "__main__":
    main()
