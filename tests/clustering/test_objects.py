"""Embeddings drawn by hand, a digit a mode, and the objects they must become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.mean_shift import MeanShift
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.progress import Returning, exhaust

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects


pytestmark = pytest.mark.usefixtures("one_thread")


def drawn(text: str) -> NDArray[np.int64]:
    """Read an image of digits; a dot is 0."""
    return np.array([[int(c) for c in line] for line in text.replace(".", "0").split()])


def embedded(digits: NDArray[Any], spread: float = 0.0) -> NDArray[np.float32]:
    """Embed each digit d near (5 d, -5 d, 5 d²): modes at least 7 apart."""
    modes = np.stack([5 * digits, -5 * digits, 5 * digits**2]).astype(np.float32)
    noise = np.random.default_rng(0).normal(size=modes.shape)
    return modes + (spread * noise).astype(np.float32)


def clustered(digits: NDArray[Any], **options: Any) -> Objects:
    known = {"background_embedding": (0.0, 0.0, 0.0)}
    settings = Clustering(**{**known, **options})
    return exhaust(cluster_steps(embedded(digits, 0.1), settings, device="cpu"))


def in_components(
    digits: NDArray[Any], neighbourhood: Any = None, **options: Any
) -> Objects:
    settings = Clustering(scope="component", **options)
    return exhaust(
        cluster_steps(
            embedded(digits, 0.1), settings, digits > 0, None, neighbourhood, "cpu"
        )
    )


def assert_objects(labels: NDArray[Any], expected: NDArray[Any]) -> None:
    """Assert that the objects are these, numbered from 1 in any order."""
    assert labels.dtype == np.int32
    assert labels.shape == expected.shape
    pairs = set(zip(labels.ravel().tolist(), expected.ravel().tolist(), strict=True))
    found, true = (sorted({pair[i] for pair in pairs}) for i in (0, 1))
    assert len(pairs) == len(found) == len(true)
    assert all((a == 0) == (b == 0) for a, b in pairs)
    assert [i for i in found if i] == list(range(1, len([i for i in true if i]) + 1))


FAR_PARTS = drawn("""
    .......
    .11.11.
    .11.11.
    ....2..
    22.22..
""")
PARTS = drawn("""
    .......
    .11.22.
    .11.22.
    ....4..
    33.44..
