"""Which network is trained; torch is not needed to say so."""

from __future__ import annotations

from typing import Any

from napari_shiftseg.model.config import Clustering, ModelConfig


def object_config(name: str, **options: Any) -> ModelConfig:
    """Return a network for images of many objects that touch, nuclei for example.

    Sixteen embedding channels part the objects of one connected piece of foreground,
    which a logit finds; batch norm, harmless to tiling in eval mode, trains faster.

    Parameters
    ----------
    name : str
    **options
        Of `ModelConfig.new` that shall differ.
    """
    usual = {
        "depth": usual_depth(options.get("ndim", 2)),
        "features": 16,
        "embedding_channels": 16,
        "foreground": True,
        "normalization": "batch",
        "intensity": "percentile",
        "clustering": Clustering(bandwidth=1.0, scope="component", min_size=20),
    }
    return ModelConfig.new(name=name, **{**usual, **options})


def usual_depth(ndim: int) -> int:
    """Return how often a network for objects pools, by the number of image axes."""
    return 3 if ndim == 3 else 4


def fine_tuned_config(name: str, start: ModelConfig) -> ModelConfig:
    """Return the network of a model whose weights are the first ones.

    Parameters
    ----------
    name : str
        Of the new model.
    start : ModelConfig
        Of the model to begin with.

    Raises
    ------
    ValueError
        If it cannot be trained on images of objects.
    """
    if not start.foreground:
        raise ValueError(
            f"{start.name} has no foreground logit, so it cannot be fine-tuned on "
            f"images; begin anew, or with a model that has one"
        )
    return start.model_copy(update={"name": name, "provenance": None})
