r"""How near the seconds that are told before a run come to those it takes.

    python benchmarks/rates.py --threads 1 --pixels 1024

Three bundled models are predicted by torch and by OpenVINO, in tiles of several
windows, after their rate has been measured as the widgets measure it. A line a window:
tiles; the seconds told; those taken; told by taken; and the same where the rate is
assumed, as it is until it is measured. Seconds are of the processor, so that other
programs do not count; what OpenVINO compiles is part of both. The rates that are kept
are neither read nor changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import torch

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.geometry.rates import assumed_rate
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference import rates, timing
from napari_shiftseg.inference.predict import embed_steps, open_for
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.progress import exhaust
from napari_shiftseg.text import compact

if TYPE_CHECKING:
    from napari_shiftseg.device import Engine
    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.networks.unet import UNet

BUDGET = 2**31  # bytes, for the cheapest window
MODELS: dict[str, list[Window]] = {  # and windows; None: the cheapest
    "nuclei": [64, 128, 256, 512, None],
    "disks": [64, 128, 256, 512, None],
    "nuclei-3d": [(8, 24, 24), (16, 48, 48), (24, 96, 96), None],
}
HEAD = ["model", "engine", "window", "tiles", "told", "taken", "ratio", "assumed"]


def rows(model: UNet, engine: Engine, size: tuple[int, ...]) -> list[list[str]]:
    """Return a row a window."""
    image = open_for(np.random.default_rng(0).random(size, np.float32), model)
    found = []
    for window in MODELS[model.config.name]:
        plan = plan_tiles(size, model.shape, window, memory=BUDGET)
        rate = exhaust(rates.rate_steps(model, "cpu", engine=engine, plan=plan))
        told, assumed = (
            rate.seconds([plan]),
            assumed_rate("cpu", engine).seconds([plan]),
        )
        began = process_time()
        exhaust(embed_steps(image, model, plan, "cpu", engine=engine))
        taken = process_time() - began
        found.append(
            [
                model.config.name, engine, compact(plan.window), f"{len(plan)}",
                f"{told:.2f}", f"{taken:.2f}", f"{told / taken:.2f}",
                f"{assumed / torch.get_num_threads() / taken:.2f}",
            ]
        )  # fmt: skip
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pixels", type=int, default=1024, help="an axis, in 2-D")
    order = parser.parse_args()
    torch.set_num_threads(order.threads)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "rates.json"
        with (
            patch.object(rates, "rates_file", lambda: file),
            patch.object(timing, "perf_counter", process_time),
        ):
            table: list[list[str]] = []
            engines: tuple[Engine, ...] = ("torch", "openvino")
            for name in MODELS:
                model = load_unet(name)
                flat = (order.pixels,) * 2
                size = flat if model.config.ndim == 2 else (32, 150, 150)
                for engine in engines:
                    table += rows(model, engine, size)
    print_table(HEAD, table)


if __name__ == "__main__":
    main()