""")


class TestGlobal:
    def test_far_parts_of_a_mode_are_objects(self) -> None:
        assert_objects(clustered(FAR_PARTS).labels, PARTS)

    def test_or_one_object_if_so_asked(self) -> None:
        assert_objects(clustered(FAR_PARTS, split_far_parts=False).labels, FAR_PARTS)

    def test_parts_that_touch_at_corners_are_apart(self) -> None:
        objects = clustered(drawn("1.. .1. ..1"))
        assert_objects(objects.labels, drawn("1.. .2. ..3"))

    def test_touching_objects_of_different_modes_are_apart(self) -> None:
        digits = drawn("1122. 1122. 3322.")
        assert_objects(clustered(digits).labels, digits)

    @pytest.mark.parametrize(
        ("size", "left"),
        [
            (0, PARTS),
            (2, PARTS),
            (3, np.where(PARTS == 3, 0, PARTS)),
            (4, np.where(PARTS > 2, 0, PARTS)),
            (5, np.zeros_like(PARTS)),
        ],
    )
    def test_small_objects_are_dropped(self, size: int, left: NDArray[Any]) -> None:
        assert_objects(clustered(FAR_PARTS, min_size=size).labels, left)

    def test_the_size_is_that_of_a_part(self) -> None:
        whole = clustered(FAR_PARTS, min_size=5, split_far_parts=False).labels
        assert_objects(whole, FAR_PARTS)  # 8 and 5 pixels

    def test_the_background_is_the_nearest_mode(self) -> None:
        near_two = clustered(FAR_PARTS, background_embedding=(9.0, -9.0, 18.0)).labels
        assert not near_two[FAR_PARTS == 2].any()
        assert near_two[FAR_PARTS != 2].all()

    def test_without_one_it_is_an_object(self) -> None:
        objects = clustered(FAR_PARTS, background_embedding=None)
        assert objects.labels.min() == 1
        assert len(objects.modes) == 3

    def test_modes_are_where_they_were_put(self) -> None:
        modes = clustered(FAR_PARTS).modes
        expected = [[0, 0, 0], [5, -5, 5], [10, -10, 20]]
        found = modes[np.argsort(modes[:, 0])]
        np.testing.assert_allclose(found, expected, atol=0.2)

    def test_only_the_foreground_is_clustered(self) -> None:
        settings = Clustering()
        steps = cluster_steps(
            embedded(FAR_PARTS), settings, FAR_PARTS == 1, device="cpu"
        )
        assert_objects(exhaust(steps).labels, np.where(PARTS > 2, 0, PARTS))

    def test_an_empty_foreground_has_no_objects(self) -> None:
        for scope in ("global", "component"):
            nothing = np.zeros(FAR_PARTS.shape, bool)
            steps = cluster_steps(
                embedded(FAR_PARTS), Clustering(scope=scope), nothing, device="cpu"
            )
            objects = exhaust(steps)
            assert not objects.labels.any()
            assert objects.modes.shape == (0, 3)

    @pytest.mark.parametrize("scope", ["global", "component"])
    @pytest.mark.parametrize("ndim", [1, 3])
    def test_any_number_of_axes(self, ndim: int, scope: Any) -> None:
        row = np.array([0, 1, 1, 2, 2, 0, 0, 1])
        objects = np.array([0, 1, 1, 2, 2, 0, 0, 3])
        shape = (1,) * (ndim - 1) + (-1,)
        found = (
            clustered(row.reshape(shape))
            if scope == "global"
            else in_components(row.reshape(shape))
        )
        assert_objects(found.labels, objects.reshape(shape))


class TestComponents:
    def test_touching_objects_are_parted(self) -> None:
        digits = drawn("1122. 1122. ..... .1111")
        assert_objects(in_components(digits).labels, drawn("1122. 1122. ..... .3333"))

    def test_modes_that_would_run_together_are_apart_in_components(self) -> None:
        """Ten pairs; from pair to pair the modes drift by half a bandwidth.

        ::

            0 0 3 3 . 0.5 0.5 3.5 3.5 . 1 1 4 4 . …
        """
        left = np.repeat(np.arange(10) / 2, 2).reshape(10, 2)
        row = np.concatenate([left, left + 3, np.zeros((10, 1))], axis=1).ravel()
        true = np.tile([1, 1, 2, 2, 0], 10) + np.repeat(np.arange(10) * 2, 5)
        true[4::5] = 0
        row, true = np.tile(row, (4, 1)), np.tile(true, (4, 1))
        apart, together = (
            exhaust(
                cluster_steps(
                    row[None], Clustering(scope=scope), true > 0, device="cpu"
                )
            )
            for scope in ("component", "global")
        )
        assert_objects(apart.labels, true)
        assert together.labels.max() < 20

    def test_small_pieces_go_to_their_neighbour(self) -> None:
        digits = drawn("""
            11111222
            11311222
            11111242
        """)
        expected = np.where(digits == 3, 1, np.where(digits == 4, 2, digits))
        assert_objects(in_components(digits).labels, digits)
        assert_objects(in_components(digits, min_size=2).labels, expected)

    def test_but_not_across_the_background(self) -> None:
        digits = drawn("1111.2 1111.. 1111.3")
        assert_objects(
            in_components(digits, min_size=2).labels, np.where(digits > 1, 0, digits)
        )

    def test_a_component_of_small_pieces_alone_is_dropped(self) -> None:
        digits = drawn("12..3333 34..3333")
        expected = np.where(digits == 3, 3, 0)
        expected[:, :4] = 0
        assert_objects(in_components(digits, min_size=4).labels, expected)

    def test_far_parts_of_a_mode(self) -> None:
        digits = drawn("11211 11211")
        assert_objects(in_components(digits).labels, drawn("11233 11233"))
        together = in_components(digits, split_far_parts=False)
        assert_objects(together.labels, digits)

    def test_a_hole_of_another_component_is_left_alone(self) -> None:
        digits = drawn("""
            11111
            1...1
            1.1.1
            1...1
            11111
        """)
        expected = digits.copy()
        expected[2, 2] = 2
        assert_objects(in_components(digits).labels, expected)

    def test_one_whose_box_holds_an_earlier_one(self) -> None:
        digits = drawn("..1.1 ....1 11111")
        expected = np.where(digits > 0, 2, 0)
        expected[0, 2] = 1
        assert_objects(in_components(digits).labels, expected)

    def test_progress_counts_the_components(self) -> None:
        digits = drawn("1.2.3.1")
        settings = Clustering(scope="component")
        steps = Returning(
            cluster_steps(embedded(digits), settings, digits > 0, device="cpu")
        )
        assert list(steps) == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
        assert_objects(steps.value.labels, drawn("1.2.3.4"))

    def test_a_foreground_is_needed(self) -> None:
        steps = cluster_steps(embedded(PARTS), Clustering(scope="component"))
        with pytest.raises(
            ValueError, match=r'needs a model with a foreground.*"global'
        ):
            exhaust(steps)


class TestModeOf:
    """Whose mode an object has."""

    def test_each_object_of_an_image(self) -> None:
        objects = clustered(FAR_PARTS)
        expected = np.where(FAR_PARTS == 0, 0, 5 * FAR_PARTS)  # the first channel
        found = objects.modes[objects.mode_of[objects.labels], 0]
        np.testing.assert_allclose(found, expected, atol=0.2)
        assert len(objects.mode_of) == 5

    def test_there_may_be_no_background(self) -> None:
        assert clustered(FAR_PARTS, background_embedding=None).mode_of[0] == -1
        assert in_components(FAR_PARTS).mode_of[0] == -1

    @pytest.mark.parametrize("neighbourhood", [None, (3, 4)])
    def test_each_object_of_components(self, neighbourhood: Any) -> None:
        digits = drawn("""
            111222...
            111222.3.
            111222...
            .......33
        """)
        objects = in_components(digits, neighbourhood, min_size=2)
        there = objects.labels > 0
        found = objects.modes[objects.mode_of[objects.labels[there]], 0]
        np.testing.assert_allclose(found, 5 * digits[there], atol=0.3)
        assert len(objects.mode_of) == objects.labels.max() + 1 == 4

    def test_a_small_piece_takes_the_mode_of_its_neighbour(self) -> None:
        objects = in_components(drawn("1111 1331 1111"), min_size=3)
        assert objects.labels.min() == objects.labels.max() == 1
        assert len(objects.modes) == 2
        assert objects.modes[objects.mode_of[1], 0] == pytest.approx(5, abs=0.2)


class TestPlace:
    """A component has the same modes, whatever part of the image it is cut from."""

    @pytest.fixture
    def crowd(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """40,000 pixels of foreground, too many to climb all, in three modes."""
        rng = np.random.default_rng(0)
        digits = np.zeros((230, 240), int)
        digits[20:220, 30:230] = rng.integers(1, 4, (200, 200))
        e = rng.normal(size=(6, *digits.shape)) * 0.6 + 4 * digits
        return e.astype(np.float32), digits > 0

    def objects(self, crowd, at: Any, offset: Any) -> Objects:
        e, foreground = crowd
        settings = Clustering(scope="component", bandwidth=2, split_far_parts=False)
        return exhaust(
            cluster_steps(
                e[(slice(None), *at)], settings, foreground[at], offset, None, "cpu"
            )
        )

    def test_a_region_has_the_modes_of_the_whole(self, crowd) -> None:
        whole = self.objects(crowd, (slice(None), slice(None)), (100, 7))
        at = (slice(11, 225), slice(26, None))
        part = self.objects(crowd, at, (111, 33))
        assert len(whole.modes) == 3
        np.testing.assert_array_equal(part.modes, whole.modes)
        np.testing.assert_array_equal(part.labels, whole.labels[at])
        elsewhere = self.objects(crowd, at, (0, 0))  # another subsample
        assert abs(elsewhere.modes - whole.modes).max() > 0


@pytest.mark.parametrize(("side", "threads"), [(20, 1), (400, 2)])
def test_small_components_take_one_thread(
    side: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """160,000 pixels of 3 channels are more than one thread should do, 400 are not."""
    seen = []
    find_sets_steps = MeanShift.find_sets_steps

    def spy(*args: Any) -> Generator[None, None, list[MeanShift]]:
        seen.append(torch.get_num_threads())
        return (yield from find_sets_steps(*args))

    monkeypatch.setattr(MeanShift, "find_sets_steps", spy)
    torch.set_num_threads(2)  # until the fixture of this file sets it back
    in_components(np.ones((side, side), int))
    assert seen == [threads]
    assert torch.get_num_threads() == 2
