"""Clustering can be left at any moment, and comes to an end by itself.

What is counted is work, not time: distances from one step to the next.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_shiftseg.clustering import kernels as cloud
from napari_shiftseg.clustering import points as distances
from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.modes import in_one_thread
from napari_shiftseg.clustering.settings import Clustering, Effort
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore:.*points are farther than one bandwidth"),
]

SIDE = 48
MOST = 12 * 2**20  # distances between two steps, a tenth of a second or so
EVERYWHERE = np.ones((SIDE, SIDE), bool)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return the distances computed since the last call."""
    done = [0]

    def counting(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            result = function(*args, **options)
            done[0] += result.numel()
            return result

        return counted

    for name in ("squared_distances", "by_differences"):
        monkeypatch.setattr(distances, name, counting(getattr(distances, name)))
    kernel = cloud.Cloud._kernel
    monkeypatch.setattr(cloud.Cloud, "_kernel", counting(kernel))

    def since() -> int:
        number, done[0] = done[0], 0
        return number

    return since


def noise(extreme: float = 0) -> NDArray[np.float32]:
    """Embeddings without clusters; near one pixel they may be huge."""
    embedding = np.random.default_rng(0).normal(size=(6, SIDE, SIDE))
    y, x = np.mgrid[:SIDE, :SIDE]
    embedding *= 1 + extreme * np.exp(-((y - 20) ** 2 + (x - 9) ** 2) / 60)
    return embedding.astype(np.float32)


@pytest.mark.parametrize(
    ("embedding", "settings"),
    [
        (noise(), {"bandwidth": 0.01}),
        (noise(1e8), {}),
        (noise(1e12), {}),
        (noise(), {"scope": "component", "bandwidth": 0.3}),
    ],
)
def test_little_is_computed_from_one_step_to_the_next(
    work, embedding: NDArray[Any], settings: dict[str, Any]
) -> None:
    steps = cluster_steps(
        embedding, Clustering(**settings), EVERYWHERE, None, (40, 40), "cpu"
    )
    most = total = 0
    for _ in steps:
        most, total = max(most, since := work()), total + since
    most = max(most, work())
    assert 0 < most < MOST
    assert total > 4 * most  # it would have gone on for long


def test_a_seed_far_out_stands_still_at_once() -> None:
    """At 1e12 rounding alone moves a point by thousands of bandwidths."""
    points = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    points[7] *= 1e12
    found = exhaust(MeanShift(2.0, device="cpu").find_steps(points, np.arange(300)))
    assert found.n_iter_ < 100 < found.max_iter
    assert found.nearest(points)[7] != found.nearest(points)[8]
    assert (found.nearest(np.delete(points, 7, 0)) == found.nearest(points)[8]).all()


class TestEffort:
    @staticmethod
    def clustered(most: float) -> tuple[NDArray[np.int32], bool]:
        effort = Effort(most)
        settings = Clustering(scope="component", bandwidth=0.5, min_size=0)
        objects = exhaust(
            cluster_steps(
                noise()[:, :32, :32], settings, EVERYWHERE[:32, :32], None, (16, 16),
                "cpu", effort,
            )
        )  # fmt: skip
        return objects.labels, effort.is_spent

    def test_it_ends_a_search_at_the_same_place(self, work) -> None:
        whole, is_cut = self.clustered(inf)
        needed = work()
        assert not is_cut
        cut, is_cut = self.clustered(3e5)
        assert is_cut
        assert work() < needed / 2
        assert (cut > 0).all()  # each pixel has a mode all the same
        np.testing.assert_array_equal(cut, self.clustered(3e5)[0])
        assert (cut != whole).any()

    def test_what_suffices_changes_nothing(self) -> None:
        enough, is_cut = self.clustered(1e12)
        assert not is_cut
        np.testing.assert_array_equal(enough, self.clustered(inf)[0])


def test_between_steps_a_thread_is_as_it_was() -> None:
    """Who leaves a search half-way can train in the same thread."""
    points = noise().reshape(6, -1).T
    torch.set_num_threads(2)  # until the fixture of this file sets it back
    steps = in_one_thread(
        MeanShift(0.05, device="cpu").find_steps(points, np.arange(len(points)))
    )
    for _ in range(3):
        next(steps)
        assert torch.get_num_threads() == 2
        assert not torch.is_inference_mode_enabled()
    steps.close()
    assert torch.get_num_threads() == 2


def test_within_one_step_there_is_one_thread() -> None:
    torch.set_num_threads(2)

    def steps() -> Generator[None, None, int]:
        assert torch.get_num_threads() == 1
        yield
        return torch.get_num_threads()

    assert exhaust(in_one_thread(steps())) == 1
