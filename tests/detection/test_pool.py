"""Objects of several bandwidths, pooled: each once, and how many bandwidths agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.detection.features import features_of
from napari_shiftseg.detection.pool import AGREEMENT, Pool, pool_steps
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.progress import Returning, exhaust

OWN = Clustering(bandwidth=1.0, scope="component")
BANDWIDTHS = (0.3, 1.0, 4.0)


@pytest.fixture(scope="module")
def model(small_model):
    return small_model(2, 2, foreground=True, clustering=OWN)


@pytest.fixture
def prediction(model, rng) -> Prediction:
    """Two objects that touch, one of them of two close halves; one more.

    0.3 finds four objects, 1 finds three, 4 finds two.
    """
    place = np.zeros((12, 20))
    place[1:5, 1:4], place[1:5, 4:7], place[1:5, 7:12] = 0.0, 0.8, 4.0
    place[7:11, 2:9] = 9.0
    embedding = place + rng.normal(scale=0.01, size=(3, *place.shape))
    logit = np.full(place.shape, -4.0)
    logit[1:5, 1:12] = logit[7:11, 2:9] = 4.0
    plan = plan_tiles(place.shape, model.shape, None)
    return Prediction(embedding, logit, plan, ())


@pytest.fixture
def pool(prediction, model) -> Pool:
    return exhaust(pool_steps(prediction, model, OWN, BANDWIDTHS, "cpu"))


def boxes(pool: Pool) -> list[tuple[tuple[int, int], ...]]:
    return [tuple((s.start, s.stop) for s in piece.box) for piece in pool.pieces]


def test_each_object_is_there_once(pool) -> None:
    rows = (1, 5)
    assert boxes(pool) == [
        (rows, (1, 7)), (rows, (7, 12)), ((7, 11), (2, 9)),  # of the own bandwidth, 1
        (rows, (1, 4)), (rows, (4, 7)),  # of 0.3, nearer to it than 4
        (rows, (1, 12)),
    ]  # fmt: skip
    assert [piece.bandwidth for piece in pool.pieces] == [1, 1, 1, 0.3, 0.3, 4]
    assert all(piece.mask.all() for piece in pool.pieces)


def test_agreement_is_at_how_many_it_came_up(pool) -> None:
    assert pool.features.names[-1] == AGREEMENT
    agreement = pool.features.values[:, -1]
    assert np.allclose(agreement * 3, [1, 2, 3, 1, 1, 1])


def test_features_are_those_among_the_objects_it_came_up_with(pool, prediction) -> None:
    labels = np.zeros((12, 20), dtype=int)
    for number, piece in enumerate(pool.pieces[:3], start=1):
        labels[piece.box][piece.mask] = number
    expected = features_of(labels, prediction, OWN).values
    assert np.allclose(pool.features.values[:3, :-1], expected)


def test_the_order_of_bandwidths_has_no_say(pool, prediction, model) -> None:
    again = exhaust(pool_steps(prediction, model, OWN, (4.0, 0.3, 1.0, 0.3), "cpu"))
    assert boxes(again) == boxes(pool)
    assert np.array_equal(again.features.values, pool.features.values)


def test_nearly_the_same_is_the_same(prediction, model) -> None:
    embedding = prediction.embedding.copy()
    embedding[:, 7:11, 8] = 9.8  # a seventh of the lowest object, apart at 0.3
    near = replace(prediction, embedding=embedding)
    strict, loose = (
        exhaust(pool_steps(near, model, OWN, BANDWIDTHS, "cpu", same))
        for same in (0.9, 0.8)
    )
    assert len(strict.pieces) == len(loose.pieces) + 1
    known = boxes(strict)
    assert ((7, 11), (2, 8)) in known
    assert ((7, 11), (2, 8)) not in boxes(loose)


def test_overlaps_are_those_of_whole_images(pool) -> None:
    images = np.zeros((len(pool.pieces), 12, 20), dtype=bool)
    for image, piece in zip(images, pool.pieces, strict=True):
        image[piece.box] = piece.mask
    for index, one in enumerate(images):
        expected = [(one & m).sum() / (one | m).sum() for m in images]
        assert np.allclose(pool.overlaps_of(index), expected)
    assert 0 < pool.overlaps_of(0)[3] < 1


def test_boxes_are_in_the_image(prediction, model, pool) -> None:
    plan = plan_tiles((40, 40), model.shape, None, region=((8, 20), (4, 24)))
    assert plan.offset == (8, 4)
    moved = replace(prediction, plan=plan)
    there = exhaust(pool_steps(moved, model, OWN, BANDWIDTHS, "cpu"))
    (rows, columns), *_ = boxes(there)
    (own_rows, own_columns), *_ = boxes(pool)
    assert rows == tuple(n + 8 for n in own_rows)
    assert columns == tuple(n + 4 for n in own_columns)


def test_without_a_foreground_there_is_nothing(prediction, model) -> None:
    dark = replace(prediction, logit=np.full((12, 20), -4.0))
    pool = exhaust(pool_steps(dark, model, OWN, BANDWIDTHS, "cpu"))
    assert pool.pieces == ()
    assert len(pool.features) == 0


def test_progress_is_a_step_a_bandwidth(prediction, model) -> None:
    running = Returning(pool_steps(prediction, model, OWN, BANDWIDTHS, "cpu"))
    done = {(progress.done, progress.total) for progress in running}
    assert done == {(n, 3) for n in range(4)}


@pytest.mark.parametrize(
    ("bandwidths", "same", "said"),
    [
        ((), 0.9, "one bandwidth or more"),
        ((1.0,), 0.4, "got 0.4"),
        ((1.0,), 1, "got 1"),
    ],
)
def test_what_is_refused(prediction, model, bandwidths, same, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        exhaust(pool_steps(prediction, model, OWN, bandwidths, "cpu", same))
