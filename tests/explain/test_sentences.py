"""What is said of each reason, once."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain import reasons
from napari_shiftseg.explain.sentences import sentence_of
from napari_shiftseg.explain.two_objects import TileBorder
from napari_shiftseg.mending.edits import Merge, Split

JOIN, CUT = Merge(((1, 5), (1, 6))), Split((((0, 0),), ((0, 5),)))
IF_ONE = "If they are one, use the Merge tool."
IF_TWO = "If they are two, use the Split tool."


@pytest.fixture
def evidence(evidence_of):
    """Of a network of period 4, with the usual settings but a minimum size."""
    labels, clustering = np.zeros((3, 12), int), Clustering(bandwidth=0.8, min_size=5)
    return evidence_of(labels, 1.0 * labels, clustering=clustering, made=())


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (reasons.Background((1, 3), JOIN),
         "y = 1, x = 3 is background: an edit (merge at "
         "(1, 5), (1, 6)) made it so."),
        (reasons.Background((1, 3), foreground=0.12), "y = 1, x = 3 is background: its "
         "foreground probability 0.12 is not above the threshold 0.5."),
        (reasons.Background((1, 3), has_its_mode=True),
         "y = 1, x = 3 is background: the "
         "background's mode is the nearest to it."),
        (reasons.Background((1, 3)),
         "y = 1, x = 3 is on no object: objects of fewer than 5 px "
         "are dropped."),
        (reasons.AnEdit(JOIN, True, True),
         "Joined by an edit (merge at (1, 5), (1, 6)): it "
         "holds at every bandwidth. To undo it, take it out of the list of edits."),
        (reasons.AnEdit(CUT, False, False),
         "Parted by an edit (split at (0, 0), (0, 5)): at "
         "another bandwidth it acts again, on the objects found then. To undo it, take "
         "it out of the list of edits."),
        (reasons.OneObject(1, 1.24, 0.47),
         "Both are object 1: 1.2 bandwidths apart. Clustered "
         "by itself, it is parted between them at a bandwidth of 0.47 (now 0.8)."),
        (reasons.OneObject(1, 1.24, 0.47, (JOIN,)),
         "Both are object 1: 1.2 bandwidths apart. "
         "Clustered by itself, it is parted between them at a bandwidth of 0.47 (now "
         "0.8), unless edits that act again undo it (the last: merge at (1, 5), "
         "(1, 6))."),
        (reasons.OneObject(1, 0.0, None, (JOIN,)),
         "Both are object 1: 0.0 bandwidths apart. "
         f"{IF_TWO}"),
        (reasons.MinimumSize(1, 3.0),
         "Both are object 1, though 3.0 bandwidths apart: one is "
         "in a part of fewer than 5 px, which went to the object beside it (minimum "
         f"size). {IF_TWO}"),
        (TileBorder("x", 10, 0.75, 11.2), "Split by the tile border at x = 10: use "
         "cropped stitching. 75 % of the line between them lies on it, and there the "
         "embedding jumps (11 times its steps inside them)."),
        (TileBorder("x", 10, 1, inf), "Split by the tile border at x = 10: use cropped "
         "stitching. 100 % of the line between them lies on it, and there the "
         "embedding jumps (inside them it has no step)."),
        (reasons.TwoComponents(3.1, 0.26), "They lie in different components of the "
         "foreground, so no bandwidth makes them one. They touch at a foreground "
         "threshold of 0.26 (now 0.5); their modes are 3.1 bandwidths apart. "
         f"{IF_ONE}"),
        (reasons.TwoComponents(3.1, None), "They lie in different components of the "
         "foreground, so no bandwidth makes them one. No foreground threshold down to "
         f"0.01 makes them touch; their modes are 3.1 bandwidths apart. {IF_ONE}"),
        (reasons.OneMode((0, 12), False, True, False),
         "Same mode, 12 = 3·4 px apart in x: "
         "this network cannot tell them apart. They are two because they do not touch. "
         f"{IF_ONE}"),
        (reasons.OneMode((8, -4), False, True, True),
         "Same mode, 8 = 2·4 px apart in y and "
         "4 = 1·4 px in x: this network cannot tell them apart. They are two because "
         f"they do not touch. {IF_ONE}"),
        (reasons.OneMode((8, 3), False, False, False),
         "Same mode, 8 px apart in y and 3 px in "
         "x: no training window (9 × 9 px) shows both. They are two because they do "
         f"not touch. {IF_ONE}"),
        (reasons.OneMode((0, 0), False, False, True),
         "Same mode, with one middle. They are "
         f"two because they do not touch. {IF_ONE}"),
        (reasons.OneMode((0, 3), True, False, True),
         "Same mode, and they touch: clustering in "
         f"neighbourhoods, or an edit, may have parted them. {IF_ONE}"),
        (reasons.TwoModes(3.1, 1.5, True),
         "Different modes, 3.1 bandwidths apart. Clustered "
         "by themselves, they have one mode at a bandwidth of 1.5 (now 0.8)."),
        (reasons.TwoModes(3.1, 0.8, True, (JOIN, JOIN, CUT)),
         "Different modes, 3.1 bandwidths "
         "apart. Clustered by themselves, they have one mode already, unless edits "
         "that act again undo it (the last: merge at (1, 5), (1, 6); split at (0, 0), "
         "(0, 5))."),
        (reasons.TwoModes(3.1, 1.5, False),
         "Different modes, 3.1 bandwidths apart. Clustered "
         "by themselves, they have one mode at a bandwidth of 1.5 (now 0.8). They "
         "do not touch: they stay two, unless what lies between joins them. "
         f"{IF_ONE}"),
    ],
)  # fmt: skip
def test_what_is_said(evidence, reason, said):
    assert sentence_of(reason, replace(evidence, training_window=(9, 9))) == said


def test_what_is_not_known_is_not_said(evidence):
    said = sentence_of(reasons.OneMode((0, 3), False, False, None), evidence)
    assert said.startswith("Same mode, 3 px apart in x. They are")
    unknown = sentence_of(reasons.Background((1, 3)), replace(evidence, made=None))
    assert unknown.endswith("are dropped, or an edit may have deleted it.")
    no_least = replace(evidence, clustering=Clustering())
    assert sentence_of(reasons.Background((1, 3)), no_least).endswith(
        "clustering left it out."
    )


def test_far_parts_that_are_not_split_are_not_two_by_their_place(evidence):
    whole = replace(evidence, clustering=Clustering(split_far_parts=False))
    said = sentence_of(reasons.OneMode((0, 3), False, False, None), whole)
    assert said == f"Same mode, 3 px apart in x. {IF_ONE}"
    assert "touch" not in sentence_of(reasons.TwoModes(3.1, 1.5, False), whole)


def test_axes_have_the_names_of_the_image(evidence):
    named = replace(evidence, axes=("row", "column"))
    assert sentence_of(reasons.Background((1, 3)), named).startswith(
        "row = 1, column = 3 is on"
    )
