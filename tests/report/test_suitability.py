"""Whether tiles can be seamless, in words."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from napari_shiftseg import new_model
from napari_shiftseg.geometry.network_shape import FoundShape
from napari_shiftseg.networks.finding.found import (
    AGREE,
    FITS,
    AxisFound,
    Found,
    is_agreed,
)
from napari_shiftseg.networks.finding.suitability import KNOWN, causes_of, tiling_of
from napari_shiftseg.networks.finding.walk import Trap
from napari_shiftseg.networks.loading.foreign import ForeignConfig, Output, tiled_axis
from napari_shiftseg.pipeline.self_test import SelfTest, self_test
from napari_shiftseg.report.suitability import Suitability, suitability

pytestmark = pytest.mark.usefixtures("one_thread")
QUANTITIES = ("period", "context", "padding", "sizes")
PADDED = AxisFound(8, 57, 58, (0, 0), "zeros", 8, 0, 8)


FITTING = f"{FITS}, which says 16: its trained weights show 4 at most"


def found(*traps: str, axis: AxisFound = PADDED, agreement: Any = AGREE) -> Found:
    """What is found of a network with layers of these kinds."""
    causes = causes_of([Trap(kind, f"{kind}.1") for kind in traps], [axis, axis], False)
    said = agreement if isinstance(agreement, dict) else {}
    known = dict.fromkeys(QUANTITIES, AGREE if said else agreement) | said
    sure = all(map(is_agreed, known.values()))
    return Found((axis, axis), causes, tiling_of(causes), known, sure, ())


def config(what: Found, declared: int | None = None, **more: Any) -> ForeignConfig:
    sizes, _ = zip(*map(tiled_axis, what.axes), strict=True)
    said = [] if declared is None else [{"name": n, "halo": declared} for n in "yx"]
    return ForeignConfig(
        outputs=(Output(use="probability"),), embedding="outputs",
        embedding_channels=1, foreground=True, sizes=FoundShape(sizes, 1, 2),
        found=what.figures(), declared=said, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def passed() -> SelfTest:
    """A self-test that found nothing, and could have."""
    image = np.random.default_rng(0).random((40, 40)).astype(np.float32)
    test = self_test(image, new_model(depth=2, features=2, seed=0))
    assert test.passed
    return test


def verdicts(what: Found, passed: SelfTest) -> list[tuple[str, str]]:
    """Badge and headline: without a self-test; by one that passes, fails, is blind."""
    failed = replace(passed, difference=passed.largest)
    blind = replace(passed, control=0.0)
    reports = [suitability(config(what), t) for t in (None, passed, failed, blind)]
    return [(report.badge, report.headline) for report in reports]


def test_exact_is_said_only_where_all_three_agree(passed) -> None:
    before, after, failed, blind = verdicts(found(), passed)
    assert before == (
        "not tested yet", "Exact by graph and probing; self-test not run yet.",
    )  # fmt: skip
    assert after == ("exact", "Exact: graph, probing and the self-test agree.")
    assert failed[0] == "not at all"
    assert "saw tiles differ, though graph and probing found no cause" in failed[1]
    assert blind[0] == "not tested yet"
    assert "the self-test on this image shows nothing" in blind[1]


def test_trained_weights_that_fit_the_graph_may_be_exact(passed) -> None:
    what = found(agreement={"period": FITTING, "context": AGREE})
    before, after, failed, _ = verdicts(what, passed)
    assert before[0] == "not tested yet"
    assert after == (
        "exact", "Exact: its graph, probing that fits it and the self-test agree.",
    )  # fmt: skip
    assert failed[0] == "not at all"
    one_axis = {"period": f"axis 0: {AGREE}; axis 1: {FITTING}"}
    assert verdicts(found(agreement=one_axis), passed)[1] == after
    other = {"period": f"axis 0: {FITTING}; axis 1: graph says 2, probe 4"}
    assert verdicts(found(agreement=other), passed)[1][0] == "probably exact"


@pytest.mark.parametrize(
    ("agreement", "said"),
    [
        ("probe alone", "probing alone"),
        ("graph alone", "its graph alone"),
        (
            {"period": "graph says 8, probe 4"},
            "graph and probing in part (period: graph says 8, probe 4)",
        ),
    ],
)
def test_one_way_alone_is_never_exact(agreement, said, passed) -> None:
    results = verdicts(found(agreement=agreement), passed)
    before, after, failed, blind = results
    assert before == (
        "probably exact", f"Probably exact by {said}; self-test not run yet.",
    )  # fmt: skip
    assert after[0] == blind[0] == "probably exact"
    assert after[1].endswith(f"is known by {said}.")
    assert failed[0] == "not at all"


def test_a_layer_is_blamed_whatever_the_self_test_says(passed) -> None:
    before, after, failed, _ = verdicts(found("attention"), passed)
    assert {before[0], after[0], failed[0]} == {"not at all"}
    assert "no halo make tiles seamless, because of attention" in before[1]
    assert after[1].endswith("the self-test saw nothing of it on this image.")
    assert failed[1].endswith("the self-test says so, too.")
    nearly = verdicts(found("align_corners"), passed)
    assert {badge for badge, _ in nearly} == {"nearly"}


def test_cause_what_to_set_and_what_to_train(passed) -> None:
    whole = replace(PADDED, before=None, after=None)
    report = suitability(config(found("group norm", axis=whole)))
    assert list(report.sections) == ["Cause", "Set now", "Change in the next training"]
    norm, padding = report.causes
    assert norm.startswith("Group norm (group norm.1): It divides by mean and variance")
    assert padding.endswith("A halo mends that.")
    assert report.now == (
        "Tile sizes: multiples of the period 8 (8, 16, 24, …); others add seams of the "
        "phase.",
        "Halo: 64 pixels on each side are read and dropped; the network sees the whole "
        "tile, so no halo is enough.",
        "Use one fixed tile size as large as fits, with a wide halo.",
    )
    (later,) = report.next_training
    assert later.startswith("Take batch norm (or batch renorm)")


@pytest.mark.parametrize("kind", KNOWN)
def test_every_cause_has_whole_sentences(kind: str) -> None:
    report = suitability(config(found(kind)))
    assert "next training" not in " ".join(report.now)
    for text in (*report.causes, *report.now, *report.next_training):
        assert text[0].isupper()
        assert text.endswith(".")
        assert ".." not in text


def test_a_declared_halo_below_the_context_is_too_small() -> None:
    def said(declared: int | None, **how: Any) -> list[str]:
        axis = replace(PADDED, **how)
        return [
            text
            for text in suitability(config(found(axis=axis), declared)).now
            if "declared" in text
        ]

    assert said(32) == [
        "The declared halo of 32 pixels is too small: an output pixel sees 58 to a "
        "side. It is not used."
    ]
    assert len(said(57)) == 1
    assert said(58) == said(None) == []
    valid: dict[str, Any] = {"padding": "valid", "eaten": (58, 58), "remainder": 4}
    assert said(0, **valid) == []  # it eats what it sees


def test_figures_name_what_is_known_by_what() -> None:
    axis = replace(PADDED, scale=Fraction(1, 2))
    what = found(axis=axis, agreement={"context": "graph says 50 + 50, probe 57 + 58"})
    figures = dict(suitability(config(what, 32, kind="ONNX file")).figures)
    assert figures["Period"] == "8 × 8 pixels"
    assert figures["Context"] == "57 pixels before, 58 after"
    assert figures["Halo that is read"] == "64 × 64 pixels"
    assert figures["Declared halo"] == "32 × 32 pixels"
    assert figures["Size of the output"] == "1/2 of the input"
    assert "context: graph says 50 + 50, probe 57 + 58" in figures["Known by"]


def test_names_of_layers_do_not_steer_a_terminal() -> None:
    what = found("attention")
    evil = replace(what.causes[0], layer="a\x1b[2J")
    report = suitability(config(replace(what, causes=(evil, *what.causes[1:]))))
    assert r"a\x1b[2J" in report.causes[0]


def test_what_was_found_comes_back_from_json() -> None:
    what = found("attention", axis=replace(PADDED, before=None, scale=Fraction(1, 4)))
    assert Found.of(what.figures()) == what


def test_networks_of_ours(passed) -> None:
    valid = new_model(depth=2, features=2).config
    report = suitability(valid)
    assert report == Suitability(
        "not tested yet", "Exact by construction; self-test not run yet."
    )
    assert suitability(valid, passed).headline == (
        "Exact: construction and the self-test agree."
    )
    padded = suitability(new_model(depth=2, features=2, padding="same").config)
    assert "zero padding" in padded.causes[0].lower()
    assert padded.now[1].startswith("Halo: 24 pixels on each side are read and dropped")
