"""On which device a model computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import ComboBox
from napari.qt.threading import create_worker

from napari_shiftseg.gui.parts.layout import ControlForm, is_open
from napari_shiftseg.gui.parts.text_boxes import wrapped_label

if TYPE_CHECKING:
    from collections.abc import Callable


Devices = dict[str, int]  # device → bytes of a batch of tiles there; fastest first


def find_devices() -> Devices:
    """Ask torch which devices there are."""
    from napari_shiftseg.device import available_devices, resolve_device
    from napari_shiftseg.inference.memory import memory_budget

    return {name: memory_budget(resolve_device(name)) for name in available_devices()}


CPU_HELP = (
    "Prediction is several times faster on a graphics card. For an NVIDIA card install "
    "the CUDA build of torch, see pytorch.org; Macs use theirs by themselves. A CPU is "
    "some times faster where openvino is installed."
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
        self._devices: Devices = {}  # they are not known yet
        self._preferred = "auto"
        self.list = ComboBox(
            choices=lambda _: ["auto", *self._devices], label="Device",
            tooltip="What computes; auto: a graphics card if there is one",
        )  # fmt: skip
        self.banner = wrapped_label(kind="note", tooltip=CPU_HELP, visible=False)
        super().__init__(self.list)
        self.list.changed.connect(self._choose)
        create_worker(find_devices, _connect={"returned": self.take})

    @property
    def value(self) -> str:
        """Name of a device, or "auto"."""
        name: str = self.list.value
        return name

    @property
    def device(self) -> str | None:
        """The device that "auto" stands for; None while it is not known."""
        if self.value == "auto":
            return next(iter(self._devices), None)
        return self.value

    @property
    def memory(self) -> int | None:
        """Bytes that tiles may take there; None while it is not known."""
        return None if self.device is None else self._devices.get(self.device)

    def take(self, devices: Devices) -> None:
        """Offer these devices."""
        if is_open(self.native):
            self._devices = devices
            self.list.reset_choices()
            if self.value == "auto" and self._preferred in self.list.choices:
                self.list.value, self._preferred = self._preferred, "auto"
            self._choose()

    def prefer(self, device: str) -> None:
        """Choose a device as soon as it is known to be there."""
        self._preferred = device

    def _choose(self) -> None:
        if self._devices:
            only = list(self._devices) == ["cpu"]
            self.banner.visible = only or self.value == "cpu"
            why = "no CUDA or Apple device found" if only else "as chosen"
            self.banner.value = f"Running on the CPU: {why}."
        self._changed()
