r"""How long a run that is cancelled goes on: the longest time between two steps.

    python benchmarks/cancelling.py [CASE ...]

A run can be left after every step that it yields, so that the longest time from one to
the next is the longest anybody waits. Each case is run for so many seconds, by default
30, or to its end. One line a case: steps, seconds, and the longest time between two
steps, with what was being done.
"""

from __future__ import annotations

import argparse
import warnings
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.clustering.steps import cluster_steps
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.model.config import Clustering
from napari_shiftseg.model.unet import new_model
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    Steps = Generator[object]


def noise(size: int, channels: int = 16) -> NDArray[np.float32]:
    """Embeddings without any cluster, the most work there can be."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(channels, size, size)).astype(np.float32)


def small_bandwidth() -> Steps:
    """256 px, all pixels together, bandwidth 0.01."""
    image = make_sample("nuclei").image[:256, :256]
    settings = Settings(device="cpu", scope="global", bandwidth=0.01)
    return segment_steps(image, load_model("nuclei"), settings)


def extreme_pixel(value: float) -> Steps:
    """One extreme pixel of an embedding, and its surroundings."""
    embedding = noise(256)
    y, x = np.mgrid[:256, :256]
    fall = np.exp(-((y - 128) ** 2 + (x - 99) ** 2) / 2000)
    embedding += embedding * (value * fall).astype(np.float32)
    return cluster_steps(embedding, Clustering(), None, None, None, "cpu")


def huge_component() -> Steps:
    """One component of 520 × 696 px, in neighbourhoods, nothing to be found."""
    embedding = noise(696)[:, :520]
    settings = Clustering(scope="component")
    everywhere = np.ones(embedding.shape[1:], bool)
    return cluster_steps(embedding, settings, everywhere, None, (244, 244), "cpu")


def large_pass(size: int) -> Steps:
    """One pass over a large image, then its clustering."""
    image = np.random.default_rng(0).random((size, size), np.float32)
    settings = Settings(device="cpu", stitching="whole")
    return segment_steps(image, load_model("nuclei"), settings)


def large_pass_3d() -> Steps:
    """One pass of a network for volumes."""
    image = np.random.default_rng(0).random((96, 256, 256), np.float32)
    model = new_model(ndim=3, depth=3, features=16, embedding_channels=8)
    settings = Settings(device="cpu", stitching="whole")
    return segment_steps(image, model, settings)


def large_global() -> Steps:
    """Two thousand pixels a side, all together."""
    return cluster_steps(noise(2048, 3), Clustering(), None, None, None, "cpu")


CASES: dict[str, Callable[[], Steps]] = {
    "bandwidth-0.01": small_bandwidth,
    "pixel-1e8": lambda: extreme_pixel(1e8),
    "pixel-1e12": lambda: extreme_pixel(1e12),
    "huge-component": huge_component,
    "pass-2048": lambda: large_pass(2048),
    "pass-3d": large_pass_3d,
    "global-2048": large_global,
}


def longest_step(steps: Steps, seconds: float) -> tuple[int, float, float, str]:
    """Return steps, seconds, the longest time between two and what was done then."""
    number, longest, doing, last_said = 0, 0.0, "", "begin"
    began = before = perf_counter()
    for step in steps:
        now = perf_counter()
        said = getattr(step, "stage", str(step))
        if now - before > longest:
            longest, doing = now - before, f"{last_said} to {said}"
        number, last_said = number + 1, said
        if now - began > seconds:
            break
        before = perf_counter()
    else:
        now = perf_counter()
        if now - before > longest:
            longest, doing = now - before, f"{last_said} to the end"
    steps.close()
    closed = perf_counter() - now
    if closed > longest:
        longest, doing = closed, "closing"
    return number, now - began, longest, doing


def main() -> None:
    """Measure the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--seconds", type=float, default=30)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for name in asked.cases or CASES:
        number, seconds, longest, doing = longest_step(CASES[name](), asked.seconds)
        rows.append([name, f"{number}", f"{seconds:.1f}", f"{longest:.2f}", doing])
        print(*rows[-1], flush=True)
    print_table(["case", "steps", "s", "longest s", "doing"], rows)


if __name__ == "__main__":
    main()
