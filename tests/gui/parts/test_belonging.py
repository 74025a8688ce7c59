"""Which labels belong to which image."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_shiftseg.gui.parts.belonging import (
    METADATA_KEY,
    METADATA_OF,
    _lies_on,
    _likeness,
    doubts,
    image_of_labels,
    labels_of,
)


def image(name, shape=(4, 5), **options):
    return Image(np.zeros(shape), name=name, **options)


def labels(name, shape=(4, 5), **options):
    return Labels(np.ones(shape, int), name=name, **options)


@pytest.mark.parametrize(
    ("name", "of", "alike"),
    [
        ("cells_labels", "cells", 2),
        ("cells · truth", "cells", 2),
        ("Cells masks [1]", "cells.tif", 2),
        ("Labels", "cells", 1),
        ("ground_truth [2]", "cells", 1),
        ("a_labels_2", "a", 2),
        ("true objects", "cells", 1),
        ("dish_labels", "cells", 0),
        ("a", "cab", 0),
    ],
)
def test_names(name, of, alike):
    assert _likeness(name, of) == alike


def test_place():
    on = image("cells", scale=(2, 3), translate=(1, 1))
    assert _lies_on(labels("cells", scale=(2, 3), translate=(1, 1)), on)
    assert not _lies_on(labels("cells", scale=(2, 2), translate=(1, 1)), on)
    assert not _lies_on(labels("cells", scale=(2, 3)), on)
    stack = image("stack", (3, 4, 5), scale=(9, 2, 3))
    assert _lies_on(labels("plane", scale=(2, 3)), stack)


def test_the_likeliest_of_its_shape():
    one, two = image("one"), image("two")
    plain, its, others = labels("Labels"), labels("one_labels"), labels("two_labels")
    small = labels("one_labels", (3, 5))
    everything = [small, others, plain, its]
    assert labels_of(one, everything, [one, two]) is its
    assert labels_of(two, everything, [one, two]) is others
    assert labels_of(one, [others, plain], [one, two]) is plain
    assert labels_of(one, [others], [one, two]) is others  # doubted below
    assert labels_of(one, [small], [one, two]) is None
    assert image_of_labels(others, [one, two]) is two


def test_what_labels_say_counts_more_than_names():
    one, two = image("one"), image("two")
    said = labels("two_labels", metadata={METADATA_OF: str(one.unique_id)})
    assert labels_of(one, [labels("one"), said], [one, two]) is said
    assert doubts(said, one, [one, two]) == []
    assert "seem to belong to 'one'" in doubts(said, two, [one, two])[0]


def test_what_a_model_found_is_no_truth():
    one = image("one")
    record = {METADATA_KEY: {"made from": str(one.unique_id)}}
    found, drawn = labels("labels · one", metadata=record), labels("truth")
    assert labels_of(one, [found, drawn], [one]) is drawn
    assert labels_of(one, [found], [one]) is found
    assert "A model made the labels" in doubts(found, one, [one])[-1]


def test_doubts():
    one, two = image("one"), image("two")
    assert doubts(labels("Labels"), one, [one, two]) == []
    (other,) = doubts(labels("two_labels"), one, [one, two])
    assert other == "The labels 'two_labels' seem to belong to 'two', not to 'one'."
    (differ,) = doubts(labels("dish"), one, [one])
    assert "the names differ" in differ
    (place,) = doubts(labels("one", translate=(0, 9)), one, [one])
    assert "do not lie on 'one'" in place
