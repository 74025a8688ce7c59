"""A bandwidth whose objects are known in advance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.progress import Progress, Returning, exhaust
from napari_shiftseg.relabelling.bandwidth import (
    FACTORS,
    FINER,
    BestBandwidth,
    agreement,
    best_bandwidth_steps,
    best_of,
)
from napari_shiftseg.relabelling.relabel import Relabelling

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("one_thread")

# Three components, a row each. With the flat kernel two values d apart are two modes as
# long as the bandwidth is below d (at d or above they have one mean, one mode).
VALUES = np.array([[0, 0, 0, 3, 3, 3], [0, 0, 0, 6, 6, 6], [0, 0, 0, 0.1, 0.1, 0.1]])
ROWS = [1, 3, 5]


def relabelling() -> Relabelling:
    e = np.zeros((1, 7, 6), np.float32)
    logit = np.full((7, 6), -9, np.float32)
    e[0, ROWS], logit[ROWS] = VALUES, 9
    plan = plan_tiles((7, 6), ModelConfig.new(depth=2).shape)
    return Relabelling(Prediction(e, logit, plan, ()), device="cpu")


def marked(*halves: tuple[int, int]) -> NDArray[np.int64]:
    """Mark halves of rows (row, half), or whole rows (row, 2), each as an object."""
    image = np.zeros((7, 6), int)
    for number, (row, half) in enumerate(halves, start=1):
        columns = {0: slice(0, 3), 1: slice(3, 6), 2: slice(0, 6)}[half]
        image[ROWS[row], columns] = number
    return image


def best(image: Any, bandwidth: float = 4.0, scope: Any = "component") -> BestBandwidth:
    clustering = Clustering(kernel="flat", scope=scope, bandwidth=bandwidth)
    return exhaust(best_bandwidth_steps(relabelling(), clustering, image))


def test_the_middle_of_those_that_part_two_halves() -> None:
    """Below 3 the halves are apart, from 3 on they are one object twice as large."""
    found = best(marked((0, 0), (0, 1)))
    for bandwidth, agreed in found.tried:
        assert agreed == (1.0 if bandwidth < 3 else 0.5)
    assert found.as_good == (1.0, pytest.approx(4 / 1.4))
    assert found.bandwidth == pytest.approx((1 * 4 / 1.4) ** 0.5)
    assert found.agreement == 1


def test_the_present_one_stays_where_it_is_as_good() -> None:
    found = best(marked((0, 2), (1, 0)))  # one object below 6 apart, two from there on
    assert found.bandwidth == 4
    assert found.agreement == 1
    assert found.tried[0][1] < 1
    assert found.tried[-1][1] < 1
    assert found.as_good == (pytest.approx(4 / 1.4**0.5), pytest.approx(4 * 1.4))


def test_the_present_one_stays_at_the_end_of_its_run() -> None:
    found = best(marked((0, 0), (0, 1)), bandwidth=2.9)
    assert found.bandwidth == 2.9
    assert found.as_good == (2.9 / 4, 2.9)


def choice(*agreements: float) -> tuple[float, tuple[float, float]]:
    """Choose of the bandwidths 1, 2, 4, …; the present one is the first."""
    known = {2.0**n: agreed for n, agreed in enumerate(agreements)}
    bandwidth, run = best_of(known, 1.0)
    return bandwidth, (run[0], run[-1])


def test_of_several_runs_the_longest() -> None:
    assert choice(0, 1, 0, 1, 1, 1, 0) == (16, (8, 32))
    assert choice(0, 1, 0, 1, 0, 1, 0) == (2, (2, 2))  # the nearest of equal ones
    assert choice(0, 0, 1, 1, 0) == (4, (4, 8))  # the nearer of two in the middle
    assert choice(1, 0, 1, 1, 1) == (1, (1, 1))  # the present one, whatever others do
    assert choice(0, 0.5, 0.5, 0.5, 1) == (16, (16, 16))


def test_differences_of_rounding_end_no_run() -> None:
    assert choice(0, 1, 1 - 1e-12, 1, 0) == (4, (2, 8))
    assert choice(0, 1, 1 - 1e-6, 1, 0) == (2, (2, 2))


def test_a_whole_image_at_once() -> None:
    found = best(marked((0, 0), (0, 1)), scope="global")
    assert found.agreement == 1
    assert dict(found.tried)[4.0] == 0.5


def test_all_that_was_tried() -> None:
    found = best(marked((0, 0)), bandwidth=2.0)
    tried = [bandwidth for bandwidth, _ in found.tried]
    assert tried == sorted(tried)
    assert len(tried) == len(FACTORS) + len(FINER)
    assert {2.0 * factor for factor in FACTORS} <= set(tried)
    assert dict(found.tried)[found.bandwidth] == found.agreement


def test_only_components_that_are_marked_are_clustered() -> None:
    some = relabelling()
    clustering = Clustering(kernel="flat", scope="component", bandwidth=4)
    exhaust(best_bandwidth_steps(some, clustering, marked((0, 0), (0, 1))))
    assert some.searches == len(FACTORS) + len(FINER)
    two = relabelling()
    exhaust(best_bandwidth_steps(two, clustering, marked((0, 0), (2, 2))))
    assert two.searches == 2 * some.searches


def test_masks_are_as_good_as_a_label_image() -> None:
    image = marked((0, 0), (1, 1))
    masks = np.stack([image == 1, image == 2])
    assert best(masks) == best(image)


def test_agreement_by_hand() -> None:
    labels = np.array([[1, 1, 1, 2, 2, 0]])
    masks = [np.array([[1, 1, 0, 0, 0, 0]]) > 0, np.array([[0, 0, 1, 1, 1, 1]]) > 0]
    assert agreement(masks, labels) == pytest.approx((2 / 3 + 2 / 4) / 2)
    assert agreement(masks, np.zeros_like(labels)) == 0


def test_progress_and_closing() -> None:
    some = relabelling()
    clustering = Clustering(kernel="flat", scope="component", bandwidth=4)
    steps = Returning(best_bandwidth_steps(some, clustering, marked((0, 0))))
    came = list(steps)
    assert all(isinstance(step, Progress) for step in came)
    assert [step.done for step in came] == sorted(step.done for step in came)
    assert came[-1].done == came[-1].total == len(FACTORS) + len(FINER)
    other = relabelling()
    begun = best_bandwidth_steps(other, clustering, marked((0, 0)))
    next(begun)
    begun.close()
    assert other.searches == 0


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((7, 6), int), "no object is marked: mark one or more"),
        (np.zeros((2, 7, 6), bool), "no object is marked: mark one or more"),
        (np.zeros((0, 7, 6), bool), "no object is marked: mark one or more"),
        (np.ones((6, 7), int), r"shape of the frame, \(7, 6\), got \(6, 7\)"),
    ],
)
def test_marks_that_are_no_use(image: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        best(image)


@pytest.mark.parametrize(("bandwidth", "before"), [(4.0, 0.5), (2.0, 1.0)])
def test_the_present_one_is_among_those_tried(bandwidth: float, before: float) -> None:
    found = best(marked((0, 0), (0, 1)), bandwidth)
    assert (found.present, found.before) == (bandwidth, before)
    assert found.agreement == 1.0
    assert (found.bandwidth == bandwidth) is (before == 1.0)
