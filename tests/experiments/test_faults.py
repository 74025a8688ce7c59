"""Each fault by its figures, beside the same without the fault."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fault_pictures import texture
from faults import (
    Stitched,
    TileScaled,
    border_steps,
    centred_crop,
    cropped,
    last_tile_shifted_back,
    normalised_per_tile,
    window_at_most_period,
    without_halo,
)

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed, embed_steps, open_for
from napari_shiftseg.metrics.seams import seam_scores, step
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.progress import exhaust
from napari_shiftseg.samples.catalogue import disks as make_disks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

    Make = Callable[..., UNet]

EXACT = 1e-10
pytestmark = pytest.mark.usefixtures("one_thread")


def apart(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """Largest difference over the channels, per pixel, relative to the largest of b."""
    assert a.shape == b.shape
    return abs(a - b).max(axis=0) / abs(b).max()


STRIPE = make_disks((508, 60))  # eight tiles of 4p = 64 along axis 0


@cache
def stripe_of(model: str) -> Stitched:
    return window_at_most_period(STRIPE.image, load_unet(model))


class TestWindowAtMostPeriod:
    """The fault is a model's; the control has the same tiles and another model."""

    ends = np.array([15, 31, 47, 63])  # p − 1, 2p − 1, 3p − 1, 4p − 1

    def within(self, embedding: NDArray[Any]) -> NDArray[np.float64]:
        """Mean step along axis 0 inside disks, per offset in the tile."""
        labels = STRIPE.labels
        inside = (labels[1:] == labels[:-1]) & (labels[1:] > 0)
        steps = np.where(inside, step(embedding, 0), 0).sum(axis=1)
        offset = (np.arange(507) + 4) % 64  # the first tile begins at −4
        return np.bincount(offset, steps) / np.bincount(offset, inside.sum(axis=1))

    def test_the_profile_spikes_at_every_multiple_of_the_period(self) -> None:
        fault = stripe_of("disks-w16")
        (profile, _) = fault.scores.profile
        assert fault.plan.stride == (64, 64)
        others = np.delete(profile, self.ends)
        assert profile[self.ends].min() > others.mean() + 2 * others.std()
        inside = self.within(fault.embedding)
        assert inside[self.ends].min() > 20 * np.delete(inside, self.ends).max()

    def test_a_net_trained_with_a_larger_window_has_none(self) -> None:
        control = stripe_of("disks")
        (profile, _) = control.scores.profile
        others = np.delete(profile, self.ends)
        assert profile[self.ends].max() < others.mean() + 2 * others.std()
        inside = self.within(control.embedding)
        assert inside[self.ends].max() < np.delete(inside, self.ends).max()

    def test_seam_pairs_alone_understate_it(self) -> None:
        fault = stripe_of("disks-w16")
        labels, at_periods = (
            STRIPE.labels,
            plan_tiles((508, 60), fault.plan.shape, 16),
        )
        alone = seam_scores(fault.embedding, fault.plan, labels)
        everywhere = seam_scores(fault.embedding, at_periods, labels)
        assert alone.ratio_within is not None
        assert everywhere.ratio_within is not None
        assert everywhere.ratio_within > 10 * alone.ratio_within
        assert everywhere.z is not None
        assert alone.z is not None
        assert everywhere.z > 5 > alone.z

    def test_the_untiled_prediction_shows_the_same(self) -> None:
        fault, control = stripe_of("disks-w16"), stripe_of("disks")
        for side in (fault, control):
            assert side.plan.is_exact
            assert side.difference < EXACT
            assert side.reference.ratio == pytest.approx(side.scores.ratio)
        inside = self.within(fault.untiled)
        assert inside[self.ends].min() > 20 * np.delete(inside, self.ends).max()


