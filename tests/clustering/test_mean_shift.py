from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.cluster import MeanShift as ReferenceMeanShift
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import check_estimator

from napari_shiftseg.clustering import mean_shift
from napari_shiftseg.clustering.kernels import KERNELS, Cloud, Frame
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.points import choose, mix
from napari_shiftseg.progress import exhaust

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
PLAIN = [name for name in KERNELS if name != "learnt-spread"]  # has its own tests


def blobs(n, channels, clusters, gap=6.0, spread=0.2, seed=0, dtype=np.float32):
    """Blobs around centres at least a gap apart; points and truth, shuffled."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((0, channels))
    while len(centres) < clusters:
        centre = rng.uniform(-1, 1, (1, channels)) * gap * clusters
        if len(centres) == 0 or cdist(centre, centres).min() > gap:
            centres = np.vstack([centres, centre])
    truth = rng.integers(0, clusters, n)
    points = centres[truth] + rng.normal(size=(n, channels)) * spread
    return points.astype(dtype), truth


def kernel_of(name, seeds, points, h):
    if name == "von-mises-fisher":
        return np.exp((seeds @ points.T - 1) / h**2)
    squared = cdist(seeds, points, "sqeuclidean")
    return np.exp(-squared / (2 * h**2)) if name == "gaussian" else squared <= h**2


def shift_by_hand(name, seeds, points, h, weights=1.0):
    """One step of mean shift, as the formula has it."""
    k = kernel_of(name, seeds, points, h) * weights
    means = (k @ points) / k.sum(1, keepdims=True)
    if name == "von-mises-fisher":
        means /= np.linalg.norm(means, axis=1, keepdims=True)
    return means


def unit(points):
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def toy(name):
    """Forty points in two heaps, one denser than the other."""
    rng = np.random.default_rng(3)
    heaps = np.repeat([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]], [25, 15], axis=0)
    points = heaps + rng.normal(size=(40, 3)) * 0.3
    return unit(points) if name == "von-mises-fisher" else points


def test_it_is_a_scikit_learn_estimator():
    results = check_estimator(MeanShift(), on_skip=None)
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}  # needs an environment variable
    assert sum(r["status"] == "passed" for r in results) > 40


@pytest.mark.parametrize("name", PLAIN)
def test_three_steps_are_those_of_the_formula(name):
    points, h = toy(name), 0.7
    weights = np.arange(40.0) % 3 + 1
    frame = Frame.around(points, h, name, CPU)
    cloud = Cloud(frame.enter(points), torch.tensor(weights), frame, chunk=64)
    seeds = expected = points[:7]
    for _ in range(3):
        seeds = frame.leave(cloud.step(frame.enter(seeds))[0])
        expected = shift_by_hand(name, expected, points, h, weights)
    np.testing.assert_allclose(seeds, expected, atol=1e-9)
    assert np.abs(expected - points[:7]).max() > 0.1


@pytest.mark.parametrize("name", PLAIN)
def test_modes_are_where_every_point_climbs_by_hand(name):
    points, h = toy(name), 0.4 if name == "von-mises-fisher" else 0.7
    ends = points
    for _ in range(500):
        ends = shift_by_hand(name, ends, points, h)
    fitted = MeanShift(h, kernel=name).fit(points)
    to_modes = cdist(ends, fitted.cluster_centers_)
    assert to_modes.min(1).max() < (0.5 * h if name == "flat" else 1e-3)
    np.testing.assert_array_equal(to_modes.argmin(1), np.repeat([0, 1], [25, 15]))
    np.testing.assert_array_equal(fitted.labels_, np.repeat([0, 1], [25, 15]))


def test_modes_on_the_sphere_have_unit_length_and_scale_has_no_say():
    points = toy("von-mises-fisher")
    scale = np.linspace(0.1, 9, len(points))[:, None]
    near = MeanShift(0.5, kernel="von-mises-fisher").fit(points)
    far = MeanShift(0.5, kernel="von-mises-fisher").fit(points * scale)
    np.testing.assert_allclose(np.linalg.norm(far.cluster_centers_, axis=1), 1)
    np.testing.assert_allclose(far.cluster_centers_, near.cluster_centers_, atol=1e-4)
    np.testing.assert_array_equal(far.predict(points), near.labels_)


def test_modes_come_densest_first():
    points = np.repeat([[0.0], [10.0], [20.0]], [2, 7, 4], axis=0)
    fitted = MeanShift(1.0).fit(points)
    np.testing.assert_allclose(fitted.cluster_centers_[:, 0], [10, 20, 0])
    np.testing.assert_array_equal(np.bincount(fitted.labels_), [7, 4, 2])


@pytest.mark.parametrize("channels", [1, 3, 4, 16])
def test_separated_blobs_as_scikit_learn(channels):
    points, truth = blobs(3000, channels, clusters=6)
    few = slice(0, 300)
    reference = ReferenceMeanShift(bandwidth=2.0).fit(points[few])
    for name in ("flat", "gaussian"):
        fitted = MeanShift(2.0, kernel=name).fit(points)
        assert adjusted_rand_score(reference.labels_, fitted.labels_[few]) >= 0.99
        assert adjusted_rand_score(truth, fitted.labels_) >= 0.99
        apart = cdist(fitted.cluster_centers_, reference.cluster_centers_).min(1)
        assert apart.max() < 0.2


@pytest.mark.parametrize(("channels", "most"), [(3, 20_000), (6, 500), (3, 20)])
def test_order_has_no_say(channels, most):
    points, _ = blobs(5000, channels, clusters=8, spread=0.6)
    positions = np.arange(5000) * 3 + 10**12
    order = np.random.default_rng(1).permutation(5000)
    model = MeanShift(2.0, max_points=most)
    there = model.fit(points, positions=positions)
    labels, modes = there.labels_, there.cluster_centers_
    again = model.fit(points[order], positions=positions[order])
    np.testing.assert_array_equal(again.labels_, labels[order])
    np.testing.assert_allclose(again.cluster_centers_, modes, atol=1e-5)


def test_without_positions_order_has_a_say():
    points, _ = blobs(5000, 6, clusters=8, spread=0.6)
    model = MeanShift(2.0, max_points=500)
    modes = model.fit(points).cluster_centers_
    again = model.fit(points[::-1]).cluster_centers_
    assert np.abs(modes - again).max() > 1e-4


@pytest.mark.parametrize("channels", [3, 6])
@pytest.mark.parametrize("change", ["chunk", "threads"])
def test_chunks_and_threads_have_no_say(channels, change):
    points, _ = blobs(5000, channels, clusters=8, spread=0.6)
    expected = MeanShift(2.0, max_points=1000).fit(points)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if change == "threads" else threads)
        chunk = 3000 if change == "chunk" else 2**20
        fitted = MeanShift(2.0, max_points=1000, chunk_size=chunk).fit(points)
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(fitted.labels_, expected.labels_)
    np.testing.assert_allclose(
        fitted.cluster_centers_, expected.cluster_centers_, atol=1e-4
    )


@pytest.mark.parametrize("name", ["flat", "gaussian"])
def test_a_handful_among_a_million_is_found(name):
    points, truth = blobs(1_000_000, 5, clusters=4)
    points[6:3000], truth[6:3000] = -50 + points[6:3000] * 0.001, 4
    points[:6], truth[:6] = 50 + np.arange(6)[:, None] * 0.01, 5
    assert not np.isin(np.arange(6), choose(np.arange(10**6), 20_000, 2**20)[0]).any()
    fitted = MeanShift(2.0, kernel=name).fit(points)
    assert adjusted_rand_score(truth, fitted.labels_) == 1
    np.testing.assert_allclose(fitted.cluster_centers_[-1], [50.025] * 5, atol=1e-3)

    missed = MeanShift(2.0, kernel=name, max_rounds=0).fit(points)
    assert len(missed.cluster_centers_) == len(fitted.cluster_centers_) - 1


def test_a_handful_is_found_in_the_tail_of_a_large_mode():
    points = np.random.default_rng(0).normal(size=(100_000, 5)) * 0.2
    points[:30] = [5.5, 0, 0, 0, 0]  # where the large mode has a density of 0.03 points
    few = {"max_points": 200}
    assert not np.isin(np.arange(30), choose(np.arange(100_000), 200, 2**20)[0]).any()
    assert len(MeanShift(1.0, **few).fit(points).cluster_centers_) == 2
    assert len(MeanShift(1.0, **few, max_rounds=0).fit(points).cluster_centers_) == 1


def test_the_noise_of_a_mode_is_no_cause_for_endless_rounds():
    points = np.random.default_rng(0).normal(size=(30_000, 16)) * 0.3
    assert (np.linalg.norm(points, axis=1) > 1).mean() > 0.7
    fitted = MeanShift(1.0, max_points=2000, max_seeds=100, max_rounds=3).fit(points)
    np.testing.assert_allclose(fitted.cluster_centers_, np.zeros((1, 16)), atol=0.1)


def test_a_grid_keeps_the_density(monkeypatch):
    rng = np.random.default_rng(0)
    wide, narrow = rng.uniform(-2, 0, (4000, 2)), rng.normal(size=(4000, 2)) * 0.05
    points = np.concatenate([wide, narrow])
    on_grid = MeanShift(1.0).fit(points).cluster_centers_
    monkeypatch.setattr(mean_shift, "GRID_POINTS", len(points))
    exact = MeanShift(1.0).fit(points).cluster_centers_
    np.testing.assert_allclose(on_grid, exact, atol=0.01)
    assert len(exact) == 1


def test_more_clusters_than_seeds_of_a_round():
    points = np.arange(50.0)[:, None] * 10
    assert len(MeanShift(max_seeds=7).fit(points).cluster_centers_) == 50
    assert len(MeanShift(max_seeds=7, max_rounds=0).fit(points).cluster_centers_) == 7


def test_it_says_when_the_rounds_are_spent():
    points = np.arange(50.0)[:, None] * 10
    with pytest.warns(ConvergenceWarning, match="36 points are farther than one"):
        MeanShift(max_seeds=7, max_rounds=1).fit(points)


def test_a_bandwidth_below_the_noise_ends():
    points = np.random.default_rng(0).normal(size=(3000, 16)).astype(np.float32)
    fitted = MeanShift(1.0).fit(points)
    assert len(fitted.cluster_centers_) > 100


def test_far_from_the_origin_float32_holds():
    points, truth = blobs(500, 3, clusters=5, gap=3, spread=0.1)
    fitted = MeanShift(1.0).fit(points + np.float32(3000))
    assert adjusted_rand_score(truth, fitted.labels_) == 1


def test_many_bandwidths_apart_float32_holds():
    points, truth = blobs(500, 3, clusters=5, gap=3, spread=0.1)
    points[truth == 0] += 20_000
    fitted = MeanShift(1.0).fit(points)
    assert adjusted_rand_score(truth, fitted.labels_) == 1


@pytest.mark.parametrize("name", KERNELS)
def test_a_single_point_is_its_own_mode(name):
    fitted = MeanShift(1.0, kernel=name).fit([[0.6, 0.8]])
    np.testing.assert_allclose(fitted.cluster_centers_, [[0.6, 0.8]])
    np.testing.assert_array_equal(fitted.labels_, [0])


def test_identical_points_have_one_mode():
    fitted = MeanShift(0.01).fit(np.full((2500, 3), 7.5, np.float32))
    np.testing.assert_allclose(fitted.cluster_centers_, [[7.5, 7.5, 7.5]])
    assert (fitted.labels_ == 0).all()


def test_integers_are_points():
    fitted = MeanShift(2.0).fit(np.array([[0], [1], [9], [10], [10]], dtype=np.uint8))
    np.testing.assert_array_equal(fitted.labels_, [1, 1, 0, 0, 0])
    assert fitted.cluster_centers_.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_modes_are_of_the_type_of_the_points(dtype):
    points, _ = blobs(400, 5, clusters=3, dtype=dtype)
    assert MeanShift(2.0).fit(points).cluster_centers_.dtype == dtype


def test_a_tensor_is_points():
    points, _ = blobs(400, 5, clusters=3)
    fitted = MeanShift(2.0).fit(torch.tensor(points, requires_grad=True))
    np.testing.assert_array_equal(fitted.labels_, MeanShift(2.0).fit(points).labels_)


def test_prediction_goes_to_the_nearest_mode_and_survives_a_pickle():
    points, _ = blobs(4000, 3, clusters=5)
    fitted = MeanShift(2.0).fit(points)
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict(points), fitted.labels_)
    others = points + np.float32(0.9)
    nearest = cdist(others, fitted.cluster_centers_).argmin(1)
    np.testing.assert_array_equal(
        copy.set_params(chunk_size=70).predict(others), nearest
    )
    with pytest.raises(NotFittedError):
        MeanShift().predict(points)


@pytest.mark.parametrize("bandwidth", [0, -1.0, np.inf, np.nan, "wide", None, True])
def test_a_bandwidth_must_be_a_number_above_0(bandwidth):
    with pytest.raises(ValueError, match="bandwidth must be a finite number above 0"):
        MeanShift(bandwidth).fit([[0.0], [1.0]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"kernel": "square"}, "kernel must be one of gaussian, flat, .* got 'square'"),
        ({"device": "abacus"}, "no device 'abacus'"),
        ({"device": "cuda:99"}, "no device 'cuda:99'"),
        ({"chunk_size": 0}, "chunk_size must be a whole number from 1 upward, got 0"),
        ({"max_rounds": -1}, "max_rounds must be a whole number from 0 upward"),
        ({"max_points": 1.5}, "max_points must be a whole number"),
    ],
)
def test_parameters_out_of_range(parameters, message):
    with pytest.raises(ValueError, match=message):
        MeanShift(**parameters).fit([[0.0], [1.0]])


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((0, 3)), "0 sample"),
        ([[0.0], [np.nan]], "NaN"),
        ([[0.0], [np.inf]], "infinity"),
        ([0.0, 1.0], "Expected 2D array"),
        (
            np.float32([[0.0], [1e30]]),
            "points must lie within about 2e\\+19 bandwidths",
        ),
    ],
)
def test_points_that_are_none(points, message):
    with pytest.raises(ValueError, match=message):
        MeanShift().fit(points)


def test_a_point_without_direction_is_not_on_the_sphere():
    with pytest.raises(ValueError, match="needs points with a direction"):
        MeanShift(kernel="von-mises-fisher").fit([[0.0, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize("positions", [[0], [[0], [1]], [0.5, 1.5]])
def test_positions_are_one_whole_number_a_point(positions):
    with pytest.raises(ValueError, match="positions must be whole numbers, one for"):
        MeanShift().fit([[0.0], [1.0]], positions=positions)


def test_the_hash_is_splitmix64():
    # first outputs of the generator with seed 0 and with seed 1234567
    step = 0x9E3779B97F4A7C15
    seeds = np.array([0, step, 1234567], dtype=np.uint64).view(np.int64)
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 6457827717110365317]
    assert mix(seeds).tolist() == expected


@pytest.mark.parametrize("n", [1, 700, 6000])
def test_modes_alone_then_labels_part_by_part(n):
    rng = np.random.default_rng(0)
    points = (rng.integers(0, 4, (n, 1)) * 5 + rng.normal(size=(n, 6))).astype("f4")
    options = {"bandwidth": 2.0, "device": "cpu", "chunk_size": 2000}
    fitted = MeanShift(**options).fit(points)
    found = exhaust(MeanShift(**options).find_steps(points, np.arange(n)))
    np.testing.assert_array_equal(found.cluster_centers_, fitted.cluster_centers_)
    parts = found.parts(n)
    assert (len(parts) > 1) == (n > 400)
    for part in reversed(parts):
        np.testing.assert_array_equal(found.nearest(points[part]), fitted.labels_[part])


def test_modes_of_points_that_are_not_finite():
    points = np.ones((9, 2), np.float32)
    points[3, 1] = np.nan
    with pytest.raises(ValueError, match="finite, but 1 of 9 have a NaN"):
        exhaust(MeanShift(device="cpu").find_steps(points, np.arange(9)))
