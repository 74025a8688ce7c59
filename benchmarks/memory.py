r"""The memory that a run into a store takes at most, against the size of the image.

    python benchmarks/memory.py -o memory_output --sizes 1024 2048 4096 16384

Images of disks are made as zarr stores, strip by strip, never whole in memory, and
`shiftseg segment` segments each into a store at one window, in a process of its own on
the CPU. A line an image: the most memory that the process had resident at once, as
the kernel counts it (``VmHWM``), how many times that of the image of 4,096² (or of the
last one smaller than the last) it is, what the process had before it began, seconds,
and objects. With ``--passes``, a line a pass as well: the most memory within it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.geometry.tiling import chunks
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores.folders import writable_folder

SIZES = (1024, 2048, 4096, 16384)
AGAINST = 4096  # pixels, side of the image that others are compared with
CHUNK = 512  # pixels

# In a process of its own: getrusage would count the pages of its parent, too. Writing 5
# to clear_refs begins the count anew, so that each pass has its own.
SEGMENT = r"""
import json, re, sys
from pathlib import Path
from napari_shiftseg.cli import storing
from napari_shiftseg.cli.entry import main

def peak():
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

by_pass, before = {}, peak()

def watched(steps, *more):
    stage = "beginning"
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            by_pass[stage] = max(by_pass.get(stage, 0), peak())
            return end.value
        if progress.stage != stage:
            by_pass[stage] = max(by_pass.get(stage, 0), peak())
            Path("/proc/self/clear_refs").write_text("5")
            stage = progress.stage

storing.with_progress = watched
try:
    main()  # it exits
finally:
    by_pass["ending"] = peak()
    print(json.dumps({"before": before, "passes": by_pass}), file=sys.stderr)
"""


def make_image(path: Path, shape: tuple[int, ...], sample: str) -> None:
    """Write an image that repeats a sample, a strip of chunks at a time."""
    image = np.asarray(make_sample(sample).image)
    each = (CHUNK,) * 2 if image.ndim == 2 else (64,) * 3
    array = zarr.create_array(
        str(path), shape=shape, chunks=each, dtype=image.dtype, overwrite=True
    )
    along = [np.arange(n) % m for n, m in zip(shape, image.shape, strict=True)]
    for part in chunks(shape[0], each[0]):
        array[part] = image[np.ix_(along[0][part], *along[1:])]


def measured(image: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Segment an image in a process of its own; returns what it took."""
    target = image.with_name("out.zarr")
    command = [
        "segment", str(image), "-o", str(target), "-m", asked.model, "--window",
        asked.window, "--device", "cpu", "--json", "--overwrite",
        "--workers", str(asked.workers),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", SEGMENT, *command], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    took = json.loads(done.stderr.splitlines()[-1])
    return json.loads(done.stdout) | took | {"peak": max(took["passes"].values())}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Memory of a run into a store.")
    parser.add_argument("-m", "--model", default="disks")
    parser.add_argument("--sample", default="disks")
    parser.add_argument("-o", "--output", type=Path, default=Path("memory_output"))
    parser.add_argument("--window", default="496")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--passes", action="store_true", help="of each pass, too")
    asked = parser.parse_args()
    folder = writable_folder(asked.output)
    found: dict[int, dict[str, Any]] = {}
    for size in asked.sizes:
        image = folder / f"{asked.sample}-{size}.zarr"
        make_image(image, (size,) * make_sample(asked.sample).image.ndim, asked.sample)
        found[size] = measured(image, asked)
        print(json.dumps(found[size]), file=sys.stderr, flush=True)
    against = found[AGAINST if AGAINST in found else min(found)]["peak"]
    rows = [
        [
            f"{size:,}", f"{prod(each['shape']) / 1e6:,.0f}", f"{each['peak']:,.0f}",
            f"{each['peak'] / against:.2f}", f"{each['before']:,.0f}",
            f"{each['seconds']:,.0f}", f"{each['objects']:,}",
        ]
        for size, each in found.items()
    ]  # fmt: skip
    columns = ("side", "Mpx", "peak MiB", "×", "at first", "s", "objects")
    print_table(columns, rows)
    if asked.passes:
        stages = dict.fromkeys(s for each in found.values() for s in each["passes"])
        table = [
            [s, *(f"{each['passes'].get(s, 0):,.0f}" for each in found.values())]
            for s in stages
        ]
        print_table(("peak MiB in", *map(str, found)), table)


if __name__ == "__main__":
    main()
