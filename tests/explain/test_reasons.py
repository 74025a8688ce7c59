"""Reasons as values: drawn by hand, and of real models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.reasons import (
    Background,
    MinimumSize,
    OneMode,
    OneObject,
    TwoComponents,
    TwoModes,
    reason_of,
)
from napari_shiftseg.explain.two_objects import TileBorder
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.metrics.splits import splitting_seams
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.samples.catalogue import disks
from napari_shiftseg.samples.nuclei import nuclei

pytestmark = pytest.mark.usefixtures("one_thread")

COMPONENT = Clustering(scope="component")


def row(*parts, rows=3):
    """Labels of several rows: (label, pixels) from left to right."""
    line = np.repeat([label for label, _ in parts], [n for _, n in parts])
    return np.tile(line, (rows, 1))


def near(value):
    return pytest.approx(value, abs=1e-6)


class TestBackground:
    labels = row((1, 3), (0, 3), (2, 3))
    logit = np.array([2.0, 2, 2, -2, 2, 2, 2, 2, 2]) * np.ones((3, 1))

    def test_one_below_the_threshold(self, evidence_of):
        asked = evidence_of(self.labels, 1.0 * self.labels, self.logit)
        below = Background((1, 3), foreground=pytest.approx(0.119, abs=1e-3))
        assert reason_of(asked, (0, 0), (1, 3)) == below
        assert reason_of(asked, (1, 3), (2, 4)) == below
        assert reason_of(asked, (0, 0), (2, 4)) == Background((2, 4))

    def test_one_whose_nearest_mode_is_the_backgrounds(self, evidence_of):
        values = np.where(self.labels == 0, 8.0, self.labels)
        values[1, 4] = 2.5
        modes = np.array([[9.0, 0, 0], [1, 0, 0], [2, 0, 0]])
        mode_of = np.array([0, 1, 2])
        asked = evidence_of(self.labels, values, modes=modes, mode_of=mode_of)
        assert reason_of(asked, (0, 0), (0, 4)) == Background((0, 4), has_its_mode=True)
        assert reason_of(asked, (0, 0), (1, 4)) == Background((1, 4))
        none = replace(asked, mode_of=np.array([-1, 1, 2]))
        assert reason_of(none, (0, 0), (0, 4)) == Background((0, 4))


class TestOneObject:
    labels = row((1, 10))
    values = np.where(np.arange(10) < 5, 0.0, 1.0) * np.ones((3, 1))

    def test_pixels_that_a_smaller_bandwidth_parts(self, evidence_of):
        asked = evidence_of(self.labels, self.values, None, None, Clustering())
        found = reason_of(asked, (0, 0), (2, 9))
        assert found == OneObject(1, near(1), 0.47)
        half = replace(asked, clustering=Clustering(bandwidth=0.8))
        assert reason_of(half, (0, 0), (2, 9)) == OneObject(1, near(1.25), 0.47)

    def test_pixels_that_none_parts(self, evidence_of):
        asked = evidence_of(self.labels, self.values)
        assert reason_of(asked, (0, 0), (2, 4)) == OneObject(1, 0, None)
        wide = replace(asked, clustering=Clustering(bandwidth=2))
        assert reason_of(wide, (0, 0), (2, 9)) == OneObject(1, near(0.5), None)

    def test_a_part_below_the_minimum_size(self, evidence_of):
        values = np.where(np.arange(10) < 8, 0.0, 5.0) * np.ones((3, 1))
        clustering = Clustering(scope="component", min_size=7)
        asked = evidence_of(self.labels, values, 5 + values, None, clustering)
        found = reason_of(asked, (0, 0), (2, 9))
        assert found == MinimumSize(1, near(5))
        assert reason_of(asked, (2, 9), (0, 0)) == found
        for other in ({"min_size": 6}, {"scope": "global"}):  # the part has 6 pixels
            changed = replace(asked, clustering=clustering.model_copy(update=other))
            assert reason_of(changed, (0, 0), (2, 9)) == OneObject(1, near(5), None)


class TestOneMode:
    """Two objects of three pixels that look the same, or nearly."""

    def evidence(self, evidence_of, gap, second=(0.0, 0.1, 0.2), **known):
        labels = row((1, 3), (0, gap), (2, 3), (0, 2))
        values = 9.0 - 9.0 * (labels > 0)
        values[:, :3] = (0.0, 0.1, 0.2)
        values[:, 3 + gap : 6 + gap] = second
        return evidence_of(labels, values, **known)

    def test_whole_periods_apart(self, evidence_of):
        asked = self.evidence(evidence_of, 9)
        assert reason_of(asked, (0, 0), (2, 13)) == OneMode((0, 12), False, True, None)
        back = reason_of(asked, (2, 13), (0, 0))
        assert back == OneMode((0, -12), False, True, None)
        unlike = self.evidence(evidence_of, 9, second=(0.5, 0.6, 0.7))
        assert not reason_of(unlike, (0, 0), (2, 13)).are_alike
        beside = self.evidence(evidence_of, 8)
        assert not reason_of(beside, (0, 0), (2, 13)).are_alike

    @pytest.mark.parametrize(
        ("size", "one", "other", "apart"),
        [
            ((12, 12), np.s_[1:3, 1:3], np.s_[9:11, 5:7], (8, 4)),
            ((8, 6, 6), np.s_[:2, 1:3, 1:3], np.s_[4:6, 1:3, 1:3], (4, 0, 0)),
        ],
    )
    def test_along_other_axes(self, evidence_of, size, one, other, apart):
        labels, values = np.zeros(size, int), np.full(size, 9.0)
        labels[one], labels[other] = 1, 2
        values[labels > 0] = 0
        pixels = (np.argwhere(labels == number)[0] for number in (1, 2))
        found = reason_of(evidence_of(labels, values), *pixels)
        assert found == OneMode(apart, False, True, None)

    def test_a_training_window_that_can_show_both(self, evidence_of):
        for window, can in (((9, 9), False), ((9, 10), True)):
            asked = self.evidence(evidence_of, 8, training_window=window)
            found = reason_of(asked, (0, 0), (2, 13))  # pixels 2 and 11: 10 px
            assert found == OneMode((0, 11), False, False, can)

    def test_modes_within_a_bandwidth_are_one(self, evidence_of):
        for apart, kind in ((0.9, OneMode), (1.1, TwoModes)):
            modes, mode_of = np.array([[0, 0, 0], [apart, 0, 0]]), np.array([-1, 0, 1])
            asked = self.evidence(evidence_of, 8, modes=modes, mode_of=mode_of)
            assert isinstance(reason_of(asked, (0, 0), (2, 13)), kind)

    def test_objects_that_touch(self, evidence_of):
        asked = self.evidence(evidence_of, 0)
        assert reason_of(asked, (0, 0), (2, 5)) == OneMode((0, 3), True, False, None)

    def test_a_real_network_cannot_tell_pixels_of_one_phase_apart(
        self, small_model, plan_of, evidence_of
    ):
        """A square that repeats after two periods of 4 px, in mirrored surroundings."""
        image = np.zeros((8, 48))
        image[3:5, 3::8] = image[3:5, 4::8] = 1
        e = embed(image, small_model(2, 2), window=8, device="cpu")
        labels = np.zeros(image.shape, int)
        labels[3:5, 19:21], labels[3:5, 27:29], labels[3:5, 22:24] = 1, 2, 3
        wide = Clustering(bandwidth=10 * float(np.abs(e).max()))
        asked = evidence_of(labels, image, clustering=wide)
        seen = Prediction(e, None, plan_of(image.shape), ())
        asked = replace(asked, predicted=seen)
        alike = reason_of(asked, (3, 19), (3, 27))
        assert alike == OneMode((0, 8), False, True, None)
        assert not reason_of(asked, (3, 19), (3, 22)).are_alike


class TestTwoModes:
    def evidence(self, evidence_of, gap, **settings):
        labels = row((1, 6), (0, gap), (2, 6), rows=4)
        values = np.where(labels == 2, 3.1, 0.0) + 40 * (labels == 0)
        return evidence_of(labels, values, clustering=Clustering(**settings))

    @pytest.mark.parametrize("gap", [0, 2])
    def test_the_bandwidth_that_gives_them_one(self, evidence_of, gap):
        asked = self.evidence(evidence_of, gap)
        found = reason_of(asked, (0, 0), (0, 11 + gap))
        assert found == TwoModes(near(3.1), 1.5, gap == 0)

    def test_another_kernel_merges_elsewhere(self, evidence_of):
        asked = self.evidence(evidence_of, 0, kernel="flat", bandwidth=2.0)
        assert reason_of(asked, (0, 0), (0, 11)) == TwoModes(near(1.55), 3.1, True)

    def test_what_alone_would_be_one_already(self, evidence_of):
        asked = self.evidence(evidence_of, 0, bandwidth=2.0)  # 3.1 < 2.09 bandwidths
        assert reason_of(asked, (0, 0), (0, 11)) == TwoModes(near(1.55), 2.0, True)


def test_two_components(evidence_of):
    labels = row((1, 6), (0, 3), (2, 6), rows=4)
    values = np.where(labels == 2, 3.1, 0.0)
    for between, threshold in ((-1.0, 0.26), (-9.0, None)):  # a probability of 0.269
        logit = np.where(labels > 0, 3.0, between)
        asked = evidence_of(labels, values, logit, clustering=COMPONENT)
        found = reason_of(asked, (0, 0), (0, 14))
        assert found == TwoComponents(near(3.1), threshold)
    joined = evidence_of(labels, values, 3.0 + 0 * values, clustering=COMPONENT)
    assert isinstance(reason_of(joined, (0, 0), (0, 14)), TwoModes)
    everywhere = replace(asked, clustering=Clustering())
    assert isinstance(reason_of(everywhere, (0, 0), (0, 14)), TwoModes)


def test_a_tile_border(evidence_of, plan_of):
    labels = row((0, 4), (1, 6), (2, 4), (0, 2), rows=6)
    values = np.where(labels == 2, 5.0, 0) + 0.5 * np.arange(16)
    plan = plan_of((6, 16), window=10, stitching="naive")
    found = reason_of(evidence_of(labels, values, plan=plan), (0, 5), (0, 12))
    assert found == TileBorder("x", 10, 1.0, near(11))
    exact = evidence_of(labels, values, plan=plan_of((6, 16)))
    assert isinstance(reason_of(exact, (0, 5), (0, 12)), TwoModes)


def test_pixels_outside_are_refused(evidence_of):
    asked = evidence_of(row((1, 6)), row((1, 6)) * 1.0)
    with pytest.raises(ValueError, match="point at the image"):
        reason_of(asked, (0, 0), (0, 6))


@pytest.fixture(scope="module")
def many_disks():
    """Five rows of disks, 13 px apart; disks 13·16 px apart look the same."""
    return disks((5 * 13 + 1, 21 * 13 + 1))


@pytest.fixture(scope="module")
def exact(evidence_from, many_disks, disks_model):
    return evidence_from(many_disks.image, disks_model, window=64)


class TestDisks:
    """The bundled model: period 16, trained with windows of 20."""

    def test_disks_of_one_phase_and_others(self, exact):
        assert reason_of(exact, (26, 26), (28, 234)) == OneMode(
            (0, 208), False, True, False
        )
        beside = reason_of(exact, (26, 26), (26, 39))
        assert beside.distance > 5
        assert beside.bandwidth > 2 * exact.clustering.bandwidth
        others = [reason_of(exact, (26, 26), (26, x)) for x in range(65, 234, 13)]
        shared = [each for each in others if isinstance(each, OneMode)]
        assert shared
        assert not any(each.share_a_window for each in shared)

    def test_naive_tiles_split_disks(self, evidence_from, many_disks, disks_model):
        how = {"window": 20, "stitching": "naive"}
        naive = evidence_from(many_disks.image, disks_model, **how)
        seams = splitting_seams(
            naive.labels, many_disks.labels, naive.predicted.embedding,
            naive.predicted.plan,
        )  # fmt: skip
        assert len(seams) > 20
        told = 0
        for seam in seams[:20]:
            behind = list(seam.at)
            behind[seam.axis] += 1
            found = reason_of(naive, seam.at, behind)
            if isinstance(found, TileBorder):  # some meet mostly along another one
                told += 1
                assert (found.axis, found.at) == ("yx"[seam.axis], behind[seam.axis])
                assert found.jump > 10
        assert told > 15

    def test_exact_tiles_split_none(self, exact):
        for y, x in np.argwhere(exact.labels[:-1] != exact.labels[1:])[::50]:
            assert not isinstance(reason_of(exact, (y, x), (y + 1, x)), TileBorder)


@pytest.mark.parametrize("model", ["figure-4d", "nuclei"])
def test_nuclei_are_parted_as_their_components_say(evidence_from, model):
    image = nuclei((150, 170), density=0.35, touching=0.6, seed=4).image
    known = evidence_from(image, load_unet(model), window=112)
    middles = [tuple(known.indices(k)[0]) for k in range(1, known.labels.max() + 1)]
    assert len(middles) > 8
    kinds = set()
    for other in middles[1:]:
        same = np.equal(*(known.components[at] for at in (middles[0], other)))
        found = reason_of(known, middles[0], other)
        assert isinstance(found, TwoComponents) == (not same)
        kinds.add(type(found))
    assert TwoComponents in kinds
    y, x = np.argwhere(known.predicted.logit < -2)[0]
    assert reason_of(known, (y, x), middles[0]).foreground < 0.12
