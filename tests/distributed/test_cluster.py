"""The workers of a dask cluster give the labels that threads give."""

from __future__ import annotations

import sys
from threading import current_thread

import numpy as np
import pytest

import distributed
from napari_shiftseg.distributed import cluster, crew
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.progress import exhaust


@pytest.fixture
def client():
    """Two workers, in threads of this process."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


def test_one_sum_on_a_cluster(stored, client):
    with crew.cluster(client) as workers:
        report = exhaust(segment_to_store_steps(stored.order(block=1), workers))

    assert workers.workers == 2
    assert report["blocks"] > 2
    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)
    client.run(int)  # a client of one's own is left open


def test_workers_of_another_version_are_refused(client, monkeypatch):
    versions = {"MainThread": "0.1"}  # workers are other threads
    monkeypatch.setattr(
        cluster, "_version", lambda: versions.get(current_thread().name, "0.2")
    )

    with (
        pytest.raises(ValueError, match="install the same version on all workers"),
        crew.cluster(client),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 0.2)

    with (
        pytest.raises(ValueError, match="no dask scheduler answers at tcp://127"),
        crew.cluster("tcp://127.0.0.1:9"),
    ):
        pass


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)

    with (
        pytest.raises(
            ValueError, match=r"pip install .*napari-shiftseg\[distributed\]"
        ),
        crew.cluster("tcp://127.0.0.1:9"),
    ):
        pass
