"""A stack of planes: which axis is linked, what is counted, what is said."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.series import TAKEN_FOR_PLANES, linked_axis

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model(small_model):
    clustering = Clustering(bandwidth=1e3, scope="component")
    return small_model(2, 2, foreground=True, clustering=clustering)


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(21, 26))


@pytest.mark.parametrize(
    ("asked", "axes", "leading", "ndim", "axis"),
    [
        (None, "z", 1, 2, 0),
        (None, ["Plane"], 1, 2, 0),
        (None, "t", 1, 2, None),
        (None, ["time"], 1, 2, None),
        (True, "t", 1, 2, 0),
        (False, "z", 1, 2, None),
        (None, "tz", 2, 2, 1),
        (None, "zt", 2, 2, 0),
        (True, "zt", 2, 2, 0),
        (None, "qz", 2, 2, 1),
        (None, "qt", 2, 2, None),
        (None, "", 1, 2, 0),  # no names at all: planes
        (None, ["", ""], 2, 2, 1),
        (None, "q", 1, 3, None),  # volumes after each other are no planes
        (True, "t", 1, 3, 0),
        (None, "q", 1, 1, None),
        (True, "", 0, 2, None),
    ],
)
def test_which_axis_is_linked(asked, axes, leading, ndim, axis) -> None:
    assert linked_axis(asked, axes, leading, ndim) == axis


class TestSegment:
    def test_objects_of_like_planes_are_one(self, model, plane) -> None:
        single = segment(plane, model)
        result = segment(np.stack([plane] * 3), model, axes="z")
        assert result.objects == single.objects > 3
        for labels in result.labels:
            np.testing.assert_array_equal(labels, single.labels)
        every = 3 * single.objects
        assert result.found == (
            f"{single.objects} objects in 3 planes, linked from {every} cross-sections"
        )
        assert result.labels.dtype == np.int32
        (said,) = [note for note in result.notes if "joined" in note]
        assert said.endswith("objects (overlap of 0.25 or more)")

    def test_time_is_not_linked_unless_asked(self, model, plane) -> None:
        film = np.stack([plane] * 3)
        apart = segment(film, model, axes="t")
        assert apart.objects == len(np.unique(apart.labels)) - 1
        tracks = segment(film, model, axes="t", link_planes=True)
        assert apart.objects == 3 * tracks.objects
        assert tracks.volumes == {(): (slice(None),)}
        np.testing.assert_array_equal(tracks.labels[0], tracks.labels[2])

    def test_an_axis_without_a_name_is_said(self, model, plane) -> None:
        stack = np.stack([plane] * 2)
        assert TAKEN_FOR_PLANES in segment(stack, model).notes
        for settings in ({"axes": "z"}, {"link_planes": True}, {"axes": "t"}):
            assert TAKEN_FOR_PLANES not in segment(stack, model, **settings).notes

    def test_objects_of_one_plane_are_counted(self, model, plane) -> None:
        other = np.roll(plane, 9, axis=0)
        result = segment(np.stack([plane, plane, other]), model, link_threshold=0.9)
        planes = [set(np.unique(labels)) - {0} for labels in result.labels]
        everywhere = [number for number in planes[0] | planes[2]
                      if sum(number in each for each in planes) == 1]  # fmt: skip
        said = f", {len(everywhere)} of them in one plane only"
        assert any(note.endswith(said) for note in result.notes)

    def test_four_axes(self, model, plane) -> None:
        stack = np.stack([np.stack([plane] * 3)] * 2)
        single = segment(plane, model).objects
        result = segment(stack, model, axes="tz")
        assert result.objects == 2 * single
        assert set(np.unique(result.labels[0])) & set(np.unique(result.labels[1])) == {
            0
        }
        assert result.volumes.keys() == {(0,), (1,)}

    def test_one_plane_is_an_image(self, model, plane) -> None:
        result = segment(plane[None], model)
        assert result.found == f"{result.objects} objects"
        assert not any("joined" in note for note in result.notes)
        np.testing.assert_array_equal(result.labels[0], segment(plane, model).labels)

    def test_without_objects_nothing_is_said(self, model, plane) -> None:
        result = segment(np.stack([plane] * 2), model, min_size=10**6)
        assert result.objects == 0
        assert not any("joined" in note for note in result.notes)

    def test_a_plane_without_data_is_no_bridge(self, model, plane) -> None:
        stack = np.stack([plane, plane * np.nan, plane])
        result = segment(stack, model, axes="z")
        assert not result.labels[1].any()
        assert result.objects == 2 * segment(plane, model).objects

    @pytest.mark.parametrize("threshold", [0, 1.5, "much"])
    def test_a_threshold_is_a_share(self, model, plane, threshold) -> None:
        with pytest.raises(ValueError, match="link_threshold"):
            segment(plane, model, link_threshold=threshold)
