"""Figure nuclei3d: volumes at every window, synthetic ones and those of a user."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.experiments import EXPERIMENTS
from napari_shiftseg.experiments.inputs import Data
from napari_shiftseg.experiments.volumes import (
    LARGER,
    PAPERS,
    SHAPE,
    WINDOWS,
    Part,
    measure,
    parts_of,
    synthetic_volumes,
)
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from napari_shiftseg.experiments.experiment import Outcome
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")


def noise(name: str, *shape: int) -> Data:
    rng = np.random.default_rng(0)
    truth = np.arange(np.prod(shape)).reshape(shape) // 90
    return Data(name, (Sample(rng.normal(size=shape), truth),))


@pytest.fixture(scope="module")
def model(small_model) -> UNet:
    clustering = Clustering(bandwidth=1.0, scope="component", min_size=4)
    return small_model(3, 2, foreground=True, clustering=clustering)


@pytest.fixture(scope="module")
def outcome(model: UNet) -> Outcome:
    data = [noise("some", 9, 10, 11), noise("others", 7, 12, 13)]
    parts = [Part("tiny", one, (5, 9)) for one in data]
    return exhaust(measure({"tiny": model}, data[0], parts))


def test_no_naive_window_is_a_multiple_of_the_period() -> None:
    for name, windows in WINDOWS.items():
        (period,) = {*load_unet(name).shape.period}
        assert all(window % period for window in windows)
        assert name == PAPERS or all(window % period for window in LARGER)


def test_synthetic_volumes_are_crowded_and_alike_every_time() -> None:
    data = synthetic_volumes()
    assert [sample.labels.shape for sample in data.samples] == [SHAPE, SHAPE]
    assert all(sample.labels.max() > 60 for sample in data.samples)
    assert data is synthetic_volumes()
    assert EXPERIMENTS["nuclei3d"].data() is data


def test_volumes_of_a_user_stand_beside_the_synthetic_ones() -> None:
    own, given = synthetic_volumes(), noise("worms", 4, 5, 6)
    assert [part.data.name for part in parts_of(own)] == [
        "small nuclei", "synthetic volumes",
    ]  # fmt: skip
    last = parts_of(given)[-1]
    assert (last.model, last.data, last.windows) == ("nuclei-3d", given, LARGER)
    with pytest.raises(ValueError, match=r"planes has an image of 2 axes.*volumes"):
        parts_of(noise("planes", 5, 6))


def test_every_window_is_counted_for_each_kind_of_volumes(outcome: Outcome) -> None:
    table = outcome.numbers["table"]
    assert [(row["volumes"], row["method"], row["window"]) for row in table] == [
        (name, method, window)
        for name in ("some", "others")
        for method, windows in (("naive", (5, 9)), ("cropped", (4, 8)))
        for window in windows
    ]
    assert {row["true_objects"] for row in table[:4]} == {10}  # 990 voxels, 0 to 10
    cropped = [row for row in table if row["method"] == "cropped"]
    for pair in (cropped[:2], cropped[2:]):
        one, other = ({**row, "window": 0, "split_by_seams": 0} for row in pair)
        assert one == other
    assert {"naive_above_cropped_some", "naive_above_cropped_others"} <= {
        *outcome.numbers
    }
    json.dumps(outcome.numbers, allow_nan=False)


def test_it_is_drawn_by_a_column_for_each(outcome: Outcome, draw_readably) -> None:
    figure = draw_readably(EXPERIMENTS["nuclei3d"], outcome)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["some\n(tiny)", "others\n(tiny)"]
    (row, *_) = outcome.numbers["table"]
    curves = figure.axes[0].lines
    assert curves[0].get_ydata()[0] == row["false_splits"]
