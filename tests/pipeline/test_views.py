"""Views in what is made of a prediction: labels, comparisons, records, corrections."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from napari_shiftseg import compare, segment, self_test, sweep, tune
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.metrics.objects import average_precision
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.candidates import Candidates
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling.relabel import Kept
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def nuclei() -> np.ndarray:
    """A part that is not square, with nuclei that touch."""
    return make_sample("nuclei").image[:128, 280:424]


@pytest.fixture(scope="module")
def spatial_model(small_model) -> UNet:
    return small_model(
        2, 2, embedding="spatial", embedding_channels=3, foreground=True,
        clustering=Clustering(kernel="learnt-spread", scope="component"),
    )  # fmt: skip


class TestLabels:
    def test_of_a_turned_image_they_are_the_turned_ones(self, nuclei) -> None:
        model = load_unet("nuclei")
        how = {"views": 8, "window": 64, "device": "cpu"}
        found, turned = (
            segment(nuclei, model, **how),
            segment(np.rot90(nuclei), model, **how),
        )
        assert found.objects >= 4
        back = np.rot90(turned.labels, -1)
        assert ((back > 0) == (found.labels > 0)).all()
        assert adjusted_rand_score(found.labels.ravel(), back.ravel()) == 1

    def test_a_background_mode_is_known(self, small_disks: Sample, disks_model) -> None:
        assert disks_model.config.clustering.background_embedding is not None
        image, truth = small_disks.image, small_disks.labels
        for views in (2, 8):
            result = segment(image, disks_model, window=64, views=views, device="cpu")
            assert result.embeddings.shape == (3 * views, *image.shape)
            assert average_precision(truth, result.labels) >= 0.99
            assert result.labels[truth == 0].mean() < 0.1
            background = result.frames[0].mode_of[0]
            own = disks_model.config.clustering.background_embedding
            expected = np.tile(own, views) / views**0.5
            distances = np.linalg.norm(result.modes - expected, axis=1)
            assert distances.argmin() == background

    def test_a_series(self, spatial_model: UNet, rng) -> None:
        stack = rng.normal(size=(2, 31, 26))
        result = segment(stack, spatial_model, views=4, device="cpu")
        alone = segment(stack[1], spatial_model, views=4, device="cpu")
        assert result.embeddings.shape == (9, 2, 31, 26)
        np.testing.assert_array_equal(result.embeddings[:, 1], alone.embeddings)
        np.testing.assert_array_equal(result.frames[1].labels, alone.labels)


class TestMeasured:
    def test_the_untiled_reference_has_the_same_views(self, small_model, rng) -> None:
        model = small_model(2, 2, clustering=Clustering(bandwidth=1e3))
        image = rng.normal(size=(45, 31))
        how = {"views": 8, "precision": "float64", "device": "cpu"}
        found = compare(image, model, window=7, **how)
        whole = embed(image, model, stitching="whole", **how)
        np.testing.assert_allclose(found.reference, whole, atol=1e-12)
        assert abs(found.cropped.result.embeddings - whole).max() < 1e-10
        assert abs(found.naive.result.embeddings - whole).max() > 1e-3
        [point] = sweep(image, model, [7], **how)
        assert point.untiled.ratio == found.naive.untiled.ratio

    @pytest.mark.parametrize("views", [2, 4, 8])
    def test_the_self_test(self, small_model, rng, views: int) -> None:
        image = rng.random((90, 81)).astype(np.float32)
        test = self_test(image, small_model(2, 2), views=views)
        assert test.passed
        assert test.control > 1e-2 * test.largest
        once = self_test(image, small_model(2, 2))
        assert once.control != test.control

    def test_the_self_test_refuses_what_a_run_refuses(self, small_model) -> None:
        with pytest.raises(ValueError, match="take 1 or 2"):
            self_test(np.zeros(90), small_model(1, 2), views=4)

    def test_tuning(self, spatial_model: UNet, rng) -> None:
        image = rng.normal(size=(31, 26))
        truth = segment(image, spatial_model, views=4, min_size=9, device="cpu").labels
        found = tune(
            [Sample(image, truth)], spatial_model, Candidates((1.0,), (9,), (0.5,)),
            views=4, device="cpu",
        )  # fmt: skip
        assert found.best.ap50 == 1


class TestRecords:
    def test_one_of_before_means_one(self) -> None:
        known = asdict(Settings(window=8))
        del known["views"]
        assert Settings(**known) == Settings(window=8, views=1)

    @pytest.mark.parametrize("views", [0, 3, 16, 2.5, "x", "3", None])
    def test_refused(self, views: Any) -> None:
        with pytest.raises(ValueError, match="views must be 1, 2, 4 or 8, got "):
            Settings(views=views)

    def test_as_on_the_command_line(self) -> None:
        assert Settings(views="8").views == Settings(views=np.int64(8)).views == 8

    def test_the_border_is_told(self, small_model) -> None:
        with pytest.raises(ValueError, match='take border "mirror"'):
            segment(np.zeros((67, 70)), small_model(2, 2), border="valid", views=2)


class TestKept:
    @pytest.mark.parametrize("name", ["disks", "spatial"])
    def test_it_is_labelled_anew_as_a_run_would(
        self, small_disks: Sample, disks_model, spatial_model, rng, name: str
    ) -> None:
        model, image = disks_model, small_disks.image[:66, :66]
        if name == "spatial":
            model, image = spatial_model, rng.normal(size=(31, 26))
        how = {"views": 4, "device": "cpu"}
        kept = Kept(segment(image, model, **how), model.config)
        expected = segment(image, model, min_size=20, **how)
        clustering = expected.settings.clustering(model.config)
        labels = exhaust(kept.relabelling().steps(clustering)).labels
        np.testing.assert_array_equal(labels, expected.labels)


@pytest.mark.parametrize(
    ("views", "stitching", "is_said"),
    [(2, "naive", True), (1, "naive", False), (2, "cropped", False)],
)
def test_seams_of_several_views_are_spoken_of(
    small_model: Any, rng: Any, views: int, stitching: Any, is_said: bool
) -> None:
    model = small_model(2, 2, 4)
    result = segment(rng.normal(size=(30, 34)), model, window=7, stitching=stitching,
                     views=views, bandwidth=50.0, device="cpu")  # fmt: skip
    assert any("with several views" in note for note in result.notes) is is_said
