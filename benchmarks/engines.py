r"""How fast each engine predicts on the CPU, in ratios of one run.

    python benchmarks/engines.py [passes] [tiled] --threads 2 --rounds 5

The bundled model `nuclei` predicts 1,228 × 1,228 pixels in one pass: by torch in its
usual layout, by torch in channels_last, by OpenVINO in float32 and in bfloat16. The
engines take turns, and the best round of each counts. A line an engine: seconds; how
many times as fast as the first; multiply-adds, each two operations, and their share of
what the best of NumPy, torch and OpenVINO reaches in a product of two matrices in
float32; the largest difference from the first, on what values; how well the labels
agree with the first's (adjusted Rand index), on the sample of nuclei. Before that, what
OpenVINO takes to be set up. Then, an engine, the rate of tiles of the automatic window
on an image that is too large for one, and its share of the rate of one pass over the
same image.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference import compiled, network
from napari_shiftseg.inference.memory import memory_budget
from napari_shiftseg.inference.network import Predictor, on_device
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

CPU = torch.device("cpu")
SIDE = 1228  # pixels
ENGINES = {  # engine, precision
    "torch, usual layout": ("torch", "float32"),
    "torch, channels_last": ("torch", "float32"),
    "openvino float32": ("openvino", "float32"),
    "openvino bfloat16": ("openvino", "bfloat16"),
}
USUAL, *TILED = ENGINES


def layout(name: str) -> AbstractContextManager[Any]:
    """Keep a network in the layout that torch gives it, for the first engine."""
    if name != USUAL:
        return nullcontext()
    return patch.object(network, "channels_last", lambda model: None)


def best(rounds: int, calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the least seconds of each call, which take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = perf_counter()
            call()
            seconds[name].append(perf_counter() - began)
    return {name: min(each) for name, each in seconds.items()}


def peak(rounds: int) -> float:
    """Return the multiply-adds a second of a product of two matrices."""
    side = 2048
    a, b = torch.rand(2, side, side)
    x, y = a.numpy(), b.numpy()
    openvino = compiled._openvino()
    read = openvino.opset13.parameter(x.shape, np.float32)
    product = openvino.opset13.matmul(read, y, transpose_a=False, transpose_b=False)
    hints = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    network = openvino.Model([product], [read])
    by_openvino = openvino.Core().compile_model(network, "CPU", hints)
    calls = {
        "torch": lambda: a @ b,
        "NumPy": lambda: x @ y,
        "OpenVINO": lambda: by_openvino(x),
    }
    return side**3 / min(best(3 * rounds, calls).values())


def labels(model: UNet, name: str) -> NDArray[Any]:
    """Return the objects that an engine's prediction gives."""
    engine, precision = ENGINES[name]
    image = make_sample("nuclei").image
    how: dict[str, Any] = {"engine": engine, "precision": precision, "device": "cpu"}
    with layout(name):
        return segment(image, model, **how).labels.ravel()


def passes(model: UNet, rounds: int) -> list[list[str]]:
    """Return a row an engine, of one pass."""
    plan = plan_tiles((SIDE, SIDE), model.shape, stitching="whole")
    pixels = np.random.default_rng(0).random((1, *plan.reads), np.float32)
    networks: dict[str, Predictor] = {}
    for name, (engine, precision) in ENGINES.items():
        with layout(name):
            networks[name] = Predictor(model, CPU, precision, engine)  # type: ignore[arg-type]
    raw = {name: each([pixels]) for name, each in networks.items()}
    seconds = best(rounds, {n: lambda e=e: e([pixels]) for n, e in networks.items()})
    work, most = model.shape.multiply_adds(plan.reads), peak(rounds)
    found = {name: labels(model, name) for name in ENGINES}
    rows = []
    for name, each in networks.items():
        off = float(abs(raw[name] - raw[USUAL]).max())
        speed = work / seconds[name]
        rows.append(
            [
                name, f"{seconds[name]:.2f}", f"{seconds[USUAL] / seconds[name]:.2f}",
                f"{2 * speed / 1e9:.0f}", f"{speed / most:.2f}",
                f"{off:.1e} on {abs(raw[USUAL]).max():.0f}",
                f"{adjusted_rand_score(found[USUAL], found[name]):.6f}",
            ]
        )  # fmt: skip
        each.close()
    return rows


def set_up(model: UNet) -> dict[str, float]:
    """Return the seconds until OpenVINO predicts: loaded, converted, compiled."""
    size = (1, *plan_tiles((SIDE, SIDE), model.shape, stitching="whole").reads)
    seconds = {}
    began = perf_counter()
    compiled._openvino()
    seconds["load it"] = perf_counter() - began
    for name in ("convert and compile the network", "the same network again"):
        with on_device(model, CPU, "float32", "openvino") as predictor:
            began = perf_counter()
            predictor.prepare(size)
            seconds[name] = perf_counter() - began
    return seconds


def tiled(model: UNet, side: int, rounds: int) -> list[list[str]]:
    """Return a row an engine: tiles of the automatic window against one pass."""
    image = np.random.default_rng(0).random((side, side), np.float32)
    plan = plan_tiles(image.shape, model.shape, memory=memory_budget(CPU))
    rows = []
    for name in TILED:
        engine, precision = ENGINES[name]
        how: dict[str, Any] = {"engine": engine, "precision": precision}
        seconds = best(
            rounds,
            {
                kind: lambda kind=kind, how=how: embed(
                    image, model, stitching=kind, device="cpu", **how
                )
                for kind in ("cropped", "whole")
            },
        )
        rate = {kind: side**2 / 1e6 / each for kind, each in seconds.items()}
        share = rate["cropped"] / rate["whole"]
        window = f"{plan.stride[0]} ({len(plan)} tiles)"
        rows.append(
            [name, window, *(f"{r:.2f}" for r in rate.values()), f"{share:.2f}"]
        )
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=2500, help="of the tiled image")
    parser.add_argument("parts", nargs="*", choices=("passes", "tiled"))
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    model = load_unet("nuclei")
    if "tiled" not in asked.parts or "passes" in asked.parts:
        times = [f"{name}: {seconds:.2f}" for name, seconds in set_up(model).items()]
        print("seconds to", ", ".join(times), "\n")
        columns = ("one pass", "s", "×", "GFLOP/s", "of peak", "off by", "labels")
        print_table(columns, passes(model, asked.rounds))
    if "passes" not in asked.parts or "tiled" in asked.parts:
        columns = ("tiled", "keeps", "Mpx/s", "in one pass", "share")
        print_table(columns, tiled(model, asked.side, asked.rounds))


if __name__ == "__main__":
    main()
