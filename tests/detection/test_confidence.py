"""The regressor of overlaps, and its file, which is checked before it is believed."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.ensemble import GradientBoostingRegressor

from napari_shiftseg.detection.confidence import (
    BUNDLED,
    KEY,
    TREES,
    Confidence,
    fit_confidence,
    read_confidence,
    save_confidence,
)
from napari_shiftseg.detection.features import CONSISTENCY, SHAPE, Features
from napari_shiftseg.detection.pool import AGREEMENT
from napari_shiftseg.networks.unet import new_model, save_model

NAMES = ("area", "solidity", "votes")


@pytest.fixture(scope="module")
def table() -> tuple[Features, np.ndarray]:
    """Objects whose overlap is given by two of their three features."""
    rows = np.random.default_rng(0).uniform(size=(400, 3))
    return Features(NAMES, rows), rows[:, 1] * (rows[:, 2] > 0.5)


@pytest.fixture(scope="module")
def learnt(table) -> Confidence:
    return fit_confidence(*table, "m")


class TestFit:
    def test_it_predicts_what_scikit_learn_does(self, table, learnt, rng) -> None:
        features, best = table
        theirs = GradientBoostingRegressor(**TREES).fit(features.values, best)
        new = rng.uniform(size=(1000, 3))
        expected = theirs.predict(new).clip(0, 1)
        assert np.abs(learnt.predict(Features(NAMES, new)) - expected).max() < 1e-12

    def test_it_learns(self, learnt, rng) -> None:
        new = rng.uniform(size=(500, 3))
        truth = new[:, 1] * (new[:, 2] > 0.5)
        error = np.abs(learnt.predict(Features(NAMES, new)) - truth).mean()
        assert error < 0.05 < np.abs(truth.mean() - truth).mean()

    def test_no_object_to_judge(self, learnt) -> None:
        assert learnt.predict(Features(NAMES, np.zeros((0, 3)))).shape == (0,)

    def test_it_is_the_same_each_time(self, table, learnt) -> None:
        again = fit_confidence(*table, "m")
        assert np.array_equal(again.trees.values, learnt.trees.values)

    def test_too_few_objects(self, table) -> None:
        features, best = table
        with pytest.raises(ValueError, match="from 50 objects or more, got 49"):
            fit_confidence(features.of(range(49)), best[:49], "m")

    @pytest.mark.parametrize("best", [np.ones(3), np.full(400, 1.5)])
    def test_overlaps_that_are_none(self, table, best) -> None:
        with pytest.raises(ValueError, match="an overlap from 0 to 1"):
            fit_confidence(table[0], best, "m")

    def test_other_features(self, table, learnt) -> None:
        with pytest.raises(ValueError, match=r"takes the features area.*got .*, more"):
            learnt.predict(table[0].beside("more", np.zeros(400)))


class TestFile:
    def test_it_comes_back(self, table, learnt, tmp_path) -> None:
        path = save_confidence(learnt, tmp_path / "c.safetensors")
        known = read_confidence(path)
        assert (known.names, known.model, known.objects) == (NAMES, "m", 400)
        assert np.array_equal(known.predict(table[0]), learnt.predict(table[0]))

    def test_the_bundled_one(self) -> None:
        known = read_confidence()
        assert known.model == "nuclei"
        assert known.names == (*SHAPE, *CONSISTENCY, AGREEMENT)
        assert BUNDLED.stat().st_size < 1_000_000

    def damaged(self, path, about=(), **arrays):
        """Write the file again, with other words in its header or other arrays."""
        with safe_open(path, framework="np") as file:
            known = json.loads(file.metadata()[KEY]) | dict(about)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        kept = {n: a for n, a in (tensors | arrays).items() if a is not None}
        save_file(kept, path, {KEY: json.dumps(known)})

    @pytest.mark.parametrize(
        ("about", "said"),
        [
            ({"version": 2}, "of version 2, this program reads 1"),
            ({"features": 3}, "damaged"),
            ({"base": "x"}, "damaged"),
            ({"base": float("nan")}, "not finite"),
            ({"features": ["area"]}, "a feature that there is not"),
        ],
    )
    def test_another_header(self, learnt, tmp_path, about, said: str) -> None:
        path = save_confidence(learnt, tmp_path / "c.safetensors")
        self.damaged(path, about)
        with pytest.raises(ValueError, match=said):
            read_confidence(path)

    @pytest.mark.parametrize(
        ("name", "change", "said"),
        [
            (
                "left",
                lambda a: np.where(a > 0, 0, a).astype(a.dtype),
                "after its parent",
            ),
            ("right", lambda a: np.full_like(a, 10**6), "after its parent"),
            ("roots", lambda a: a - 1, "a root is no node"),
            ("features", lambda a: a + 3, "a feature that there is not"),
            ("values", lambda a: a * np.inf, "not finite"),
            ("values", lambda a: a[:-1], "have the shape"),
            ("values", lambda a: a.astype(np.float32), "are float32"),
            ("thresholds", lambda a: None, "thresholds"),
        ],
    )
    def test_other_arrays(self, learnt, tmp_path, name, change, said: str) -> None:
        path = save_confidence(learnt, tmp_path / "c.safetensors")
        with np.errstate(invalid="ignore"):
            self.damaged(path, **{name: change(getattr(learnt.trees, name))})
        with pytest.raises(ValueError, match=f"is damaged .*{said}"):
            read_confidence(path)

    def test_what_is_no_confidence(self, tmp_path) -> None:
        model = save_model(
            new_model(ndim=2, depth=1, features=1), tmp_path / "m.safetensors"
        )
        with pytest.raises(ValueError, match="not a model"):
            read_confidence(model)
        (tmp_path / "p.safetensors").write_bytes(pickle.dumps(replace))
        with pytest.raises(ValueError, match="is no confidence, or it is truncated"):
            read_confidence(tmp_path / "p.safetensors")
        with pytest.raises(FileNotFoundError, match="there is no confidence"):
            read_confidence(tmp_path / "none.safetensors")
