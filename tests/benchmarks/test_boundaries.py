"""What the benchmark on boundaries keeps of a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.detection.prediction import prediction_steps
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


def test_places_far_from_the_first_pixel_are_kept(read_script, rng, tmp_path: Path):
    script = read_script("boundaries")
    model = new_model(depth=1, features=4, embedding="spatial", foreground=True)
    pixels = rng.random((20, 1500)).astype(np.float32)
    sample = Sample(pixels, np.ones(pixels.shape, dtype=np.int32))
    expected = exhaust(prediction_steps(pixels, model, Settings(device="cpu")))
    assert expected.embedding.max() > 1000  # where float16 knows whole pixels alone
    of_old = tmp_path / "kept" / "val-000.npz"
    of_old.parent.mkdir()
    both = {"e": expected.embedding, "l": expected.logit}
    np.savez(of_old, **{name: np.float16(of) for name, of in both.items()})
    for file in (tmp_path / "new" / "val-000.npz", of_old):
        for _ in ("predicted", "read"):
            found = script.predicted(sample, model, file)
            np.testing.assert_array_equal(found.embedding, expected.embedding)
            np.testing.assert_array_equal(found.logit, expected.logit)
