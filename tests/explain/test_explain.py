"""Every case of two pixels explained: on drawn embeddings, and on real models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.explain import explain
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.metrics.splits import splitting_seams
from napari_shiftseg.networks.checkpoint import load_model
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.samples.disks import disks
from napari_shiftseg.samples.nuclei import nuclei
from napari_shiftseg.steps import exhaust

pytestmark = pytest.mark.usefixtures("one_thread")

BY_PLACE = (
    "They are two objects only because they do not touch: if they are one, use the "
    "Merge tool."
)
BY_HAND = "An edit, or clustering in neighbourhoods, parts them."


def row(*parts, rows=3):
    """Labels of several rows: (label, pixels) from left to right."""
    line = np.repeat([label for label, _ in parts], [n for _, n in parts])
    return np.tile(line, (rows, 1))


class TestSameObject:
    labels = row((1, 10))

    def test_pixels_that_a_smaller_bandwidth_parts(self, evidence_of):
        values = np.where(np.arange(10) < 5, 0.0, 1.0) * np.ones((3, 1))
        asked = evidence_of(self.labels, values, clustering=Clustering(bandwidth=0.8))
        found = explain(asked, (0, 0), (2, 9))
        assert found.case == "same object"
        assert found.distance == pytest.approx(1.25)
        assert found.bandwidth == 0.47
        assert found.text == (
            "Both are object 1: their embeddings are 1.2 bandwidths apart. A bandwidth "
            "of 0.47 would part them (it is 0.8)."
        )

    def test_pixels_that_none_parts(self, evidence_of):
        asked = evidence_of(self.labels, np.ones((3, 10)))
        found = explain(asked, (0, 0), (2, 9))
        assert (found.case, found.distance, found.bandwidth) == ("same object", 0, None)
        assert found.text == (
            "Both are object 1: their embeddings are 0.0 bandwidths apart. No "
            "bandwidth down to 0.25 (it is 1) parts them: if they are two, use the "
            "Split tool."
        )


class TestBackground:
    def test_either_or_both_are_named(self, evidence_of):
        labels = row((1, 3), (0, 2), (2, 3))
        asked = evidence_of(labels, labels * 1.0, np.where(labels > 0, 2.0, -2.0))
        one = explain(asked, (0, 0), (1, 3))
        assert one.case == "background"
        assert one.text == (
            "y = 1, x = 3 is background: its foreground probability 0.12 is not above "
            "the threshold 0.5."
        )
        both = explain(asked, (1, 3), (2, 4)).text
        assert both.count("is background") == 2
        assert explain(asked, (1, 3), (1, 3)).text == one.text
        assert explain(asked, (0, 0), (0, 7)).case != "background"


class TestSameMode:
    """Two objects of three pixels that look the same, or nearly."""

    def evidence(self, evidence_of, gap, size=3, second=(0.0, 0.1, 0.2), **known):
        labels = row((1, size), (0, gap), (2, size), (0, 2))
        values = 9.0 - 9.0 * (labels > 0)
        values[:, :size] = (0.0, 0.1, 0.2)
        values[:, size + gap : size + gap + size] = second
        return evidence_of(labels, values, **known)

    def test_whole_periods_apart(self, evidence_of):
        asked = self.evidence(evidence_of, 9)
        found = explain(asked, (0, 0), (2, 13))
        assert (found.case, found.apart) == ("same mode", (0, 12))
        assert found.distance == pytest.approx(0, abs=1e-6)
        assert found.text == (
            f"Same mode, 12 = 3·4 px apart in x: this network cannot tell them apart. "
            f"{BY_PLACE}"
        )
        assert explain(asked, (2, 13), (0, 0)).text == found.text

    def test_along_two_axes(self, evidence_of):
        labels, values = np.zeros((12, 12), int), np.full((12, 12), 9.0)
        labels[1:3, 1:3], labels[9:11, 5:7] = 1, 2
        values[labels > 0] = 0
        found = explain(evidence_of(labels, values), (1, 1), (9, 5))
        assert found.apart == (8, 4)
        assert found.text.startswith(
            "Same mode, 8 = 2·4 px apart in y and 4 = 1·4 px in x: this network cannot"
        )

    def test_in_a_volume(self, evidence_of):
        labels, values = np.zeros((8, 6, 6), int), np.full((8, 6, 6), 9.0)
        labels[:2, 1:3, 1:3], labels[4:6, 1:3, 1:3] = 1, 2
        values[labels > 0] = 0
        found = explain(evidence_of(labels, values), (0, 1, 1), (5, 2, 2))
        assert "Same mode, 4 = 1·4 px apart in z: this network cannot" in found.text

    def test_whole_periods_apart_but_not_alike(self, evidence_of):
        asked = self.evidence(evidence_of, 9, second=(0.5, 0.6, 0.7))
        found = explain(asked, (0, 0), (2, 13))
        assert (found.case, found.apart) == ("same mode", (0, 12))
        assert "cannot tell" not in found.text

    @pytest.mark.parametrize(
        ("window", "said"),
        [
            (None, "training pushes apart only what one of its windows shows"),
            ((9, 9), "training never pushed them apart, as no window of 9 × 9 px shows "
             "both"),
            ((9, 10), "training windows of 9 × 10 px can show both, yet the network "
             "does not part them"),
        ],
    )  # fmt: skip
    def test_not_whole_periods_apart(self, evidence_of, window, said):
        asked = self.evidence(evidence_of, 8, training_window=window)
        found = explain(asked, (0, 0), (2, 13))  # pixels 2 and 11: a window of 10
        assert (found.case, found.apart) == ("same mode", (0, 11))
        assert found.text == f"Same mode, 11 px apart in x: {said}. {BY_PLACE}"

    def test_a_seam_between(self, evidence_of, plan_of):
        plan = plan_of((3, 16), window=10, stitching="naive")
        asked = self.evidence(evidence_of, 8, training_window=(16, 16), plan=plan)
        found = explain(asked, (0, 0), (2, 13))
        assert "a seam lies between them" in found.text
        assert "use cropped stitching" in found.text
        far = self.evidence(evidence_of, 8, training_window=(4, 4), plan=plan)
        assert "never pushed them" in explain(far, (0, 0), (2, 13)).text

    def test_modes_within_a_bandwidth_are_one(self, evidence_of):
        known = {"mode_of": np.array([-1, 0, 1])}
        for apart, case in ((0.9, "same mode"), (1.1, "different modes")):
            asked = self.evidence(
                evidence_of, 8, modes=np.array([[0, 0, 0], [apart, 0, 0]]), **known
            )
            found = explain(asked, (0, 0), (2, 13))
            assert found.case == case
            assert found.distance == pytest.approx(apart)

    def test_objects_that_touch_were_parted_otherwise(self, evidence_of):
        asked = self.evidence(evidence_of, 0)
        found = explain(asked, (0, 0), (2, 5))
        assert found.text == (
            f"Same mode, and they touch: by the mean shift alone they would be one "
            f"object. {BY_HAND}"
        )
        known = explain(replace(asked, made=()), (0, 0), (2, 5)).text
        assert known.endswith(
            "Clustering in neighbourhoods parts them: if they are one, use the Merge "
            "tool."
        )

    def test_far_parts_that_are_not_split_either(self, evidence_of):
        asked = self.evidence(
            evidence_of, 9, clustering=Clustering(split_far_parts=False)
        )
        assert explain(asked, (0, 0), (2, 13)).text.endswith(BY_HAND)


class TestDifferentModes:
    def evidence(self, evidence_of, gap, **settings):
        labels = row((1, 6), (0, gap), (2, 6), rows=4)
        values = np.where(labels == 2, 3.1, 0.0) + 40 * (labels == 0)
        return evidence_of(labels, values, clustering=Clustering(**settings))

    def test_objects_that_touch(self, evidence_of):
        found = explain(self.evidence(evidence_of, 0), (0, 0), (0, 11))
        assert (found.case, found.bandwidth) == ("different modes", 1.5)
        assert found.distance == pytest.approx(3.1)
        assert found.text == (
            "Different modes, 3.1 bandwidths apart (the bandwidth is 1): a bandwidth "
            "of 1.5 would merge them, as modes move towards each other when it grows."
        )

    def test_the_bandwidth_does_what_is_said(self, evidence_of):
        asked = self.evidence(evidence_of, 0)
        e = asked.predicted.embedding
        for bandwidth, objects in ((1.5, 1), (1.4, 2)):
            made = exhaust(cluster_steps(e, Clustering(bandwidth=bandwidth)))
            assert made.labels.max() == objects

    def test_objects_that_do_not_touch_stay_two(self, evidence_of):
        found = explain(self.evidence(evidence_of, 2), (0, 0), (0, 13))
        assert found.text == (
            "Different modes, 3.1 bandwidths apart (the bandwidth is 1): a bandwidth "
            "of 1.5 would give them one mode, as modes move towards each other when it "
            "grows. They would stay two objects, because they do not touch: if they "
            "are one, use the Merge tool."
        )
        joined = self.evidence(evidence_of, 2, split_far_parts=False)
        assert "would merge them" in explain(joined, (0, 0), (0, 13)).text

    @pytest.mark.parametrize("scope", ["component", "global"])
    def test_what_lies_between_may_join_them(self, evidence_of, scope):
        """Three in a row: at the bandwidth that merges the outer two, all are one."""
        labels = row((1, 8), (2, 8), (3, 8), (0, 2), rows=6)
        values = np.choose(labels, [9.0, 0.0, 3.0, 6.0])
        clustering = Clustering(scope=scope)
        asked = evidence_of(labels, values, 10.0 * (labels > 0) - 5, None, clustering)
        found = explain(asked, (2, 3), (2, 20))
        e, foreground = asked.predicted.embedding, asked.predicted.foreground(0.5)
        wide = clustering.model_copy(update={"bandwidth": found.bandwidth})
        made = exhaust(cluster_steps(e, wide, foreground)).labels
        assert made[2, 3] == made[2, 20] > 0
        assert found.text.endswith(
            "They do not touch: they would stay two objects, unless what lies between "
            "joins them. If they are one, use the Merge tool."
        )

    def test_a_gap_between_them_joins_nothing(self, evidence_of):
        labels = row((1, 6), (0, 1), (3, 3), (0, 1), (2, 6))
        values = np.choose(labels, [40.0, 0.0, 3.1, 3.1])
        for min_size, alone in ((0, True), (1, True), (2, False)):
            clustering = Clustering(min_size=min_size)
            asked = evidence_of(labels, values, clustering=clustering)
            text = explain(asked, (0, 0), (0, 16)).text
            assert ("because they do not touch" in text) is alone
            assert ("unless what lies between" in text) is not alone

    def test_another_kernel_merges_elsewhere(self, evidence_of):
        found = explain(
            self.evidence(evidence_of, 0, kernel="flat", bandwidth=2.0),
            (0, 0), (0, 11),
        )  # fmt: skip
        assert found.bandwidth == 3.1
        assert found.text == (
            "Different modes, 1.5 bandwidths apart (the bandwidth is 2): a bandwidth "
            "of 3.1 would merge them."  # as far as they are apart now
        )

    def test_what_alone_would_be_one_already(self, evidence_of):
        asked = self.evidence(evidence_of, 0, bandwidth=2.0)  # 3.1 < 2.09 bandwidths
        found = explain(asked, (0, 0), (0, 11))
        assert found.case == "different modes"
        assert "a slightly larger bandwidth would merge them" in found.text


class TestTileBorder:
    def evidence(self, evidence_of, plan):
        labels = row((0, 4), (1, 6), (2, 4), (0, 2), rows=6)
        values = np.where(labels == 2, 5.0, 0) + 0.5 * np.arange(16)
        return evidence_of(labels, values, plan=plan)

    def test_split_by_a_tile_border(self, evidence_of, plan_of):
        plan = plan_of((6, 16), window=10, stitching="naive")
        found = explain(self.evidence(evidence_of, plan), (0, 5), (0, 12))
        assert found.case == "tile border"
        assert (found.border.axis, found.border.at) == (1, 10)
        assert found.text == (
            "Split by the tile border at x = 10: use cropped stitching. 100 % of the "
            "line between them lies on it, where the embedding jumps (11 times its "
            "steps beside it)."
        )

    def test_not_so_in_exact_tiles(self, evidence_of, plan_of):
        plan = replace(plan_of((6, 16)))
        assert explain(
            self.evidence(evidence_of, plan), (0, 5), (0, 12)
        ).case == "different modes"  # fmt: skip


class TestComponents:
    COMPONENT = Clustering(scope="component")

    def evidence(self, evidence_of, between, second):
        labels = row((1, 6), (0, 3), (2, 6), rows=4)
        values = np.where(labels == 2, second, 0.0)
        logit = np.where(labels > 0, 3.0, between)
        return evidence_of(labels, values, logit, clustering=self.COMPONENT)

    def test_the_threshold_at_which_they_touch(self, evidence_of):
        asked = self.evidence(evidence_of, -1.0, 3.1)  # a probability of 0.269
        found = explain(asked, (0, 0), (0, 14))
        assert (found.case, found.threshold) == ("components", 0.26)
        assert found.bandwidth == 1.5
        assert found.text == (
            "They lie in different components of the foreground: no bandwidth merges "
            "them (if they are one, use the Merge tool). At a foreground "
            "threshold of 0.26 (it is 0.5) these touch. Their modes are 3.1 "
            "bandwidths apart: then a bandwidth of 1.5 would merge them."
        )

    def test_the_threshold_and_the_bandwidth_do_what_is_said(self, evidence_of):
        asked = self.evidence(evidence_of, -1.0, 3.1)
        e, predicted = asked.predicted.embedding, asked.predicted
        for threshold, bandwidth, same in (
            (0.26, 1.5, True), (0.27, 1.5, False), (0.26, 1.0, False),
        ):  # fmt: skip
            settings = Clustering(scope="component", bandwidth=bandwidth)
            labels = exhaust(
                cluster_steps(e, settings, predicted.foreground(threshold))
            ).labels
            assert (labels[0, 0] == labels[0, 14] > 0) == same

    def test_modes_that_would_be_one(self, evidence_of):
        found = explain(self.evidence(evidence_of, -1.0, 0.4), (0, 0), (0, 14))
        assert found.text.endswith(
            "Their modes are 0.4 bandwidths apart: then they can be one object."
        )

    def test_no_threshold(self, evidence_of):
        found = explain(self.evidence(evidence_of, -9.0, 3.1), (0, 0), (0, 14))
        assert (found.threshold, found.bandwidth) == (None, None)
        assert "No foreground threshold down to 0.01 makes these touch." in found.text
        assert found.text.endswith("Their modes are 3.1 bandwidths apart.")

    def test_whole_periods_apart(self, evidence_of):
        labels = row((1, 6), (0, 2), (2, 6), rows=4)
        asked = evidence_of(
            labels,
            0.0 * labels,
            np.where(labels > 0, 3.0, -9),
            clustering=self.COMPONENT,
        )
        assert explain(asked, (0, 0), (0, 13)).text.endswith(
            "Same mode, 8 = 2·4 px apart in x: this network cannot tell them apart."
        )

    def test_of_one_component_the_modes_decide(self, evidence_of):
        asked = self.evidence(evidence_of, 3.0, 3.1)
        assert explain(asked, (0, 0), (0, 14)).case == "different modes"

    def test_with_scope_global_there_are_none(self, evidence_of):
        asked = replace(self.evidence(evidence_of, -1.0, 3.1), clustering=Clustering())
        assert explain(asked, (0, 0), (0, 14)).case == "different modes"


def test_pixels_outside_are_refused(evidence_of):
    asked = evidence_of(row((1, 6)), row((1, 6)) * 1.0)
    with pytest.raises(ValueError, match="point at the image"):
        explain(asked, (0, 0), (0, 6))


@pytest.fixture(scope="module")
def many_disks():
    """Five rows of disks, 13 px apart; disks 13·16 px apart look the same."""
    return disks((5 * 13 + 1, 21 * 13 + 1))


@pytest.fixture(scope="module")
def exact(evidence_from, many_disks, disks_model):
    return evidence_from(many_disks.image, disks_model, window=64)


@pytest.fixture(scope="module")
def naive(evidence_from, many_disks, disks_model):
    how = {"window": 20, "stitching": "naive"}
    return evidence_from(many_disks.image, disks_model, **how)


class TestDisks:
    """The bundled model: period 16, trained with windows of 20."""

    def test_the_network_cannot_tell_disks_of_one_phase_apart(self, exact):
        found = explain(exact, (26, 26), (28, 234))
        assert (found.case, found.apart) == ("same mode", (0, 208))
        assert found.text == (
            f"Same mode, 208 = 13·16 px apart in x: this network cannot tell them "
            f"apart. {BY_PLACE}"
        )

    def test_neighbours_have_different_modes(self, exact):
        found = explain(exact, (26, 26), (26, 39))
        assert (found.case, found.apart) == ("different modes", (0, 13))
        assert found.distance > 5
        assert found.bandwidth > 2 * exact.clustering.bandwidth

    def test_far_disks_share_modes_that_training_never_parted(self, exact):
        texts = [explain(exact, (26, 26), (26, x)) for x in range(65, 234, 13)]
        shared = [each for each in texts if each.case == "same mode"]
        assert shared
        for each in shared:
            assert "as no window of 20 × 20 px shows both" in each.text

    def test_naive_tiles_split_disks(self, naive, many_disks):
        seams = splitting_seams(
            naive.labels, many_disks.labels, naive.predicted.embedding,
            naive.predicted.plan,
        )  # fmt: skip
        assert len(seams) > 20
        told = 0
        for seam in seams[:20]:
            behind = list(seam.at)
            behind[seam.axis] += 1
            found = explain(naive, seam.at, behind)
            if found.case == "tile border":  # some parts meet mostly along another one
                told += 1
                name, at = "yx"[seam.axis], behind[seam.axis]
                assert f"Split by the tile border at {name} = {at}:" in found.text
                assert found.border.jump > 10
        assert told > 15

    def test_exact_tiles_split_none(self, exact, many_disks):
        for y, x in np.argwhere(exact.labels[:-1] != exact.labels[1:])[::50]:
            assert explain(exact, (y, x), (y + 1, x)).case != "tile border"


@pytest.fixture(scope="module")
def known(evidence_from):
    image = nuclei((150, 170), density=0.35, touching=0.6, seed=4).image
    return evidence_from(image, load_model("nuclei"), window=112)


class TestNuclei:
    """The bundled model, which has a foreground logit, on made nuclei."""

    def test_every_pair_is_explained_as_the_components_say(self, known):
        middles = [known.indices(k)[0] for k in range(1, known.labels.max() + 1)]
        assert len(middles) > 8
        cases = set()
        for other in middles[1:]:
            found = explain(known, middles[0], other)
            same = np.equal(*(known.components[tuple(m)] for m in (middles[0], other)))
            assert (found.case == "components") == (not same)
            cases.add(found.case)
        assert "components" in cases

    def test_a_bandwidth_that_merges_touching_nuclei(self, known):
        border = known.labels[:, :-1] != known.labels[:, 1:]
        border &= (known.labels[:, :-1] > 0) & (known.labels[:, 1:] > 0)
        y, x = np.argwhere(border)[0]
        found = explain(known, (y, x), (y, x + 1))
        assert found.case == "different modes"
        component = known.components == known.components[y, x]
        for bandwidth, same in (
            (found.bandwidth, True),
            (known.clustering.bandwidth, False),
        ):
            settings = known.clustering.model_copy(update={"bandwidth": bandwidth})
            labels = exhaust(
                cluster_steps(known.predicted.embedding, settings, component)
            ).labels
            assert (labels[y, x] == labels[y, x + 1] > 0) == same

    def test_between_nuclei_is_background(self, known):
        y, x = np.argwhere(known.predicted.logit < -2)[0]
        found = explain(known, (y, x), known.indices(1)[0])
        assert found.case == "background"
        assert f"y = {y}, x = {x} is background: its foreground" in found.text


def test_a_real_network_cannot_tell_pixels_of_one_phase_apart(
    small_model, plan_of, evidence_of
):
    """A square that repeats after two periods of 4 px, in mirrored surroundings."""
    image = np.zeros((8, 48))
    image[3:5, 3::8] = image[3:5, 4::8] = 1
    model = small_model(2, 2)
    e = embed(image, model, window=8, device="cpu")
    plan = plan_of(image.shape)
    labels = np.zeros(image.shape, int)
    labels[3:5, 19:21], labels[3:5, 27:29], labels[3:5, 22:24] = 1, 2, 3
    asked = evidence_of(labels, image)
    wide = Clustering(bandwidth=10 * float(np.abs(e).max()))
    seen = replace(asked, predicted=Prediction(e, None, plan, ()), clustering=wide)
    assert "8 = 2·4 px apart in x: this network cannot" in explain(
        seen, (3, 19), (3, 27)
    ).text  # fmt: skip
    assert "cannot" not in explain(seen, (3, 19), (3, 22)).text
