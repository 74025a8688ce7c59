"""What the Inspect widget runs off the GUI thread; heavy imports happen there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.inference.progress import Progress
from napari_shiftseg.inference.scale import USUAL_READING

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.geometry.cost import Cost
    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.inference.scale import Reading
    from napari_shiftseg.pipeline.self_test import SelfTest


def measurement(
    model: str, image_shape: tuple[int, ...]
) -> Generator[Progress, None, list[Cost]]:
    """Load a model, by name or path, and time tiles for an image of this shape."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.pipeline.costs import cost_steps

    return (yield from cost_steps(image_shape, load_model(model)))


def tiled_against_untiled(
    model: str, source: Source, reading: Reading | None = None
) -> Generator[Progress, None, SelfTest]:
    """Load a model, by name or path, and test its tiles on one frame of an image."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.pipeline.opening import plane_scale_steps
    from napari_shiftseg.pipeline.self_test import self_test_steps

    network, reading = load_model(model), reading or USUAL_READING
    scale = yield from plane_scale_steps(
        source.stack(), source.first, network.config, reading
    )
    return (
        yield from self_test_steps(
            source.frame(), network, reading=reading, scale=scale
        )
    )
