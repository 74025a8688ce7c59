"""Inference rate at several windows, as a share of the untiled rate.

The image has 508 pixels an axis: with the grid's surplus of 4 all windows divide it, so
the shares show the cost of the context alone.
"""

from __future__ import annotations

import numpy as np
import pytest

import napari_shiftseg as shiftseg
from napari_shiftseg.device import available_devices

SIZE = 508
WINDOWS = (16, 64, 256, None)
RATES: dict[tuple[str, int | None], float] = {}


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((SIZE, SIZE)).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def table():
    """Print the rates after the last one."""
    yield
    print(f"\n{'device':8}{'window':>16}{'megapixels/s':>16}{'of untiled':>12}")
    for (device, window), rate in RATES.items():
        share = rate / RATES[device, "whole"]
        print(f"{device:8}{window or 'largest':>16}{rate:16.4f}{share:12.3f}")


@pytest.mark.parametrize("device", available_devices())
@pytest.mark.parametrize("window", ["whole", *WINDOWS])
def test_rate(benchmark, image, window, device):
    model = shiftseg.load_model("disks")
    how = {"stitching": "whole"} if window == "whole" else {"window": window}
    benchmark.pedantic(
        lambda: shiftseg.embed(image, model, device=device, **how),
        rounds=3 if window in ("whole", 256, None) else 1,
        warmup_rounds=1 if window == "whole" else 0,
    )
    rate = image.size / benchmark.stats.stats.min / 1e6
    RATES[device, window] = rate
    benchmark.extra_info["megapixels_per_second"] = rate
