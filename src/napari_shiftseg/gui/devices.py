"""The devices of this machine, asked for in a thread: torch takes a second to load."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Devices:
    """What a run can use.

    Attributes
    ----------
    budgets : dict
        Device → bytes that a batch of tiles may take there; fastest first.
    """

    budgets: dict[str, int]

    @property
    def on_cpu_only(self) -> bool:
        """Whether there is nothing faster than the CPU."""
        return list(self.budgets) == ["cpu"]

    def budget(self, device: str) -> int:
        """Return the budget of a device; ``"auto"`` is the fastest."""
        return self.budgets[self.name(device)]

    def name(self, device: str) -> str:
        """Return which device is meant; ``"auto"`` is the fastest."""
        return next(iter(self.budgets)) if device == "auto" else device


def find_devices() -> Devices:
    """Ask torch which devices there are."""
    from napari_shiftseg.inference.device import (
        available_devices,
        memory_budget,
        resolve_device,
    )

    return Devices(
        {name: memory_budget(resolve_device(name)) for name in available_devices()}
    )
