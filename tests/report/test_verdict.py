"""What a comparison says in words, case by case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.metrics.chance import object_differences
from napari_shiftseg.metrics.splits import split_objects
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.pipeline.comparison import compare
from napari_shiftseg.report.effect import period_ratio, shows_seams
from napari_shiftseg.report.figures_of_merit import cell
from napari_shiftseg.report.verdict import _why_seamless, verdict

pytestmark = pytest.mark.usefixtures("one_thread")

ONE_MODE = Clustering(bandwidth=1e3)


def test_naive_tiles_make_seams_and_cropped_ones_do_not(by_disks, disks_model) -> None:
    naive = by_disks.naive
    said = verdict(by_disks, disks_model)
    assert said.text == (
        f"Tiles of 20 make seams: the embedding jumps {cell(naive.seams.ratio)} times "
        f"as much there as elsewhere, inside objects {cell(naive.seams.ratio_within)} "
        f"times, and {split_objects(naive.splitting)} of 144 objects are split. "
        f"Cropped tiles of 16 do not. Use a tile size that is a multiple of 16."
    )
    small, *others = said.warnings
    assert "small for this model" in small  # 144 pixels
    assert tuple(others) == naive.result.notes + by_disks.cropped.result.notes
    assert shows_seams(naive)
    assert not shows_seams(by_disks.cropped)


def test_whole_objects_are_those_of_cropped_without_a_truth(
    by_disks_alone, disks_model
) -> None:
    objects = by_disks_alone.cropped.result.objects
    number = split_objects(by_disks_alone.naive.splitting)
    assert f"{number} of the {objects} objects that cropped tiles give are split" in (
        verdict(by_disks_alone, disks_model).text
    )


class TestObjectsThatAreTheSame:
    """A jump that does nothing to the objects: those of cropped tiles on both sides."""

    def said(self, by_disks, model, lost: int = 0) -> Any:
        cropped = by_disks.cropped
        found = cropped.outcomes.found.copy()
        found[:lost] = 0
        naive = replace(
            by_disks.naive,
            splitting=(),
            objects=replace(cropped.objects, found=144 - lost),
            outcomes=replace(cropped.outcomes, found=found),
        )
        differences = object_differences(naive.outcomes, cropped.outcomes)
        return verdict(replace(by_disks, naive=naive, differences=differences), model)

    def test_that_is_said_with_what_to_do(self, by_disks, disks_model) -> None:
        said = self.said(by_disks, disks_model)
        assert said.text.endswith(
            " times. Yet they cut no object that cropped tiles leave whole, and "
            "objects are the same (both: AP50 1). Cropped tiles of 16 make no seams. "
            "For these objects either tile size will do; 32, a multiple of 16, "
            "makes no seams and costs less."
        )
        assert not said.is_harm
        assert verdict(by_disks, disks_model).is_harm

    def test_a_few_objects_are_chance(self, by_disks, disks_model) -> None:
        said = self.said(by_disks, disks_model, lost=2)
        assert (
            "objects are the same within chance (naive and cropped: AP50 " in said.text
        )
        assert "Use a tile size" not in said.text

    def test_many_are_not(self, by_disks, disks_model) -> None:
        said = self.said(by_disks, disks_model, lost=20)
        assert "They make the objects worse (naive and cropped: AP50 " in said.text
        assert said.text.endswith("Use a tile size that is a multiple of 16.")
        assert said.is_harm

    def test_naive_may_be_better(self, by_disks, disks_model) -> None:
        turned = replace(
            by_disks,
            differences={
                key: replace(d, value=-d.value, low=-d.high, high=-d.low)
                for key, d in by_disks.differences.items()
            },
            naive=replace(
                by_disks.naive, objects=by_disks.cropped.objects, splitting=()
            ),
            cropped=replace(by_disks.cropped, objects=by_disks.naive.objects),
        )
        said = verdict(turned, disks_model)
        assert "Objects are better than with cropped tiles, beyond chance" in said.text
        assert "Use a tile size" not in said.text

    def test_few_objects_of_which_most_are_split(self, by_disks, disks_model) -> None:
        """4 of 5: chance to a test, but nobody would call them the same."""
        naive, cropped = (
            replace(
                side,
                splitting=side.splitting[:number],
                objects=replace(side.objects, true_objects=5),
            )
            for side, number in ((by_disks.naive, 4), (by_disks.cropped, 0))
        )
        few = {
            key: replace(known, units=5, differing=4)
            for key, known in by_disks.differences.items()
        }
        split = split_objects(naive.splitting)
        text = verdict(
            replace(by_disks, naive=naive, cropped=cropped, differences=few),
            disks_model,
        ).text
        assert f"{split} of 5 objects are split. There are too few objects" in text
        assert text.endswith("Use a tile size that is a multiple of 16.")

    def test_without_a_truth(self, disks_model, by_disks_alone) -> None:
        bare = by_disks_alone
        for number, said in (
            (0, "Yet no object is split."),
            (1, "Yet hardly an object"),
        ):
            seams = tuple(
                replace(seam, split=seam.split[:1])
                for seam in bare.naive.splitting[:number]
            )
            naive = replace(bare.naive, splitting=seams)
            text = verdict(replace(bare, naive=naive), disks_model).text
            assert said in text
            assert "either tile size will do" in text

    def test_no_object_at_all(self, by_disks, disks_model) -> None:
        naive, cropped = (
            replace(side, result=replace(side.result, labels=0 * side.result.labels))
            for side in (by_disks.naive, by_disks.cropped)
        )
        empty = replace(by_disks, naive=naive, cropped=cropped)
        text = verdict(empty, disks_model).text
        assert "No object is found with either" in text
        assert "Where there are objects it may matter; 32, a multiple of 16" in text


def test_objects_in_pieces_with_cropped_tiles_too(by_disks, disks_model) -> None:
    cropped = by_disks.cropped
    scores = replace(cropped.objects, found=95)
    split = by_disks.naive.splitting[:2]
    misfit = replace(cropped, objects=scores, splitting=split)  # still far better
    text = verdict(replace(by_disks, cropped=misfit), disks_model).text
    assert (
        f"Cropped tiles of 16 do not, though {split_objects(split)} objects are in "
        f"pieces at their borders too."
    ) in text
    assert text.startswith(
        f"This model hardly fits this image: cropped tiles reach an AP50 of "
        f"{scores.ap50:.3g}"
    )
    assert "hardly" not in verdict(by_disks, disks_model).text


def test_a_jump_inside_objects_alone(by_disks, disks_model) -> None:
    """The background's noise may hide it from the ratio over all pixels."""
    naive = by_disks.naive
    hidden = replace(naive, seams=replace(naive.seams, ratio=naive.untiled.ratio))
    text = verdict(replace(by_disks, naive=hidden), disks_model).text
    assert text.startswith(
        f"Tiles of 20 make seams: inside objects the embedding jumps "
        f"{cell(naive.seams.ratio_within)} times as much there as elsewhere, and "
    )


