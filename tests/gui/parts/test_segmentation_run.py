"""What the Segment widget says of a run."""

from dataclasses import replace

import pytest

from napari_shiftseg.gui.parts.result_layers import SegmentationOutcome
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.relabelling.relabel import Kept


@pytest.fixture
def outcome(small_model, rng):
    model = small_model(2, 2)
    result = segment(rng.normal(size=(20, 24)), model, window=8)
    seams = replace(seam_scores(result.embeddings, result.plan), ratio=1.5)
    return SegmentationOutcome(
        "net", result, [], seams, None, Kept(result, model.config)
    )


def test_a_ratio_without_seams_of_tiles_claims_nothing_of_the_image(outcome):
    assert outcome.line.endswith("seam ratio 1.50, no seams of tiles")
    assert not outcome.has_seams


def test_seams_of_the_model_itself_are_named(outcome):
    said = replace(outcome, own_seams=16).line
    assert "the model makes its own, at every multiple of 16" in said


def test_planes_that_show_nothing_are_named(outcome):
    said = "planes 2, 5 of 8: nothing but noise"
    result = replace(outcome.result, planes=(said,))
    assert f" · {said} · " in replace(outcome, result=result).line
