"""Pictures hold what the comparison holds, pixel by pixel."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.metrics.label_image import relabelled_like
from napari_shiftseg.pipeline.comparison import Comparison, compare
from napari_shiftseg.report.page import CAPTIONS, middle_plane, pictures
from napari_shiftseg.report.plots import object_colours

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("one_thread")

SIDES = ("naive", "cropped")


@pytest.fixture(scope="session")
def drawn(by_disks: Comparison, small_disks) -> dict[str, NDArray[np.uint8]]:
    return pictures(by_disks, small_disks.image, small_disks.labels)


def test_names_sizes_and_captions(drawn, small_disks) -> None:
    assert set(drawn) == set(CAPTIONS)
    for name, picture in drawn.items():
        assert picture.dtype == np.uint8
        if "worst" not in name:
            assert picture.shape[:2] == small_disks.image.shape


def test_the_image_from_black_to_white(drawn, small_disks) -> None:
    np.testing.assert_array_equal(drawn["image"], small_disks.image * 255)


def test_gradients_share_one_scale(drawn, by_disks) -> None:
    gradients = {side: getattr(by_disks, side).result.gradient for side in SIDES}
    brightest = max(gradient.max() for gradient in gradients.values())
    for side, gradient in gradients.items():
        expected = gradient / brightest * 255
        np.testing.assert_allclose(drawn[f"gradient_{side}"], expected, atol=1)
    assert max(drawn[f"gradient_{side}"].max() for side in SIDES) == 255


def test_the_difference_is_that_of_the_embeddings(drawn, by_disks) -> None:
    naive, cropped = (getattr(by_disks, side).result.embeddings for side in SIDES)
    norm = np.sqrt(((naive - cropped) ** 2).sum(axis=0))
    expected = norm / norm.max() * 255
    np.testing.assert_allclose(drawn["difference"], expected, atol=1)


def test_an_object_has_one_colour_on_both_sides(drawn, by_disks, small_disks) -> None:
    whole = small_disks.labels
    cropped = by_disks.cropped.result.labels
    np.testing.assert_array_equal(cropped > 0, drawn["labels_cropped"].any(axis=-1))
    same = 0
    for number in np.unique(whole)[1:]:
        here = whole == number
        colours = [
            np.unique(drawn[f"labels_{side}"][here], axis=0, return_counts=True)
            for side in SIDES
        ]
        naive, largest = (seen[np.argmax(count)] for seen, count in colours)
        same += np.array_equal(naive, largest)
    assert same >= 0.9 * 144  # but where halves are of one size
    own = [object_colours(getattr(by_disks, side).result.labels) for side in SIDES]
    assert (own[0] != own[1]).any(axis=-1).sum() > (
        drawn["labels_naive"] != drawn["labels_cropped"]
    ).any(axis=-1).sum()  # ids as they come would differ more


def test_colours_are_those_of_the_ids() -> None:
    some, others = np.array([[0, 1, 2]]), np.array([[2, 0, 7]])
    painted, again = object_colours(some), object_colours(others)
    np.testing.assert_array_equal(painted[0, 0], 0)
    np.testing.assert_array_equal(painted[0, 2], again[0, 0])
    many = object_colours(np.arange(200))
    assert len(np.unique(many, axis=0)) == 200
    assert abs(many[:-1].astype(int) - many[1:]).sum(axis=-1).min() > 100


class TestCloseUp:
    def test_it_shows_the_worst_seam_split(self, drawn, by_disks, small_disks) -> None:
        seam = by_disks.naive.splitting[0]
        naive, cropped = drawn["worst_seam_naive"], drawn["worst_seam_cropped"]
        assert naive.shape == cropped.shape == (600, 600, 3)  # 60 pixels, enlarged
        labels = {
            side: relabelled_like(getattr(by_disks, side).result.labels,
                                  small_disks.labels)
            for side in SIDES
        }  # fmt: skip
        found = self.corner(naive, labels["naive"], small_disks.image)
        assert found == self.corner(cropped, labels["cropped"], small_disks.image)
        for start, bounds in zip(found, seam.pairs, strict=True):
            assert start <= bounds[1]
            assert bounds[0] <= start + 60

    def corner(self, picture: Any, labels: Any, image: Any) -> tuple[int, int]:
        """Find the place in the image that a close-up shows; there is one."""
        shown = picture[5::10, 5::10].astype(float)  # away from the lines
        grey = image[..., None] * 255
        painted = 0.75 * object_colours(labels) + 0.25 * grey
        expected = np.where(labels[..., None] > 0, painted, 0.5 * grey)
        rows, columns = (n - 60 + 1 for n in labels.shape)
        places = [
            (row, column)
            for row in range(rows)
            for column in range(columns)
            if abs(expected[row : row + 60, column : column + 60] - shown).max() <= 1
        ]
        assert len(places) == 1
        return places[0]

    def test_tile_borders_are_grey_lines(self, drawn, by_disks, small_disks) -> None:
        for side in SIDES:
            plan = getattr(by_disks, side).result.plan
            picture = drawn[f"worst_seam_{side}"]
            colours = 128, 255, (0, 255, 0)  # outlines and cuts are drawn over them
            drawn_on = [(picture == colour).all(axis=-1) for colour in colours]
            rows = np.flatnonzero(np.any(drawn_on, axis=0).all(axis=1))
            assert set(np.diff(rows)) == {10 * plan.stride[0]}
            assert len(rows) >= 2

    def test_the_cuts_are_green_lines_at_one_place_on_both_sides(
        self, drawn, by_disks
    ) -> None:
        seam = by_disks.naive.splitting[0]
        for side in SIDES:
            green = (drawn[f"worst_seam_{side}"] == (0, 255, 0)).all(axis=-1)
            across = np.unique(np.nonzero(green)[seam.axis])
            along = np.unique(np.nonzero(green)[1 - seam.axis])
            assert len(across) == 6  # three pixels on each side of the border
            assert across[3] % 10 == 0  # where two image pixels meet
            length = sum(np.ptp(cut.pairs[1 - seam.axis]) for cut in seam.cuts)
            assert len(along) <= 10 * length
        naive, cropped = (drawn[f"worst_seam_{side}"] for side in SIDES)
        is_green = [(p == (0, 255, 0)).all(axis=-1) for p in (naive, cropped)]
        np.testing.assert_array_equal(*is_green)

    def test_objects_are_outlined(self, drawn, by_disks, small_disks) -> None:
        """Where two pieces meet there is a line on the left, and none on the right."""
        cut = by_disks.naive.cutting[0].cuts[0]
        for side, labels in (("naive", True), ("cropped", False)):
            is_white = (drawn[f"worst_seam_{side}"] == 255).all(axis=-1)
            assert is_white.any()
            found = getattr(by_disks, side).result.labels
            there = found[tuple(slice(*bounds) for bounds in cut.pairs)]
            assert (len(np.unique(there)) > 1) == labels

    def test_none_where_nothing_is_cut(self, by_disks, small_disks) -> None:
        whole = replace(by_disks, naive=by_disks.cropped)
        assert "worst_seam_naive" not in pictures(whole, small_disks.image)


class TestShapes:
    def test_the_middle_plane_of_a_volume(self, of_volume, volume) -> None:
        drawn = pictures(of_volume, volume)
        plane = middle_plane(of_volume.naive.result.plan)
        assert plane == 5
        middle = volume[5]
        scaled = (middle - middle.min()) / np.ptp(middle) * 255
        np.testing.assert_allclose(drawn["image"], scaled, atol=1)
        cropped = of_volume.cropped.result.labels[5]
        np.testing.assert_array_equal(drawn["labels_cropped"].any(axis=-1), cropped > 0)

    @pytest.mark.parametrize("axis", [0, 1, 2])
    def test_close_ups_of_a_volume_cross_the_seam(self, of_volume, volume, axis):
        seams = [s for s in of_volume.naive.splitting if s.axis == axis]
        assert seams
        naive = replace(of_volume.naive, splitting=tuple(seams))
        drawn = pictures(replace(of_volume, naive=naive), volume)
        shown = [a for a in range(3) if a != (1 if axis == 0 else 0)]
        sizes = [min(3 * (5, 6, 6)[a], volume.shape[a]) for a in shown]
        factor = 600 // max(sizes)
        expected = (*(factor * size for size in sizes), 3)
        assert drawn["worst_seam_naive"].shape == expected

    def test_no_plane_is_taken_of_an_image(self, by_disks) -> None:
        assert middle_plane(by_disks.naive.result.plan) is None

    def test_a_line_is_a_band(self, small_model, rng) -> None:
        model = small_model(1, 2, clustering=Clustering(bandwidth=0.1))
        line = rng.normal(size=12).repeat(6)[:70]
        drawn = pictures(compare(line, model, window=6), line)
        assert drawn["image"].shape == (24, 70)
        assert (drawn["image"] == drawn["image"][0]).all()
        assert drawn["worst_seam_naive"].ndim == 3

    def test_the_region_and_the_first_channel(self, small_model, rng) -> None:
        clustering = Clustering(bandwidth=1e3)
        model = small_model(2, 2, in_channels=2, clustering=clustering)
        image = rng.normal(size=(2, 67, 70))
        drawn = pictures(compare(image, model, window=6, border="valid"), image)
        inside = image[0, 20:44, 20:48]
        scaled = (inside - inside.min()) / np.ptp(inside) * 255
        np.testing.assert_allclose(drawn["image"], scaled, atol=1)

    def test_large_images_are_reduced_and_keep_their_seams(
        self, small_model, monkeypatch: pytest.MonkeyPatch, rng
    ) -> None:
        from napari_shiftseg.report import page as module

        image = rng.normal(size=(31, 42))
        model = small_model(2, 2, clustering=Clustering(bandwidth=1e3))
        comparison = compare(image, model, window=6)
        full = pictures(comparison, image)
        monkeypatch.setattr(module, "MOST_PIXELS", 15)
        drawn = pictures(comparison, image)
        assert drawn["image"].shape == drawn["gradient_naive"].shape == (11, 14)
        padded = np.pad(full["gradient_naive"], ((0, 2), (0, 0)))
        blocks = padded.reshape(11, 3, 14, 3).max(axis=(1, 3))
        np.testing.assert_array_equal(drawn["gradient_naive"], blocks)

    def test_nothing_but_background(self, by_disks, small_disks) -> None:
        nothing = np.zeros_like(by_disks.naive.result.labels)
        sides = {
            name: replace(side, result=replace(side.result, labels=nothing),
                          splitting=())
            for name, side in (("naive", by_disks.naive), ("cropped", by_disks.cropped))
        }  # fmt: skip
        drawn = pictures(replace(by_disks, **sides), np.ones_like(small_disks.image))
        assert not drawn["labels_naive"].any()
        assert not drawn["image"].any()
