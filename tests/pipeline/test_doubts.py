from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.doubts import doubts_about
from napari_shiftseg.pipeline.result import Segmentation
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings

SHAPE = (60, 60)
CONFIG = ModelConfig.new(depth=2, foreground=True)
TRAINED = Provenance(
    command="", window=(20, 20), seed=0, steps=1, loss={}, data="", date="", versions={}
)


def result(labels, is_exact=True):
    """A result of one frame with these labels."""
    none = np.zeros((0, 3))
    region = ((0, SHAPE[0]), (0, SHAPE[1]))
    plan = SimpleNamespace(
        output_shape=SHAPE, offset=(0, 0), region=region, is_exact=is_exact
    )
    return Segmentation(labels, none, none, None, (), plan, Settings(), 0.0)


@pytest.fixture
def ordinary():
    labels = np.zeros(SHAPE, np.int32)
    labels[5:15, 5:15], labels[30:42, 30:42] = 1, 2
    return labels


def rows_of_two_pixels():
    """240 objects of two pixels each, three columns apart."""
    labels = np.zeros(SHAPE, np.int32)
    number = 0
    for row in range(0, 60, 5):
        for column in range(0, 60, 3):
            number += 1
            labels[row, column : column + 2] = number
    return labels


def test_nothing_is_said_of_an_ordinary_result(ordinary):
    assert doubts_about(result(ordinary), CONFIG) == ()


def test_no_object(ordinary):
    (said,) = doubts_about(result(0 * ordinary), CONFIG)
    assert said.startswith("no object was found")
    assert "invert" in said


def test_foreground_that_falls_to_pieces_is_no_fault_of_the_image(ordinary):
    clustering = Clustering(min_size=20)
    config = ModelConfig.new(depth=2, foreground=True, clustering=clustering)
    logit = np.full(SHAPE, -9.0)
    logit[:6] = 9
    known = replace(result(0 * ordinary), logit=logit)
    (said,) = doubts_about(known, config)
    assert "10 % of the pixels are foreground" in said
    assert "minimum size of 20 pixels" in said
    assert "invert" not in said
    logit[:6] = -9
    logit[0, :19] = logit[::2, 40:59] = 9  # specks
    assert "invert" in doubts_about(known, config)[0]


def test_one_object_that_is_nearly_all(ordinary):
    almost = np.ones_like(ordinary)
    almost[:6] = 0  # a tenth is ground
    (said,) = doubts_about(result(almost), CONFIG)
    assert said.startswith("one object covers 90 %")
    almost[:15] = 0
    assert doubts_about(result(almost), CONFIG) == ()


def test_objects_nearly_everywhere(ordinary):
    halves = np.ones_like(ordinary)
    halves[30:] = 2
    (said,) = doubts_about(result(halves), CONFIG)
    assert said.startswith("100 % of the pixels are objects")


def test_specks():
    labels = rows_of_two_pixels()
    (said,) = doubts_about(result(labels), CONFIG)
    assert said.startswith("240 objects, half of them of 2 pixels or fewer")
    few = np.where(labels > 150, 0, labels)
    assert doubts_about(result(few), CONFIG) == ()


@pytest.mark.parametrize(("score", "doubted"), [(0.0, True), (0.4, False)])
def test_a_model_that_found_nothing_in_its_validation(ordinary, score, doubted):
    known = TRAINED.model_copy(update={"scores": {"ap50": score}})
    config = CONFIG.model_copy(update={"provenance": known})
    said = doubts_about(result(ordinary), config)
    assert ("AP50 0" in " ".join(said)) is doubted


def test_of_a_background_that_is_an_object_nothing_is_said(ordinary):
    config = CONFIG.model_copy(update={"foreground": False})
    for labels in (0 * ordinary, 0 * ordinary + 1, ordinary):
        assert doubts_about(result(labels), config) == ()


def test_specks_beside_a_background_that_is_an_object():
    """But not where seams cut objects to pieces: those of tiles, or the model's own."""
    labels = rows_of_two_pixels()
    config = CONFIG.model_copy(update={"foreground": False, "provenance": TRAINED})
    (said,) = doubts_about(result(labels), config)
    assert said.startswith("240 objects, half of them of 2 pixels or fewer")
    assert doubts_about(result(labels, is_exact=False), config) == ()
    (period, _) = config.shape.period
    narrow = TRAINED.model_copy(update={"window": (period, period)})
    seamed = config.model_copy(update={"provenance": narrow})
    assert doubts_about(result(labels), seamed) == ()


def test_a_diameter_far_off_is_said_and_the_right_one_is_not(disks_model, small_disks):
    """The disks, rescaled to less than half, are specks for their own model."""
    wrong = segment(small_disks.image, disks_model, diameter=25, device="cpu")
    assert f"{wrong.objects:,} objects, half of them of" in wrong.doubts[0]
    right = segment(small_disks.image, disks_model, device="cpu")
    assert right.doubts == ()
    assert right.objects == 144
