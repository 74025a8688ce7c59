"""All figures: found by name, made from weights that are bundled as they say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from safetensors import safe_open

from napari_shiftseg.experiments import EXPERIMENTS, find_experiments
from napari_shiftseg.experiments.inputs import FOLDER

if TYPE_CHECKING:
    from napari_shiftseg.experiments.experiment import Experiment
    from napari_shiftseg.experiments.inputs import FigureNetwork

pytestmark = pytest.mark.usefixtures("one_thread")

FIGURES = list(EXPERIMENTS.values())
OF_THEIR_OWN = [figure for figure in FIGURES if not figure.models]
NETWORKS = [network for figure in FIGURES for network in figure.networks]
MEGABYTE = 1_000_000


def test_figures_are_found_by_name() -> None:
    assert list(EXPERIMENTS) == [
        "1", "2a", "2b", "2c", "3", "4a", "4b", "4c", "4d", "4e", "4f", "5", "6", "7",
        "s1", "s2", "s3", "z", "nuclei3d", "kf4", "kf5", "kf12", "kf13",
    ]  # fmt: skip
    assert [each.name for each in find_experiments("2b")] == ["2b"]
    assert find_experiments("all") == FIGURES
    with pytest.raises(ValueError, match=r"no figure '4'; there are 1, .*, kf13, and"):
        find_experiments("4")


def test_no_two_networks_share_a_file() -> None:
    names = [network.file for network in NETWORKS]
    assert len(set(names)) == len(names)
    real = "4d.safetensors"  # trained on images that are not bundled
    assert {path.name for path in FOLDER.iterdir()} == {*names, real}


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_bundled_weights_are_those_that_the_figure_would_train(
    network: FigureNetwork,
) -> None:
    config, provenance = network.config, network.load().config.provenance
    made = network.load().config
    assert (
        made.model_copy(update={"provenance": None, "clustering": config.clustering})
        == config
    )
    assert provenance is not None
    assert provenance.command == network.command
    assert EXPERIMENTS[network.figure].networks.count(network) == 1
    assert (provenance.steps, provenance.seed) == (
        network.recipe.steps, network.recipe.seed,
    )  # fmt: skip
    assert set(provenance.window) == {network.recipe.window}
    assert provenance.optimizer["learning_rate"] == network.recipe.learning_rate
    loss = network.recipe.loss
    assert provenance.loss["pull_margin"] == loss.pull_margin == 0
    assert provenance.loss["push_margin"] == loss.push_margin


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_bundled_weights_are_small(network: FigureNetwork) -> None:
    path = FOLDER / network.file
    assert path.stat().st_size < MEGABYTE
    with safe_open(path, framework="np") as weights:
        kinds = {str(weights.get_tensor(name).dtype) for name in weights.keys()}  # noqa: SIM118
    assert kinds - {"int64"} == {"float16"}  # batch norm counts its windows


@pytest.mark.parametrize("figure", OF_THEIR_OWN, ids=lambda figure: figure.name)
def test_labels_of_the_picture_lie_within_it_and_do_not_overlap(
    figure: Experiment, draw_readably, outcome_of
) -> None:
    outcome = outcome_of(figure.name)
    json.dumps(outcome.numbers, allow_nan=False)
    assert draw_readably(figure, outcome).axes


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_caption_says_how_to_read_it(figure: Experiment) -> None:
    assert figure.title
    assert len(figure.caption.split()) > 40
    assert "\n" not in figure.caption


def test_figures_that_take_data_are_those_of_nuclei() -> None:
    taking = [figure.name for figure in FIGURES if figure.data]
    assert taking == ["4d", "4e", "4f", "6", "7", "nuclei3d"]
    assert all(EXPERIMENTS[name].models == ("figure-4d",) for name in taking[:-1])
    assert EXPERIMENTS["nuclei3d"].models == ("figure-6-3d", "nuclei-3d")