def test_an_image_smaller_than_what_the_network_sees(by_disks, disks_model) -> None:
    def said(*shape: int) -> str:
        cropped = by_disks.cropped
        plan = replace(cropped.result.plan, image_shape=shape)
        result = replace(cropped.result, plan=plan)
        sized = replace(by_disks, cropped=replace(cropped, result=result))
        return " ".join(verdict(sized, disks_model).warnings)

    assert (
        "small for this model: around a pixel it sees 184 × 184 pixels, the image has "
        "183 × 300" in said(183, 300)
    )
    assert "small" not in said(184, 300)


def test_a_model_trained_with_its_period_as_window(by_w16, w16_model) -> None:
    said = verdict(by_w16, w16_model)
    assert "Tiles of 40 make seams" in said.text
    assert "Cropped tiles of 32 show seams too, and so does the untiled" in said.text
    assert "at every multiple of 16 the embedding jumps " in said.text
    assert f"jumps {cell(period_ratio(by_w16.cropped))} times" in said.text
    assert "train the model with a window above 16" in said.text
    assert "Use a tile size" not in said.text  # it would not help
    assert said.warnings[0].startswith("a training window of 16")


def test_such_a_model_where_nothing_is_measured(rng) -> None:
    known = Provenance(
        command="", window=(4, 4), seed=0, steps=1, loss={}, optimizer={}, data="",
        date="", versions={},
    )  # fmt: skip
    model = new_model(
        ndim=2, depth=2, features=2, clustering=ONE_MODE, provenance=known
    )
    text = verdict(compare(rng.normal(size=(3, 3)), model, window=4), model).text
    assert "seam scores are not defined" in text
    assert "seams are to be expected at every multiple of 4" in text


def test_multiples_of_the_period_make_no_seams(small_disks, disks_model) -> None:
    corner = small_disks.image[:66, :66]
    result = compare(corner, disks_model, window=32, device="cpu")
    assert verdict(result, disks_model).text == (
        "Tiles of 32 make no seams: they are multiples of the period. "
        "Nor do cropped tiles of 32."
    )


