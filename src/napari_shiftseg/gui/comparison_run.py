"""What the Compare widget runs off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_shiftseg.inference.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.comparison_layers import Shared
    from napari_shiftseg.gui.layers import LayerTuple
    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.pipeline.sweep import SweepPoint


@dataclass(frozen=True)
class Task:
    r"""What is to be compared: a model, by name or path, on one image.

    Attributes
    ----------
    model : str
    source : Source
    settings : Settings
    truth : ndarray of int or None
        (\\*spatial)
    """

    model: str
    source: Source
    settings: Settings
    truth: NDArray[np.integer] | None

    def pixels(self) -> Any:
        """Return the one image, without the leading axes of a series."""
        return self.source.pixels()[(0,) * len(self.source.first)]


@dataclass(frozen=True)
class Compared:
    """A comparison and what its panes show, bottom layer first."""

    task: Task
    model: UNet
    comparison: Comparison
    common: Shared
    naive: list[LayerTuple]
    cropped: list[LayerTuple]


def comparison_run(task: Task) -> Generator[Progress, None, Compared]:
    """Load the model, compare, make layers; heavy imports happen in the thread."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.gui.comparison_layers import joint_colours, pane_layers, shared
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.pipeline.comparison import compare_steps

    model, pixels = load_model(task.model), task.pixels()
    comparison = yield from compare_steps(pixels, model, task.settings, task.truth)
    yield Progress(0, 0, stage="making layers")
    common = shared(comparison, task.source, shown_pixels(pixels, model))
    results = comparison.naive.result, comparison.cropped.result
    layers = [
        pane_layers(result, common, colours)
        for result, colours in zip(results, joint_colours(results), strict=True)
    ]
    return Compared(task, model, comparison, common, *layers)


def whole_run(
    compared: Compared, region: Region
) -> Generator[Progress, None, list[LayerTuple]]:
    """Predict what is in view in one pass, and make its layers.

    Raises
    ------
    MemoryError
        If it would take more than the device has.
    """
    from napari_shiftseg.geometry.advice import size_text
    from napari_shiftseg.gui.comparison_layers import joint_colours, pane_layers
    from napari_shiftseg.inference.device import memory_budget, resolve_device
    from napari_shiftseg.inference.predict import open_for, plan_for
    from napari_shiftseg.pipeline.segmentation import segment_steps

    task, model = compared.task, compared.model
    settings = replace(task.settings, stitching="whole", window=None, region=region)
    pixels = task.pixels()
    plan = plan_for(
        open_for(pixels, model), model, None, "whole", settings.border, region,
        settings.device,
    )  # fmt: skip
    budget = memory_budget(resolve_device(settings.device))
    if plan.memory > budget:
        raise MemoryError(
            f"one pass over what is in view takes about {size_text(plan.memory)}, "
            f"more than the {size_text(budget)} at hand: zoom in"
        )
    result = yield from segment_steps(pixels, model, settings)
    (colours,) = joint_colours([result])
    return pane_layers(result, compared.common, colours)


def report_run(
    compared: Compared, points: list[SweepPoint], folder: Path
) -> Generator[Progress, None, Path]:
    """Write the report of a comparison and, where there is one, of a sweep."""
    yield Progress(0, 0, stage="writing the report")
    from napari_shiftseg.report.folder import writable_folder
    from napari_shiftseg.report.write import write_report

    writable_folder(folder)
    task = compared.task
    write_report(
        compared.comparison, compared.model, task.pixels(), task.source.name, folder,
        task.truth, points,
    )  # fmt: skip
    return folder


def sweep_run(
    task: Task, windows: list[int | tuple[int, ...]]
) -> Generator[Progress, None, list[SweepPoint]]:
    """Load the model and segment at window after window."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.pipeline.sweep import sweep_steps

    settings = replace(task.settings, stitching="naive")
    model = load_model(task.model)
    return (yield from sweep_steps(task.pixels(), model, windows, settings, task.truth))


def shown_pixels(pixels: Any, model: UNet) -> Any:
    """Return the image as it is shown: of several channels the first."""
    return pixels[0] if model.config.in_channels > 1 else pixels
