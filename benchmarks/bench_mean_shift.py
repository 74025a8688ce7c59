"""Speed and memory of mean shift: ``pytest benchmarks/bench_mean_shift.py -s``.

The blobs are such that scikit-learn finds all of them: with a narrower spread most of
its seeds, the centres of bins, lie in empty space, and it misses some.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter, process_time

import numpy as np
import pytest
import torch
from sklearn.cluster import MeanShift as ReferenceMeanShift
from sklearn.cluster import get_bin_seeds
from sklearn.metrics import adjusted_rand_score

from napari_shiftseg.clustering.mean_shift import MeanShift

FEW = 5  # seeds of scikit-learn that are timed among a million points
BLOBS, CHANNELS, SPREAD, BANDWIDTH = 100, 16, 0.22, 1.2

MEMORY = r"""
import re
from pathlib import Path
import numpy as np
from napari_shiftseg.clustering.mean_shift import MeanShift

def peak():  # getrusage would count the parent's pages too
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

imported = peak()
rng = np.random.default_rng(0)
X = np.empty((4_000_000, 8), np.float32)
centres = rng.normal(size=(100, 8)).astype(np.float32) * 4
for start in range(0, len(X), 100_000):
    part = X[start : start + 100_000]
    rng.standard_normal(out=part, dtype=np.float32)
    part *= 0.2
    part += centres[np.arange(len(part)) % 100]
MeanShift(1.0).fit(X)
print(imported, X.nbytes / 2**20, peak())
"""


def blobs(n):
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(BLOBS, CHANNELS)) * 3  # 7.5 apart or more
    truth = np.arange(n) % BLOBS
    points = rng.normal(size=(n, CHANNELS)) * SPREAD + centres[truth]
    return points.astype(np.float32), truth


def test_ratio_to_scikit_learn(benchmark):
    points, truth = blobs(65_536)
    ours = MeanShift(BANDWIDTH, device="cpu").fit(points)
    seconds = []
    for _ in range(5):
        start = perf_counter()
        ours.fit(points)
        seconds.append(perf_counter() - start)
    reference = ReferenceMeanShift(bandwidth=BANDWIDTH, bin_seeding=True, n_jobs=-1)
    start = perf_counter()
    benchmark.pedantic(reference.fit, (points,))
    theirs = perf_counter() - start
    figures = {
        "scikit_learn_s": theirs,
        "ours_s": median(seconds),
        "ratio": theirs / median(seconds),
        "ari": adjusted_rand_score(reference.labels_, ours.labels_),
        "ari_truth": adjusted_rand_score(truth, ours.labels_),
    }
    report(benchmark, figures)


def test_ratio_to_scikit_learn_at_a_million(benchmark):
    """Extrapolated: all seeds of scikit-learn would take hours.

    Each of them climbs by itself, so that they take as long as a few of them, times
    their number. What is done once (a search tree, labels) is left out, in favour of
    scikit-learn. Both on one core, in processor time, which other programs hardly
    change.
    """
    points, truth = blobs(1_000_000)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ours = MeanShift(BANDWIDTH, device="cpu")
    seconds = []
    for _ in range(3):
        start = process_time()
        ours.fit(points)
        seconds.append(process_time() - start)
    torch.set_num_threads(threads)
    seeds = get_bin_seeds(points, BANDWIDTH)
    chosen = np.random.default_rng(0).permutation(len(seeds))
    took = []
    for few in (chosen[:FEW], chosen[: 3 * FEW]):
        reference = ReferenceMeanShift(bandwidth=BANDWIDTH, seeds=seeds[few], n_jobs=1)
        start = process_time()
        reference.fit(points)
        took.append(process_time() - start)
    benchmark.pedantic(lambda: None, rounds=1)
    each = (took[1] - took[0]) / (2 * FEW)
    figures = {
        "seeds": len(seeds),
        "scikit_learn_s_a_seed": each,
        "scikit_learn_s": each * len(seeds),
        "ours_s": median(seconds),
        "ratio": each * len(seeds) / median(seconds),
        "ari_truth": adjusted_rand_score(truth, ours.labels_),
    }
    report(benchmark, figures)


@pytest.mark.parametrize("n", [300, 3_000, 65_536, 1_000_000])
def test_fit(benchmark, n):
    points, truth = blobs(n)
    model = MeanShift(BANDWIDTH, device="cpu")
    benchmark(model.fit, points)
    report(benchmark, {"ari_truth": adjusted_rand_score(truth, model.labels_)})


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_4_million_points(benchmark):
    command = [sys.executable, "-c", MEMORY]
    printed = benchmark.pedantic(subprocess.check_output, (command,), rounds=1)
    imported, data, peak = map(float, printed.split())
    figures = {
        "imports_mib": imported,
        "points_mib": data,
        "peak_mib": peak,
        "peak_less_imports_mib": peak - imported,
        "extra_mib": peak - imported - data,
    }
    report(benchmark, figures)


def report(benchmark, figures):
    benchmark.extra_info.update(figures)
    print(" ", ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))