class TestWithoutHalo:
    image = texture((61, 73))

    @pytest.fixture
    def model(self, small_model: Make) -> UNet:
        return small_model(2, 2, padding="same", upsampling="nearest")  # p = 4

    @pytest.mark.parametrize("window", [16, 17, 18, 20])
    def test_seams_whatever_the_stride(self, model: UNet, window: int) -> None:
        fault = without_halo(self.image, model, window)
        assert fault.plan.stride == (window, window)
        assert fault.plan.makes_seams
        assert fault.scores.ratio is not None
        assert fault.scores.z is not None
        assert fault.reference.z is not None
        assert fault.scores.ratio > 1.8
        assert fault.reference.ratio == pytest.approx(1, abs=0.2)
        assert fault.scores.z > fault.reference.z + 2

    @pytest.mark.parametrize("window", [16, 17, 18, 20])
    def test_with_its_halo_there_is_none(self, model: UNet, window: int) -> None:
        control = cropped(self.image, model, window)
        assert control.difference == 0
        assert not control.plan.makes_seams
        assert control.scores.ratio == control.reference.ratio

    def test_the_zeros_reach_no_farther_than_the_halo(self, model: UNet) -> None:
        one = without_halo(self.image, model, (64, 76))
        halo = model.shape.axes[0].halo
        assert len(one.plan) == 1
        assert not one.plan.makes_seams
        difference = apart(one.embedding, one.untiled)
        assert difference[halo:-halo, halo:-halo].max() == 0
        assert difference[0].max() > 1e-2

    def test_only_a_same_padded_net_needs_one(self, small_model: Make) -> None:
        with pytest.raises(ValueError, match=r"same-padded.*'valid'.*padding='same'"):
            without_halo(self.image, small_model(2, 2), 16)


class TestLastTileShiftedBack:
    """Tiles of 12 = 3p on 61 × 70 pixels: the last ones begin at 49 and 58.

    ::

        on the grid    0 … 11 | 12 … 23 | 24 … 35 | 36 … 47 | 48 … 59 | 60
        shifted back   0 … 11 | 12 … 23 | 24 … 35 | 36 … 47 | 48 | 49 … 60
    """

    @pytest.fixture
    def model(self, small_model: Make) -> UNet:
        return small_model(2, 2)

    def test_the_tiles(self, model: UNet, rng) -> None:
        fault = last_tile_shifted_back(rng.normal(size=(61, 70)), model, 12)
        assert fault.plan.boundaries == ((12, 24, 36, 48, 49), (12, 24, 36, 48, 58))
        kept = np.zeros((61, 70), int)
        for tile in fault.plan:
            kept[tile.keep] += 1
            (above, below), (left, right) = tile.read
            assert below - above == right - left == fault.plan.reads[0]
        assert (kept == 1).all()

    def test_what_differs_begins_with_the_shifted_tile(self, model: UNet, rng) -> None:
        image = rng.normal(size=(61, 70))
        fault = last_tile_shifted_back(image, model, 12)
        difference = apart(fault.embedding, fault.untiled)
        assert difference[:49, :58].max() < EXACT
        assert difference[49:].max(axis=1).min() > 1e-2
        assert difference[:, 58:].max(axis=0).min() > 1e-2
        assert cropped(image, model, 12).difference < EXACT

    def test_exactly_one_border_changes(self, model: UNet, rng) -> None:
        image = rng.normal(size=(61, 9))
        fault = last_tile_shifted_back(image, model, 12)
        (tiled, _), (whole, _) = (
            border_steps(e, fault.plan) for e in (fault.embedding, fault.untiled)
        )
        np.testing.assert_allclose(tiled[:-1], whole[:-1])
        assert abs(tiled[-1] / whole[-1] - 1) > 0.2

    def test_an_image_that_fits_has_no_seam(self, model: UNet, rng) -> None:
        for size in (60, 12, 7):
            fits = last_tile_shifted_back(rng.normal(size=(size, size)), model, 12)
            assert fits.difference < EXACT
            assert not fits.plan.makes_seams
        one = last_tile_shifted_back(rng.normal(size=(16, 16)), model, 12)
        assert one.plan.boundaries == ((4,), (4,))  # begins at 4 = p: the same phase
        assert one.difference < EXACT

    def test_in_a_trained_net_only_that_border_jumps(self) -> None:
        image, model = make_disks((248, 60)).image, load_unet("disks")
        fault = last_tile_shifted_back(image, model, 64)
        (tiled, _), (whole, _) = (
            border_steps(e, fault.plan) for e in (fault.embedding, fault.untiled)
        )
        assert fault.plan.boundaries[0] == (60, 124, 184)
        np.testing.assert_allclose(tiled[:-1], whole[:-1])
        assert tiled[-1] > 50 * whole[-1]

        on_grid = cropped(image, model, 64).plan  # a modulus of 64 looks at 188
        grid, _ = border_steps(fault.embedding, on_grid)
        assert on_grid.boundaries[0] == (60, 124, 188)
        assert grid[-1] < 2 * max(border_steps(fault.untiled, on_grid)[0][-1], 1)
        assert fault.scores.z is not None
        assert fault.scores.z < 1  # nor does the profile tell: it is not at its end


