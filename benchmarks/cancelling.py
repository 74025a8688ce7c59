r"""How long a run that is cancelled goes on.

    python benchmarks/cancelling.py [CASE ...] --moments 20

A run can be left after every step that it yields, so that the longest time from one to
the next is the longest anybody waits. Each case is run for so many seconds, by default
30, or to its end; then again and again, and left at so many random moments. One line a
case: steps, seconds, the longest time between two steps, with what was being done, and
the longest and the median time from a random moment to the end of the run.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass, field
from random import Random
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.unet import load_unet, new_model
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.training.validation import part_for, validate, work_of_a_step

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import NDArray

    Steps = Generator[object]
    Run = Callable[[Callable[[str], bool]], None]


def noise(size: int, channels: int = 16) -> NDArray[np.float32]:
    """Embeddings without any cluster, the most work there can be."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(channels, size, size)).astype(np.float32)


def small_bandwidth() -> Steps:
    """256 px, all pixels together, bandwidth 0.01."""
    image = make_sample("nuclei").image[:256, :256]
    settings = Settings(device="cpu", scope="global", bandwidth=0.01)
    return segment_steps(image, load_unet("nuclei"), settings)


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
    return segment_steps(image, load_unet("nuclei"), settings)


def large_pass_3d() -> Steps:
    """One pass of a network for volumes."""
    image = np.random.default_rng(0).random((96, 256, 256), np.float32)
    model = new_model(ndim=3, depth=3, features=16, embedding_channels=8)
    settings = Settings(device="cpu", stitching="whole")
    return segment_steps(image, model, settings)


def large_global() -> Steps:
    """Two thousand pixels a side, all together."""
    return cluster_steps(noise(2048, 3), Clustering(), None, None, None, "cpu")


def untrained_validation(is_left: Callable[[str], bool]) -> None:
    """A validation of an untrained network, whose foreground is one huge component."""
    model = new_model(ndim=2, foreground=True)
    sample = make_sample("nuclei")
    work = work_of_a_step(model.config.shape, (188, 188), 4)
    part = part_for([sample], model.config.shape, 1000, work)
    validate(model.eval(), part, "cpu", lambda: is_left("validating"))


def stepwise(make: Callable[[], Steps]) -> Run:
    """Return what runs steps until it is left."""

    def run(is_left: Callable[[str], bool]) -> None:
        steps = make()
        for step in steps:
            if is_left(getattr(step, "stage", str(step))):
                break
        steps.close()

    return run


CASES: dict[str, Run] = {
    "bandwidth-0.01": stepwise(small_bandwidth),
    "pixel-1e8": stepwise(lambda: extreme_pixel(1e8)),
    "pixel-1e12": stepwise(lambda: extreme_pixel(1e12)),
    "huge-component": stepwise(huge_component),
    "pass-2048": stepwise(lambda: large_pass(2048)),
    "pass-3d": stepwise(large_pass_3d),
    "global-2048": stepwise(large_global),
    "validation": untrained_validation,
}


@dataclass
class Watch:
    """Asked between two steps; leaves a run after so many seconds."""

    seconds: float
    began: float = field(default_factory=perf_counter)
    steps: int = 0
    longest: float = 0.0
    doing: str = ""

    def __post_init__(self) -> None:
        self._before, self._said = self.began, "begin"

    def __call__(self, said: str) -> bool:
        """Whether the run is to be left."""
        self._step(f"{self._said} to {said}")
        self.steps, self._said = self.steps + 1, said
        return self._before - self.began > self.seconds

    def ended(self) -> float:
        """Return the seconds the run has taken."""
        self._step(f"{self._said} to the end")
        return self._before - self.began

    def _step(self, doing: str) -> None:
        now = perf_counter()
        if now - self._before > self.longest:
            self.longest, self.doing = now - self._before, doing
        self._before = now


def run_for(run: Run, seconds: float) -> tuple[Watch, float]:
    """Leave a run after so many seconds; return what was seen and its seconds."""
    watch = Watch(seconds)
    run(watch)
    return watch, watch.ended()


def waits(run: Run, seconds: float, moments: int) -> Iterator[float]:
    """Leave a run at random moments of its seconds; yield how long it went on."""
    random = Random(0)
    for _ in range(moments):
        moment = random.uniform(0, seconds)
        yield max(0.0, run_for(run, moment)[1] - moment)


def main() -> None:
    """Measure the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--moments", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for name in asked.cases or CASES:
        seen, seconds = run_for(CASES[name], asked.seconds)
        row = [name, f"{seen.steps}", f"{seconds:.1f}", f"{seen.longest:.2f}"]
        went_on = list(waits(CASES[name], seconds, asked.moments)) or [float("nan")]
        row += [seen.doing, f"{max(went_on):.2f}", f"{median(went_on):.2f}"]
        rows.append(row)
        print(*row, flush=True)
    columns = ["case", "steps", "s", "longest s", "doing", "left s", "median s"]
    print_table(columns, rows)


if __name__ == "__main__":
    main()
