"""Foreign text is shown as it is: nothing in it steers what shows it."""

import pytest
from pydantic import ValidationError

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.text import brief, readable, refusal, said_by, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zellkerne µ→⁴ 細胞 👩‍🔬 می‌خواهم", "Zellkerne µ→⁴ 細胞 👩‍🔬 می‌خواهم"),
        ("a\x1b[31mb\x07", "a\\x1b[31mb\\x07"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("gpj.\u202eexe\u2066", "gpj.\\u202eexe\\u2066"),
        ("a\u2028b\u200f", "a\\u2028b\\u200f"),
        ("\udcff\ud800", "\\xff\\ud800"),
    ],
)
def test_what_steers_is_written_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_breaks_can_be_kept() -> None:
    assert visible("a\nb\x1b", "\n") == "a\nb\\x1b"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("zähler", "zähler"),
        ("z\udcc3\udca4hler", "zähler"),  # UTF-8 read as ASCII
        ("z\udce4hler", "z\\xe4hler"),  # latin-1, which cannot be known
        ("zä\udcc3\udca4", "zää"),
        ("a\ud800", "a\\ud800"),
    ],
)
def test_undecodable_names(name: str, text: str) -> None:
    assert readable(name) == text
    text.encode("utf-8")


def test_values_are_cut_short() -> None:
    deep: list = []
    for _ in range(10**4):
        deep = [deep]
    assert brief(deep) == "[[[[...]]]]"
    assert len(brief("n" * 10**6)) < 70
    assert brief([1, (2, 3)]) == "[1, (2, 3)]"
    assert len(brief(10**10_000)) < 70  # Python writes no more than 4,300 digits


class TestWordsOfAnError:
    def refused(self, **values: object) -> ValidationError:
        with pytest.raises(ValidationError) as caught:
            Clustering(**values)
        return caught.value

    def test_our_own_stand_alone(self) -> None:
        error = self.refused(bandwidth=1e-10)
        assert "Value error, " in str(error)
        said = "the bandwidth must be at least 1e-09, got 1e-10"
        assert said_by(error) == refusal(error) == said

    def test_others_name_the_value(self) -> None:
        error = self.refused(min_size="many", bandwidth=0)
        assert refusal(error) == "Input should be greater than 0, got 0"
        assert said_by(error) == f"bandwidth: {refusal(error)}"
        error = self.refused(min_size="many")
        assert said_by(error) == "min_size: Input should be a valid integer, got 'many'"

    def test_of_any_other_error(self) -> None:
        assert said_by(ValueError("no image")) == "no image"
