"""Which device predicts, and how much it can hold."""

from __future__ import annotations

import psutil
import torch

SHARE_OF_MEMORY = 0.5  # of what is free, that one batch of tiles may take
MOST_ON_CPU = 2 * 2**30  # bytes; larger tiles gain nothing on a CPU


def available_devices() -> list[str]:
    """Return the devices that are there, fastest first, the CPU last."""
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


def memory_budget(device: torch.device) -> int:
    """Return the bytes that one batch of tiles may take on this device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * SHARE_OF_MEMORY)
    free = psutil.virtual_memory().available
    return min(int(free * SHARE_OF_MEMORY), MOST_ON_CPU)
