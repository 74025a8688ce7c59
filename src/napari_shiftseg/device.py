"""Which device predicts, by what, and in which numbers.

torch takes a second to load: it is, when a device is asked for.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch


Precision = Literal["float32", "float64", "float16", "bfloat16"]
Engine = Literal["auto", "torch", "openvino"]
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "alloc_failed", "bad_alloc")


def available_devices() -> list[str]:
    """Return the devices that are there, fastest first, the CPU last."""
    import torch

    devices = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def resolve_device(name: str | torch.device = "auto") -> torch.device:
    """Return the device of this name; ``"auto"`` is CUDA, else MPS, else the CPU.

    Raises
    ------
    ValueError
        If there is no such device; the message names those there are.
    """
    import torch

    there = available_devices()
    if name == "auto":
        return torch.device(there[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    known = {device.type for device in map(torch.device, there)} | set(there)
    if device is None or str(device) not in known:
        raise ValueError(
            f"no device {str(name)!r} on this machine; there is {', '.join(there)}"
        )
    return device


def usual_engine(engine: Engine, device: str, precision: Precision) -> str:
    """Return what a network is computed by, "torch" or "openvino".

    OpenVINO is where it is installed and not left aside; it computes on the CPU, and
    not in float64.

    Parameters
    ----------
    engine : {"auto", "torch", "openvino"}
        That is asked for.
    device : str
        A torch device, not "auto".
    precision : {"float32", "float64", "float16", "bfloat16"}
    """
    is_left = engine == "torch" or device != "cpu" or precision == "float64"
    return "torch" if is_left or find_spec("openvino") is None else "openvino"


def channels_last(model: Any) -> None:
    """Lay a network's weights out as a CPU convolves fastest; 1-D has no such layout.

    Parameters
    ----------
    model : TiledNetwork
        Changed.
    """
    import torch

    layouts = {2: torch.channels_last, 3: torch.channels_last_3d}
    if model.shape.ndim in layouts:
        model.to(memory_format=layouts[model.shape.ndim])


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return any(said in text for said in OUT_OF_MEMORY)
