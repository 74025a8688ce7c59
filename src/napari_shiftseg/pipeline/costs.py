"""What each window would cost on an image, in pixels, memory and measured time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.cost import Cost, planned_costs
from napari_shiftseg.geometry.words import compact
from napari_shiftseg.inference.device import memory_budget, resolve_device
from napari_shiftseg.inference.network import is_out_of_memory, on_device
from napari_shiftseg.inference.progress import Progress, exhaust
from napari_shiftseg.inference.stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.inference.precision import Precision
    from napari_shiftseg.model.unet import UNet


@dataclass(frozen=True, slots=True)
class CostProgress(Progress):
    """Progress of a measurement; `cost` is what has just been found."""

    cost: Cost = field(kw_only=True)


def costs(
    image_shape: Sequence[int],
    model: UNet,
    windows: Sequence[Window] | None = None,
    device: str = "auto",
    precision: Precision = "float32",
) -> list[Cost]:
    """Return what each window would cost on an image of this shape.

    The image is not needed: a batch of tiles of random pixels is timed for each window.

    Parameters
    ----------
    image_shape : sequence of int
        Pixels along each spatial axis.
    model : UNet
    windows : sequence of int or of sequence of int, optional
        Output sizes of a tile; see `planned_costs` for those tried by default.
    device : str
        "auto" (CUDA, else MPS, else the CPU), or a torch device.
    precision : {"float32", "float64", "float16", "bfloat16"}

    Returns
    -------
    list of Cost
        One a window. A window that does not fit in memory has no time.

    Raises
    ------
    ValueError
        If an argument is not as above.
    MemoryError
        If the model alone does not fit on the device.
    """
    return exhaust(cost_steps(image_shape, model, windows, device, precision))


def cost_steps(
    image_shape: Sequence[int],
    model: UNet,
    windows: Sequence[Window] | None = None,
    device: str = "auto",
    precision: Precision = "float32",
) -> Generator[Progress, None, list[Cost]]:
    """Measure costs, yielding `CostProgress` with each as it is found; see `costs`.

    Closing the generator stops the measurement after the present window.
    """
    where = resolve_device(device)
    found = planned_costs(image_shape, model.shape, windows, memory_budget(where))
    with on_device(model, where, precision) as network:
        stopwatch = Stopwatch(network)
        for number, cost in enumerate(found):
            stage = f"measuring tiles of {compact(cost.window)}"
            yield Progress(number, len(found), stage=stage)
            found[number] = _timed(cost, stopwatch)
            yield CostProgress(number + 1, len(found), stage=stage, cost=found[number])
    return found


def _timed(cost: Cost, stopwatch: Stopwatch) -> Cost:
    if not cost.fits:
        return cost
    try:
        seconds, measured = stopwatch.time(cost.plan)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return replace(cost, fits=False)
    return replace(cost, seconds=seconds, measured=measured)
