"""What a sweep says, window by window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_shiftseg.geometry.network_shape import FoundAxis, FoundShape
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.metrics.seams import SEAM_RATIO
from napari_shiftseg.pipeline.sweep import PooledPoint, SweepPoint
from napari_shiftseg.report.verdict import sweep_verdict

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def of_disks(swept_disks) -> list[SweepPoint]:
    """Tiles of 20, which make seams, of 16, which make none, and one of 200."""
    naive, _, valid, alone = swept_disks
    return [naive, valid, alone]


def with_ratio(point: SweepPoint, ratio: float, within: float = 1.0) -> SweepPoint:
    """Return a point of these seam ratios, beside 1 and 1 untiled."""
    seams = replace(point.seams, ratio=ratio, ratio_within=within)
    untiled = replace(point.untiled, ratio=1.0, ratio_within=1.0)
    return replace(point, seams=seams, untiled=untiled)


def test_windows_without_seams(of_disks) -> None:
    said = "No seams at 16. Seams at 20. One tile holds it all at 200."
    assert sweep_verdict(of_disks) == said


def test_where_seams_do_nothing_to_objects_it_says_so(of_disks) -> None:
    """The objects of cropped tiles at the windows of naive ones, one of them lost."""
    naive, valid, _ = of_disks
    same = replace(naive, outcomes=valid.outcomes, scores=valid.scores)
    said = "No seams at 16. Seams at 20."
    assert sweep_verdict([same, valid]) == (
        f"{said} False splits (0) and AP50 (1) are the same at every tile size."
    )
    found = valid.outcomes.found.copy()
    found[3] = 0
    worse = replace(
        same,
        outcomes=replace(valid.outcomes, found=found),
        scores=replace(valid.scores, found=143),
    )
    assert sweep_verdict([worse, valid]) == (
        f"{said} False splits (0) are the same at every tile size. "
        f"AP50 (0.986 to 1) is the same at every tile size within chance."
    )
    assert sweep_verdict([naive, valid]) == said  # a control: they change
    pooled = [PooledPoint((point, point)) for point in (same, valid)]
    assert "AP50 (1) are the same" in sweep_verdict(pooled)


def test_nothing_is_said_of_no_objects(of_disks) -> None:
    none = [
        replace(point, scores=replace(point.scores, true_objects=0, found=0))
        for point in of_disks[:2]
    ]
    without = [replace(point, scores=None, outcomes=None) for point in of_disks[:2]]
    for points in (none, without):
        assert sweep_verdict(points) == "No seams at 16. Seams at 20."


def test_seams_everywhere(of_disks) -> None:
    naive, _, alone = of_disks
    assert sweep_verdict([naive]) == "Seams at every tile size."
    failed = SweepPoint(naive.plan, False, "does not fit in memory")
    assert sweep_verdict([naive, alone, failed]) == (
        "Seams at 20. One tile holds it all at 200. Too large for the memory: 20."
    )


def test_seams_of_a_network_that_pads_have_a_remedy(of_disks) -> None:
    """Its naive tiles meet at seams at multiples of the period, too."""
    seamed = with_ratio(of_disks[1], 2.0)
    pads = FoundShape((FoundAxis(8, halo=24),) * 2)
    padded = replace(seamed, plan=plan_tiles((100, 100), pads, 32, "naive"))
    assert "Choose cropped stitching." in sweep_verdict([padded])
    assert "Choose" not in sweep_verdict([seamed])  # a control: valid convolutions
    assert "Choose" not in sweep_verdict([with_ratio(padded, 1.0)])


def test_one_tile(of_disks) -> None:
    assert sweep_verdict(of_disks[2:]) == "One tile holds it all at 200."


def test_scores_that_are_not_defined(of_disks) -> None:
    """A constant embedding: no step anywhere."""
    point = of_disks[1]
    flat = replace(point, seams=replace(point.seams, ratio=None, ratio_within=None))
    assert sweep_verdict([flat]) == "Seam scores are not defined at 16."


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


def test_several_images_one_by_one(of_disks) -> None:
    """A rhythm of one image's objects does not hide the seams of another."""
    point = of_disks[1]
    seamed, seamless = with_ratio(point, 1.5), with_ratio(point, 4.0)
    seamless = replace(seamless, untiled=seamless.seams)  # 4 untiled too
    said = sweep_verdict([PooledPoint((seamed, seamless))])
    assert said == "Seams at every tile size."
    assert sweep_verdict([PooledPoint((seamless, seamless))]) == "No seams at 16."


def test_a_window_that_fails_on_one_image(of_disks) -> None:
    point = of_disks[1]
    failed = SweepPoint(point.plan, True, "does not fit in memory")
    said = "Too large for the memory: 16."
    assert sweep_verdict([PooledPoint((point, failed))]) == said
    seamed = with_ratio(point, 1.5)
    assert sweep_verdict([PooledPoint((seamed, failed))]) == f"Seams at 16. {said}"


def test_a_model_with_seams_of_its_own(of_disks) -> None:
    """The untiled prediction has them too: it is no measure for the tiles."""
    point = with_ratio(of_disks[1], 2.0, 2.0)
    alike = replace(point, untiled=point.seams)
    assert sweep_verdict([alike]) == "No seams at 16."
    assert sweep_verdict([alike], model_has_seams=True) == (
        "Seams at every tile size, as the model has seams of its own."
    )
