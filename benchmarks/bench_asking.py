"""Ask a pixel: distance images a second, and what a question costs.

A prediction of 1,024² pixels by the network `figure-4d`, its embedding brought to
16 channels, in memory and on disk; asked along a line, as the mouse moves. A share is
that of a full run, prediction and clustering.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from time import perf_counter

import numpy as np
import pytest

from napari_shiftseg.explain.evidence import Evidence
from napari_shiftseg.explain.pixel import ask_pixel, distance_image
from napari_shiftseg.explain.reasons import reason_of
from napari_shiftseg.inference.predict import open_for, plan_for
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.frame import clustered_steps, predicted_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples.nuclei import nuclei

SIZE, VIEW, CHANNELS, LEAST = 1024, 512, 16, 10  # pixels, ..., images a second
MIDDLE = ((SIZE - VIEW) // 2, (SIZE + VIEW) // 2)
RUN: list[float] = []
ROWS: list[tuple[str, float]] = []


@pytest.fixture(scope="module")
def evidence():
    image, model = nuclei((SIZE, SIZE)).image, load_unet("figure-4d")
    settings = Settings(device="cpu")
    clustering = settings.clustering(model.config)
    began = perf_counter()
    opened = open_for(image, model)
    plan = plan_for(opened, model, None, "cropped", "mirror", None, "cpu")
    predicted = exhaust(predicted_steps(opened, model, plan, settings))
    objects = exhaust(clustered_steps(predicted, model, clustering, "cpu"))
    RUN.append(perf_counter() - began)
    return Evidence(predicted, objects.labels, objects.modes, clustering)


@pytest.fixture(scope="module")
def predicted(evidence):
    e = evidence.predicted.embedding
    channels = np.resize(np.arange(len(e)), CHANNELS)
    return replace(evidence.predicted, embedding=np.ascontiguousarray(e[channels]))


@pytest.fixture(scope="module")
def on_disk(predicted, tmp_path_factory):
    file = tmp_path_factory.mktemp("asking") / "embedding.npy"
    np.save(file, predicted.embedding)
    return replace(predicted, embedding=np.load(file, mmap_mode="r"))


@pytest.fixture(scope="module", autouse=True)
def table():
    """Print the rows after the last one."""
    yield
    print(f"\nfull run: {RUN[0]:.1f} s")
    print(f"{'':42}{'ms':>8}{'a second':>10}{'of a run':>10}")
    for name, seconds in ROWS:
        share = seconds / RUN[0]
        print(f"{name:42}{1e3 * seconds:8.2f}{1 / seconds:10.1f}{share:10.4%}")


def report(benchmark, name):
    seconds = benchmark.stats.stats.min  # other programs only add to it
    ROWS.append((name, seconds))
    benchmark.extra_info.update(per_second=1 / seconds, share_of_run=seconds / RUN[0])
    return 1 / seconds


@pytest.mark.parametrize("kernel", ["gaussian", "von-mises-fisher"])
@pytest.mark.parametrize("where", ["memory", "disk"])
@pytest.mark.parametrize("view", [None, (MIDDLE, MIDDLE)], ids=["whole", "view"])
def test_distance_image(benchmark, evidence, predicted, on_disk, view, where, kernel):
    clustering = evidence.clustering.model_copy(update={"kernel": kernel})
    asked = predicted if where == "memory" else on_disk
    mouse = cycle([(i, i) for i in range(*MIDDLE)])
    benchmark.pedantic(
        lambda: distance_image(asked, next(mouse), clustering, view),
        rounds=50,
        warmup_rounds=3,
    )
    pixels = VIEW if view else SIZE
    rate = report(benchmark, f"distance, {pixels}², {where}, {kernel}")
    assert rate >= LEAST


def test_line_of_the_status_bar(benchmark, evidence):
    inside = cycle(np.argwhere(evidence.labels)[::997].tolist())
    benchmark.pedantic(
        lambda: ask_pixel(evidence, next(inside)).text, rounds=300, warmup_rounds=1
    )
    assert report(benchmark, "status bar") >= LEAST


def test_explanation_of_two_objects(benchmark, evidence):
    rng = np.random.default_rng(0)
    count = int(evidence.labels.max())
    pairs = cycle(
        [
            [tuple(evidence.indices(int(k) + 1)[0].tolist()) for k in pair]
            for pair in rng.integers(count, size=(20, 2))
        ]
    )
    benchmark.pedantic(lambda: reason_of(evidence, *next(pairs)), rounds=20)
    report(benchmark, "explanation of two objects")
