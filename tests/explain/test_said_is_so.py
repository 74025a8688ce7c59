"""What a reason says is so when all is clustered and mended again.

Rows of six equal lines, drawn by values of the embedding, 9 on background:

columns  8  8  8 ...
value    a  b  c ...
"""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import label

from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.evidence import Evidence
from napari_shiftseg.explain.reasons import (
    AnEdit,
    Background,
    MinimumSize,
    OneMode,
    OneObject,
    TwoComponents,
    TwoModes,
    reason_of,
)
from napari_shiftseg.mending.edits import Merge, Paint, Split
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling.relabel import Relabelling
from napari_shiftseg.samples.nuclei import nuclei

pytestmark = pytest.mark.usefixtures("one_thread")

NOTHING = 9.0


def row(*parts):
    """Values of six lines: (value, pixels) from left to right."""
    return np.concatenate([np.full((6, n), value) for value, n in parts], axis=1)


@pytest.fixture
def mended(plan_of):
    """Cluster the foreground by components at a bandwidth, then make edits."""

    def make(values, bandwidth, *edits, logit=None, **settings):
        embedding = np.stack([values, 0 * values, 0 * values]).astype(np.float32)
        if logit is None:
            logit = np.where(values == NOTHING, -5.0, 5.0)
        clustering = Clustering(bandwidth=bandwidth, scope="component", **settings)
        predicted = Prediction(embedding, logit, plan_of(values.shape), ())
        objects = exhaust(Relabelling(predicted, None, "cpu").steps(clustering))
        mending = Mending(objects.labels.copy(), embedding, bandwidth=bandwidth)
        assert mending.replay(edits) == {}
        return Evidence(
            predicted, mending.labels, objects.modes, clustering, objects.mode_of,
            made=tuple(mending.made),
        )  # fmt: skip

    return make


def are_one(evidence, one, other, pixels=None, **settings):
    """Whether two pixels are one object of another clustering; of these pixels only."""
    clustering = evidence.clustering.model_copy(update=settings)
    foreground = evidence.predicted.foreground(clustering.foreground_threshold)
    clustered = foreground if pixels is None else pixels
    e = evidence.predicted.embedding
    labels = exhaust(cluster_steps(e, clustering, clustered)).labels
    return bool(labels[one] == labels[other] > 0)


def check(evidence, reason, one, other):
    """Hold what a reason says against the clustering; return what was held."""
    labels, h = evidence.labels, evidence.clustering.bandwidth
    alone = np.isin(labels, (labels[one], labels[other]))

    def joins(bandwidth, **how):
        return are_one(
            evidence, one, other, alone, bandwidth=bandwidth, scope="global",
            min_size=0, **how,
        )  # fmt: skip

    match reason:
        case OneObject(bandwidth=None):
            return None
        case OneObject(bandwidth=bandwidth):
            assert bandwidth < h
            assert not joins(bandwidth)
        case MinimumSize():
            assert are_one(evidence, one, other)
            assert not are_one(evidence, one, other, min_size=0)
        case TwoModes(bandwidth=bandwidth):
            whole = {"split_far_parts": False, "min_size": 0}
            if not evidence.clustering.min_size:  # else a small part has another
                assert not are_one(evidence, one, other, **whole)
            assert joins(bandwidth, split_far_parts=False)
            assert joins(bandwidth) or not reason.touch
        case OneMode(touch=touch):
            assert not touch
            assert are_one(evidence, one, other, split_far_parts=False)
        case TwoComponents(threshold=threshold):
            parts = [
                label(evidence.predicted.foreground(t), connectivity=1)
                for t in (threshold or 0.01, (threshold or 0) + 0.01)
            ]
            joined = [part[one] == part[other] for part in parts]
            assert joined == [threshold is not None, False]
        case Background(foreground=foreground):
            assert (foreground is None) == (evidence.predicted.foreground(0.5)[one])
            if foreground is None:  # dropped as too small
                assert are_one(evidence, one, one, min_size=0)
                assert not are_one(evidence, one, one)
    return type(reason)


def random_row(rng):
    """Draw values of objects side by side, some parted by one column of background."""
    values, chances = [], []
    for _ in range(rng.integers(3, 6)):
        width = rng.integers(1, 9)
        values += [rng.choice(np.arange(0, 6, 0.75))] * width
        chances += [0.9] * width
        if rng.random() < 0.3:
            values.append(NOTHING)
            chances.append(rng.choice([0.3, 0.001]))
    chance, values = (np.tile(each, (6, 1)) for each in (chances, values))
    noise = rng.normal(0, 0.05, values.shape) * (values != NOTHING)
    return values + noise, np.log(chance / (1 - chance))


