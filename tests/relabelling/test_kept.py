"""What a run keeps, in memory or on the disk."""

from __future__ import annotations

import gc
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.progress import exhaust
from napari_shiftseg.relabelling.relabel import Kept, Relabelling

if TYPE_CHECKING:
    from napari_shiftseg.pipeline.result import Segmentation

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model(small_model) -> Any:
    own = Clustering(scope="component", bandwidth=0.5)
    return small_model(2, 2, foreground=True, clustering=own)


@pytest.fixture(scope="module")
def series(model) -> Segmentation:
    """Two times, three planes."""
    image = np.random.default_rng(0).normal(size=(2, 3, 21, 26))
    return segment(image, model, window=8, device="cpu", min_size=3)


def test_each_frame_is_what_was_predicted(series, model) -> None:
    kept = Kept(series, model.config)
    assert kept.frames == [(t, z) for t in range(2) for z in range(3)]
    assert kept.folder is None
    assert kept.clustering == Clustering(scope="component", bandwidth=0.5, min_size=3)
    for t, z in kept.frames:
        frame = kept.frame((t, z))
        np.testing.assert_array_equal(frame.embedding, series.embeddings[:, t, z])
        np.testing.assert_array_equal(frame.logit, series.logit[t, z])
        assert frame.plan is series.plan


@pytest.mark.parametrize("most_bytes", [0, 2**30])
def test_a_frame_is_labelled_as_in_the_run(series, model, most_bytes) -> None:
    with closing(Kept(series, model.config, most_bytes)) as kept:
        assert (kept.folder is not None) == (most_bytes == 0)
        at = (0, 1) if most_bytes else (1, 1)
        known = kept.relabelling(at)
        again = Relabelling(known.prediction, kept.neighbourhood, kept.device)
        for relabelling in known, again:
            objects = exhaust(relabelling.steps(kept.clustering))
            number = kept.numbers[at].own[objects.labels]
            np.testing.assert_array_equal(number, series.labels[at])
            assert objects.labels.max() > 1
        assert known.searches == 0  # the run has done it
        assert again.searches > 0
        exhaust(known.steps(Clustering(scope="component", bandwidth=0.4)))
        assert known.searches > 0


def test_a_frame_labelled_anew_is_a_run_of_its_own(series, model) -> None:
    turned = Clustering(scope="component", bandwidth=0.3, min_size=5)
    with closing(Kept(series, model.config)) as kept:
        objects = exhaust(kept.relabelling((1, 2)).steps(turned))
        run = kept.run_of((1, 2), objects, turned)
    assert run.settings.clustering(model.config) == turned
    assert run.positions == [()]
    np.testing.assert_array_equal(run.embeddings, series.embeddings[:, 1, 2])
    np.testing.assert_array_equal(run.labels, objects.labels)
    assert run.objects == len(objects.mode_of) - 1


def test_a_model_without_foreground_keeps_its_scope(disks_model, small_result) -> None:
    kept = Kept(small_result, disks_model.config)
    objects = small_result.frames[0]
    run = kept.run_of((), objects, kept.clustering)
    assert run.settings.clustering(disks_model.config) == kept.clustering


def test_one_image_is_one_frame(model) -> None:
    image = np.random.default_rng(0).normal(size=(21, 26))
    result = segment(image, model, window=8, device="cpu")
    kept = Kept(result, model.config)
    assert kept.frames == [()]
    np.testing.assert_array_equal(kept.frame().embedding, result.embeddings)
    objects = exhaust(kept.relabelling().steps(kept.clustering))
    np.testing.assert_array_equal(objects.labels, result.labels)


def test_a_model_without_a_foreground(small_disks, disks_model, small_result) -> None:
    kept = Kept(small_result, disks_model.config)
    assert kept.frame().logit is None
    assert kept.neighbourhood == disks_model.config.provenance.window


def test_large_embeddings_are_read_from_the_disk(series, model) -> None:
    size = series.embeddings.nbytes
    assert Kept(series, model.config, size).folder is None
    kept = Kept(series, model.config, size - 1)
    folder = kept.folder
    assert folder is not None
    assert [path.name for path in folder.iterdir()] == ["embeddings.npy"]
    frame = kept.frame((1, 2)).embedding
    assert isinstance(frame, np.memmap)
    assert not np.shares_memory(frame, series.embeddings)
    np.testing.assert_array_equal(frame, series.embeddings[:, 1, 2])
    del frame
    kept.close()
    assert not folder.exists()
    assert kept.folder is None


def test_nothing_holds_large_embeddings_in_memory(series, model) -> None:
    with closing(Kept(series, model.config, 0)) as kept:
        logit = kept.frame((0, 1)).logit
        assert logit is not None
        assert not np.shares_memory(logit, series.logit)
    with closing(Kept(series, model.config)) as kept:  # the control
        assert np.shares_memory(kept.frame((0, 1)).logit, series.logit)


def test_the_folder_goes_with_the_object(series, model) -> None:
    kept = Kept(series, model.config, 0)
    folder = kept.folder
    assert folder is not None
    assert folder.exists()
    del kept
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize("most_bytes", [0, 2**30])
def test_what_was_given_up_is_said(series, model, most_bytes) -> None:
    kept = Kept(series, model.config, most_bytes)
    assert kept.frame((0, 0)) is not None
    kept.close()
    kept.close()  # again is no error
    with pytest.raises(ValueError, match="given up: predict the image again"):
        kept.frame((0, 0))


@pytest.mark.parametrize("at", [(), (0,), (2, 0), (0, 3), (-1, 0)])
def test_frames_that_are_not_there(series, model, at: Any) -> None:
    with pytest.raises(ValueError, match="one index for each leading axis"):
        Kept(series, model.config).frame(at)


def test_the_neighbourhood_is_the_training_window(series, model) -> None:
    assert Kept(series, model.config).neighbourhood is None
    provenance = Provenance(
        command="", window=(20, 24), seed=0, steps=1, loss={}, optimizer={},
        data="", date="", versions={},
    )  # fmt: skip
    trained = model.config.model_copy(update={"provenance": provenance})
    assert Kept(series, trained).neighbourhood == (20, 24)
