"""What is said of tiles as other libraries lay them: verdict, tables, page."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.pipeline.comparison import compare
from napari_shiftseg.report.figures_of_merit import (
    cell,
    figures_table,
    judgements,
    ways_table,
)
from napari_shiftseg.report.verdict import verdict
from napari_shiftseg.report.write import report_of

pytestmark = pytest.mark.usefixtures("one_thread")
WAYS = ("blended", "normalised by tile")


@pytest.fixture(scope="module")
def model():
    return new_model(
        ndim=2, depth=2, features=4, padding="same", intensity="range",
        clustering=Clustering(bandwidth=1e3),
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(model):
    brighter = np.linspace(0.2, 2, 60)  # to the right
    image = np.random.default_rng(0).random((50, 60)) * brighter
    return compare(image, model, window=16, also=WAYS)


def test_the_verdict_is_that_of_the_tiles_on_the_left(compared, model) -> None:
    for way, said in zip(
        WAYS, ("blended with the next ones", "normalised one by one"), strict=True
    ):
        seen = compared.seen_as(way)

        text = verdict(seen, model).text

        assert text.startswith(f"Tiles {said} make ")
        assert text.endswith("and are scaled as one image.")
        assert seen.naive is compared.also[way]
        assert seen.cropped is compared.cropped
    assert compared.seen_as("naive") is compared
    assert "Tiles of 16 make no jump" in verdict(compared, model).text


def test_sides_are_judged_by_their_own_differences(compared) -> None:
    for way in WAYS:
        seen = compared.seen_as(way)
        assert seen.differences == compared.also_differences[way]
        assert seen.differences != compared.differences
        judged = judgements(seen)["seam_ratio"].difference
        assert judged == seen.differences["seam_ratio"]


def test_ways_stand_in_a_table_between_naive_and_cropped(compared, model) -> None:
    table = ways_table(report_of(compared, model, "noise"))

    assert [row[0] for row in table.rows] == ["naive", *WAYS, "cropped"]
    assert "false splits" not in table.header  # there is no truth
    largest = table.header.index("largest")
    assert [row[largest] for row in table.rows] == [
        cell(side.figures()["largest_difference"])
        for side in (compared.naive, *compared.also.values(), compared.cropped)
    ]
    split = table.header.index("split by seams")
    assert table.rows[-1][split] == "–"  # cropped ones are the reference


def test_each_way_is_a_column_of_the_figures(compared) -> None:
    table = figures_table(compared)

    assert table.header[-2:] == WAYS
    by_name = {row[0]: row for row in table.rows}
    for column, way in zip((-2, -1), WAYS, strict=True):
        figures = compared.also[way].figures()
        assert by_name["seam_ratio"][column] == figures["seam_ratio"]
        assert by_name["largest_difference"][column] == figures["largest_difference"]


def test_without_harm_nothing_is_advised(small_model) -> None:
    model = small_model(2, 2, clustering=Clustering(bandwidth=1e3))  # valid, exact
    image = np.random.default_rng(0).random((40, 40))

    seen = compare(image, model, window=16, also=["blended"]).seen_as("blended")

    said = "Tiles blended with the next ones make no seams. Nor do cropped tiles of 16."
    assert verdict(seen, model).text == said
