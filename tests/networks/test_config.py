"""What a model config says, refuses and brings back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.unet_shape import AxisShape
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.networks.unet_config import ModelConfig, weights_of, work_of

PROVENANCE = Provenance(
    command="shiftseg train disks",
    window=(20, 20),
    seed=0,
    steps=4500,
    loss={"name": "discriminative", "push_margin": 3.0},
    optimizer={"name": "Adam"},
    data="1 image",
    date="2025-01-31",
    versions={"torch": "2.13.0"},
)


def test_one_value_stands_for_every_axis():
    config = ModelConfig.new(ndim=3, depth=2, pooling_factor=3, kernel_size=5)

    assert config.pooling_factors == ((3, 3, 3), (3, 3, 3))
    assert config.kernel_size == (5, 5, 5)
    assert config.shape.period == (9, 9, 9)


def test_an_axis_of_less_depth_pools_at_the_coarsest_levels_only():
    config = ModelConfig.new(ndim=2, depth=(1, 3), pooling_factor=(3, 2))

    assert config.pooling_factors == ((1, 2), (1, 2), (3, 2))
    assert config.shape.period == (3, 8)
    assert [axis.depth for axis in config.shape.axes] == [1, 3]


def test_the_shape_is_that_of_the_levels_axis_by_axis():
    config = ModelConfig(
        ndim=2,
        pooling_factors=((2, 1), (3, 2)),
        kernel_size=(3, 5),
        convolutions=1,
        features=4,
        growth=3,
        in_channels=2,
        embedding_channels=5,
        foreground=True,
    )
    shape = config.shape

    assert shape.axes == (AxisShape((2, 3), 3, 1), AxisShape((1, 2), 5, 1))
    assert config.level_features == shape.features == (4, 12, 36)
    assert (shape.in_channels, shape.out_channels) == (2, 6)


def test_the_papers_architecture():
    config = ModelConfig.new(depth=4)

    assert config.level_features == (16, 32, 64, 128, 256)
    assert config.embedding_channels == config.out_channels == 3
    assert config.padding == "valid"
    assert config.upsampling == "learnt"
    assert config.normalization == "none"


@pytest.mark.parametrize("value", [3, np.int64(3), (3, 3), [3, 3], np.array([3, 3])])
def test_whole_numbers_of_any_kind(value):
    config = ModelConfig.new(ndim=2, depth=value)
    assert config.shape.period == (8, 8)
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("name", ["depth", "pooling_factor", "kernel_size"])
@pytest.mark.parametrize(
    "value", [0, -1, (3, 0), (3,), (3, 3, 3), (), 2.5, 2.0, "3", "33", None, True]
)
def test_what_is_not_one_whole_number_an_axis_is_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} needs one value or 2 .*, got "):
        ModelConfig.new(ndim=2, **{name: value})


@pytest.mark.parametrize("ndim", [0, -1, 4, 2.5, "two", None])
def test_the_number_of_axes_is_one_to_three(ndim):
    with pytest.raises(ValueError, match="ndim"):
        ModelConfig.new(ndim=ndim)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, "kernel width must be odd, got 4"),
        ({"convolutions": 0}, "convolutions"),
        ({"features": 0}, "features"),
        ({"growth": 0}, "growth"),
        ({"in_channels": 0}, "in_channels"),
        ({"embedding_channels": 0}, "embedding_channels"),
        ({"padding": "reflect"}, "'valid' or 'same'"),
        ({"upsampling": "bilinear"}, "'learnt' or 'nearest'"),
        ({"normalization": "instance"}, "'none' or 'batch'"),
        ({"intensity": "tile"}, "'as-is', 'range' or 'percentile'"),
        ({"attention": True}, "attention"),
        (
            {"clustering": Clustering(background_embedding=(0.0, 0.0))},
            "background_embedding needs 3 values, one an embedding channel, got 2",
        ),
    ],
)
def test_an_impossible_config_is_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        ModelConfig.new(**options)


@pytest.mark.parametrize(
    ("levels", "kernel", "message"),
    [
        (((2, 2), (2,)), (3, 3), r"pooling_factors needs 2 values.*got \(2,\)"),
        (((2, 2),), (3,), r"kernel_size needs 2 values, one an axis, got \(3,\)"),
        (((2, 0),), (3, 3), r"pooling factors must be 1 or more"),
    ],
)
def test_levels_that_do_not_fit_the_axes_are_refused(levels, kernel, message):
    with pytest.raises(ValidationError, match=message):
        ModelConfig(ndim=2, pooling_factors=levels, kernel_size=kernel)


@pytest.mark.parametrize(
    "options",
    [
        {"bandwidth": 0},
        {"bandwidth": -1},
        {"bandwidth": float("nan")},
        {"bandwidth": float("inf")},
        {"kernel": "box"},
        {"scope": "everywhere"},
        {"min_size": -1},
        {"foreground_threshold": 0},
        {"foreground_threshold": 1},
        {"foreground_threshold": float("nan")},
        {"background_embedding": (0.0, float("nan"), 0.0)},
        {"radius": 1},
    ],
)
def test_clustering_that_cannot_be_is_refused(options):
    with pytest.raises(ValidationError, match=next(iter(options))):
        Clustering(**options)


def test_a_config_survives_json():
    config = ModelConfig.new(
        name="all set",
        ndim=3,
        depth=(1, 2, 2),
        pooling_factor=(3, 2, 2),
        foreground=True,
        padding="same",
        upsampling="nearest",
        normalization="batch",
        intensity="percentile",
        embedding_channels=2,
        clustering=Clustering(
            bandwidth=0.1**0.5,
            kernel="von-mises-fisher",
            scope="component",
            min_size=40,
            split_far_parts=False,
            foreground_threshold=0.3,
            background_embedding=(0.1, -2.5),
        ),
        provenance=PROVENANCE.model_copy(update={"window": (8, 20, 20)}),
    )
    text = config.model_dump_json()

    assert ModelConfig.model_validate_json(text) == config
    assert json.loads(text)["provenance"]["window"] == [8, 20, 20]


def test_scores_and_augmentation_survive_json_and_are_absent_where_empty():
    more = {
        "augmentation": {"zoom": 1.4, "turn": True},
        "scores": {"ap50": 0.7, "images": 67, "of": "val/images"},
    }
    plain, full = PROVENANCE, PROVENANCE.model_copy(update=more)
    assert Provenance.model_validate_json(full.model_dump_json()) == full
    assert full.model_dump() == plain.model_dump() | more
    assert type(Provenance.model_validate(full.model_dump()).scores["images"]) is int
    assert not {"augmentation", "scores"} & plain.model_dump().keys()
    assert (plain.augmentation, plain.scores) == ({}, {})


def test_a_config_of_before_loads_with_what_is_new_as_it_was():
    known = json.loads(ModelConfig.new(provenance=PROVENANCE).model_dump_json())
    del known["clustering"]["foreground_threshold"]
    config = ModelConfig.model_validate_json(json.dumps(known))
    assert config.clustering.foreground_threshold == 0.5
    assert config.provenance == PROVENANCE


def test_a_config_cannot_be_changed():
    config = ModelConfig.new()
    with pytest.raises(ValidationError, match="frozen"):
        config.features = 3


@pytest.mark.parametrize(
    ("ndim", "channels", "axes"), [(1, 1, 1), (2, 1, 2), (2, 3, 3), (3, 2, 4)]
)
def test_axes_of_an_image(ndim: int, channels: int, axes: int) -> None:
    config = ModelConfig.new(ndim=ndim, depth=1, in_channels=channels)
    assert config.image_axes == axes
    assert config.leading_axes(axes) == 0
    assert config.leading_axes(axes + 2) == 2
    with pytest.raises(
        ValueError, match=f"reads {axes} axes, a.tif has {axes - 1}: choose another"
    ):
        config.leading_axes(axes - 1, "a.tif")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ndim": 1, "depth": 2, "features": 3, "convolutions": 3, "growth": 3},
        {
            "depth": 1,
            "upsampling": "nearest",
            "foreground": True,
            "kernel_size": (1, 3),
        },
        {"ndim": 3, "depth": (1, 2, 2), "normalization": "batch", "in_channels": 2},
    ],
    ids=str,
)
def test_weights_are_counted_before_they_are_made(options):
    model = new_model(**options)
    assert weights_of(model.config) == model.parameter_count


def test_a_depth_beyond_all_bounds_is_refused_at_once():
    with pytest.raises(ValueError, match="pooling levels must be at most 16, got 10"):
        ModelConfig.new(depth=10**12)


def test_the_work_for_a_tile_is_bounded():
    """A net of no level reads 1 + 2·2 pixels; 2 convolutions and the head."""
    config = ModelConfig(
        ndim=1, pooling_factors=(), kernel_size=(3,), features=4, embedding_channels=3
    )
    assert work_of(config) == (3 * 4 + 3 * 16 + 2 * 4 + 15) * 5
    with pytest.raises(ValueError, match="work for one tile must be at most 10,000"):
        ModelConfig.new(ndim=3, depth=4, features=120)
    assert work_of(ModelConfig.new(ndim=3, depth=4, features=32)) > 10**12
