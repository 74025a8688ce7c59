"""What a sweep says, window by window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_shiftseg.metrics.seams import SEAM_RATIO
from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint, sweep
from napari_shiftseg.report.sweep_verdict import sweep_verdict

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def of_disks(small_disks, disks_model) -> list[SweepPoint]:
    """Tiles of 20, which make seams, of 16, which make none, and one of 300."""
    windows = [20, 16, 300]
    return sweep(
        small_disks.image, disks_model, windows, small_disks.labels, device="cpu"
    )


def with_ratio(point: SweepPoint, ratio: float, within: float = 1.0) -> SweepPoint:
    """Return a point of these seam ratios, beside 1 and 1 untiled."""
    seams = replace(point.seams, ratio=ratio, ratio_within=within)
    untiled = replace(point.untiled, ratio=1.0, ratio_within=1.0)
    return replace(point, seams=seams, untiled=untiled)


def test_windows_without_seams(of_disks) -> None:
    assert sweep_verdict(of_disks) == "No seams at 16."


def test_seams_everywhere(of_disks) -> None:
    assert sweep_verdict(of_disks[:1]) == "Seams at every tile size."


def test_one_tile(of_disks) -> None:
    said = "Seam scores are not defined: one tile holds it all."
    assert sweep_verdict(of_disks[2:]) == said


def test_what_does_not_fit(of_disks) -> None:
    naive, valid, _ = of_disks
    failed = SweepPoint(naive.plan, False, "does not fit in memory")
    assert sweep_verdict([valid, failed]) == (
        "No seams at 16. Too large for the memory: 20."
    )
    assert sweep_verdict([failed]) == "Too large for the memory: 20."


def test_nothing_yet() -> None:
    assert sweep_verdict([]) == ""


@pytest.mark.parametrize(
    ("ratio", "within", "seamless"),
    [
        (SEAM_RATIO, 1.0, True),
        (SEAM_RATIO + 0.01, 1.0, False),
        (1.0, SEAM_RATIO + 0.01, False),  # inside objects alone
        (0.1, 1.0, True),
    ],
)
def test_the_threshold(of_disks, ratio: float, within: float, seamless: bool) -> None:
    said = sweep_verdict([with_ratio(of_disks[1], ratio, within)])
    assert said == ("No seams at 16." if seamless else "Seams at every tile size.")


def test_several_images_by_their_mean(of_disks) -> None:
    point = of_disks[1]
    near, far = with_ratio(point, 1.0), with_ratio(point, 1.5)
    assert sweep_verdict([PooledPoint((near, far))]) == "Seams at every tile size."
    assert sweep_verdict([PooledPoint((near, near))]) == "No seams at 16."


def test_a_model_with_seams_of_its_own(of_disks) -> None:
    """The untiled prediction has them too: it is no measure for the tiles."""
    point = with_ratio(of_disks[1], 2.0, 2.0)
    alike = replace(point, untiled=point.seams)
    assert sweep_verdict([alike]) == "No seams at 16."
    assert sweep_verdict([alike], model_has_seams=True) == (
        "Seams at every tile size, as the model has seams of its own."
    )
