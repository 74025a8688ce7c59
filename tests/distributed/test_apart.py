"""Two runs in one folder, and what is left of an older one, are kept apart."""

from __future__ import annotations

import errno
import subprocess
import sys
from time import sleep

import filelock
import numpy as np
import pytest

from napari_shiftseg import progress
from napari_shiftseg.distributed import passes, run, segmenting, spots, tissue
from napari_shiftseg.distributed.crew import threads
from napari_shiftseg.distributed.figures import sums_of
from napari_shiftseg.distributed.job import Job
from napari_shiftseg.distributed.journal import Journal, differences
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.distributed.spots import MATCHED, PARTED, SETTLED, Tissue
from napari_shiftseg.distributed.workers import Crew

HOLD = """
import sys, time
from pathlib import Path
from napari_shiftseg.distributed.journal import Journal
with Journal(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other_process(tmp_path):
    """Another process that holds the folder of a run."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out.zarr.unfinished")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_one_process_a_folder_until_it_is_killed(stored, other_process):
    with pytest.raises(BlockingIOError, match="another process is at work on"):
        stored.run()
    assert not (stored.folder / "out.zarr").exists()

    other_process.kill()
    other_process.wait()
    stored.run(resume=True)

    names = sorted(path.name for path in stored.folder.iterdir())
    assert names == ["out.zarr", "out_objects.csv"]


def test_the_process_is_named(stored):
    with threads(1) as crew:
        steps = segment_to_store_steps(stored.order(), crew)
        for progress in steps:
            if progress.stage == "predicting":
                break
        with pytest.raises(BlockingIOError, match=r"another process \(\d+ on .+\) is"):
            stored.run(resume=True)
        steps.close()

    stored.run(resume=True)
    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)


def test_a_disk_without_locks_does(stored, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)

    assert stored.run()["objects"] > 0


def test_what_outlives_a_run_does_not_write_into_the_next(stored, monkeypatch):
    """A task that nobody could stop ends while another run is in the folder."""
    jobs, embed = [], passes.embed

    def noted(job, number, **more):
        jobs.append((job, number))
        return embed(job, number, **more)

    monkeypatch.setattr(passes, "embed", noted)
    with threads(1) as crew:
        steps = segment_to_store_steps(stored.order(block=1), crew)
        for progress in steps:
            if progress.stage == "predicting" and progress.done:
                break
        steps.close()
        stored.settings["window"] = 14
        steps = segment_to_store_steps(stored.order(block=1), crew, overwrite=True)
        for progress in steps:
            if progress.stage == "predicting":
                break
        with pytest.raises(FileNotFoundError):
            embed(*jobs[0])
        steps.close()

    stored.run(block=1, resume=True)

    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)


class Elsewhere(Crew):
    """A crew that computes by something else than this process."""

    def __init__(self, crew, way):
        super().__init__(crew.watch)
        self.crew, self.way = crew, way

    workers = property(lambda self: self.crew.workers)

    def computes(self, settings):
        return self.way

    def submit(self, *call):
        return self.crew.submit(*call)


def test_another_device_or_engine_is_named_on_resuming(stored):
    with threads(1) as crew:
        steps = segment_to_store_steps(
            stored.order(), Elsewhere(crew, ("cuda", "torch"))
        )
        for progress in steps:
            if progress.stage == "predicting":
                break
        steps.close()
        again = Elsewhere(crew, ("cpu", "openvino"))
        said = "device was 'cuda' and is 'cpu'; engine was 'torch' and is 'openvino'"
        with pytest.raises(ValueError, match=said):
            next(segment_to_store_steps(stored.order(), again, resume=True))


def test_batch_is_named_but_the_models_own_value_is_no_difference(stored):
    with threads(1) as crew:
        steps = segment_to_store_steps(stored.order(), crew)
        next(steps)
        steps.close()
    stored.settings["batch"] = 2
    with pytest.raises(ValueError, match="one: batch was 1 and is 2"):
        stored.run(resume=True)

    del stored.settings["batch"]
    stored.settings["min_size"] = stored.model.config.clustering.min_size
    assert stored.run(resume=True)["objects"] > 0


def test_differences_in_words():
    before = {"a": None, "b": [1, 2], "changed": "x", "c": 1}
    now = {"a": 60, "b": (1, 2), "changed": "y", "c": 1}

    assert differences(before, now) == (
        "a was not given and is 60; the image has changed"
    )


def test_blocks_of_two_engines_are_said():
    one = {"objects": 1, "modes": 1, "blocks": 3, "tiles": 4, "notes": []}
    one["reads"] = {"low": 0, "high": 1}

    alike = sums_of([one | {"by": {"openvino": 3}}] * 2)
    mixed = sums_of([one | {"by": {"openvino": 2, "torch": 1}}] * 2)

    assert (alike["engine"], alike["notes"], alike["blocks"]) == ("openvino", [], 6)
    assert mixed["predicted"] == {"openvino": 4, "torch": 2}
    assert mixed["notes"][0].startswith("predicted were 4 blocks by openvino, 2 blocks")


