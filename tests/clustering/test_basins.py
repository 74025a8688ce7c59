"""Objects of a foreground without an embedding: connected parts and basins."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering.basins import parted
from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.progress import exhaust

ENDS = ((True, True), (True, True))


def disks(*centres, radius=8, shape=(40, 60)):
    y, x = np.indices(shape)
    each = [(y - a) ** 2 + (x - b) ** 2 <= radius**2 for a, b in centres]
    return np.any(each, axis=0)


def objects_of(foreground, outputs=None, **settings):
    outputs = (
        np.zeros((1, *foreground.shape), np.float32) if outputs is None else outputs
    )
    clustering = Clustering(**{"method": "watershed", "scope": "component", **settings})
    return exhaust(cluster_steps(outputs, clustering, foreground))


def test_two_disks_that_touch_are_cut_at_their_waist():
    foreground = disks((20, 15), (20, 28), (20, 50))

    labels = objects_of(foreground).labels

    assert labels.max() == 3
    assert (labels > 0).tolist() == foreground.tolist()
    assert len({labels[20, 15], labels[20, 28], labels[20, 50]}) == 3
    left, right = labels == labels[20, 15], labels == labels[20, 28]
    assert abs(int(left.sum()) - int(right.sum())) <= 15
    assert np.nonzero(left)[1].max() in (21, 22)


def test_connected_parts_are_not_cut():
    foreground = disks((20, 15), (20, 28), (20, 50))

    labels = objects_of(foreground, method="components").labels

    assert labels.max() == 2
    assert labels[20, 15] == labels[20, 28] != labels[20, 50]


def test_a_prominence_above_the_waist_joins():
    foreground = disks((20, 15), (20, 28))

    assert objects_of(foreground, prominence=6.0).labels.max() == 1
    assert objects_of(foreground, prominence=0.5).labels.max() == 2


def test_a_boundary_or_a_middle_that_the_network_sees_cuts_there():
    foreground = np.zeros((20, 40), bool)
    foreground[5:15, 5:35] = True
    edge, middle = np.zeros((2, 20, 40), np.float32)
    edge[:, 17] = 1.0  # far from the middle of the bar
    middle[:] = np.minimum(abs(np.arange(40) - 17) / 10, 1)

    for channel, outputs in (
        ("boundary_channel", np.stack([foreground, edge])),
        ("middle_channel", np.stack([foreground, middle])),
    ):
        settings = {channel: 1, "prominence": 0.1}
        labels = objects_of(foreground, outputs.astype(np.float32), **settings).labels

        assert labels.max() == 2
        assert len(np.unique(labels[5:15, 5:17])) == 1
        assert len(np.unique(labels[5:15, 18:35])) == 1


def test_small_basins_go_to_their_neighbours_and_small_parts_away():
    foreground = disks((20, 15), radius=9) | disks((20, 26), radius=3)
    foreground[2, 2] = True

    large = objects_of(foreground, prominence=0.2, min_size=40)

    assert large.labels.max() == 1
    assert large.labels[20, 26] == large.labels[20, 15] == 1
    assert large.labels[2, 2] == 0
    assert large.mode_of.tolist() == [-1, 0]


def test_where_the_image_ends_an_object_may_go_on():
    bar = np.ones((1, 30), bool)  # as wide as the image
    nothing = np.zeros((1, *bar.shape))
    settings = Clustering(method="watershed", prominence=0.5)

    # all of it is object, however far; with a background around it is a ridge
    assert parted(nothing, bar, settings, [(False, False)] * 2).max() == 1
    cut = disks((0, 15), (0, 28), shape=(20, 40))  # halves of disks, their middles cut
    assert objects_of(cut).labels.max() == 2
    box = cut[:9, 7:37]
    as_image, as_box = (
        parted(np.zeros((1, *box.shape)), box, settings, [(first, True), (True, True)])
        for first in (False, True)
    )
    summits = [np.argwhere(labels == 1)[:, 0].min() for labels in (as_image, as_box)]
    assert summits == [0, 0]
    assert as_image[0, 8] == as_image[4, 8]


def test_a_foreground_that_is_everything_is_one_object():
    assert objects_of(np.ones((12, 9), bool)).labels.max() == 1


def test_modes_are_the_mean_outputs_of_the_objects():
    foreground = disks((20, 15), (20, 50))
    outputs = np.stack([foreground * 2.0, np.indices(foreground.shape)[1]])

    found = objects_of(foreground, outputs.astype(np.float32))

    assert found.modes == pytest.approx(np.array([[2, 15], [2, 50]]), abs=1e-4)
    assert found.mode_of.tolist() == [-1, 0, 1]