class TestCentredCrop:
    """p = 8: of a raw output of 20 the tile keeps 16, from 2 on."""

    def test_it_is_seamless_yet_another_result(self, small_model: Make, rng) -> None:
        model, image = small_model(2, 3), rng.normal(size=(61, 45))
        crop = centred_crop(image, model, 16)
        assert {tile.crop[0].start for tile in crop.plan} == {2, 6}
        assert not crop.plan.makes_seams
        assert not crop.plan.is_exact
        assert crop.difference > 1e-2
        one_pass = self.in_one_pass(image, model, crop)
        assert apart(crop.embedding, one_pass).max() < EXACT
        elsewhere = seam_scores(one_pass, crop.plan)
        assert crop.scores.ratio == pytest.approx(elsewhere.ratio)

    def test_a_naive_crop_is_not_that_pass(self, small_model: Make, rng) -> None:
        model, image = small_model(2, 3), rng.normal(size=(61, 45))
        crop = centred_crop(image, model, 16)
        naive = embed(image, model, 20, "naive", precision="float64")
        assert apart(naive, self.in_one_pass(image, model, crop)).max() > 1e-2
        assert cropped(image, model, 16).difference < EXACT

    def test_it_is_the_whole_pass_of_a_shifted_image(self, small_model: Make, rng):
        model, image = small_model(1, 3), rng.normal(size=300)
        crop = centred_crop(image, model, 16)
        shifts = {
            n: apart(
                embed(image[n:], model, stitching="whole", precision="float64"),
                crop.embedding[:, n:],
            )[48:-48].max()  # past the context of either border
            for n in range(8)
        }
        assert shifts.pop(6) < EXACT  # pixel 6 has phase 0, as pixel −2 would
        assert min(shifts.values()) > 1e-3

    def test_a_crop_of_whole_periods_is_exact(self, small_model: Make, rng) -> None:
        model, image = small_model(2, 2), rng.normal(size=(61, 45))
        crop = centred_crop(image, model, 16)  # p = 4: the raw output is 16 as well
        assert crop.plan.is_exact
        assert crop.difference < EXACT

    @staticmethod
    def in_one_pass(
        image: NDArray[Any], model: UNet, crop: Stitched
    ) -> NDArray[np.float64]:
        whole = plan_tiles(image.shape, model.shape, stitching="whole")
        axes = tuple(
            replace(
                axis,
                lead=axis.lead + 2,
                halo=axis.halo + 2,
                reads=model.shape.axes[0].input_for(
                    axis.stop - axis.tiles[0].origin + 4
                ),
            )
            for axis in whole.axes
        )
        assert len(crop.plan) > len(whole) == 1
        one = replace(whole, axes=axes)
        return exhaust(
            embed_steps(open_for(image, model), model, one, "cpu", "float64")
        )[0]


class TestNormalisedPerTile:
    @pytest.fixture
    def model(self, small_model: Make) -> UNet:
        return small_model(2, 2, upsampling="nearest")

    @pytest.mark.parametrize("window", [16, 20, 24])
    def test_seams_at_every_multiple_of_the_period(self, model: UNet, window) -> None:
        fault = normalised_per_tile(texture((101, 117), brightness=6), model, window)
        assert fault.plan.stride == (window, window)
        assert fault.plan.is_exact  # the tiles are without fault
        assert fault.scores.ratio is not None
        assert fault.reference.ratio is not None
        assert fault.scores.ratio > 1.5 * fault.reference.ratio
        assert fault.scores.z is not None
        assert fault.reference.z is not None
        assert fault.scores.z > fault.reference.z + 3
        assert fault.difference > 0.1

    @pytest.mark.parametrize("window", [16, 20, 24])
    def test_scaled_as_a_whole_there_is_none(self, model: UNet, window: int) -> None:
        image = texture((101, 117), brightness=6)
        scaled = (image - image.mean()) / image.std()
        control = cropped(scaled, model, window)
        assert control.difference < EXACT
        assert control.scores.ratio == pytest.approx(control.reference.ratio)

    def test_each_window_is_scaled_by_itself(self, rng) -> None:
        image = TileScaled(rng.normal(3, 5, size=(40, 40)), 2)
        window = image.read(((-4, 9), (20, 31)), np.dtype("f8"))
        assert window.shape == (1, 13, 11)
        assert window.mean() == pytest.approx(0)
        assert window.std() == pytest.approx(1)
        flat = TileScaled(np.full((9, 9), 7.0), 2).read(
            ((0, 4), (0, 4)), np.dtype("f8")
        )
        np.testing.assert_array_equal(flat, 0)
