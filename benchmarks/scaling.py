r"""What a volume of 10 TB would take: tiles, bytes, operations, hours and cost.

    python benchmarks/scaling.py --models nuclei disks volumes.safetensors
    python benchmarks/scaling.py --peak 19.5 --price 1.5 --share 0.3 --gpus 1 8 64

Counted, for a cube of so many bytes in 16-bit numbers: the tiles of the window that is
cheapest in the memory of the GPU, what they read, the multiply-adds of the network over
all of them (each two operations), what is kept between the passes and what is written.

Measured here, in processor time of one core, on samples: the share of the peak of a
product of two matrices that the network reaches, and what a million voxels take in the
passes after the network. So it is right on a machine that does other things, too.

Assumed, and to be replaced by your own (see ``--help``): the peak of a GPU; that the
network reaches the same share of it as here, unless its memory is too slow for that
(each convolution reads what it takes and writes what it gives, which is then read and
written once more); its memory, its price an hour, the cores beside it, and how fast a
machine reads and writes. Work is taken to be divided evenly, and the passes to follow
one another; nothing overlaps.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.distributed.crew import threads
from napari_shiftseg.distributed.order import StoreOrder
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.memory import SHARE_OF_MEMORY
from napari_shiftseg.inference.network import on_device
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Returning
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores.reading import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.networks.unet import UNet

MODELS = ("nuclei", "disks")
WINDOWS = {2: 496, 3: 64}  # of what is measured here
SIZES = {2: 992, 3: 128}  # pixels along each axis, of what is measured here
BYTES = 2  # of a voxel
STORED = ("read", "between", "written")
OBJECT = 150  # bytes that are held of a part of a component, while parts are joined
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Measured:
    """What was measured on one core."""

    share: float  # of the peak, that the network reaches
    rest: float  # seconds a million voxels, of all passes but the network
    parts: float  # a million voxels


def peak() -> float:
    """Return the multiply-adds a second of a product of two matrices, on one core."""
    side, best = 1536, 0.0
    a, b = torch.rand(2, side, side)
    x, y = a.numpy(), b.numpy()
    for product in (lambda: a @ b, lambda: x @ y, *by_openvino(x, y)):
        for _ in range(3):
            began = process_time()
            product()
            best = max(best, side**3 / (process_time() - began))
    return best


def by_openvino(x: Any, y: Any) -> list[Callable[[], Any]]:
    """Return a call of the product by OpenVINO; none where it is not installed."""
    try:
        import openvino
    except ImportError:
        return []
    read = openvino.opset13.parameter(x.shape, np.float32)
    product = openvino.opset13.matmul(read, y, transpose_a=False, transpose_b=False)
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    network = openvino.Core().compile_model(
        openvino.Model([product], [read]), "CPU", hints
    )
    return [lambda: network(x)]


def values_moved(shape: UNetShape, size: tuple[int, ...]) -> int:
    """Return how many numbers pass to and from memory while one input is predicted."""
    pixels, total = size, 0

    def block(channels: int, features: int) -> None:
        nonlocal pixels, total
        for _ in range(shape.axes[0].convolutions):
            total += prod(pixels) * channels
            each = zip(pixels, shape.axes, strict=True)
            pixels = tuple(n - a.eaten // a.convolutions for n, a in each)
            total += 3 * prod(pixels) * features
            channels = features

    before = shape.in_channels
    for level, features in enumerate(shape.features):
        if level:
            each = zip(pixels, shape.axes, strict=True)
            pixels = tuple(n // a.factors[level - 1] for n, a in each)
        block(before, features)
        before = features
    for level, features in reversed([*enumerate(shape.features[:-1])]):
        each = zip(pixels, shape.axes, strict=True)
        total += prod(pixels) * before
        pixels = tuple(n * a.factors[level] for n, a in each)
        total += prod(pixels) * features
        block(2 * features, features)
        before = features
    return total + prod(pixels) * (before + shape.out_channels)


def share_of(model: UNet) -> float:
    """Return the share of the peak that the network reaches, torch on one core."""
    plan = plan_tiles(
        (SIZES[model.config.ndim],) * model.config.ndim, model.shape,
        WINDOWS[model.config.ndim],
    )  # fmt: skip
    pixels = np.random.default_rng(0).random((1, *plan.reads), np.float32)
    work, rates, peaks = model.shape.multiply_adds(plan.reads), [], []
    with on_device(model, CPU, "float32", "torch") as network:
        for _ in range(4):
            peaks.append(peak())
            began = process_time()
            network([pixels])
            rates.append(work / (process_time() - began))
    return max(rates) / max(peaks)


def rest_of(model: UNet) -> tuple[float, float]:
    """Return the seconds of the passes after the network, and objects, a million."""
    ndim = model.config.ndim
    sample = "nuclei-3d" if ndim == 3 else "nuclei"
    if model.config.name.startswith("disks"):
        sample = "disks"
    image = np.asarray(make_sample(sample).image)
    size = (SIZES[ndim],) * ndim
    at = (np.arange(n) % m for n, m in zip(size, image.shape, strict=True))
    source = Source("sample", image[np.ix_(*at)], "ZYX"[-ndim:])
    asked = Settings(window=WINDOWS[ndim], device="cpu", engine="torch")
    seconds: dict[str, float] = defaultdict(float)
    with TemporaryDirectory() as folder, threads(1) as crew:
        order = StoreOrder(source, model, asked, Path(folder) / "out.zarr")
        steps = Returning(segment_to_store_steps(order, crew))
        began = process_time()
        for progress in steps:
            now = process_time()
            seconds[progress.stage], began = seconds[progress.stage] + now - began, now
    report = steps.value
    after = sum(each for name, each in seconds.items() if name != "predicting")
    millions = prod(size) / 1e6
    return after / millions, report["objects"] / millions


def counted(
    model: UNet, asked: argparse.Namespace
) -> tuple[TilePlan, dict[str, float]]:
    """Return the tiles of a volume, and what is counted in them."""
    side = round((asked.terabytes * 1e12 / BYTES) ** (1 / 3))
    ndim, config = model.config.ndim, model.config
    memory = int(asked.memory * 2**30 * SHARE_OF_MEMORY)
    plan = plan_tiles((side,) * ndim, model.shape, memory=memory)
    frames = side ** (3 - ndim)
    tiles = frames * len(plan)
    pyramid = 2**ndim / (2**ndim - 1)
    return plan, {
        "voxels": float(side**3),
        "tiles": tiles,
        "read": tiles * prod(plan.reads) * BYTES,
        "between": side**3 * 4 * (config.out_channels + 1),
        "written": side**3 * 4 * pyramid,
        "operations": 2 * tiles * model.shape.multiply_adds(plan.reads),
        "moved": 4 * tiles * values_moved(model.shape, plan.reads),
    }


def hours(
    known: dict[str, float], found: Measured, asked: argparse.Namespace, gpus: int
) -> dict[str, float]:
    """Return the hours that each kind of work takes on so many GPUs."""
    share = asked.share or found.share
    computing = known["operations"] / (asked.peak * 1e12 * share)
    seconds = max(computing, known["moved"] / (asked.bandwidth * 1e12))
    stored = known["read"] + 2 * known["between"] + known["written"]
    return {
        "network": seconds / gpus / 3600,
        "reading and writing": stored / (gpus * asked.disk * 1e9) / 3600,
        "the rest": known["voxels"] / 1e6 * found.rest / (gpus * asked.cores) / 3600,
    }


def main() -> None:
    """Measure, count and print."""
    parser = argparse.ArgumentParser(description="A volume of 10 TB.")
    number: dict[str, Any] = {"type": float}
    parser.add_argument("--terabytes", default=10.0, **number)
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--peak", default=19.5, help="TFLOP/s of a GPU", **number)
    parser.add_argument("--share", help="of it; that measured here", **number)
    parser.add_argument("--bandwidth", default=1.1, help="TB/s of it", **number)
    parser.add_argument("--memory", default=40.0, help="GiB of a GPU", **number)
    parser.add_argument("--price", default=2.0, help="of a GPU an hour", **number)
    parser.add_argument("--cores", type=int, default=12, help="beside a GPU")
    parser.add_argument("--disk", default=1.0, help="GB/s, for each GPU", **number)
    parser.add_argument("--models", nargs="+", default=MODELS, help="names, or files")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    first, second = [], []
    for name in asked.models:
        model = load_unet(name)
        found = Measured(share_of(model), *rest_of(model))
        plan, known = counted(model, asked)
        name = model.config.name
        first.append(
            [
                name, "×".join(map(str, plan.stride)), f"{known['tiles']:,.0f}",
                f"{plan.cost:.2f}", *(f"{known[kind] / 1e12:.0f}" for kind in STORED),
                f"{known['operations'] / known['voxels'] / 1e3:.1f}",
                f"{known['moved'] / known['voxels'] / 1e3:.1f}",
                f"{known['operations'] / 1e18:.2f}",
                f"{found.share:.2f}", f"{found.rest:.1f}",
                f"{found.parts * known['voxels'] / 1e6 * OBJECT / 1e9:.0f}",
            ]
        )  # fmt: skip
        for gpus in asked.gpus:
            each = hours(known, found, asked, gpus)
            total = sum(each.values())
            second.append(
                [
                    name, str(gpus), *(f"{h:,.1f}" for h in each.values()),
                    f"{total:,.1f}", f"{total * gpus * asked.price:,.0f}",
                ]
            )  # fmt: skip
    columns = (
        "model", "a tile keeps", "tiles", "computed", "TB read", "between", "written",
        "kFLOP", "kB moved", "EFLOP", "share", "rest, s/Mvox", "GB to join",
    )  # fmt: skip
    print_table(columns, first)
    print()
    columns = ("model", "GPUs", "network h", "disk h", "rest h", "hours", "cost")
    print_table(columns, second)


if __name__ == "__main__":
    main()
