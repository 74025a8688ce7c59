"""What a pixel is, from labels and modes drawn by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.evidence import Evidence
from napari_shiftseg.explain.pixel import ask_pixel, why_background

pytestmark = pytest.mark.usefixtures("one_thread")

#             0  1  2  3  4  5  6  7  8  9 10 11
LABELS = np.array([[0, 1, 1, 1, 2, 2, 0, 3, 3, 0, 0, 0]])
VALUES = np.array([[9, 0, 1, 2, 4, 4, 9, 2, 2, 9, 3, 9]])
LOGIT = np.array([[-9, 1, 1, 1, 1, 1, -9, 1, 1, -9, 1, -1]])
MODES = np.array([[1.0, 0, 0], [4.0, 0, 0], [2.0, 0, 0]])
MODE_OF = np.array([-1, 0, 1, 2])
COMPONENTS = Clustering(bandwidth=2, scope="component")


@pytest.fixture
def known(evidence_of):
    return evidence_of(
        LABELS, VALUES, LOGIT, clustering=COMPONENTS, modes=MODES, mode_of=MODE_OF
    )


def test_an_object(known):
    answer = ask_pixel(known, (0, 3))
    assert (answer.label, answer.mode) == (1, 0)
    assert answer.to_mode == 0.5  # from 2 to 1, in bandwidths of 2
    assert answer.to_next == 1.0  # to 4; the mode at 2 is of another component
    assert answer.foreground == pytest.approx(1 / (1 + np.exp(-1)))
    assert answer.place.phase == (0, 3)  # (x − 20) mod 4
    assert answer.text == (
        "object 1 · 0.5 bandwidths from its mode, 1.0 to the next · phase (0, 3) · "
        "tile 0, 0 · foreground 0.73"
    )


def test_an_object_alone_in_its_component_has_no_next_mode(known):
    answer = ask_pixel(known, (0, 7))
    assert (answer.label, answer.mode, answer.to_mode) == (3, 2, 0.0)
    assert answer.to_next is None
    assert answer.text.startswith("object 3 · 0.0 bandwidths from its mode · phase")
    assert "tile 0, 0 ·" in answer.text
    assert ask_pixel(known, (0, 8)).place.tile == (0, 1)


def test_background_was_not_clustered(known):
    answer = ask_pixel(known, (0, 0))
    assert (answer.label, answer.mode, answer.to_mode) == (0, None, None)
    assert answer.text == "background · phase (0, 0) · tile 0, 0 · foreground 0.00"


def test_without_modes_of_objects_all_modes_may_be_next(known):
    bare = Evidence(known.predicted, LABELS, MODES, Clustering(bandwidth=0.5))
    answer = ask_pixel(bare, (0, 4))
    assert answer.mode is None
    assert answer.to_mode == 0  # the mean embedding stands for it
    assert answer.to_next == 4  # the mode at 2
    assert ask_pixel(bare, (0, 3)).to_mode == 2  # from 2 to the mean, 1


def test_a_mode_within_a_bandwidth_is_the_same(known):
    wide = Evidence(known.predicted, LABELS, MODES, Clustering(bandwidth=1.5), MODE_OF)
    assert ask_pixel(wide, (0, 2)).to_next == 2  # 3 / 1.5; the mode at 2 is its own


@pytest.mark.parametrize("mode_of", [MODE_OF[:2], [-1, 0, -1, -1], None])
def test_an_edited_object_has_its_mean_for_a_mode(known, mode_of):
    edited = np.where(LABELS == 2, 3, LABELS)  # 3 has values 4, 4, 2, 2
    mode_of = None if mode_of is None else np.array(mode_of)
    asked = Evidence(known.predicted, edited, MODES, COMPONENTS, mode_of)
    answer = ask_pixel(asked, (0, 4))
    assert (answer.label, answer.mode) == (3, None)
    assert answer.to_mode == pytest.approx(0.5)  # from 4 to 3


def test_with_scope_global_background_has_a_mode_too(evidence_of):
    asked = evidence_of(LABELS, VALUES, modes=np.array([[9.0, 0, 0], [0.0, 0, 0]]))
    answer = ask_pixel(asked, (0, 10))  # of value 3, in no object
    assert (answer.label, answer.mode) == (0, 1)
    assert (answer.to_mode, answer.to_next) == (3, 6)
    assert answer.foreground is None
    assert answer.text == (
        "background · 3.0 bandwidths from its mode, 6.0 to the next · phase (0, 2) · "
        "tile 0, 1"
    )


def test_no_modes_at_all(evidence_of):
    answer = ask_pixel(evidence_of(0 * LABELS, VALUES), (0, 4))
    assert (answer.mode, answer.to_mode, answer.to_next) == (None, None, None)


def test_on_the_sphere_the_distance_is_the_chord(evidence_of):
    asked = evidence_of(
        np.array([[1, 1]]),
        np.array([[5, 5]]),
        clustering=Clustering(bandwidth=0.5, kernel="von-mises-fisher"),
        modes=np.array([[0.6, 0.8, 0], [-1.0, 0, 0]]),
        mode_of=np.array([-1, 0]),
    )
    answer = ask_pixel(asked, (0, 0))
    assert answer.to_mode == pytest.approx(np.sqrt(2 * (1 - 0.6)) / 0.5)
    assert answer.to_next == pytest.approx(2 / 0.5)


def test_in_a_volume_and_in_a_region(evidence_of, plan_of):
    plan = plan_of((12, 16, 20), region=((4, 8), (8, 16), (4, 12)))
    labels = np.ones(plan.output_shape, int)
    labels[2, 3, 4] = 2
    asked = evidence_of(labels, labels * 5.0, plan=plan)
    answer = ask_pixel(asked, (6, 11, 8))
    assert answer.label == 2
    assert answer.place.phase == (2, 3, 0)
    assert answer.text == (
        "object 2 · 0.0 bandwidths from its mode · phase (2, 3, 0) · tile 0, 0, 1"
    )
    assert answer.place.bounds == ((4, 8), (8, 16), (8, 12))
    assert ask_pixel(asked, (7, 15, 11)).label == 1  # the last pixel
    with pytest.raises(ValueError, match="predict this part"):
        ask_pixel(asked, (8, 15, 11))


def test_a_pixel_outside_is_refused(known):
    with pytest.raises(ValueError, match="point at the image"):
        ask_pixel(known, (0, 12))


def test_evidence_must_fit_together(known):
    with pytest.raises(ValueError, match=r"shape .*\(1, 12\), got \(12, 1\): give"):
        Evidence(known.predicted, LABELS.T, MODES, COMPONENTS)
    with pytest.raises(ValueError, match=r"name 2 axes, .*leave out those of time"):
        Evidence(known.predicted, LABELS, MODES, COMPONENTS, axes=("t", "y", "x"))


class TestBackground:
    def why(self, evidence, x):
        return why_background(evidence, evidence.place((0, x)))

    def test_below_the_threshold(self, known):
        assert self.why(known, 11) == (
            "y = 0, x = 11 is background: its foreground probability 0.27 is not above "
            "the threshold 0.5."
        )

    def test_names_of_the_axes(self, known):
        named = Evidence(
            known.predicted, LABELS, MODES, COMPONENTS, axes=("row", "column")
        )
        assert self.why(named, 11).startswith("row = 0, column = 11 is")

    def test_foreground_without_an_object(self, known):
        assert self.why(known, 10) == (
            "y = 0, x = 10 is not background, but belongs to no object: an edit "
            "deleted its object."
        )
        dropping = COMPONENTS.model_copy(update={"min_size": 5})
        small = Evidence(known.predicted, LABELS, MODES, dropping)
        assert "objects of fewer than 5 px are dropped, or an edit" in self.why(
            small, 10
        )

    def test_no_edit_is_guessed_at_where_all_are_known(self, known):
        dropping = COMPONENTS.model_copy(update={"min_size": 5})
        asked = replace(known, made=())
        assert self.why(replace(asked, clustering=dropping), 10).endswith(
            "belongs to no object: objects of fewer than 5 px are dropped."
        )
        assert self.why(asked, 10).endswith("the clustering left it out.")

    def test_the_mode_of_the_background(self, evidence_of):
        told = Clustering(background_embedding=(8.0, 0, 0))
        modes = np.array([[0.0, 0, 0], [9.0, 0, 0]])
        asked = evidence_of(0 * LABELS, VALUES, clustering=told, modes=modes)
        assert "the background's is nearest" in self.why(asked, 0)  # value 9
        assert "belongs to no object" in self.why(asked, 1)  # value 0
