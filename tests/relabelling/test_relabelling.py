"""Knobs turned one after another: always the labels of a fresh run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_shiftseg.clustering import components
from napari_shiftseg.clustering.cluster import cluster_steps
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.progress import Progress, Returning, exhaust
from napari_shiftseg.relabelling.relabel import InView, Relabelling, clipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects

pytestmark = pytest.mark.usefixtures("one_thread")

KNOBS = {
    "bandwidth": 4.0,
    "kernel": "flat",
    "min_size": 9,
    "foreground_threshold": 0.7,
    "split_far_parts": False,
}


def predicted(shape: tuple[int, ...], seed: int = 0, logit: bool = True) -> Prediction:
    """Blobs of foreground; in it cells of five embeddings, with noise."""
    rng = np.random.default_rng(seed)
    cells = ndimage.zoom(rng.integers(0, 5, [-(-n // 6) for n in shape]), 6, order=0)
    cells = cells[tuple(slice(n) for n in shape)]
    e = np.stack([2.0 * cells, (cells % 2) * 3.0, -cells]).astype(np.float32)
    e += rng.normal(size=e.shape).astype(np.float32) * 0.6
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 2)
    foreground = (smooth / smooth.std() * 2 - 0.6).astype(np.float32)
    return Prediction(e, foreground if logit else None, plan_of(shape), ())


def plan_of(shape: tuple[int, ...]) -> Any:
    """Tiles of a small net whose result begins at pixel 20 of the image."""
    net = ModelConfig.new(len(shape), depth=2).shape
    begun = [(20, 20 + n) for n in shape]
    return plan_tiles([n + 40 for n in shape], net, region=begun)


def fresh(
    prediction: Prediction, clustering: Clustering, neighbourhood: Any = None
) -> Objects:
    """Cluster as a run does that knows of nothing before."""
    return exhaust(
        cluster_steps(
            prediction.embedding,
            clustering,
            prediction.foreground(clustering.foreground_threshold),
            prediction.plan.offset,
            neighbourhood,
            "cpu",
        )
    )


def assert_equal(found: Objects, expected: Objects) -> None:
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.modes, expected.modes)
    np.testing.assert_array_equal(found.mode_of, expected.mode_of)


def assert_same_objects(seen: NDArray[Any], final: NDArray[Any]) -> None:
    """Assert that two label images are one, but for the numbers of their objects."""
    pairs = set(zip(seen.ravel().tolist(), final.ravel().tolist(), strict=True))
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    assert all((a == 0) == (b == 0) for a, b in pairs)


def is_used(knob: str, scope: str) -> bool:
    """Control: whether turning a knob changes what a fresh run finds."""
    prediction, clustering = predicted((48, 60)), Clustering(scope=scope)
    turned = clustering.model_copy(update={knob: KNOBS[knob]})
    before, after = fresh(prediction, clustering), fresh(prediction, turned)
    return not np.array_equal(before.labels, after.labels)


@pytest.mark.parametrize("scope", ["component", "global"])
@pytest.mark.parametrize("shape", [(48, 60), (12, 30, 24)])
def test_each_knob_gives_the_labels_of_a_fresh_run(shape: Any, scope: Any) -> None:
    prediction = predicted(shape)
    relabelling = Relabelling(prediction, device="cpu")
    start = Clustering(scope=scope)
    for knob, value in KNOBS.items():
        for turned in (start, start.model_copy(update={knob: value})):
            found = exhaust(relabelling.steps(turned))
            assert_equal(found, fresh(prediction, turned))
            assert found.labels.max() > 1


@pytest.mark.parametrize("scope", ["component", "global"])
@pytest.mark.parametrize("knob", KNOBS)
def test_every_knob_has_a_say(knob: str, scope: str) -> None:
    assert is_used(knob, scope)


clusterings = st.builds(
    Clustering,
    bandwidth=st.sampled_from([0.5, 1.0, 4.0]),
    kernel=st.sampled_from(["gaussian", "flat"]),
    scope=st.sampled_from(["component", "global"]),
    min_size=st.sampled_from([0, 5, 40]),
    split_far_parts=st.booleans(),
    background_embedding=st.sampled_from([None, (0.0, 0.0, 0.0)]),
    foreground_threshold=st.sampled_from([0.2, 0.5, 0.8]),
)
SMALL = predicted((15, 18), seed=1)


@given(
    turns=st.lists(
        st.tuples(clusterings, st.integers(0, 12), st.integers(0, 15), st.booleans()),
        min_size=1,
        max_size=4,
    ),
    neighbourhood=st.sampled_from([None, (8, 9)]),
    most_bytes=st.sampled_from([0, 2_000, 2**27]),
)
@settings(max_examples=12, deadline=None)
def test_any_turns_some_broken_off(turns, neighbourhood, most_bytes) -> None:
    relabelling = Relabelling(SMALL, neighbourhood, "cpu", most_bytes)
    for clustering, row, column, broken_off in turns:
        view = ((row, row + 7), (column, column + 9))
        steps = Returning(relabelling.steps(clustering, view))
        seen = None
        for step in steps:
            if isinstance(step, InView):
                seen = step
                if broken_off:
                    break
        assert seen is not None
        objects = fresh(SMALL, clustering, neighbourhood)
        at = tuple(slice(*pair) for pair in seen.view)
        assert_same_objects(seen.labels, objects.labels[at])
        if not broken_off:
            assert_equal(steps.value, objects)


class TestView:
    @pytest.mark.parametrize("scope", ["component", "global"])
    @pytest.mark.parametrize(
        ("shape", "view"),
        [
            ((48, 60), ((10, 30), (5, 25))),
            ((48, 60), ((-9, 4), (55, 99))),
            ((48, 60), ((0, 48), (0, 60))),
            ((12, 30, 24), ((3, 4), (0, 30), (10, 20))),
        ],
    )
    def test_comes_first_and_is_final(self, shape: Any, view: Any, scope: Any) -> None:
        clustering = Clustering(scope=scope, min_size=9)
        relabelling = Relabelling(predicted(shape), device="cpu")
        steps = Returning(relabelling.steps(clustering, view))
        came = list(steps)
        seen = [step for step in came if isinstance(step, InView)]
        assert len(seen) == 1
        assert seen[0].view == clipped(view, shape)
        at = tuple(slice(*pair) for pair in seen[0].view)
        assert_same_objects(seen[0].labels, steps.value.labels[at])
        assert seen[0].labels.max() >= 1
        assert all(step.stage == "clustering" for step in came)

    def test_needs_only_the_components_it_shows(self) -> None:
        prediction = predicted((48, 60))
        relabelling = Relabelling(prediction, device="cpu")
        foreground = prediction.foreground(0.5)
        assert foreground is not None
        components, total = ndimage.label(foreground)
        view = ((0, 12), (0, 15))
        shown = np.unique(components[:12, :15])
        for step in relabelling.steps(Clustering(scope="component"), view):
            if isinstance(step, InView):
                break
        assert relabelling.searches == np.count_nonzero(shown) < total

    def test_outside_the_frame_is_empty(self) -> None:
        relabelling = Relabelling(predicted((24, 30)), device="cpu")
        for scope in ("component", "global"):
            steps = relabelling.steps(Clustering(scope=scope), ((30, 40), (-9, -2)))
            seen = next(step for step in steps if isinstance(step, InView))
            assert seen.view == ((24, 24), (0, 0))
            assert seen.labels.shape == (0, 0)

    def test_of_another_number_of_axes(self) -> None:
        relabelling = Relabelling(predicted((24, 30)), device="cpu")
        with pytest.raises(ValueError, match=r"each of 2 axes, got 3: leave out"):
            exhaust(relabelling.steps(Clustering(), ((0, 1), (0, 9), (0, 9))))

    @pytest.mark.parametrize("split", [True, False])
    def test_pixels_go_part_by_part_until_objects_are_whole(
        self, split: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two modes over 2,000 rows, in stripes of 100, assigned 512 pixels at a time.

        A view in the first stripe needs no part of the last; unless a mode is one
        object, wherever its stripes lie, and must reach its minimum size first.
        """
        from napari_shiftseg.clustering import modes as found

        stripes = (np.arange(2000) // 100 % 2)[:, None] * np.ones((1, 4))
        e = np.stack([stripes * 5, stripes]).astype(np.float32)
        prediction = Prediction(e, None, plan_of((2000, 4)), ())
        small_chunks = partial(found.MeanShift, chunk_size=1024)
        monkeypatch.setattr(found, "MeanShift", small_chunks)
        clustering = Clustering(min_size=0 if split else 3_000, split_far_parts=split)
        relabelling = Relabelling(prediction, device="cpu")
        steps = Returning(relabelling.steps(clustering, ((10, 20), (0, 4))))
        before_view, came = 0, set()  # parts; the search yields more often
        for step in steps:
            came.add(step.done)
            if isinstance(step, InView):
                before_view = len(came)
                assert set(step.labels.ravel().tolist()) == {1}
        assert (before_view < len(came) / 2) == split
        assert steps.value.labels.max() == (20 if split else 2)
        assert_equal(steps.value, fresh(prediction, clustering))


class TestRemembered:
    def count(self, relabelling: Relabelling, clustering: Clustering) -> int:
        before = relabelling.searches
        exhaust(relabelling.steps(clustering))
        return relabelling.searches - before

    @pytest.mark.parametrize("scope", ["component", "global"])
    def test_only_what_changes_is_searched_again(self, scope: Any) -> None:
        relabelling = Relabelling(predicted((48, 60)), device="cpu")
        start = Clustering(scope=scope)
        components = self.count(relabelling, start)
        assert components == 1 if scope == "global" else components > 5
        assert self.count(relabelling, start) == 0
        for knob, value in (("min_size", 9), ("split_far_parts", False)):
            assert self.count(relabelling, start.model_copy(update={knob: value})) == 0
        for knob, value in (("bandwidth", 0.7), ("kernel", "flat")):
            turned = start.model_copy(update={knob: value})
            assert self.count(relabelling, turned) == components
            assert self.count(relabelling, turned) == 0
        assert self.count(relabelling, start) == 0  # still

    def test_components_that_a_threshold_leaves_alone(self) -> None:
        """Three blobs: the threshold takes a pixel from one, and another whole."""
        e = predicted((20, 40)).embedding
        logit = np.full((20, 40), -9.0, np.float32)
        logit[2:8, 2:12], logit[2:8, 20:30], logit[12:18, 4:20] = 9, 9, 0.5
        logit[2, 2] = 0.5
        relabelling = Relabelling(
            Prediction(e, logit, plan_of((20, 40)), ()), device="cpu"
        )
        assert self.count(relabelling, Clustering(scope="component")) == 3
        higher = Clustering(scope="component", foreground_threshold=0.9)
        assert self.count(relabelling, higher) == 1
        assert_equal(
            exhaust(relabelling.steps(higher)), fresh(relabelling.prediction, higher)
        )

    def test_small_components_wait_for_a_smaller_minimum(self) -> None:
        relabelling = Relabelling(predicted((48, 60)), device="cpu")
        large = self.count(relabelling, Clustering(scope="component", min_size=40))
        more = self.count(relabelling, Clustering(scope="component"))
        assert large > 0
        assert more > 0

    def test_no_more_than_the_bound(self) -> None:
        prediction = predicted((48, 60))
        relabelling = Relabelling(prediction, device="cpu", most_bytes=4_000)
        start = Clustering(scope="component")
        number = self.count(relabelling, start)
        remembered = relabelling._find
        kept = len(remembered._known)
        assert 0 < kept < number
        assert self.count(relabelling, start) == number - kept
        assert remembered._bytes <= 4_000
        assert remembered._bytes == sum(f.nbytes for f in remembered._known.values())

    def test_closing_stops_and_what_was_found_stays(self, monkeypatch) -> None:
        monkeypatch.setattr(components, "AT_ONCE", 1)
        prediction = predicted((48, 60))
        relabelling = Relabelling(prediction, device="cpu")
        start = Clustering(scope="component")
        steps = relabelling.steps(start)
        while next(steps).done < 3:
            pass
        steps.close()
        assert relabelling.searches == 3
        everything = Relabelling(prediction, device="cpu")
        assert self.count(relabelling, start) == self.count(everything, start) - 3


def test_the_end_of_progress() -> None:
    relabelling = Relabelling(predicted((24, 30)), device="cpu")
    for scope in ("component", "global"):
        came = list(relabelling.steps(Clustering(scope=scope)))
        assert came[-1].done == came[-1].total > 0
        assert all(isinstance(step, Progress) for step in came)
        assert not any(isinstance(step, InView) for step in came)


def test_a_component_needs_a_foreground() -> None:
    relabelling = Relabelling(predicted((24, 30), logit=False), device="cpu")
    with pytest.raises(ValueError, match=r'needs a model with a foreground.*"global'):
        exhaust(relabelling.steps(Clustering(scope="component")))


def test_as_a_run_of_the_program(small_disks, disks_model, small_result) -> None:
    result = small_result
    prediction = Prediction(result.embeddings, None, result.plan, ())
    relabelling = Relabelling(prediction, device="cpu")
    for bandwidth in (disks_model.config.clustering.bandwidth, 2.0):
        turned = disks_model.config.clustering.model_copy(
            update={"bandwidth": bandwidth}
        )
        ran = segment(
            small_disks.image, disks_model, window=64, device="cpu", bandwidth=bandwidth
        )
        found = exhaust(relabelling.steps(turned, ((0, 40), (50, 90))))
        np.testing.assert_array_equal(found.labels, ran.labels)
        np.testing.assert_array_equal(found.modes, ran.modes)
