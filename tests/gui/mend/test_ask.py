"""Questions are answered from labels of one moment: that in which they are answered."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.gui.mend import tool_actions as actions
from napari_shiftseg.gui.mend.ask import KnownEvidence, explained_steps
from napari_shiftseg.gui.mend.tool_actions import STILL_CLUSTERED, axes_of
from napari_shiftseg.gui.mend.tools import ASK
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.mending.edits import Delete, Merge
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.progress import Progress, exhaust

pytestmark = pytest.mark.usefixtures("one_thread")

LEFT, RIGHT = (1, 0), (1, 5)


@pytest.fixture
def frame():
    """Two objects of three columns, whose embeddings are 3 apart."""
    labels = np.tile([1, 1, 1, 2, 2, 2], (3, 1))
    shape = UNetShape((AxisShape(factors=(2, 2)),) * 2)
    embedding = 3.0 * (labels == 2)[None]
    plan = plan_tiles(labels.shape, shape, window=8)
    return SimpleNamespace(
        mending=Mending(labels, embedding),
        predicted=Prediction(embedding, None, plan, ()),
        objects=SimpleNamespace(modes=np.zeros((0, 1))),
        mode_of=np.full(3, -1),
        clustering=Clustering(),
        relabelling=SimpleNamespace(neighbourhood=None),
    )


@pytest.fixture
def steering(frame):
    """Knows the frame, and how often its edits have changed."""
    known = SimpleNamespace(revision=0)
    known.revision_of = lambda _: known.revision
    known.clustered = lambda _: frame
    return known


class TestKnownEvidence:
    def test_it_is_kept_until_the_edits_are_others(self, frame, steering):
        known, axes = KnownEvidence(), ("y", "x")
        first = known.of(steering, (), axes)
        assert known.of(steering, (), axes) is first
        frame.mending.make(Merge((LEFT, RIGHT)))
        steering.revision += 1
        merged = known.of(steering, (), axes)
        assert merged.evidence.labels.max() == 1
        frame.mending.take_back()
        assert merged.evidence.labels.max() == 1
        steering.revision += 1
        assert known.of(steering, (), axes).evidence.labels.max() == 2
        assert known.of(steering, (), ()).evidence.axes == ()

    def test_labels_stay_those_of_one_moment(self, frame, steering):
        known = KnownEvidence().of(steering, (), ())
        frame.mending.make(Merge((LEFT, RIGHT)))
        assert known.evidence.labels[RIGHT] == 2
        assert known.evidence.made == ()
        text = exhaust(explained_steps(known, (LEFT, RIGHT)))
        assert text.startswith("Different modes, 3.0 bandwidths")


def pixel_pairs(old, new):
    """Two pixels on objects before and after, that were of one and then are of two."""
    for number in range(1, old.max() + 1):
        where = [tuple(map(int, at)) for at in np.argwhere((old == number) & (new > 0))]
        for at in where[1:]:
            if new[at] != new[where[0]]:
                return where[0], at
    raise AssertionError("no object is parted")


class TestWhileItIsClustered:
    @pytest.fixture
    def parted(self, steered, result, settled):
        """Pixels of one object that a smaller bandwidth parts; and that bandwidth."""
        usual, old = steered.knobs.bandwidth.value, result.data.copy()
        smaller = usual / 2
        steered.knobs.bandwidth.value = smaller
        settled(steered)
        pixels = pixel_pairs(old, result.data)
        steered.knobs.bandwidth.value = usual
        settled(steered)
        np.testing.assert_array_equal(result.data, old)
        return pixels, smaller

    def test_clicks_meanwhile_are_answered_afterwards(self, steered, settled, parted):
        pixels, smaller = parted
        steered.tools.press(ASK)
        steered.knobs.bandwidth.value = smaller
        assert steered.steering.frame(()) is None
        for pixel in pixels:
            steered.actions.click(pixel, ())
        assert steered.answer.value == STILL_CLUSTERED
        settled(steered)
        self.check_two(steered, pixels)

    def test_a_knob_turned_after_the_click_counts(self, steered, settled, parted):
        pixels, smaller = parted
        go, steering = Event(), steered.steering

        def long():
            yield Progress(0, 1)
            assert go.wait(60)

        def turn(_):
            steered.knobs.bandwidth.value = smaller

        steered.tools.press(ASK)
        steering.add(FrameTask(long, turn))
        for pixel in pixels:
            steered.actions.click(pixel, ())
        assert steering.frame(()) is not None
        assert steered.answer.value != STILL_CLUSTERED
        go.set()
        settled(steered)
        self.check_two(steered, pixels)

    def test_without_a_turn_they_are_one(self, steered, settled, parted):
        pixels, _ = parted
        steered.tools.press(ASK)
        for pixel in pixels:
            steered.actions.click(pixel, ())
        settled(steered)
        assert steered.answer.value.startswith("Both are object")

    def test_an_edit_meanwhile_is_in_the_answer(
        self, steered, settled, parted, monkeypatch
    ):
        """The first explanation holds what was; then both are explained again."""
        (one, other), _ = parted
        explain, edits = actions.explained_steps, [Delete((other,))]

        def edited(*known):
            while edits:
                steered.steering.do(edits.pop())
            return explain(*known)

        monkeypatch.setattr(actions, "explained_steps", edited)
        steered.tools.press(ASK)
        for pixel in (one, other):
            steered.actions.click(pixel, ())
        settled(steered)
        assert not edits
        assert "is background: an edit (delete at" in steered.answer.value

    def check_two(self, steered, pixels):
        """Hold what is said against an answer to the same, asked of the new objects."""
        known = KnownEvidence().of(steered.steering, (), axes_of(steered.steering))
        steps = explained_steps(known, pixels)
        assert steered.answer.value == exhaust(steps)
        assert "Both are object" not in steered.answer.value
        assert "is background" not in steered.answer.value
