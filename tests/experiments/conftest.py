"""What the figures' tests share: a drawing with readable titles, and tiny images."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.experiments import EXPERIMENTS
from napari_shiftseg.experiments.experiment import STYLE, Outcome
from napari_shiftseg.experiments.inputs import Data
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_shiftseg.experiments.experiment import Experiment
    from napari_shiftseg.networks.unet import UNet


def drawn(experiment: Experiment, outcome: Outcome) -> Figure:
    """Draw an outcome; titles lie within the picture and do not overlap."""
    with rc_context(STYLE):
        figure = Figure(experiment.size, layout="constrained")
        experiment.draw(figure, outcome)
        figure.canvas.draw()
    titles = [axes.title for axes in figure.axes if axes.get_title()]
    boxes = [title.get_window_extent() for title in titles]
    for number, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1
        assert not any(box.overlaps(other) for other in boxes[:number])
    return figure


@pytest.fixture(scope="session")
def draw_readably() -> Callable[[Experiment, Outcome], Figure]:
    return drawn


@pytest.fixture(scope="session")
def outcome_of() -> Callable[[str], Outcome]:
    """Measure a figure by its name and the networks of its own, once for all tests."""

    @cache
    def measured(name: str) -> Outcome:
        figure = EXPERIMENTS[name]
        outcome = figure.measure({n.name: n.load() for n in figure.networks})
        return outcome if isinstance(outcome, Outcome) else exhaust(outcome)

    return measured


@pytest.fixture(scope="session")
def tiny_model(small_model) -> UNet:
    clustering = Clustering(bandwidth=1.0, scope="component", min_size=4)
    return small_model(2, 2, foreground=True, clustering=clustering)


@pytest.fixture(scope="session")
def noise() -> Data:
    rng = np.random.default_rng(0)
    truth = np.arange(26 * 30).reshape(26, 30) // 90
    return Data(
        "noise", tuple(Sample(rng.normal(size=truth.shape), truth) for _ in "12")
    )
