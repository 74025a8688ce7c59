"""Which device computes: what there is, and a list of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox
from napari.qt.threading import create_worker
from qtpy.compat import isalive

from napari_shiftseg.gui.parts.note import dress, wrapped_label
from napari_shiftseg.gui.parts.rows import ControlForm

if TYPE_CHECKING:
    from collections.abc import Callable


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
    from napari_shiftseg.device import available_devices, resolve_device
    from napari_shiftseg.inference.memory import memory_budget

    return Devices(
        {name: memory_budget(resolve_device(name)) for name in available_devices()}
    )


CPU_HELP = (
    "Prediction is several times faster on a graphics card. For an NVIDIA card install "
    "the CUDA build of torch, see pytorch.org; Macs use theirs by themselves."
)


class DeviceChoice(ControlForm):
    """A list of devices, filled from a thread, and a banner while the CPU runs.

    The banner comes late and stands elsewhere: what is below it would move.

    Parameters
    ----------
    changed : callable
        Called when another device is chosen, and when it is known which there are.

    Attributes
    ----------
    banner : Label
        To be placed below whatever is pressed.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._devices: Devices | None = None
        self._preferred = "auto"
        self.list = ComboBox(
            choices=self._names, label="Device",
            tooltip="What computes; auto: a graphics card where there is one",
        )  # fmt: skip
        self.banner = wrapped_label(tooltip=CPU_HELP)
        dress(self.banner, "note")
        super().__init__(self.list)
        self.banner.visible = False
        self.list.changed.connect(self._choose)
        create_worker(find_devices, _connect={"returned": self.take})

    @property
    def value(self) -> str:
        """Name of a device, or "auto"."""
        name: str = self.list.value
        return name

    @property
    def memory(self) -> int | None:
        """Bytes that tiles may take there; None while it is not known."""
        return None if self._devices is None else self._devices.budget(self.value)

    @property
    def device(self) -> str | None:
        """The device that "auto" stands for; None while it is not known."""
        return None if self._devices is None else self._devices.name(self.value)

    def take(self, devices: Devices) -> None:
        """Offer these devices."""
        if isalive(self.native):
            self._devices = devices
            self.list.reset_choices()
            if self.value == "auto" and self._preferred in self.list.choices:
                self.list.value, self._preferred = self._preferred, "auto"
            self._choose()

    def prefer(self, device: str) -> None:
        """Choose a device as soon as it is known to be there."""
        self._preferred = device

    def _names(self, _widget: Any = None) -> list[str]:
        return ["auto", *(self._devices.budgets if self._devices else ())]

    def _choose(self) -> None:
        if self._devices is not None:
            only = self._devices.on_cpu_only
            self.banner.visible = only or self.value == "cpu"
            why = "no CUDA or Apple device found" if only else "as chosen"
            self.banner.value = f"Running on the CPU: {why}."
        self._changed()
