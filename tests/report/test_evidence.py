"""What a verdict rests on, by hand and on the bundled models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.report.effect import period_ratio

if TYPE_CHECKING:
    from napari_shiftseg.pipeline.comparison import Comparison

pytestmark = pytest.mark.usefixtures("one_thread")


class TestPeriodRatio:
    def of(self, comparison: Comparison, *profiles: list[float]) -> float | None:
        side = comparison.cropped
        arrays = tuple(np.array(profile, dtype=float) for profile in profiles)
        return period_ratio(
            replace(side, untiled=replace(side.untiled, profile=arrays))
        )

    def test_by_hand(self, by_w16) -> None:
        flat, jump = [1.0] * 32, [1.0] * 32
        jump[15], jump[31] = 4, 8
        assert self.of(by_w16, flat, flat) == 1
        assert self.of(by_w16, flat, jump) == 6  # the larger of both axes
        jump[14], jump[15] = jump[15], jump[14]  # one pixel beside it is none
        assert self.of(by_w16, jump, jump) == pytest.approx(4.5 / (33 / 30))

    def test_pixels_without_a_pair(self, by_w16) -> None:
        profile = [2.0] * 31 + [np.nan]
        profile[15] = 6
        assert self.of(by_w16, profile, profile) == 3
        assert self.of(by_w16, [np.nan] * 32, [0.0] * 32) is None

    def test_bundled_models(self, by_w16, by_disks) -> None:
        assert period_ratio(by_w16.cropped) > 1.5
        assert period_ratio(by_disks.cropped) < 1.2
