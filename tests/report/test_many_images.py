"""Many images in one call of Python."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import napari_shiftseg as shiftseg
from napari_shiftseg.networks.unet import save_model


@pytest.mark.usefixtures("one_thread")
def test_rows_files_and_a_page(small_model, tmp_path):
    model = save_model(small_model(2, 2, name="tiny"), tmp_path / "tiny.safetensors")
    for name in ("control", "treated"):
        (tmp_path / "in" / name).mkdir(parents=True)
        pixels = np.random.default_rng(0).random((30, 40)).astype(np.float32)
        tifffile.imwrite(tmp_path / "in" / name / "a.tif", pixels)
    call = str(tmp_path / "in"), tmp_path / "out", model

    outcome = shiftseg.segment_images(*call, window=16)

    assert [row.condition for row in outcome.rows] == ["control", "treated"]
    assert [row.status for row in outcome.rows] == ["done"] * 2
    assert "<html" in outcome.files["page"].read_text(encoding="utf-8")
    again = shiftseg.segment_images([call[0]], *call[1:], resume=True, window=16)
    assert [row.status for row in again.rows] == ["skipped"] * 2
    with pytest.raises(ValueError, match="windw"):
        shiftseg.segment_images(*call, windw=16)
