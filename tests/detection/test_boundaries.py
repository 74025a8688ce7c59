"""The read-out of boundaries: formula, file, fit; and boundaries of an image."""

from __future__ import annotations

import json
from dataclasses import replace
from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

import napari_shiftseg as shiftseg
from napari_shiftseg.detection.boundaries import BoundaryReadout, drawn, fitted
from napari_shiftseg.samples import Sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

READOUT = BoundaryReadout(("a", "b"), (1.5, -0.5), (2.0, 0.1), -1.0, "small", 3)


def test_the_probability_is_that_of_the_formula(rng) -> None:
    levels = {"b": rng.random((3, 4)), "a": rng.random((3, 4)), "c": np.ones((3, 4))}

    found = READOUT.probability(levels)

    for at in np.ndindex(3, 4):
        a, b = (levels[name][at] for name in "ab")
        total = -1 + 1.5 * log(1 + a / 2) - 0.5 * log(1 + b / 0.1)
        assert found[at] == pytest.approx(1 / (1 + exp(-total)), abs=1e-6)
    with pytest.raises(ValueError, match=r"does not have \(b\): fit one on this"):
        READOUT.probability({"a": levels["a"]})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    READOUT.write(tmp_path / "r.json")
    assert BoundaryReadout.read(tmp_path / "r.json") == READOUT


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "another"},
        {"weights": [1.0]},
        {"scales": [1.0, 0.0]},
        {"weights": [1.0, float("nan")]},
        {"weights": "ab"},
        {"levels": None},
        {"more": 1},
    ],
)
def test_what_is_no_readout_is_refused(tmp_path: Path, change) -> None:
    READOUT.write(tmp_path / "r.json")
    known = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps(known | change))
    with pytest.raises(ValueError, match=r"r\.json holds no read-out"):
        BoundaryReadout.read(tmp_path / "r.json")


@pytest.mark.parametrize("text", ["", "[1, 2]", "{}", "\x00"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ValueError, match="holds no read-out"):
        BoundaryReadout.read(tmp_path / "r.json")
    with pytest.raises(FileNotFoundError):
        BoundaryReadout.read(tmp_path / "none.json")


def lines(side: int = 60) -> np.ndarray:
    made = np.zeros((side, side), dtype=bool)
    made[side // 2] = made[:, side // 3] = True
    return made


def test_pixels_are_drawn_with_what_they_are() -> None:
    truth = lines()
    levels = {"number": np.arange(truth.size).reshape(truth.shape)}
    values, is_line = drawn(levels, truth, 0)

    assert sorted(values["number"]) == list(range(truth.size))  # all, once
    expected = (distance_transform_edt(~truth) <= 1).ravel()[values["number"]]
    np.testing.assert_array_equal(is_line, expected)
    np.testing.assert_array_equal(drawn(levels, truth, 0)[1], is_line)
    assert (drawn(levels, truth, 1)[0]["number"] != values["number"]).any()


def test_the_fit_tells_the_level_that_knows_from_the_one_that_does_not(rng) -> None:
    truth = lines()
    near = np.exp(-((distance_transform_edt(~truth) / 1.5) ** 2)).astype(np.float32)
    levels = {"knows": near, "noise": rng.random(truth.shape).astype(np.float32)}

    readout = fitted([drawn(levels, truth, 0)], "some")

    assert (readout.model, readout.images) == ("some", 1)
    knows, noise = readout.weights
    assert knows > 10 * abs(noise)
    found = readout.probability(levels)
    assert found[distance_transform_edt(~truth) <= 1].min() > 0.5
    assert found[distance_transform_edt(~truth) > 3].max() < 0.2


def test_the_fit_is_that_of_scikit_learn(rng) -> None:
    """The same probabilities as the regression on standardised rows."""
    from sklearn.linear_model import LogisticRegression

    truth = lines(30)
    levels = {n: rng.random(truth.shape).astype(np.float32) + truth for n in "abc"}
    values, is_line = drawn(levels, truth, 0)
    rows = np.stack([np.log(1 + v / v.mean(dtype=float)) for v in values.values()], 1)
    rows = (rows - rows.mean(0)) / rows.std(0)
    expected = LogisticRegression(max_iter=1_000).fit(rows, is_line).predict_proba(rows)

    found = fitted([(values, is_line)]).probability(values)

    np.testing.assert_allclose(found, expected[:, 1], atol=1e-5)


def test_of_one_kind_alone_nothing_is_learnt() -> None:
    levels = {"a": np.ones((9, 9), dtype=np.float32)}
    for truth in (np.zeros((9, 9), dtype=bool), np.ones((9, 9), dtype=bool)):
        with pytest.raises(ValueError, match="have only one kind"):
            fitted([drawn(levels, truth, 0)])


@pytest.fixture(scope="module")
def corner(small_disks: Sample) -> Sample:
    inside = (slice(0, 79),) * 2
    return Sample(small_disks.image[inside], small_disks.labels[inside])


def test_boundaries_of_disks(corner: Sample, disks_model, tmp_path: Path) -> None:
    plain = shiftseg.boundaries(corner.image, disks_model, window=64, device="cpu")
    tiled = shiftseg.boundaries(corner.image, disks_model, window=32, device="cpu")
    readout = shiftseg.fit_boundaries([corner], disks_model, window=64, device="cpu")
    read = shiftseg.boundaries(
        corner.image, disks_model, readout, window=64, device="cpu"
    )

    readout.write(tmp_path / "r.json")
    from_file = shiftseg.boundaries(
        corner.image, disks_model, tmp_path / "r.json", window=64, device="cpu"
    )

    np.testing.assert_array_equal(from_file, read)
    assert plain.shape == corner.labels.shape
    np.testing.assert_allclose(tiled, plain, atol=1e-3)
    assert (readout.model, readout.images) == ("disks", 1)
    assert not any(name.startswith("foreground") for name in readout.levels)
    for evidence in (plain, read):
        assert shiftseg.boundary_scores([corner.labels], [evidence]).ods > 0.9
    assert 0 <= read.min() < read.max() <= 1


def test_one_channel_at_the_end_is_taken(corner: Sample, disks_model) -> None:
    options = {"window": 64, "device": "cpu"}
    found = shiftseg.boundaries(corner.image[..., None], disks_model, **options)
    expected = shiftseg.boundaries(corner.image, disks_model, **options)
    np.testing.assert_array_equal(found, expected)
    colours = np.repeat(corner.image[..., None], 3, axis=-1)
    with pytest.raises(ValueError, match="seems to hold colours"):
        shiftseg.boundaries(colours, disks_model, **options)


def test_what_has_no_boundaries_is_refused(corner: Sample, disks_model) -> None:
    with pytest.raises(ValueError, match="takes an image as it is"):
        shiftseg.boundaries(corner.image, disks_model, diameter=3)
    larger = Sample(corner.image, np.pad(corner.labels, 3))
    with pytest.raises(ValueError, match="shape"):
        shiftseg.fit_boundaries([larger], disks_model)
    with pytest.raises(ValueError, match="give one plane of it"):
        shiftseg.boundaries(corner.image[None], disks_model, device="cpu")
    with pytest.raises(ValueError, match="one image with true labels, or more"):
        shiftseg.fit_boundaries([], disks_model)
    unknown = replace(corner, labels=corner.labels * 1 - 1)
    with pytest.raises(ValueError, match="whole numbers from 0 upward"):
        shiftseg.fit_boundaries([unknown], disks_model)
    smaller = replace(corner, labels=corner.labels[1:])
    with pytest.raises(ValueError, match="must have one shape"):
        shiftseg.fit_boundaries([smaller], disks_model, device="cpu")
