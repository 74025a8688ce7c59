"""The pictures hold what they should show."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import fault_pictures
import numpy as np
import pytest
from fault_pictures import Scene, draw, texture
from faults import Stitched
from skimage.io import imread

from napari_shiftseg.geometry.tiling import plan_tiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_shiftseg.networks.unet import UNet


@pytest.fixture
def scene(small_model: Callable[..., UNet]) -> Scene:
    """Steps of 5 at every tile border, beside none."""
    plan = plan_tiles((40, 40), small_model(2, 2).shape, 8)
    flat = np.linspace(0, 1e-3, 40)[None, :, None].repeat(40, 2)
    jumps = 5.0 * (np.arange(40) // 8)
    stepped = flat + jumps[:, None] + jumps
    return Scene(
        "planted",
        Stitched(stepped, plan, flat),
        Stitched(flat, plan, flat),
        ("with", "without"),
        (0, 40),
    )


@pytest.mark.parametrize("by_border", [False, True])
def test_seams_are_dark_lines_and_the_control_is_blank(
    scene: Scene, tmp_path: Path, by_border: bool
) -> None:
    shown = Scene(
        scene.name, scene.fault, scene.control, scene.titles, scene.view, by_border
    )
    path = draw(shown, tmp_path / "planted.png")
    picture = imread(path)[..., :3].mean(axis=2)
    assert picture.shape == (310, 800)
    assert path.stat().st_size < 60_000
    fault, control = picture[80:240, 60:240], picture[80:240, 335:500]
    # 4 lines of 40 pixels each way: the share of dark pixels is 1 − (36/40)²
    assert (fault < 60).mean() == pytest.approx(1 - 0.9**2, abs=0.06)
    assert (control < 60).mean() < 0.02


def test_the_command_writes_one_picture_a_scene(
    scene: Scene,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(fault_pictures, "scenes", lambda: iter([scene]))
    folder = tmp_path / "new" / "folder"
    monkeypatch.setattr(sys, "argv", ["fault_pictures", "-o", str(folder)])
    fault_pictures.main()
    assert capsys.readouterr().out.split() == [str(folder / "planted.png")]
    assert imread(folder / "planted.png").shape[:2] == (310, 800)


def test_the_texture_brightens_along_the_diagonal() -> None:
    even, bright = texture((60, 80)), texture((60, 80), brightness=6)
    assert even.std() == pytest.approx(1)
    gain = bright / even
    assert gain[0, 0] == pytest.approx(1)
    assert gain[-1, -1] == pytest.approx(6)
    assert gain[0, -1] == pytest.approx(3.5)
    np.testing.assert_array_equal(even, texture((60, 80)))
    assert abs(even - texture((60, 80), seed=1)).max() > 1