def test_nothing_jumps_although_it_might(rng) -> None:
    model = new_model(ndim=2, depth=2, features=2, clustering=ONE_MODE)
    with torch.no_grad():  # nothing comes up from where the phase matters
        for name, weights in model.named_parameters():
            if "resize" in name:
                weights.zero_()
    text = verdict(compare(rng.normal(size=(40, 40)), model, window=6), model).text
    assert text.startswith("Tiles of 6 make no seams. Nor do cropped tiles of 4.")
    assert "On other images they may: 6 is not a multiple of the period 4." in text


def test_seams_are_foreseen_only_where_they_come(by_disks, disks_model, rng) -> None:
    foreseen = "20 is not a multiple of 16 (= 2⁴): expect seams at every tile border."
    assert foreseen in verdict(by_disks, disks_model).warnings
    model = new_model(ndim=2, depth=2, features=4, padding="same", clustering=ONE_MODE)
    result = compare(rng.normal(size=(33, 33)), model, window=8)
    assert any("meet at seams" in note for note in result.naive.result.notes)
    said = verdict(result, model)
    assert "make no jump" in said.text
    assert not any("meet at seams" in note for note in said.warnings)


def test_zero_padding_is_mended_by_cropping(rng) -> None:
    model = new_model(ndim=2, depth=2, features=4, padding="same", clustering=ONE_MODE)
    result = compare(rng.normal(size=(33, 33)), model, window=8)
    far = abs(result.naive.result.embeddings - result.reference).max()
    text = verdict(result, model).text
    assert not shows_seams(result.naive)  # both sides of a border fade alike
    assert text.startswith(
        f"Tiles of 8 make no jump at their borders, but give another embedding than "
        f"one pass does: up to {cell(float(far))} away, where values reach "
    )
    assert ". Yet no object is split. Cropped tiles of 8 give what one pass gives." in (
        text
    )
    assert "This network pads with zeros" in text
    assert "multiple of 4" not in text


@pytest.mark.parametrize(
    ("shape", "window", "said"),
    [
        ((3, 3), 8, "One tile of 8 holds the whole image"),
        ((9, 9), 1, "Every pixel is a tile of its own"),
    ],
)
def test_scores_that_are_not_defined(small_model, rng, shape, window, said) -> None:
    model = small_model(2, 2, clustering=ONE_MODE)
    result = compare(rng.normal(size=shape), model, window=window)
    text = verdict(result, model).text
    assert text.startswith(f"{said}: seam scores are not defined.")
    assert "Use a tile size" not in text


def test_one_tile_against_several(small_model, rng) -> None:
    model = small_model(2, 2, clustering=ONE_MODE)
    text = verdict(compare(rng.normal(size=(7, 7)), model, window=7), model).text
    assert text == (
        "One tile of 7 holds the whole image: seam scores are not defined. "
        "Cropped tiles of 4 make no seams."
    )


def test_an_embedding_that_is_one_value() -> None:
    model = new_model(ndim=2, depth=2, features=2, clustering=ONE_MODE)
    with torch.no_grad():
        for weights in model.parameters():
            weights.zero_()
    text = verdict(compare(np.ones((20, 20)), model, window=6), model).text
    assert text.startswith("The embedding does not change within tiles of 6")


def test_figures_to_be_read_with_care(disks_model) -> None:
    from napari_shiftseg.samples.catalogue import disks

    in_step = disks((81, 81), period=16)
    result = compare(in_step.image, disks_model, window=16, device="cpu")
    notes = " ".join(verdict(result, disks_model).warnings)
    assert "cropped: objects and tiles share a rhythm" in notes
    small = compare(in_step.image[:40, :40], disks_model, window=8, device="cpu")
    notes = verdict(small, disks_model).warnings
    assert "naive: the seam z is weak, a tile keeps fewer than 16 pixels" in notes
    assert not any("cropped: the seam z" in note for note in notes)


def test_why_there_are_no_seams() -> None:
    """Of tiles that need not be multiples of the period: one holds the second axis."""
    shape = UNetShape((AxisShape((2, 2)),) * 2, (2, 4, 8))  # p = 4

    def why(window: tuple[int, int]) -> str:
        return _why_seamless(plan_tiles((40, 50), shape, window, "naive"))

    assert why((8, 8)) == ": they are multiples of the period"
    assert why((8, 50)) == ": they meet at multiples of the period only"
    assert why((6, 8)) == ""
