"""Classes of objects: the vote of pixels; logits that tiles and views leave exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg import segment
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed_steps, logits_of, open_for
from napari_shiftseg.pipeline.classes import class_vote
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")
KINDS = ("discriminative", "spherical", "spatial")
NAMES = ("disk", "square", "star")
EXACT = 1e-10


@pytest.fixture
def classed(small_model) -> Any:
    def make(kind: str = "discriminative") -> UNet:
        spatial = {"kernel": "learnt-spread"} if kind == "spatial" else {}
        return small_model(
            2, 2, embedding=kind, embedding_channels=3, foreground=True, classes=NAMES,
            clustering=Clustering(scope="component", min_size=2, **spatial),
        )  # fmt: skip

    return make


def predicted(image: NDArray[Any], model: UNet, **how: Any) -> NDArray[Any]:
    plan = plan_tiles(
        image.shape, model.shape, how.get("window"), how.get("stitching", "cropped")
    )
    opened = open_for(image, model)
    views = how.get("views", 1)
    return exhaust(embed_steps(opened, model, plan, "cpu", "float64", views=views))[0]


class TestVote:
    def test_is_the_mean_probability_of_the_pixels(self, rng) -> None:
        labels = np.array([[0, 2, 2], [7, 7, 2]])
        logits = rng.normal(size=(3, 2, 3))
        votes = class_vote(labels, logits, NAMES)
        assert votes.ids.tolist() == [2, 7]
        for row, label in enumerate(votes.ids):
            each = []
            for y, x in np.argwhere(labels == label):
                power = np.exp(logits[:, y, x])
                each.append(power / power.sum())
            mean = np.mean(each, axis=0)
            np.testing.assert_allclose(votes.probabilities[row], mean, atol=1e-12)
            assert votes.of[row] == NAMES[mean.argmax()]
            assert votes.confidence[row] == pytest.approx(mean.max())
        assert votes.by_id == dict(zip([2, 7], votes.of, strict=True))
        assert sum(votes.counts.values()) == 2

    def test_a_sure_pixel_outvotes_two_that_are_not(self) -> None:
        logits = np.array([[[0.2, 0.2, 0.0]], [[0.0, 0.0, 9.0]]])
        votes = class_vote(np.ones((1, 3), int), logits, ("a", "b"))
        assert votes.of == ("b",)

    def test_of_no_object(self) -> None:
        votes = class_vote(np.zeros((2, 2), int), np.zeros((2, 2, 2)), ("a", "b"))
        assert votes.of == ()
        assert votes.counts == {"a": 0, "b": 0}

    def test_of_another_shape(self) -> None:
        with pytest.raises(ValueError, match="2 classes need logits of"):
            class_vote(np.zeros((2, 2), int), np.zeros((2, 2, 3)), ("a", "b"))


class TestExact:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("views", [1, 8])
    def test_cropped_equals_whole(self, classed, rng, kind, views) -> None:
        image, model = rng.random((23, 27)), classed(kind)
        whole = predicted(image, model, stitching="whole", views=views)
        tiles = predicted(image, model, window=8, views=views)
        assert np.abs(whole - tiles).max() < EXACT
        logit, classes = logits_of(tiles, model.config)
        assert classes.shape == (3, 23, 27)
        assert np.ptp(classes) > 0.01  # there is something to see
        assert np.array_equal(tiles[-4], logit)

    def test_naive_tiles_are_seen(self, classed, rng) -> None:
        image, model = rng.random((23, 27)), classed()
        whole = predicted(image, model, stitching="whole")[-3:]
        naive = predicted(image, model, window=5, stitching="naive")[-3:]
        assert np.abs(whole - naive).max() > 1e-6

    def test_views_are_averaged(self, classed, rng) -> None:
        image, model = rng.random((20, 20)), classed()
        both = predicted(image, model, views=2, stitching="whole")[-3:]
        one = predicted(image, model, stitching="whole")[-3:]
        other = predicted(image[:, ::-1], model, stitching="whole")[-3:, :, ::-1]
        np.testing.assert_allclose(both, (one + other) / 2, atol=EXACT)


class TestResult:
    def test_objects_have_the_class_that_their_pixels_vote_for(
        self, classed, rng
    ) -> None:
        model = classed()
        result = segment(rng.random((30, 30)), model, device="cpu", window=8)
        assert result.class_names == NAMES
        (found,) = result.classes
        assert found.ids.tolist() == [*range(1, result.objects + 1)]
        expected = class_vote(result.labels, result.class_logits, NAMES)
        assert found.by_id == expected.by_id
        logits = result.prediction().class_logits
        np.testing.assert_array_equal(logits, result.class_logits)

    def test_planes_have_classes_each(self, classed, rng) -> None:
        model, stack = classed(), rng.random((3, 24, 24))
        stack[1] = np.nan
        settings = {"device": "cpu", "window": 8, "ignore_nan": True}
        result = segment(stack, model, link_planes=False, **settings)
        assert result.class_logits.shape == (3, 3, 24, 24)
        assert len(result.classes) == 3
        assert result.classes[1].of == ()
        for at in (0, 2):
            logits = result.prediction((at,)).class_logits
            expected = class_vote(result.labels[at], logits, NAMES)
            assert result.classes[at].by_id == expected.by_id

    def test_all_planes_of_a_linked_object_vote(self, classed, rng) -> None:
        model, plane = classed(), rng.random((24, 24))
        stack = np.stack([plane, plane + 0.1 * rng.random((24, 24)), plane])[None]
        result = segment(stack, model, device="cpu", window=8)
        assert result.labels.shape == (1, 3, 24, 24)
        (found,) = result.classes
        expected = class_vote(result.labels[0], result.class_logits[:, 0], NAMES)
        assert found.by_id == expected.by_id
        assert sum(result.class_counts.values()) == result.objects
        assert result.objects < sum(len(own) - 1 for own in result.numbers)

    def test_without_a_head_there_are_none(self, small_model, rng) -> None:
        result = segment(rng.random((20, 20)), small_model(), device="cpu", window=8)
        assert result.classes == ()
        assert result.class_logits is None
