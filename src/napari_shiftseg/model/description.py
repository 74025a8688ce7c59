"""What a model is, in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.model.config import ModelConfig
    from napari_shiftseg.model.unet import UNet

LISTED = 6  # legal inputs and raw outputs listed an axis


def describe(model: UNet) -> dict[str, Any]:
    """Return the figures of a model, ready for JSON; per axis always a list.

    Parameters
    ----------
    model : UNet

    Returns
    -------
    dict
        Sizes in pixels; ``max_same_looking`` is the most same-looking objects the
        network can tell apart, ``f^(d·l)`` (Rumberger et al., ICCV 2021, Lemma 1).
    """
    config, shape = model.config, model.shape
    legal = [axis.legal_inputs(LISTED) for axis in shape.axes]
    provenance = config.provenance
    clustering = config.clustering.model_dump(mode="json")
    if not config.foreground:
        del clustering["foreground_threshold"]  # of no effect
    return {
        "name": config.name,
        "description": config.description,
        "ndim": config.ndim,
        "depth": [axis.depth for axis in shape.axes],
        "pooling_factor": [_factor(axis.factors) for axis in shape.axes],
        "period": list(shape.period),
        "context": list(shape.context),
        "padding": config.padding,
        "upsampling": config.upsampling,
        "normalization": config.normalization,
        "in_channels": config.in_channels,
        "embedding_channels": config.embedding_channels,
        "foreground": config.foreground,
        "training_window": list(provenance.window) if provenance else None,
        "parameters": model.parameter_count,
        "legal_inputs": legal,
        "raw_outputs": [
            [axis.raw_output(size) for size in sizes]
            for axis, sizes in zip(shape.axes, legal, strict=True)
        ],
        "max_same_looking": shape.max_same_looking,
        **clustering,
        "provenance": provenance and provenance.model_dump(mode="json"),
    }


def _factor(factors: tuple[int, ...]) -> int | list[int]:
    """Return the pooling factor of an axis; one a level where they differ."""
    pooled = {f for f in factors if f > 1}
    return list(factors) if len(pooled) > 1 else max(factors, default=1)


def training_window_warning(config: ModelConfig) -> str:
    """Say that the training window was not above the period; empty if it was.

    With a window w = p the functions at phase p − 1 and 0 never met in the loss, so
    seams appear at every multiple of p, which no cropping mends; with w < p some
    functions were never trained (Rumberger et al., ICCV 2021, section 3.3).
    """
    provenance = config.provenance
    return own_seams_warning(provenance.window, config.shape) if provenance else ""


def own_seams_warning(window: Sequence[int], shape: UNetShape) -> str:
    """Say that a training window is not above the period; empty if it is."""
    axis = _axis_with_own_seams(window, shape)
    if axis is None:
        return ""
    training, period = axis
    return (
        f"a training window of {training} is not above the period {period}: "
        f"expect seams at every multiple of {period}, tiled or untiled; no stitching "
        f"mends them"
    )


def own_seams(config: ModelConfig) -> int | None:
    """Return the period at whose multiples the model itself makes seams, in pixels.

    They are there in one pass as in tiles; see `training_window_warning`. None where
    training left none, or is not known.
    """
    provenance = config.provenance
    axis = provenance and _axis_with_own_seams(provenance.window, config.shape)
    return axis[1] if axis else None


def _axis_with_own_seams(
    window: Sequence[int], shape: UNetShape
) -> tuple[int, int] | None:
    """Return training window and period of the first axis where w ≤ p."""
    pairs = zip(window, shape.period, strict=True)
    return next(((w, p) for w, p in pairs if w <= p != 1), None)
