"""Numbers and sizes as a person writes them."""

from __future__ import annotations

import pytest

from napari_shiftseg.text import by, compact, number_of, percent, sentence


@pytest.mark.parametrize(
    ("many", "text"),
    [(0, "0 objects"), (1, "1 object"), (2, "2 objects"), (1200, "1,200 objects")],
)
def test_number_of(many: int, text: str) -> None:
    assert number_of(many, "object") == text


def test_sizes() -> None:
    assert by((204, 16)) == "204 × 16"
    assert compact((16, 16)) == "16"
    assert compact((8, 16)) == "8 × 16"


def test_a_clause_becomes_a_sentence() -> None:
    assert sentence("tiles of 20 make seams") == "Tiles of 20 make seams."
    assert sentence("It is.") == "It is."


def test_a_share_is_written_with_a_space() -> None:
    shares = {0: "0 %", 0.074: "7 %", 0.5: "50 %", 0.996: "100 %", 1: "100 %"}
    assert {share: percent(share) for share in shares} == shares
