"""Names and values in words."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from napari_shiftseg import new_model
from napari_shiftseg.networks.properties import describe
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.report.model_card import (
    ABSENT,
    MEANINGS,
    NAMES,
    SERIES,
    in_words,
    name_in_words,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (0.31622776, "0.3162"),
        (16, "16"),
        ([16, 16], "16, 16"),
        ([[1, 2], [1, 2]], "1, 2"),
        ([[1, 2], [1, 3]], "1, 2; 1, 3"),
        ({"push_margin": 3.0, "background": True}, "push margin 3, background yes"),
        ("mirror", "mirror"),
    ],
)
def test_values(value: Any, text: str) -> None:
    assert in_words(value) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("batch", "chosen by memory"),
        ("region", "whole image"),
        ("training_window", "not known"),
        ("background_embedding", "no mode is background"),
        ("another", "none"),
    ],
)
def test_what_is_not_given_says_what_that_means(name: str, text: str) -> None:
    assert in_words(None, name) == text
    assert in_words(4, name) == "4"


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ([188, 204, 220, 236], "188, 204, 220, … (every 16)"),
        ([18, 20, 23, 24], "18, 20, 23, …"),
    ],
)
def test_a_series_goes_on(sizes: list[int], text: str) -> None:
    assert in_words([sizes, sizes], "legal_inputs") == text
    others = [size + 1 for size in sizes]
    assert in_words([sizes, others], "legal_inputs").startswith(f"{text}; ")


def test_no_parameter_reads_none(small_model) -> None:
    report = {**describe(small_model(2, 2)), **asdict(Settings())}
    given_by_the_model = {
        "bandwidth", "kernel", "scope", "min_size", "split_far_parts", "window",
        "foreground_threshold", "method", "prominence",
    }  # fmt: skip
    absent = [name for name, value in report.items() if value is None]
    assert {"batch", "region", "provenance"} <= set(absent)
    for name in set(absent) - given_by_the_model:
        assert in_words(None, name) != "none"


def test_all_names_are_those_of_a_report(small_model) -> None:
    classed = new_model(depth=2, features=2, foreground=True, classes=("a", "b"))
    known = {*describe(classed), *asdict(Settings())}
    assert known >= {*ABSENT, *MEANINGS, *NAMES, *SERIES}
    assert name_in_words("ndim") == "image axes"
    assert name_in_words("split_far_parts") == "split far parts"
