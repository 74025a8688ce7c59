"""The workers of a dask cluster give the labels that threads give."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import Future
from threading import current_thread
from time import sleep

import numpy as np
import pytest

import distributed
from napari_shiftseg.distributed import cluster, crew
from napari_shiftseg.distributed.segmenting import (
    segment_to_store,
    segment_to_store_steps,
)
from napari_shiftseg.distributed.workers import Crew, LostError
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Returning, exhaust


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


def test_the_only_worker_is_lost_and_another_comes(stored):
    """What was shared is gone with it: it is sent anew, and blocks run again."""
    notes, lost = [], False
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as local,
        distributed.Client(local) as client,
        crew.cluster(client) as workers,
    ):
        steps = Returning(segment_to_store_steps(stored.order(block=1), workers))
        for progress in steps:
            notes.append(progress.note)
            if progress.stage == "predicting" and progress.done > 2 and not lost:
                lost = True
                local.scale(0)
                while client.nthreads():
                    sleep(0.01)
                local.scale(1)

    assert steps.value["blocks"] > 3
    assert steps.value["predicted"] == {"torch": steps.value["blocks"]}
    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)


def test_a_model_is_sent_once(stored, client, monkeypatch):
    sent, scatter = [], client.scatter
    monkeypatch.setattr(
        client, "scatter", lambda one, **how: sent.append(one) or scatter(one, **how)
    )
    with crew.cluster(client) as workers:
        exhaust(segment_to_store_steps(stored.order(block=1), workers))

    kinds = Counter(type(one.what).__name__ for one in sent)
    assert kinds["UNet"] == kinds["Job"] == 1


def test_workers_that_see_the_same_gpus_have_one_each(client, monkeypatch):
    gpus = ["cuda:0", "cuda:1", "cpu"]
    monkeypatch.setattr(cluster, "available_devices", lambda: gpus)
    assert sorted(cluster.Cluster(client)._devices().values()) == gpus[:2]

    monkeypatch.setattr(cluster, "available_devices", lambda: gpus[1:])
    assert cluster.Cluster(client)._devices() == {}  # who sees one has his own


def test_a_worker_that_comes_later_is_checked(monkeypatch):
    with pytest.raises(ValueError, match=r"a worker has napari-shiftseg .* 0\.0"):
        cluster._on_worker(print, cluster.Sent(0), None, 0, "0.0", {})


def test_workers_that_predict_by_different_ways_are_refused(client, monkeypatch):
    workers = cluster.Cluster(client)
    assert workers.computes(Settings(device="cpu", engine="torch")) == ("cpu", "torch")

    ways = {"one": ("cpu", "torch"), "another": ("cuda", "torch")}
    monkeypatch.setattr(workers, "_answers", lambda *_: ways)
    with pytest.raises(ValueError, match="predict by torch on cpu, torch on cuda"):
        workers.computes(Settings())


def test_workers_that_all_went_are_said(client, monkeypatch):
    workers = cluster.Cluster(client)
    monkeypatch.setattr(client, "nthreads", dict)

    with pytest.raises(ChildProcessError, match=r"lost all .* cluster.scale"):
        workers.computes(Settings())


def test_a_busy_worker_that_is_new_is_not_waited_for(client, monkeypatch):
    """Its answer is taken once it is there; until then blocks are handed out."""
    workers, busy = cluster.Cluster(client), distributed.Event()
    waits = [
        client.submit(distributed.Event.wait, busy, workers=[address], pure=False)
        for address in workers._known
    ]
    monkeypatch.setattr(cluster, "PATIENCE", 0)
    workers._known.clear()

    workers._counted_at = -cluster.COUNTED
    assert workers.workers == 2
    assert not workers._known
    busy.set()
    distributed.wait([*waits, *workers._asking.values()])
    workers._counted_at = -cluster.COUNTED
    assert workers.workers == len(workers._known) == 2


class Dying(Crew):
    """A crew whose first calls are lost."""

    def __init__(self, losses):
        super().__init__()
        self.losses, self.waits = losses, 0

    workers = property(lambda self: 1)

    def computes(self, settings):
        return "cpu", "torch"

    def submit(self, function, job, number):
        if self.losses:
            self.losses -= 1
            if self.losses % 2:
                raise LostError
            call = Future()
            call.cancel()
            call.set_running_or_notify_cancel()
            return call
        call = Future()
        call.set_result(function(job, number))
        return call

    def recovered(self):
        self.waits += 1
        yield "waiting"


def test_a_lost_block_runs_again():
    dying = Dying(4)
    steps = Returning(dying.steps(lambda job, n: (job, n), "a", {1: 2, 5: 3}, "doing"))
    notes = [progress.note for progress in steps]

    assert sorted(steps.value) == [("a", 1), ("a", 5)]
    assert notes.count("waiting") == dying.waits > 1


def test_processes_that_began_elsewhere(stored, tmp_path, monkeypatch):
    """Relative paths are those of who asks, not of the workers."""
    np.save(tmp_path / "image.npy", stored.image)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0"
        ) as local,
        distributed.Client(local) as client,
    ):
        monkeypatch.chdir(tmp_path)
        segment_to_store(
            "image.npy", stored.model, "out.zarr", window=12, device="cpu", chunk=16,
            scheduler=client,
        )  # fmt: skip

    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)
