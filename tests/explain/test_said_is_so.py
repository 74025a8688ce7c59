"""What is said of edited objects is so when they are clustered and mended again.

Rows of six equal lines, drawn by values of the embedding, 9 on background:

columns  8  8  8 ...
value    a  b  c ...
"""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.evidence import Evidence
from napari_shiftseg.explain.explain import explain
from napari_shiftseg.mending.edits import Merge, Paint, Split
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.relabelling.relabel import Relabelling
from napari_shiftseg.steps import exhaust

pytestmark = pytest.mark.usefixtures("one_thread")

NOTHING = 9.0
HOLDS = "it holds whatever the bandwidth"
AGAIN = "with another bandwidth it is made again, on the objects that are there then"


def row(*parts):
    """Values of six lines: (value, pixels) from left to right."""
    return np.concatenate([np.full((6, n), value) for value, n in parts], axis=1)


@pytest.fixture
def mended(plan_of):
    """Cluster the foreground by components at a bandwidth, then make edits."""

    def make(values, bandwidth, *edits, logit=None):
        embedding = np.stack([values, 0 * values, 0 * values]).astype(np.float32)
        if logit is None:
            logit = np.where(values == NOTHING, -5.0, 5.0)
        clustering = Clustering(bandwidth=bandwidth, scope="component")
        predicted = Prediction(embedding, logit, plan_of(values.shape), ())
        objects = exhaust(Relabelling(predicted, None, "cpu").steps(clustering))
        mending = Mending(objects.labels.copy(), embedding, bandwidth=bandwidth)
        assert mending.replay(edits) == {}
        return Evidence(
            predicted, mending.labels, objects.modes, clustering, objects.mode_of,
            made=tuple(mending.made),
        )  # fmt: skip

    return make


class TestHowLongAnEditHolds:
    def test_paint_onto_an_object_not_at_every_bandwidth(self, mended):
        values = row((0.0, 8), (3.0, 8), (NOTHING, 2))
        brush = Paint.of(np.ones((1, 1), bool), (2, 7), (2, 12))
        asked = mended(values, 1.0, brush)
        found = explain(asked, (2, 7), (2, 3))
        assert (found.case, found.edit) == ("parted by an edit", brush)
        assert AGAIN in found.text
        wide = mended(values, 3.0, brush).labels
        assert wide[2, 7] == wide[2, 3]

    def test_a_merge_not_of_pixels_that_it_did_not_name(self, mended):
        values = row((0.0, 8), (1.2, 8), (NOTHING, 4), (6.0, 8))
        join = Merge(((2, 2), (2, 24)))
        asked, narrow = (mended(values, h, join) for h in (1.5, 0.3))
        assert AGAIN in explain(asked, (2, 13), (2, 24)).text
        assert narrow.labels[2, 13] != narrow.labels[2, 24]
        assert HOLDS in explain(asked, (2, 2), (2, 24)).text
        assert narrow.labels[2, 2] == narrow.labels[2, 24]

    def test_a_split_at_every_bandwidth_between_its_seeds(self, mended):
        values = row((0.0, 8), (1.2, 8), (NOTHING, 2))
        cut = Split((((2, 2),), ((2, 13),)))
        for bandwidth in (0.3, 1.5, 4.0):
            asked = mended(values, bandwidth, cut)
            assert HOLDS in explain(asked, (2, 2), (2, 13)).text
            assert asked.labels[2, 2] != asked.labels[2, 13]


class TestMergesThatActAgain:
    values = row((0.0, 8), (1.2, 8), (6.0, 8), (NOTHING, 2))
    ONE, OTHER = (2, 3), (2, 13)  # of one object with a bandwidth of 1.5

    def parted(self, mended, bandwidth, *edits):
        labels = mended(self.values, bandwidth, *edits).labels
        return labels[self.ONE] != labels[self.OTHER]

    @pytest.mark.parametrize(
        "edits",
        [
            (Merge(tuple((2, x) for x in range(2, 22))),),  # a line across all parts
            (Merge(((4, 1), (4, 14))),),  # it does nothing at 1.5
        ],
    )
    def test_one_that_joins_both_sides(self, mended, edits):
        asked = mended(self.values, 1.5, *edits)
        found = explain(asked, self.ONE, self.OTHER)
        assert (found.case, found.edit) == ("same object", edits[0])
        assert found.text.endswith(
            f"A bandwidth of {found.bandwidth:g} would part them (it is 1.5), but an "
            f"edit ({edits[0]}) would join them again: take it out of the list of "
            f"edits, too."
        )
        assert not self.parted(mended, found.bandwidth, *edits)
        assert self.parted(mended, found.bandwidth)

    def test_two_in_a_row(self, mended):
        edits = (Merge(((0, 1), (0, 20))), Merge(((4, 21), (4, 10))))
        found = explain(mended(self.values, 1.5, *edits), self.ONE, self.OTHER)
        assert f"but edits ({edits[0]}; {edits[1]}) would join" in found.text
        assert "take one out of the list" in found.text
        assert not self.parted(mended, found.bandwidth, *edits)
        for edit in edits:
            assert self.parted(mended, found.bandwidth, edit)

    def test_not_one_beside_them(self, mended):
        edit = Merge(((0, 1), (0, 20)))
        found = explain(mended(self.values, 1.5, edit), self.ONE, self.OTHER)
        assert found.edit is None
        assert found.text.endswith(
            f"A bandwidth of {found.bandwidth:g} would part them (it is 1.5)."
        )
        assert self.parted(mended, found.bandwidth, edit)

    def test_not_one_of_a_part_that_lies_apart(self, mended):
        """A merge names the left part of a value, and the pixel is on the right one."""
        values = row((0.0, 6), (1.2, 6), (0.0, 6), (NOTHING, 2))
        edit = Merge(((2, 2), (2, 8)))
        found = explain(mended(values, 1.5, edit), (2, 15), (2, 9))
        assert found.edit is None
        after = mended(values, found.bandwidth, edit).labels
        assert after[2, 2] == after[2, 9] != after[2, 15]


def test_an_object_of_two_components_touches_by_either(mended):
    """Of two that were merged, the right one is parted from a third by faint pixels."""
    values = row((0.0, 5), (NOTHING, 8), (0.0, 5), (NOTHING, 2), (3.0, 5))
    logit = np.where(values == NOTHING, -20.0, 5.0)
    logit[:, 18:20] = -0.5  # a probability of 0.378
    join = Merge(((2, 2), (2, 15)))
    asked = mended(values, 1.0, join, logit=logit)
    found = explain(asked, (2, 15), (2, 22))
    assert (found.case, found.threshold) == ("components", 0.37)
    assert "threshold of 0.37 (it is 0.5) these touch" in found.text
    assert explain(asked, (2, 2), (2, 22)).threshold == 0.37
    alone = mended(values, 1.0, logit=logit)
    assert explain(alone, (2, 2), (2, 22)).threshold is None