def test_a_block_of_the_clustering_is_left_at_once(stored, monkeypatch):
    jobs, cluster, asked = [], passes.cluster, []

    def refused(job, number, **_):
        jobs.append((job, number))
        raise passes.StoppedError

    monkeypatch.setattr(passes, "cluster", refused)
    with pytest.raises(passes.StoppedError):
        stored.run()
    job, number = jobs[0]

    with pytest.raises(passes.StoppedError):
        cluster(job, number, watch=lambda *at: asked.append(at) or len(asked) > 2)
    assert asked == [(number, 0)] * 3
    assert not job.pieces(number).exists()

    cluster(job, number, watch=lambda *_: False)
    assert job.pieces(number).exists()


@pytest.mark.parametrize(("module", "name"), [(passes, "separate"), (run, "draw")])
@pytest.mark.parametrize("foreground", [True, False])
def test_a_block_that_is_parted_or_drawn_is_left_at_once(
    make_stored, module, name, foreground, monkeypatch
):
    """Between the steps of it; then nothing says that it is done."""
    stored, function = make_stored(foreground=foreground), getattr(module, name)
    calls, asked = [], []

    def refused(job, number, **more):
        calls.append((job, number, more))
        raise passes.StoppedError

    monkeypatch.setattr(module, name, refused)
    with pytest.raises(passes.StoppedError):
        stored.run(kinds=("labels", "gradient", "embedding"))
    job, number, more = calls[0]
    assert more.pop("watch") is not None

    with pytest.raises(passes.StoppedError):
        function(job, number, watch=lambda *at: asked.append(at) or len(asked) > 1,
                 **more)  # fmt: skip
    assert asked == [(number, 0)] * 2
    done = job.about_parts(number) if name == "separate" else job.drawn(number)
    assert not done.exists()

    function(job, number, watch=lambda *_: False, **more)
    assert done.exists()


def test_what_components_parts_are_of_is_read_once_a_block(make_stored, monkeypatch):
    """Not for each neighbourhood of tissue, of which there may be thousands."""
    monkeypatch.setattr(spots, "LARGE", 0)
    monkeypatch.setattr(Job, "neighbourhood", (14, 14))
    stored = make_stored((40, 40), foreground_threshold=0.45)
    reads, load, part = [], np.load, tissue.part

    def noted(job, number, watch):
        read = []
        with monkeypatch.context() as patch:
            patch.setattr(
                np, "load", lambda *a, **k: read.append(a[0]) or load(*a, **k)
            )
            part(job, number, watch)
        tables = [path for path in read if path.parent.name == "components"]
        reads.append((len(Tissue(job).of(number)), tables))

    monkeypatch.setattr(tissue, "part", noted)
    stored.run()
    assert max(number for number, _ in reads) > 2
    assert all(len(tables) == len(set(tables)) for _, tables in reads)


@pytest.mark.parametrize("name", ["part", "match", "settle"])
def test_a_block_of_tissue_is_left_at_once(make_stored, name, monkeypatch):
    monkeypatch.setattr(spots, "LARGE", 0)
    monkeypatch.setattr(Job, "neighbourhood", (14, 14))
    stored = make_stored((40, 40), foreground_threshold=0.45)
    calls, function = [], getattr(tissue, name)

    def refused(job, number, watch):
        calls.append((job, number))
        if len(calls) == len(job.blocks):
            raise passes.StoppedError

    monkeypatch.setattr(tissue, name, refused)
    with pytest.raises(passes.StoppedError):
        stored.run()
    job, number = next((job, n) for job, n in calls if len(Tissue(job).of(n)) > 2)

    asked = []
    with pytest.raises(passes.StoppedError):
        function(job, number, watch=lambda *at: asked.append(at) or len(asked) > 1)
    assert asked == [(number, 0)] * 2
    left = {"part": PARTED, "match": MATCHED, "settle": SETTLED}[name]
    assert not job.tissue(number, left).exists()

    function(job, number, watch=lambda *_: False)
    assert job.tissue(number, left).exists()


def test_scales_are_found_once(stored, monkeypatch):
    """What is read of the whole image is kept before any block is done."""
    with threads(1) as crew:
        steps = segment_to_store_steps(stored.order(), crew)
        stages = []
        for progress in steps:
            stages.append(progress.stage)
            if progress.stage == "predicting":
                break
        steps.close()
    steps = Journal(stored.folder / "out.zarr.unfinished").steps
    assert steps.has("scales")
    monkeypatch.setattr(
        "napari_shiftseg.distributed.run.opened_steps", lambda *_: pytest.fail("again")
    )

    stored.run(resume=True)

    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)


def test_what_comes_before_the_blocks_is_said(stored, monkeypatch):
    seen = segmenting._seen
    monkeypatch.setattr(segmenting, "_seen", lambda order: sleep(0.3) or seen(order))
    monkeypatch.setattr(progress, "LARGE", 0)  # values, from which others need not wait
    with threads(1) as crew:
        steps = segment_to_store_steps(stored.order(), crew)
        assert next(steps).stage == "looking at the image"
        steps.close()
