"""What the tests of the commands share: a small model in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.unet import save_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory, small_model) -> Path:
    """A small untrained model whose embedding has one mode."""
    model = small_model(
        2, 2, name="tiny", clustering=Clustering(bandwidth=1e3), intensity="range"
    )
    return save_model(model, tmp_path_factory.mktemp("model") / "tiny.safetensors")
