r"""What handing out blocks costs: crews of one worker against a plain loop over blocks.

    python benchmarks/crews.py --rounds 5

An image of nuclei is segmented into a store: block after block in a plain loop, by the
threads that a run uses by default, and, where dask.distributed is installed, by a
cluster of one thread in this process. They take turns; of each the best round counts.
A line a crew: seconds, and how many times those of the loop; the same in processor
time, which other programs hardly change.
"""

from __future__ import annotations

import argparse
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.distributed.cluster import cluster
from napari_shiftseg.distributed.crew import threads
from napari_shiftseg.distributed.order import StoreOrder
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.distributed.workers import Crew, computing
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Progress, exhaust
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores.reading import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from contextlib import AbstractContextManager


class Loop(Crew):
    """Does blocks one after the other, in the thread that asks for them."""

    workers = 1

    def computes(self, settings: Settings) -> tuple[str, str]:
        """Say what this process computes with."""
        return computing(settings)

    def submit(
        self, function: Callable[..., Any], job: Any, number: int
    ) -> Future[Any]:
        """Call at once; see `Crew.submit`."""
        done: Future[Any] = Future()
        done.set_result(function(job, number))
        return done

    def steps(
        self,
        function: Callable[..., Any],
        job: Any,
        sizes: Mapping[int, int],
        stage: str,
        done: int = 0,
    ) -> Generator[Progress, None, list[Any]]:
        """Do one thing with blocks; see `Crew.steps`."""
        total, results = done + sum(sizes.values()), []
        for number, size in sizes.items():
            results.append(self.submit(function, job, number).result())
            done += size
            yield Progress(done, total, stage=stage)
        return results


@contextmanager
def loop() -> Iterator[Crew]:
    """Give the plain loop in the place of a crew."""
    yield Loop()


@contextmanager
def dask() -> Iterator[Crew]:
    """Give a cluster of one thread in this process."""
    from distributed import Client

    with (
        Client(
            processes=False, n_workers=1, threads_per_worker=1, dashboard_address=""
        ) as client,
        cluster(client) as crew,
    ):
        yield crew


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What handing out blocks costs.")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument("--side", type=int, default=1024, help="pixels")
    parser.add_argument("--window", type=int, default=240)
    parser.add_argument("--block", type=int, default=1, help="pixels; 1: one tile")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    model = load_unet(asked.model)
    sample = "disks" if asked.model.startswith("disks") else "nuclei"
    image = np.asarray(make_sample(sample).image)
    at = (np.arange(asked.side) % n for n in image.shape)
    source = Source("mosaic", image[np.ix_(*at)], "YX")
    settings = Settings(window=asked.window, device="cpu")
    crews: dict[str, Callable[[], AbstractContextManager[Crew]]] = {
        "plain loop": loop, "threads": lambda: threads(1),
    }  # fmt: skip
    if find_spec("distributed"):
        crews["dask"] = dask
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in crews}
    sums = set()
    with TemporaryDirectory() as folder:
        order = StoreOrder(
            source, model, settings, Path(folder) / "out.zarr", block=asked.block
        )
        for _ in range(asked.rounds + 1):  # the first one compiles the network
            for name, crew in crews.items():
                with crew() as workers:
                    began, busy = perf_counter(), process_time()
                    steps = segment_to_store_steps(order, workers, overwrite=True)
                    report = exhaust(steps)
                    took[name].append((perf_counter() - began, process_time() - busy))
                sums.add(report["labels_sha256"])
    best = {
        name: [min(each) for each in zip(*t[1:], strict=True)]
        for name, t in took.items()
    }
    first = best["plain loop"]
    rows = [
        [
            name,
            *(f"{s:.2f}" for s in own),
            *(f"{s / f:.2f}" for s, f in zip(own, first, strict=True)),
        ]
        for name, own in best.items()
    ]
    print(f"{report['blocks']} blocks, {len(sums)} sum of labels")
    print_table(("crew", "s", "processor s", "×", "× processor"), rows)


if __name__ == "__main__":
    main()
