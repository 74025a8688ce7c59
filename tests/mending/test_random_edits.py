"""Any edits on any labels: a partition stays one, and a replay gives the same."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.mending.boxes import object_boxes
from napari_shiftseg.mending.edit_lists import from_dict, to_dict
from napari_shiftseg.mending.edits import Delete, Grow, Merge, Paint, Redraw, Split
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.mending.replay import contradicted, overruled, replay
from napari_shiftseg.mending.shapes import reach_of


@st.composite
def scenes(draw):
    """Labels of 1 to 3 axes, an embedding, a foreground logit, and edits on them."""
    ndim = draw(st.integers(1, 3))
    shape = tuple(draw(st.integers(1, 7)) for _ in range(ndim))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    coarse = rng.integers(0, 4, tuple(-(-n // 2) for n in shape))
    labels = np.kron(coarse, np.ones((2,) * ndim, int))[tuple(map(slice, shape))]
    point = st.tuples(*(st.integers(0, n) for n in shape))  # one beyond the image too
    points = st.lists(point, min_size=1, max_size=4, unique=True).map(tuple)
    apart = st.lists(point, min_size=2, max_size=4, unique=True)
    mask = rng.random((2,) * ndim) > 0.4
    mask.flat[0] = True
    edit = st.one_of(
        apart.map(lambda p: Merge(tuple(p))),
        apart.map(lambda p: Split(tuple((x,) for x in p))),
        points.map(Delete),
        points.map(Redraw),
        st.builds(Grow, point, st.booleans()),
        st.builds(
            lambda corner, to: Paint.of(mask, corner, to),
            point,
            st.sampled_from(["background", "new"]) | point,
        ),
    )
    edits = draw(st.lists(edit, max_size=12))
    embedding = rng.normal(size=(2, *shape)).round()
    return labels.astype(np.int32), embedding, rng.normal(scale=2, size=shape), edits


def is_met(edit, labels) -> bool:
    """Whether an edit that cannot act asks for what is so; none holds by nothing."""
    try:
        carried = [int(labels[point]) for point in edit.points]
    except IndexError:
        return False
    objects = [number for number in carried if number]
    if isinstance(edit, Merge):
        return len(objects) >= 2 and len(set(objects)) == 1
    if isinstance(edit, Delete):
        return not objects
    return isinstance(edit, Grow) and bool(objects)


@settings(deadline=None, max_examples=150)
@given(scenes())
def test_one_by_one_and_replayed(scene) -> None:
    labels, embedding, logit, edits = scene
    mending = Mending(labels.copy(), embedding, logit > 0.4, logit=logit)
    left_out, acted = [], 0
    for number, edit in enumerate(edits, start=1):
        before = mending.labels.copy()
        try:
            change = mending.make(edit)
        except ValueError:
            left_out += [] if is_met(edit, before) else [number]
            np.testing.assert_array_equal(mending.labels, before)
            continue
        acted += 1
        outside = np.ones(labels.shape, dtype=bool)
        outside[change.box] = False
        np.testing.assert_array_equal(mending.labels[outside], before[outside])
        assert mending.boxes == object_boxes(mending.labels)
        new = set(np.unique(mending.labels)) - set(np.unique(before)) - {0}
        assert all(number > before.max() for number in new)
        assert new == {before.max() + 1 + i for i in range(len(new))}
        assert edit.holds(mending.at(edit.points))
        assert mending.reach == reach_of(mending.boxes.values())
        assert contradicted(mending, change) == [
            made
            for made in mending.edits
            if made.holds([int(before[point]) for point in made.points])
            and not made.holds(mending.at(made.points))
        ]
        if isinstance(edit, Grow):
            kept = before > 0
            np.testing.assert_array_equal(mending.labels[kept], before[kept])
        if isinstance(edit, Merge | Split):
            np.testing.assert_array_equal(mending.labels > 0, before > 0)
    known = [from_dict(json.loads(json.dumps(to_dict(edit)))) for edit in edits]
    assert known == edits
    outcome = replay(known, labels, embedding, logit > 0.4, logit=logit)
    np.testing.assert_array_equal(outcome.labels, mending.labels)
    assert sorted(outcome.left_out) == left_out
    assert len(outcome.applied) == len(edits) - len(left_out)
    for _ in range(acted):
        mending.take_back()
    np.testing.assert_array_equal(mending.labels, labels)


@settings(deadline=None, max_examples=100)
@given(scenes())
def test_contradictions_by_trying_every_step(scene) -> None:
    """The newest edit after which an older one, holding before, holds no more."""
    labels, embedding, logit, edits = scene
    mending = Mending(labels.copy(), embedding, logit > 0.4, logit=logit)
    history = []
    for edit in edits:
        try:
            mending.make(edit)
        except ValueError:
            continue
        history.append(mending.labels.copy())
    expected = []
    for index, edit in enumerate(mending.edits):
        held = [
            edit.holds([int(then[point]) for point in edit.points])
            for then in history[index:]
        ]
        if not held[-1]:
            newest = max(i for i in range(1, len(held)) if held[i - 1] and not held[i])
            expected.append((index, index + newest))
    assert overruled(mending) == expected
