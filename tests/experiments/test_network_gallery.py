"""The page of networks made elsewhere: its figures, and what it says of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gallery_networks
import numpy as np
import pytest
from gallery_networks import KNOWN, write_known, write_resnet
from network_gallery import OTHERS, PACKAGE, by_halo, measured, page

from napari_shiftseg.networks.loading import known, models
from napari_shiftseg.networks.loading.models import load_model

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(autouse=True)
def nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr(models, "TRUSTED", set())


@pytest.fixture
def image(rng: np.random.Generator) -> Any:
    return rng.random((90, 96), dtype=np.float32)


def of(name: str, path: Path, image: Any) -> Any:
    shown = next(each for each in OTHERS if each.name == name)
    return measured(shown, load_model(path), image)


def test_a_valid_network_is_exact_on_its_grid_alone(tmp_path, image) -> None:
    each = of("funlib-unet", write_known("funlib-unet", tmp_path), image)
    assert each.found["tiling"] == "exact"
    assert each.far(each.aligned) < 1e-3
    assert each.far(each.naive) > 1


@pytest.mark.parametrize(
    ("name", "tiling", "cause"),
    [
        ("group-norm-unet", "impossible", "group norm"),
        ("resnet-fcn", "nearly", "align_corners"),
    ],
)
def test_others_are_not(tmp_path, image, name, tiling, cause) -> None:
    path = write_known(name, tmp_path) if name in KNOWN else write_resnet(tmp_path)
    each = of(name, path, image)
    assert each.found["tiling"] == tiling
    assert each.far(each.aligned) > 0.1
    text = page([each], {})
    assert f"- *{cause}* (" in text
    assert f"| {tiling} |" in text
    assert f"](networks/{name}.png)" in text
    assert "by hand" not in text


def test_tiles_by_hand(tmp_path, rng, monkeypatch) -> None:
    padded = KNOWN["funlib-unet"]["arguments"] | {"padding": "same"}
    said = {"architecture": "funlib.UNet", "arguments": padded}
    monkeypatch.setitem(gallery_networks.KNOWN, "padded", said)
    made = by_halo(write_known("padded", tmp_path), rng.random((212, 212)))
    on_grid = [far for (_, off), far in made.items() if off in (0, 4)]  # period 4
    beside = [far for (_, off), far in made.items() if off == 3]
    assert max(on_grid) < 1e-3 * min(beside)


def test_every_network_of_the_page_has_its_picture() -> None:
    names = {each.name for each in (PACKAGE, *OTHERS)}
    folder = Path(__file__).parents[2] / "docs" / "networks"
    assert names == {path.stem for path in folder.glob("*.png")}
