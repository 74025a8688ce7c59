"""Settings that count for nothing are said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_shiftseg import new_model, segment
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.config import NetworkConfig
from napari_shiftseg.networks.properties import describe
from napari_shiftseg.pipeline.settings import Settings

pytestmark = pytest.mark.usefixtures("one_thread")


def outputs(method: Any) -> NetworkConfig:
    return NetworkConfig(
        embedding="outputs", embedding_channels=1, foreground=True,
        clustering=Clustering(method=method, scope="component"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "given", "said"),
    [
        ("watershed", {"bandwidth": 2.0}, "bandwidth counts for nothing"),
        ("components", {"kernel": "flat", "scope": "global"}, "kernel and scope count"),
        ("components", {"prominence": 1.0}, "made by components, which has no such"),
        ("mean-shift", {"prominence": 1.0}, "prominence counts for nothing"),
        ("watershed", {"prominence": 1.0, "min_size": 3}, ""),
        ("mean-shift", {"bandwidth": 2.0, "scope": "global"}, ""),
    ],
)
def test_what_says_nothing_to_a_method_is_named(method, given, said) -> None:
    settings = Settings(**given)
    found = settings.without_effect(outputs(method))
    assert said in found
    assert bool(said) == bool(found)
    chosen = replace(settings, method=method)  # whatever the model's own is
    assert chosen.without_effect(outputs("mean-shift")) == found


def test_a_run_says_it() -> None:
    model = new_model(depth=1, features=2, seed=0, foreground=True)
    image = np.random.default_rng(0).random((30, 30))
    run = {"window": 16, "method": "components"}
    assert any(
        note.startswith("bandwidth counts for nothing: objects are made by components")
        for note in segment(image, model, bandwidth=1.0, **run).notes
    )
    assert not any("for nothing" in n for n in segment(image, model, **run).notes)


def test_a_model_is_described_by_what_counts() -> None:
    model = new_model(depth=1, features=2, foreground=True)
    every = describe(model)
    assert {"bandwidth", "scope", "kernel"} < set(every)
    assert "prominence" not in every
    cut = Clustering(method="watershed", scope="component")
    model.config = model.config.model_copy(update={"clustering": cut})
    assert {"bandwidth", "scope", "background_embedding"}.isdisjoint(describe(model))
    assert {"prominence", "min_size", "method"} < set(describe(model))
