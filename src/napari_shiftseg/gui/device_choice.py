"""Which device runs, and a standing word where that is the slow one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import ComboBox, Container
from napari.qt.threading import create_worker
from qtpy.compat import isalive

from napari_shiftseg.gui.devices import Devices, find_devices
from napari_shiftseg.gui.note import align_labels, dress, wrapped_label

if TYPE_CHECKING:
    from collections.abc import Callable

CPU_HELP = (
    "Prediction is several times faster on a graphics card. For an NVIDIA card install "
    "the CUDA build of torch, see pytorch.org; Macs use theirs by themselves."
)


class DeviceChoice(Container):
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
        super().__init__(widgets=[self.list])
        align_labels(self)
        self.margins = (0, 0, 0, 0)
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
        return self._devices and self._devices.budget(self.value)

    @property
    def device(self) -> str | None:
        """The device that "auto" stands for; None while it is not known."""
        return self._devices and self._devices.name(self.value)

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
