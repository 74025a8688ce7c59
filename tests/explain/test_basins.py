"""Why pixels of a foreground without modes are one object or two: a dumbbell."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering.basins import Basins
from napari_shiftseg.clustering.modes import Pixels
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.basins import OnePart, TwoBasins
from napari_shiftseg.explain.pixel import ask_pixel
from napari_shiftseg.explain.reasons import TwoComponents, reason_of
from napari_shiftseg.explain.sentences import sentence_of
from napari_shiftseg.progress import exhaust

LEFT, RIGHT, APART = (10, 8), (10, 26), (2, 36)
WATERSHED = Clustering(method="watershed", scope="component", prominence=1.0)


@pytest.fixture
def foreground():
    """Two squares of 9 pixels, a bridge of 5 between them, and a third one apart."""
    drawn = np.zeros((20, 40))
    drawn[6:15, 4:13] = drawn[6:15, 22:31] = 4.0
    drawn[8:13, 13:22] = 1.0  # probability 0.73
    drawn[1:4, 35:38] = 4.0
    return np.where(drawn > 0, drawn, -4.0)


def labelled(values, logit, clustering):
    pixels = Pixels(values[None], (0, 0), "cpu")
    return exhaust(Basins(pixels, clustering, logit > 0).steps()).labels


@pytest.fixture
def evidence(evidence_of, foreground):
    def make(**changed):
        clustering = WATERSHED.model_copy(update=changed)
        values = np.zeros(foreground.shape)
        labels = labelled(values, foreground, clustering)
        return evidence_of(labels, values, foreground, clustering=clustering)

    return make


def numbers(evidence, foreground, **changed):
    """Return the objects of both squares with other settings."""
    clustering = evidence.clustering.model_copy(update=changed)
    labels = labelled(np.zeros(foreground.shape), foreground, clustering)
    return labels[LEFT], labels[RIGHT]


def test_two_basins_are_one_at_the_prominence_said(evidence, foreground):
    known = evidence()
    reason = reason_of(known, LEFT, RIGHT)

    assert isinstance(reason, TwoBasins)
    one, other = numbers(known, foreground)
    assert one != other
    one, other = numbers(known, foreground, prominence=reason.prominence)
    assert one == other
    said = sentence_of(reason, known)
    assert f"at a prominence of {reason.prominence:g} (now 1)" in said


def test_one_part_is_two_at_the_prominence_and_the_threshold_said(evidence, foreground):
    known = evidence(prominence=8.0)
    reason = reason_of(known, LEFT, RIGHT)

    assert isinstance(reason, OnePart)
    one, other = numbers(known, foreground)
    assert one == other
    one, other = numbers(known, foreground, prominence=reason.prominence)
    assert one != other
    assert reason.threshold == 0.74  # the bridge has 0.731
    assert "one part of the foreground" in sentence_of(reason, known)


def test_components_know_no_prominence(evidence):
    reason = reason_of(evidence(method="components"), LEFT, RIGHT)

    assert reason == OnePart(1, None, 0.74) or reason == OnePart(2, None, 0.74)


def test_two_parts_are_told_without_modes(evidence):
    known = evidence()
    reason = reason_of(known, LEFT, APART)

    assert isinstance(reason, TwoComponents)
    assert reason.distance is None
    said = sentence_of(reason, known)
    assert "different components" in said
    assert "bandwidth" not in said


def test_a_pixel_has_no_mode(evidence):
    answer = ask_pixel(evidence(), LEFT)

    assert answer.to_mode is None
    assert "bandwidths" not in answer.text
    assert "foreground 0.98" in answer.text


def test_the_scope_does_not_matter(evidence):
    assert isinstance(reason_of(evidence(scope="global"), LEFT, RIGHT), TwoBasins)
