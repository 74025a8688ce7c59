"""What is seen of a run while it is under way."""

from __future__ import annotations

from threading import Event

import numpy as np
import zarr
from scipy import ndimage

from napari_shiftseg.distributed.crew import threads
from napari_shiftseg.distributed.growing import Growing
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.progress import exhaust


def watched(stored, resume=False, until=None, **options):
    """Run and paint; returns the pictures by stage, the last of each."""
    order, seen = stored.order(**options), {}
    growing = Growing(order.output(order.target), stored.folder / "growing.zarr")
    with threads(1) as crew:
        steps = segment_to_store_steps(order, crew, resume, follow=growing.begin)
        for progress in steps:
            while growing.grow():
                pass
            if growing.levels:
                seen[progress.stage] = [
                    zarr.open_array(str(level), mode="r")[:] for level in growing.levels
                ]
            if until == (progress.stage, progress.done):
                steps.close()
                break
    while until is None and growing.grow():
        pass
    return seen, growing


def test_foreground_first_then_the_objects_at_every_level(stored):
    seen, growing = watched(stored, block=1)

    fine = seen["predicting"][0]
    labels = stored.labels()
    assert ((fine > 0) >= (labels > 0)).all()
    assert (fine != labels).any()
    np.testing.assert_array_equal(seen["writing smaller levels"][0], labels)
    for level, path in enumerate(growing.levels):
        painted = zarr.open_array(str(path), mode="r")[:]
        np.testing.assert_array_equal(painted, stored.labels(level=level))


def test_only_blocks_that_are_predicted_are_seen(stored):
    seen, _ = watched(stored, until=("predicting", 4), block=1)

    found = seen["predicting"][0] > 0
    assert found[:12].any()
    assert not found[36:].any()
    parts, number = ndimage.label(found[:12, :12])
    assert 0 < number == len(np.unique(parts)) - 1


def test_a_run_that_goes_on_shows_what_was_there(make_stored, make_blobs):
    frames = np.stack([make_blobs((24, 24), seed) for seed in (1, 2, 3)])
    stored = make_stored(frames)
    watched(stored, until=("predicting", 8), block=24**2)
    seen, growing = watched(stored, resume=True, block=24**2)

    shown = seen["writing smaller levels"][0]
    assert [bool(frame.any()) for frame in shown] == [True] * 3
    assert len(growing.levels) == 2


def test_what_is_left_of_a_frame_that_is_done_is_painted(make_stored, make_blobs):
    """Its folder is gone, and no other frame begins."""
    stored = make_stored(np.stack([make_blobs((24, 24))]))
    order = stored.order()
    growing = Growing(order.output(order.target), stored.folder / "growing.zarr")
    with threads(1) as crew:
        for progress in segment_to_store_steps(order, crew, follow=growing.begin):
            while progress.stage == "writing smaller levels" and growing.grow():
                pass

    painted = zarr.open_array(str(growing.levels[0]), mode="r")[:]
    np.testing.assert_array_equal(painted > 0, stored.labels() > 0)
    assert painted.any()


def test_without_a_foreground_nothing_is_seen_before_the_objects(make_stored):
    stored = make_stored(foreground=False)
    seen, _ = watched(stored)

    assert not seen["predicting"][0].any()
    np.testing.assert_array_equal(seen["writing smaller levels"][0], stored.labels())


class Gate(Event):
    """An event that knows whether somebody came while it was cleared."""

    def __init__(self):
        super().__init__()
        self.reached = False

    def wait(self, timeout=None):
        self.reached = self.reached or not self.is_set()
        return super().wait(timeout)


def test_a_run_waits_while_it_is_paused(stored):
    with threads(1) as crew:
        crew.watch.go = gate = Gate()
        gate.set()
        steps = segment_to_store_steps(stored.order(block=1), crew)
        for progress in steps:
            if progress.stage == "predicting":
                break
        gate.clear()
        while not gate.reached:
            next(steps)
        next(steps)  # what ended before is counted
        assert len({next(steps).done for _ in range(6)}) == 1
        gate.set()
        exhaust(steps)
    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)
