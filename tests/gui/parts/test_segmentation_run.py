"""What the Segment widget says of a run."""

from dataclasses import replace

import pytest
from napari.layers import Image

from napari_shiftseg.gui.parts.result_layers import result_layers
from napari_shiftseg.gui.parts.segmentation_run import SegmentationOutcome
from napari_shiftseg.gui.parts.source import LayerSource
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


@pytest.mark.parametrize(
    ("chosen", "ends"),
    [
        ({"window": 8}, "net · img · 8"),
        ({"window": 8, "views": 8}, "net · img · 8, 8 views"),
        ({"window": 8, "diameter": 5}, "net · img · 8, diameter 5"),
        (
            {"window": 6, "stitching": "naive", "views": 2, "diameter": 5.25},
            "net · img · naive 6, 2 views, diameter 5.25",
        ),
        ({"window": 8, "diameter": 8}, "net · img · 8"),  # it was not rescaled
    ],
)
def test_layers_of_runs_are_told_apart_by_what_was_chosen(
    small_model, rng, chosen, ends
):
    model = small_model(2, 2, diameter=8.0)
    pixels = rng.normal(size=(30, 24))
    result = segment(pixels, model, **chosen)
    source = LayerSource.of(Image(pixels, name="img"))
    named = [how["name"] for _, how, _ in result_layers(result, source, "net")]
    assert named == [
        f"{kind} · {ends}" for kind in ("embedding", "gradient", "tile grid", "labels")
    ]