def test_of_random_rows(mended):
    rng, held = np.random.default_rng(3), []
    for _ in range(8):
        values, logit = random_row(rng)
        bandwidth, least = rng.choice([0.5, 1, 1.5]), rng.choice([0, 20])
        asked, known = mended(values, bandwidth, logit=logit, min_size=least), set()
        for pixels in rng.integers(values.shape, size=(12, 2, 2)).tolist():
            one, other = sorted(map(tuple, pixels), key=lambda at: asked.labels[at])
            pair = asked.labels[one], asked.labels[other]
            if pair not in known:  # one question of two objects is enough
                known.add(pair)
                held.append(check(asked, reason_of(asked, one, other), one, other))
    assert {
        OneObject, MinimumSize, TwoModes, OneMode, TwoComponents, Background
    } <= {*held}  # fmt: skip


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize(
    ("model", "channels"),
    [("figure-4d", lambda views: 16 * views), ("nuclei", lambda views: 2 * views + 1)],
    ids=["discriminative", "spatial"],
)
def test_of_nuclei_that_touch(evidence_from, model, channels, views):
    image = nuclei((150, 170), density=0.35, touching=0.6, seed=4).image
    known = evidence_from(image, load_unet(model), window=112, views=views)
    assert len(known.predicted.embedding) == channels(views)
    border = known.labels[:, :-1] != known.labels[:, 1:]
    border &= (known.labels[:, :-1] > 0) & (known.labels[:, 1:] > 0)
    y, x = map(int, np.argwhere(border)[0])
    found = reason_of(known, (y, x), (y, x + 1))
    assert isinstance(found, TwoModes)
    component = known.components == known.components[y, x]
    for bandwidth in (found.bandwidth, known.clustering.bandwidth):
        one = are_one(known, (y, x), (y, x + 1), component, bandwidth=bandwidth)
        assert one == (bandwidth == found.bandwidth)


class TestHowLongAnEditHolds:
    def test_paint_onto_an_object_not_at_every_bandwidth(self, mended):
        values = row((0.0, 8), (3.0, 8), (NOTHING, 2))
        brush = Paint.of(np.ones((1, 1), bool), (2, 7), (2, 12))
        asked = mended(values, 1.0, brush)
        found = reason_of(asked, (2, 7), (2, 3))
        assert found == AnEdit(brush, False, False)
        wide = mended(values, 3.0, brush).labels
        assert wide[2, 7] == wide[2, 3]

    def test_a_merge_not_of_pixels_that_it_did_not_name(self, mended):
        values = row((0.0, 8), (1.2, 8), (NOTHING, 4), (6.0, 8))
        join = Merge(((2, 2), (2, 24)))
        asked, narrow = (mended(values, h, join) for h in (1.5, 0.3))
        assert not reason_of(asked, (2, 13), (2, 24)).holds
        assert narrow.labels[2, 13] != narrow.labels[2, 24]
        assert reason_of(asked, (2, 2), (2, 24)).holds
        assert narrow.labels[2, 2] == narrow.labels[2, 24]

    def test_a_split_at_every_bandwidth_between_its_seeds(self, mended):
        values = row((0.0, 8), (1.2, 8), (NOTHING, 2))
        cut = Split((((2, 2),), ((2, 13),)))
        for bandwidth in (0.3, 1.5, 4.0):
            asked = mended(values, bandwidth, cut)
            assert reason_of(asked, (2, 2), (2, 13)).holds
            assert asked.labels[2, 2] != asked.labels[2, 13]


class TestEditsThatActAgain:
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
            (Merge(((0, 1), (0, 20))), Merge(((4, 21), (4, 10)))),  # only both
        ],
    )
    def test_one_that_joins_what_a_bandwidth_parts_is_named(self, mended, edits):
        found = reason_of(mended(self.values, 1.5, *edits), self.ONE, self.OTHER)
        assert isinstance(found, OneObject)
        assert found.edits == edits
        assert not self.parted(mended, found.bandwidth, *edits)
        assert self.parted(mended, found.bandwidth, *edits[1:])

    def test_one_elsewhere_is_not(self, mended):
        edit = Merge(((0, 17), (0, 20)))
        found = reason_of(mended(self.values, 1.5, edit), self.ONE, self.OTHER)
        assert found.edits == ()
        assert self.parted(mended, found.bandwidth, edit)

    def test_a_split_that_holds_apart_what_a_bandwidth_joins_is_named(self, mended):
        cut = Split((((0, 2),), ((0, 13),)))
        asked = mended(self.values, 1.0, cut)
        found = reason_of(asked, self.ONE, (2, 20))
        assert isinstance(found, TwoModes)
        assert found.edits == (cut,)
        wide = mended(self.values, found.bandwidth, cut).labels
        assert wide[self.ONE] != wide[self.OTHER]


def test_an_object_of_two_components_touches_by_either(mended):
    """Of two that were merged, the right one is parted from a third by faint pixels."""
    values = row((0.0, 5), (NOTHING, 8), (0.0, 5), (NOTHING, 2), (3.0, 5))
    logit = np.where(values == NOTHING, -20.0, 5.0)
    logit[:, 18:20] = -0.5  # a probability of 0.378
    asked = mended(values, 1.0, Merge(((2, 2), (2, 15))), logit=logit)
    assert reason_of(asked, (2, 15), (2, 22)).threshold == 0.37
    assert reason_of(asked, (2, 2), (2, 22)).threshold == 0.37
    alone = mended(values, 1.0, logit=logit)
    assert reason_of(alone, (2, 2), (2, 22)).threshold is None
