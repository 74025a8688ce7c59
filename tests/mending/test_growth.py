"""Objects grown from a pixel or a part, on images a reader can check."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.mending.boxes import object_boxes
from napari_shiftseg.mending.edits import Delete, Grow
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.mending.replay import overruled, replay
from napari_shiftseg.mending.shapes import (
    as_bright,
    as_near,
    grown,
    reach_of,
    stands_out,
)


def logits(probability) -> np.ndarray:
    p = np.array(probability, dtype=float)
    return np.log(p / (1 - p))


def reached(labels, similar, pixel, reach) -> list:
    start = np.zeros(np.shape(labels), dtype=bool)
    start[pixel] = True
    labels, similar = np.array(labels), np.array(similar, dtype=bool)
    return grown(labels, similar, start, reach).astype(int).tolist()


class TestRule:
    def test_a_fifth_of_the_probability_is_enough(self) -> None:
        logit = logits([[0.02, 0.11, 0.5, 0.3, 0.09]])
        pixel = np.array([[0, 0, 1, 0, 0]], dtype=bool)
        assert as_bright(logit, pixel).tolist() == [[False, True, True, True, False]]
        dim = np.array([[0, 0, 0, 1, 0]], dtype=bool)  # 0.06 is enough
        assert as_bright(logit, dim).tolist() == [[False, True, True, True, True]]

    def test_the_dim_pixels_of_an_object_count(self) -> None:
        """Eleven pixels of 0.9 and 0.4 to 0.9: the first decile is 0.4."""
        start = np.arange(14) < 11
        logit = logits([*[0.9] * 9, 0.4, 0.4, 0.09, 0.07, 0.5])
        expected = [*[True] * 11, True, False, True]
        assert as_bright(logit, start).tolist() == expected

    def test_empty_ground_is_like_nothing(self) -> None:
        """A fifth of 0.01 is 0.002, but 0.003 is asked for at least."""
        pixel = np.array([True, False, False, False])
        logit = logits([0.01, 0.0029, 0.0031, 0.0005])
        assert as_bright(logit, pixel).tolist() == [True, False, True, False]
        assert stands_out(logit[2])
        assert not stands_out(logit[1])
        assert not stands_out(np.float32(-200))

    def test_within_a_bandwidth_of_the_mean(self) -> None:
        embedding = np.array([[0.0, 1, 2, 4], [0, 0, 1, 0]])
        start = np.array([True, True, False, False])  # mean (0.5, 0)
        expected = [True, True, False, False]
        assert as_near(embedding, start, 1.0).tolist() == expected
        assert as_near(embedding, start, 2.0).tolist() == [True, True, True, False]

    def test_the_reach_follows_the_median_object(self) -> None:
        labels = np.zeros((40, 40), dtype=int)
        labels[:8, :18], labels[20:30, :10], labels[20:23, 20:23] = 1, 2, 3
        # radii 6, 5 and 1.5: 1.25 * 5 = 6.25
        assert reach_of(object_boxes(labels).values()) == 7
        assert reach_of([]) == 16

    def test_it_is_connected_over_faces_and_within_reach(self) -> None:
        similar = [[1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [1, 0, 0, 1, 1]]
        empty = np.zeros((3, 5))
        assert reached(empty, similar, (0, 1), 2) == [[1, 1, 1, 1, 0], [0] * 5, [0] * 5]
        assert reached(empty, similar, (1, 2), 9)[1] == [0, 0, 1, 0, 0]
        assert reached([[0] * 3] * 2, [[1, 0, 0], [0, 1, 0]], (0, 0), 9) == [
            [1, 0, 0],
            [0, 0, 0],
        ]

    def test_a_pixel_leaves_what_is_nearer_to_an_object(self) -> None:
        assert reached([[0, 0, 0, 0, 0, 2]], np.ones((1, 6)), (0, 0), 9) == [
            [1, 1, 1, 0, 0, 0]
        ]

    def test_an_object_takes_what_no_other_has(self) -> None:
        labels = np.array([[1, 1, 0, 0, 0, 2, 0]])
        found = grown(labels, labels == 0, labels == 1, 9)
        assert found.astype(int).tolist() == [[1, 1, 1, 1, 1, 0, 0]]

    def test_holes_are_filled_but_for_other_objects(self) -> None:
        labels = np.zeros((5, 7), dtype=int)
        labels[2, 4] = 2
        similar = np.ones((5, 7), dtype=bool)
        similar[2, 2] = False
        start = np.zeros((5, 7), dtype=bool)
        start[0] = True
        labels[0] = 1
        found = grown(labels, similar, start, 9)
        assert found[2, 2]
        assert not found[2, 4]
        assert found.sum() == 34


PROBABILITY = [
    [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01],
    [0.01, 0.30, 0.40, 0.30, 0.01, 0.90, 0.90],
    [0.01, 0.30, 0.30, 0.01, 0.01, 0.90, 0.90],
    [0.01, 0.01, 0.01, 0.01, 0.01, 0.30, 0.01],
]
LABELS = [[0] * 7, [0, 0, 0, 0, 0, 4, 4], [0, 0, 0, 0, 0, 4, 4], [0] * 7]


@pytest.fixture
def labels() -> np.ndarray:
    return np.array(LABELS, dtype=np.int32)


def of(labels: np.ndarray, **more) -> Mending:
    embedding = np.zeros((2, *labels.shape))
    return Mending(labels, embedding, logit=logits(PROBABILITY), **more)


class TestEdit:
    def test_a_missed_object_is_added(self, labels) -> None:
        change = of(labels).make(Grow((1, 2), new=True))
        expected = np.array(LABELS)
        expected[1, 1:4] = expected[2, 1:3] = 5
        np.testing.assert_array_equal(labels, expected)
        assert change.pixels == 5

    def test_a_small_object_is_widened_and_again(self, labels) -> None:
        mending = of(labels)
        mending.make(Grow((1, 5)))
        assert labels[3].tolist() == [0, 0, 0, 0, 0, 4, 0]
        assert (labels == 4).sum() == 5
        assert set(np.unique(labels)) == {0, 4}
        with pytest.raises(ValueError, match="object 4 has no free pixel like it"):
            mending.make(Grow((1, 5)))
        mending.take_back()
        assert labels.tolist() == LABELS

    def test_every_click_lowers_the_threshold(self) -> None:
        """From 0.5 to 0.1, and then, of the six pixels, to 0.2 * 0.15 = 0.03."""
        probability = [[0.5, 0.5, 0.5, 0.5, 0.2, 0.1, 0.04, 0.01]]
        labels = np.array([[1, 1, 1, 1, 0, 0, 0, 0]])
        mending = Mending(labels, np.zeros((1, 1, 8)), logit=logits(probability))
        mending.boxes[9] = (slice(0, 30), slice(0, 30))  # a large one elsewhere
        mending.make(Grow((0, 0)))
        assert labels.tolist() == [[1, 1, 1, 1, 1, 1, 0, 0]]
        mending.make(Grow((0, 0)))
        assert labels.tolist() == [[1, 1, 1, 1, 1, 1, 1, 0]]

    def test_empty_ground_is_refused(self) -> None:
        """What a fifth of its own probability would cover is the whole reach."""
        labels = np.zeros((1, 40), dtype=np.int32)
        probability = np.full(labels.shape, 0.001)
        mending = Mending(labels, np.zeros((1, 1, 40)), logit=logits(probability))
        with pytest.raises(ValueError, match=r"^nothing here stands .* paint it$"):
            mending.make(Grow((0, 20), new=True))
        assert not labels.any()
        probability[0, 18:23] = 0.004  # faint, but something
        mending = Mending(labels, np.zeros((1, 1, 40)), logit=logits(probability))
        mending.make(Grow((0, 20), new=True))
        assert np.flatnonzero(labels).tolist() == [18, 19, 20, 21, 22]

    def test_without_a_logit_the_embedding_decides(self) -> None:
        labels = np.zeros((1, 6), dtype=int)
        embedding = np.array([[[0.0, 0.1, 0.9, 1.2, 0, 0]]])
        Mending(labels, embedding, bandwidth=1.0).make(Grow((0, 0), new=True))
        assert labels.tolist() == [[1, 1, 1, 0, 0, 0]]

    def test_positions_are_those_of_the_image_and_of_a_volume(self) -> None:
        labels = np.zeros((2, 3, 4), dtype=np.int32)
        probability = np.full(labels.shape, 0.01)
        probability[:, 1, 1:3] = 0.8
        edit = Grow((10, 21, 31), new=True)
        outcome = replay(
            [edit],
            labels,
            np.zeros((1, *labels.shape)),
            offset=(10, 20, 30),
            logit=logits(probability),
        )
        np.testing.assert_array_equal(outcome.labels, probability > 0.5)

    def test_frames_of_a_series(self, labels) -> None:
        series = np.stack([labels * 0, labels])
        logit = np.stack([logits(PROBABILITY)] * 2)
        edits = [Grow((1, 2), True, (0,)), Grow((1, 5), frame=(1,))]
        embedding = np.zeros((1, *series.shape))
        outcome = replay(edits, series, embedding, leading=1, logit=logit)
        assert outcome.applied == (1, 2)
        assert outcome.labels[0].tolist()[1] == [0, 5, 5, 5, 0, 0, 0]  # 4 is another
        assert (outcome.labels[1] == 4).sum() == 5

    @pytest.mark.parametrize(
        ("edit", "reason"),
        [
            (Grow((1, 2)), r"\(1, 2\) lies on background: click an object, or let"),
            (Grow((1, 5), new=True), r"\(1, 5\) lies on object 4, a new one grows on"),
            (Grow((4, 0), new=True), r"\(4, 0\) lies outside the image"),
            (Grow((1,), new=True), "1 axes, the image 2"),
        ],
    )
    def test_refusals(self, labels, edit, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            of(labels).make(edit)
        assert labels.tolist() == LABELS

    def test_a_logit_of_another_shape_is_refused(self, labels) -> None:
        with pytest.raises(ValueError, match=r"labels and logit .* \(4, 7\) and \(4,"):
            Mending(labels, np.zeros((1, 4, 7)), logit=np.zeros((4, 6)))

    def test_a_later_deletion_wins(self, labels) -> None:
        mending = of(labels)
        mending.make(Grow((1, 2), new=True))
        mending.make(Grow((1, 5)))
        assert overruled(mending) == []
        mending.make(Delete(((2, 1),)))
        assert overruled(mending) == [(0, 2)]
