"""Questions are answered from labels of one moment: that in which they are answered."""

from __future__ import annotations

from threading import Event, Thread
from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain import evidence as evidence_module
from napari_shiftseg.explain.evidence import Evidence
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.gui.mend.ask import KnownEvidence, explained_steps
from napari_shiftseg.gui.mend.desk import STILL_CLUSTERED, axes_of
from napari_shiftseg.gui.mend.tools import ASK
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.mending.edits import Merge
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
        objects=SimpleNamespace(modes=np.zeros((0, 1)), mode_of=np.full(3, -1)),
        clustering=Clustering(),
        relabelling=SimpleNamespace(neighbourhood=None),
    )


class TestKnownEvidence:
    def test_it_is_kept_until_the_edits_are_others(self, frame):
        known, axes = KnownEvidence(), ("y", "x")
        first = known.of(frame, axes)
        assert known.of(frame, axes) is first
        frame.mending.make(Merge((LEFT, RIGHT)))
        merged = known.of(frame, axes)
        assert merged.evidence.labels.max() == 1
        frame.mending.take_back()
        frame.mending.make(Merge((LEFT, (0, 4))))
        assert known.of(frame, axes) is not merged
        assert known.of(frame, ()).evidence.axes == ()

    def test_labels_stay_those_of_one_moment(self, frame):
        evidence = KnownEvidence().of(frame, ()).evidence
        frame.mending.make(Merge((LEFT, RIGHT)))
        assert evidence.labels[RIGHT] == 2
        assert frame.mending.labels[RIGHT] == 1

    def test_two_threads_get_each_what_they_ask_for(self, frame, monkeypatch):
        """The second asks while the first gathers what is known of another frame."""
        known, began, go = KnownEvidence(), Event(), Event()
        known.of(frame, ())
        frame.mending.make(Merge((LEFT, RIGHT)))

        def slow(*given):
            began.set()
            assert go.wait(10)
            return Evidence(*given)

        monkeypatch.setattr(evidence_module, "Evidence", slow)
        first = Thread(target=lambda: known.of(frame, ()))
        first.start()
        assert began.wait(10)
        monkeypatch.setattr(evidence_module, "Evidence", Evidence)
        found = known.of(frame, ())
        go.set()
        first.join()
        assert found.evidence.labels[RIGHT] == 1


class TestEditedWhileItIsExplained:
    @pytest.fixture
    def explained(self, frame, monkeypatch):
        """Explain both, and edit the frame in the middle of the first time."""

        def ask(edit):
            edits, object_at = [edit], Evidence.object_at

            def edited(self, place):
                while edits:
                    edits.pop()()
                return object_at(self, place)

            monkeypatch.setattr(Evidence, "object_at", edited)
            steps = explained_steps(lambda: frame, (LEFT, RIGHT), (), KnownEvidence())
            text = exhaust(steps)
            assert not edits
            return text

        return ask

    def test_an_edit_is_in_the_answer(self, frame, explained):
        text = explained(lambda: frame.mending.make(Merge((LEFT, RIGHT))))
        assert text.startswith("Joined by an edit (merge at (1, 0), (1, 5))")

    def test_an_edit_undone_is_not(self, frame, explained):
        frame.mending.make(Merge((LEFT, RIGHT)))
        text = explained(frame.mending.take_back)
        assert text.startswith("Different modes, 3.0 bandwidths")

    def test_labels_that_change_under_it_do_no_harm(self, frame, explained):
        """A brush has painted all of an object, and the edit is not yet made of it."""
        text = explained(lambda: frame.mending.labels.fill(1))
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
            steered.desk.click(pixel, ())
        assert steered.answer.value == STILL_CLUSTERED
        settled(steered)
        self.check_two(steered, pixels)

    def test_a_knob_turned_after_the_click_counts(self, steered, settled, parted):
        pixels, smaller = parted
        go, steering = Event(), steered.steering

        def long():
            yield Progress(0, 1)
            assert go.wait(10)

        def turn(_):
            steered.knobs.bandwidth.value = smaller

        steered.tools.press(ASK)
        steering.add(FrameTask(long, turn))
        for pixel in pixels:
            steered.desk.click(pixel, ())
        assert steering.frame(()) is not None
        assert steered.answer.value != STILL_CLUSTERED
        go.set()
        settled(steered)
        self.check_two(steered, pixels)

    def test_without_a_turn_they_are_one(self, steered, settled, parted):
        pixels, _ = parted
        steered.tools.press(ASK)
        for pixel in pixels:
            steered.desk.click(pixel, ())
        settled(steered)
        assert steered.answer.value.startswith("Both are object")

    def check_two(self, steered, pixels):
        """Hold what is said against an answer to the same, asked of the new objects."""
        frame, axes = steered.steering.frame(()), axes_of(steered.steering)
        steps = explained_steps(lambda: frame, pixels, axes, KnownEvidence())
        assert steered.answer.value == exhaust(steps)
        assert "Both are object" not in steered.answer.value
        assert "is background" not in steered.answer.value
