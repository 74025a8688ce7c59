"""Many small sets of points at once: each has the modes it has by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering import components, mean_shift, sets
from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.kernels import KERNELS
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.settings import Clustering, Effort
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Sets = list[tuple[NDArray[Any], NDArray[np.int64]]]

pytestmark = pytest.mark.usefixtures("one_thread")


def some(rng: Generator, dtype: Any = np.float32, channels: int = 3) -> Sets:
    """Sets of 1 to 400 points about one to four centres, and one without clusters."""
    made = []
    for n in (1, 2, 7, 30, 400, 33, 90, 1, 120):
        centres = rng.normal(size=(rng.integers(1, 5), channels)) * 4
        points = centres[rng.integers(0, len(centres), n)]
        points = points + rng.normal(size=(n, channels)) * 0.3
        made.append((points.astype(dtype), rng.permutation(10 * n)[:n]))
    spread = rng.normal(size=(300, channels)) * 50
    return [*made, (spread.astype(dtype), np.arange(300))]


def found(given: Sets, **options: Any) -> list[MeanShift]:
    shift = MeanShift(**{"bandwidth": 0.8, "device": "cpu", **options})
    return exhaust(shift.find_sets_steps(given))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_others_have_no_say(rng: Generator, kernel: Any, dtype: Any) -> None:
    given = some(rng, dtype)
    together = found(given, kernel=kernel)
    backwards = found(given[::-1], kernel=kernel)[::-1]
    for one, other, each in zip(together, backwards, given, strict=True):
        (alone,) = found([each], kernel=kernel)
        for same in (one, other):
            np.testing.assert_array_equal(same.cluster_centers_, alone.cluster_centers_)
            np.testing.assert_array_equal(same.nearest(each[0]), alone.nearest(each[0]))
            assert same.n_iter_ == alone.n_iter_
        assert one.cluster_centers_.dtype == dtype


@pytest.mark.parametrize("kernel", KERNELS)
def test_others_have_no_say_in_many_channels(rng: Generator, kernel: Any) -> None:
    given = [
        (points + np.float32(0.01), positions)
        for points, positions in some(rng, np.float32, 16) * 3
        if len(points) < 100
    ]
    together = found(given, kernel=kernel, bandwidth=0.3)
    for one, each in zip(together, given, strict=True):
        (alone,) = found([each], kernel=kernel, bandwidth=0.3)
        np.testing.assert_array_equal(one.cluster_centers_, alone.cluster_centers_)


@pytest.mark.parametrize("kernel", KERNELS)
def test_modes_are_those_of_a_search(
    rng: Generator, kernel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = some(rng)
    together = found(given, kernel=kernel)
    monkeypatch.setattr(mean_shift, "MOST_POINTS", 0)
    searched = found(given, kernel=kernel)
    assert any(len(one.cluster_centers_) > 1 for one in searched)
    for one, other, (points, _) in zip(together, searched, given, strict=True):
        np.testing.assert_allclose(
            one.cluster_centers_, other.cluster_centers_, atol=0.01
        )
        np.testing.assert_array_equal(one.nearest(points), other.nearest(points))


def test_fit_finds_the_same(rng: Generator) -> None:
    for points, positions in some(rng)[:-1]:
        (one,) = found([(points, positions)])
        fitted = MeanShift(0.8, device="cpu").fit(points, positions=positions)
        np.testing.assert_array_equal(one.cluster_centers_, fitted.cluster_centers_)


def test_crowded_sets_are_searched_by_themselves(
    rng: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = some(rng)
    asked = []
    search = mean_shift.ModeSearch.steps
    monkeypatch.setattr(
        mean_shift.ModeSearch,
        "steps",
        lambda self: (asked.append(len(self._points)), search(self))[1],
    )
    many = found(given)[-1]
    assert asked == [300]
    assert len(many.cluster_centers_) > sets.MOST_SEEDS


def test_large_sets_are_searched_by_themselves(rng: Generator) -> None:
    n = sets.MOST_POINTS + 1
    points = (rng.normal(size=(n, 6)) * 0.1).astype(np.float32)
    given = [(points, np.arange(n)), (points[:50], np.arange(50))]
    for one, each in zip(found(given), given, strict=True):
        (alone,) = found([each])
        np.testing.assert_array_equal(one.cluster_centers_, alone.cluster_centers_)
        assert len(one.cluster_centers_) == 1


def test_what_was_spent_does_not_depend_on_the_others(rng: Generator) -> None:
    given = some(rng)[:-1]
    shift = MeanShift(0.8, device="cpu")

    def spent(parts: list[Sets]) -> float:
        effort = Effort(1e9)
        for part in parts:
            exhaust(shift.find_sets_steps(part, effort))
        return 1e9 - effort._left

    assert spent([given]) == spent([[each] for each in given]) > 0


def test_spent_effort_takes_a_set_for_one_cluster(rng: Generator) -> None:
    given = some(rng)
    shift = MeanShift(0.8, device="cpu")
    for one, (points, _) in zip(
        exhaust(shift.find_sets_steps(given, Effort(-1))), given, strict=True
    ):
        np.testing.assert_array_equal(one.cluster_centers_, points.mean(0)[None])


@pytest.mark.parametrize("wrong", [np.nan, 1e30, 0.0])
def test_one_wrong_point_is_refused(rng: Generator, wrong: float) -> None:
    given = some(rng)
    given[3][0][5] = wrong
    said = {1e30: "points must lie within about 2e", 0.0: "needs points with a direct"}
    kernel = "gaussian" if wrong else "von-mises-fisher"
    with pytest.raises(ValueError, match=said.get(wrong, "finite, but 1 of ")):
        found(given, kernel=kernel)


@pytest.mark.parametrize("min_size", [0, 4])
def test_labels_do_not_depend_on_what_is_searched_together(
    rng: Generator, min_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreground = rng.random((60, 80)) < 0.55
    modes = np.kron(rng.integers(0, 3, (15, 16)), np.ones((4, 5)))
    e = np.stack([3 * modes, modes**2, -modes]) + rng.normal(size=(3, 60, 80)) * 0.2
    settings = Clustering(scope="component", min_size=min_size)

    def labelled() -> Any:
        steps = cluster_steps(
            e.astype(np.float32), settings, foreground, None, (24, 24), "cpu"
        )
        return exhaust(steps)

    together = labelled()
    monkeypatch.setattr(components, "AT_ONCE", 1)
    alone = labelled()
    np.testing.assert_array_equal(together.labels, alone.labels)
    np.testing.assert_array_equal(together.modes, alone.modes)
    np.testing.assert_array_equal(together.mode_of, alone.mode_of)
    assert together.labels.max() > 20
