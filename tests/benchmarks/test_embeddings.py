"""What the benchmark of embeddings is made of, on two tiny images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.samples.shapes import shapes

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def script(read_small) -> ModuleType:
    return read_small("embeddings")


@pytest.mark.parametrize("name", ["discriminative", "cosine, recurrent", "spatial"])
def test_a_variant_is_trained_once_and_scored(script, tmp_path, name):
    sample = shapes((40, 40), diameter=(8, 14))
    begin = partial(script.begun, name, 3, [sample], 2)
    model = script.trained(name, 2, 3, tmp_path, begin)
    assert model.config.embedding == script.VARIANTS[name][1].kind
    assert model.config.provenance.seed == 3
    again = script.trained(name, 2, 3, tmp_path, lambda _: pytest.fail("again"))
    pairs = zip(model.parameters(), again.parameters(), strict=True)
    assert all(bool((one == other).all()) for one, other in pairs)
    figures = script.scored(model, [sample])
    assert tuple(figures) == script.FIGURES


def test_models_of_other_steps_are_not_taken_for_these(script, tmp_path):
    asked = []

    def begin(model):
        asked.append(model)
        raise KeyboardInterrupt

    for steps in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            script.trained("spatial", steps, 0, tmp_path, begin)
    assert len(set(asked)) == 2


def test_a_table_says_mean_and_spread_over_the_seeds(script, tmp_path, capsys):
    rows = [
        {"embedding": "spatial", "seed": seed} | dict.fromkeys(script.FIGURES, value)
        for seed, value in enumerate((0.5, 0.7, 0.9))
    ]
    script.report(rows, "embedding", script.FIGURES, tmp_path)
    assert f"0.700 ± {np.std([0.5, 0.7, 0.9], ddof=1):.3f}" in capsys.readouterr().out
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 4
