"""What a pixel is, and how far others are from it, drawn by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain import pixel as module
from napari_shiftseg.explain.pixel import ask_pixel, distance_image
from napari_shiftseg.mending.edits import Delete, Merge, Split
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.pipeline.result import Prediction

pytestmark = pytest.mark.usefixtures("one_thread")

#             0  1  2  3  4  5  6  7  8  9 10 11
LABELS = np.array([[0, 1, 1, 1, 2, 2, 0, 3, 3, 0, 0, 0]])
VALUES = np.array([[9, 0, 1, 2, 4, 4, 9, 2, 2, 9, 3, 9]])
LOGIT = np.array([[-9, 1, 1, 1, 1, 1, -9, 1, 1, -9, 1, -1]])
MODES = np.array([[1.0, 0, 0], [4.0, 0, 0], [2.0, 0, 0]])
MODE_OF = np.array([-1, 0, 1, 2])
COMPONENTS = Clustering(bandwidth=2, scope="component")
SPHERE = Clustering(bandwidth=0.5, kernel="von-mises-fisher")


@pytest.fixture
def known(evidence_of):
    return evidence_of(
        LABELS, VALUES, LOGIT, clustering=COMPONENTS, modes=MODES, mode_of=MODE_OF
    )


class TestPixel:
    def test_an_object(self, known):
        answer = ask_pixel(known, (0, 3))
        assert answer.label == 1
        assert answer.to_mode == 0.5  # from 2 to 1, in bandwidths of 2
        assert answer.to_next == 1.0  # to 4; the mode at 2 is of another component
        assert answer.foreground == pytest.approx(1 / (1 + np.exp(-1)))
        assert answer.place.phase == (0, 3)  # (x − 20) mod 4
        assert answer.text == (
            "object 1 · 0.5 bandwidths from its mode, 1.0 to the next · phase (0, 3) · "
            "tile 0, 0 · foreground 0.73"
        )

    def test_an_object_alone_in_its_component_has_no_next_mode(self, known):
        answer = ask_pixel(known, (0, 8))
        assert (answer.label, answer.to_mode, answer.to_next) == (3, 0.0, None)
        assert answer.text.startswith("object 3 · 0.0 bandwidths from its mode · phase")
        assert answer.place.tile == (0, 1)

    def test_background_was_not_clustered(self, known):
        answer = ask_pixel(known, (0, 0))
        assert (answer.label, answer.to_mode) == (0, None)
        assert answer.text == "background · phase (0, 0) · tile 0, 0 · foreground 0.00"

    def test_without_modes_of_objects_all_modes_may_be_next(self, known):
        bare = replace(known, clustering=Clustering(bandwidth=0.5), mode_of=None)
        answer = ask_pixel(bare, (0, 4))
        assert answer.to_mode == 0  # the mean embedding stands for it
        assert answer.to_next == 4  # the mode at 2
        assert ask_pixel(bare, (0, 3)).to_mode == 2  # from 2 to the mean, 1

    def test_a_mode_within_a_bandwidth_is_the_same(self, known):
        wide = replace(known, clustering=Clustering(bandwidth=1.5))
        assert ask_pixel(wide, (0, 2)).to_next == 2  # 3 / 1.5; that at 2 is its own

    @pytest.mark.parametrize("mode_of", [MODE_OF[:2], np.array([-1, 0, -1, -1]), None])
    def test_an_edited_object_has_its_mean_for_a_mode(self, known, mode_of):
        edited = np.where(LABELS == 2, 3, LABELS)  # 3 has values 4, 4, 2, 2
        answer = ask_pixel(replace(known, labels=edited, mode_of=mode_of), (0, 4))
        assert (answer.label, answer.to_mode) == (3, pytest.approx(0.5))  # from 4 to 3

    def test_with_scope_global_background_has_a_mode_too(self, evidence_of):
        asked = evidence_of(LABELS, VALUES, modes=np.array([[9.0, 0, 0], [0.0, 0, 0]]))
        assert ask_pixel(asked, (0, 10)).text == (  # of value 3, in no object
            "background · 3.0 bandwidths from its mode, 6.0 to the next · "
            "phase (0, 2) · tile 0, 1"
        )
        bare = ask_pixel(evidence_of(0 * LABELS, VALUES), (0, 4))
        assert (bare.to_mode, bare.to_next) == (None, None)

    def test_on_the_sphere_the_distance_is_the_chord(self, evidence_of):
        modes = np.array([[0.6, 0.8, 0], [-1.0, 0, 0]])
        asked = evidence_of(
            np.array([[1, 1]]), np.array([[5, 0]]), None, None, SPHERE,
            modes=modes, mode_of=np.array([-1, 0]),
        )  # fmt: skip
        answer = ask_pixel(asked, (0, 0))
        assert answer.to_mode == pytest.approx(math.sqrt(2 * (1 - 0.6)) / 0.5)
        assert answer.to_next == pytest.approx(2 / 0.5)
        without = ask_pixel(asked, (0, 1))  # it has no direction
        assert (without.to_mode, without.to_next) == (None, None)
        assert without.text == "object 1 · phase (0, 1) · tile 0, 0"
        mean = ask_pixel(replace(asked, mode_of=None), (0, 0))  # of what has one
        assert mean.to_mode == pytest.approx(0)

    def test_in_a_volume_in_a_region(self, evidence_of, plan_of):
        plan = plan_of((12, 16, 20), region=((4, 8), (8, 16), (4, 12)))
        labels = np.ones(plan.output_shape, int)
        labels[2, 1, 5] = 2
        asked = evidence_of(labels, 1.0 * labels, plan=plan)
        assert ask_pixel(asked, (6, 9, 9)).text == (
            "object 2 · 0.0 bandwidths from its mode · phase (2, 1, 1) · tile 0, 0, 1"
        )
        with pytest.raises(ValueError, match="predict this part"):
            ask_pixel(asked, (8, 15, 11))

    def test_edits_of_an_object_and_of_background(self, evidence_of):
        asked = evidence_of(LABELS.copy(), VALUES)
        mending = Mending(asked.labels, asked.predicted.embedding)
        edits = [Split((((0, 1),), ((0, 3),))), Delete(((0, 7),))]
        assert mending.replay(edits) == {}
        assert [x for x in range(12) if self.says_edited(asked, mending, x)] == [
            1, 2, 3, 7, 8,
        ]  # fmt: skip
        mending.make(Merge(((0, 3), (0, 4))))
        assert self.says_edited(asked, mending, 5)
        for _ in range(3):
            mending.take_back()
        assert not any(self.says_edited(asked, mending, x) for x in range(12))

    def says_edited(self, asked, mending, x):
        now = replace(asked, labels=mending.labels.copy(), made=tuple(mending.made))
        answer = ask_pixel(now, (0, x))
        assert answer.edited == (" (edited) · " in answer.text)
        assert not ask_pixel(replace(now, made=None), (0, x)).edited  # not known
        return answer.edited


def predicted(embedding, plan):
    return Prediction(embedding, None, plan, ())


def looped(e, index, clustering):
    """Distances pixel by pixel, in double precision."""
    asked, image = e[(slice(None), *index)].astype(float), np.empty(e.shape[1:])
    for at in np.ndindex(image.shape):
        here = e[(slice(None), *at)].astype(float)
        if clustering.kernel == "von-mises-fisher":
            cos = here @ asked / math.sqrt((here @ here) * (asked @ asked))
            image[at] = math.sqrt(max(0.0, 2 - 2 * cos)) / clustering.bandwidth
        else:
            image[at] = math.dist(here, asked) / clustering.bandwidth
    return image


class TestDistanceImage:
    @pytest.fixture
    def by_hand(self, plan_of):
        """Embed 2 × 3 pixels in two channels.

        ::

            (0, 0)  (3, 4)  (6, 8)
            (0, 1)  (0, 0)  (3, 0)
        """
        e = np.array([[[0, 3, 6], [0, 0, 3]], [[0, 4, 8], [1, 0, 0]]], np.float32)
        return predicted(e, plan_of((2, 3)))

    def test_by_hand(self, by_hand):
        image, offset = distance_image(by_hand, (0, 1), Clustering(bandwidth=2))
        assert (offset, image.dtype) == ((0, 0), np.float32)
        expected = [[2.5, 0, 2.5], [math.sqrt(18) / 2, 2.5, 2]]
        np.testing.assert_allclose(image, expected, rtol=1e-6)

    def test_on_the_sphere_only_directions_count(self, by_hand):
        image, _ = distance_image(by_hand, (0, 1), SPHERE)
        chord = [math.sqrt(2 * (1 - cos)) / 0.5 for cos in (0.8, 0.6)]
        expected = [[np.nan, 0, 0], [chord[0], np.nan, chord[1]]]
        np.testing.assert_allclose(image, expected, atol=1e-6)
        with pytest.raises(ValueError, match="0 in every channel: ask another pixel"):
            distance_image(by_hand, (0, 0), SPHERE)

    @pytest.mark.parametrize("kernel", ["gaussian", "flat", "von-mises-fisher"])
    @pytest.mark.parametrize("chunk", [1, 150, 2**18])
    @pytest.mark.parametrize("size", [(17,), (9, 13), (4, 5, 6)])
    def test_as_a_loop(self, plan_of, rng, monkeypatch, kernel, chunk, size):
        monkeypatch.setattr(module, "CHUNK", chunk)
        e = rng.normal(size=(5, *size)).astype(np.float32) + 20
        clustering, pixel = Clustering(bandwidth=0.7, kernel=kernel), (3,) * len(size)
        image, _ = distance_image(predicted(e, plan_of(size)), pixel, clustering)
        np.testing.assert_allclose(image, looped(e, pixel, clustering), atol=3e-5)
        assert image[pixel] == 0

    def test_a_region_of_a_result_that_begins_elsewhere(self, plan_of, rng):
        plan = plan_of((40, 40), region=((8, 24), (12, 40)))
        seen = predicted(rng.normal(size=(3, *plan.output_shape)), plan)
        everything, offset = distance_image(seen, (10, 20), Clustering())
        assert (offset, everything.dtype) == ((8, 12), np.float64)
        assert everything[2, 8] == 0
        for pixel in ((10, 20), (20, 13)):  # the other is not in view
            everything, _ = distance_image(seen, pixel, Clustering())
            view = ((0, 15), (18, 100))
            image, corner = distance_image(seen, pixel, Clustering(), view)
            assert corner == (8, 18)
            np.testing.assert_array_equal(image, everything[:7, 6:])

    def test_a_memory_map_is_read_in_chunks(self, plan_of, rng, monkeypatch):
        e, reads = rng.normal(size=(4, 20, 30)), []
        monkeypatch.setattr(module, "CHUNK", 240)  # 60 pixels: two rows

        class Watched:
            def __getitem__(self, key):
                reads.append(e[key].size)
                return e[key]

        plan = plan_of((20, 30))
        image, _ = distance_image(predicted(Watched(), plan), (19, 29), Clustering())
        expected, _ = distance_image(predicted(e, plan), (19, 29), Clustering())
        np.testing.assert_array_equal(image, expected)
        assert max(reads) == 240
        assert sum(reads) == e.size + 4  # and the pixel that was asked

    def test_half_precision_does_not_overflow(self, plan_of):
        e = np.array([[[0, 300]]], np.float16)  # 300² is beyond float16
        image, _ = distance_image(predicted(e, plan_of((1, 2))), (0, 0), Clustering())
        assert image.tolist() == [[0, 300]]

    def test_bad_pixels_and_regions_are_refused(self, by_hand):
        for pixel, region, said in (
            ((0, 0), ((0, 1),), "got .*: choose one within"),
            ((0, 0), ((2, 5), (0, 3)), "must hold pixels that were predicted"),
            ((2, 0), None, "point at the image"),
        ):
            with pytest.raises(ValueError, match=said):
                distance_image(by_hand, pixel, Clustering(), region)
