"""The page as a browser shows it; what can be read from its text is in test_write."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest
from skimage.io import imread

from napari_shiftseg.report.plots import LIGHT
from napari_shiftseg.report.write import write_report

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
NOTE = (255, 244, 221)  # behind the warnings

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"),
]


def screenshot(page: Path, folder: Path) -> NDArray[np.uint8]:
    """Return what a browser without network shows of a page, in RGB."""
    shot = folder / "shot.png"
    done = subprocess.run(
        [
            str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu",
            "--no-first-run", "--hide-scrollbars", "--force-device-scale-factor=1",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1100,2800",
            f"--user-data-dir={folder / 'profile'}", f"--screenshot={shot}",
            page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert shot.is_file(), done.stderr
    shown: NDArray[np.uint8] = imread(shot)[..., :3]
    return shown


def share(shown: NDArray[np.uint8], colour: tuple[int, ...]) -> float:
    """Return the share of pixels of this colour, but for rounding."""
    return float((abs(shown.astype(int) - colour) <= 3).all(axis=-1).mean())


@pytest.fixture(scope="module")
def folder(tmp_path_factory, by_disks, disks_model, small_disks) -> Path:
    made = tmp_path_factory.mktemp("report")
    write_report(
        by_disks, disks_model, small_disks.image, "a", made, small_disks.labels
    )
    return made


def test_pictures_plots_and_styles_are_shown(folder: Path, tmp_path: Path) -> None:
    shown = screenshot(folder / "report.html", tmp_path)
    assert shown.shape == (2800, 1100, 3)
    assert share(shown, NOTE) > 0.005
    orange = tuple(int(LIGHT.naive[i : i + 2], 16) for i in (1, 3, 5))
    assert share(shown, orange) > 1e-4  # the curve of the naive tiles
    colourful = np.ptp(shown.astype(int), axis=-1) > 100
    assert colourful[:1000].mean() > 0.15  # the worst seam, near the top

    html = (folder / "report.html").read_text(encoding="utf-8")
    bare = tmp_path / "bare.html"
    bare.write_text(html.replace("data:image/png;base64,", "data:image/png;base64,A"))
    without = screenshot(bare, tmp_path)  # control: broken pictures are seen as such
    assert (np.ptp(without.astype(int), axis=-1) > 100).mean() < 0.01
