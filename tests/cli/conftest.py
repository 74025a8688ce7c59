"""What the tests of the commands share: a small model in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.cli import stages
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.unet import save_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of what lasts: standard error depends on no clock."""
    monkeypatch.setattr(stages, "PATIENCE", 600)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory, small_model) -> Path:
    """A small untrained model whose embedding has one mode."""
    model = small_model(
        2, 2, name="tiny", clustering=Clustering(bandwidth=1e3), intensity="range"
    )
    return save_model(model, tmp_path_factory.mktemp("model") / "tiny.safetensors")
