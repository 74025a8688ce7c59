"""The model on its device, for as long as it predicts there."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import torch
from torch import Tensor

from napari_shiftseg.inference.precision import Precision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.model.unet import UNet

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "alloc_failed")


class Network:
    """The model on its device: a list of inputs in, an array of raw outputs out."""

    def __init__(self, model: UNet, device: torch.device, precision: Precision) -> None:
        self.device = device
        self.dtype = np.dtype(dtype_of(precision))
        kind = torch.float64 if precision == "float64" else torch.float32
        self.model = deepcopy(model).to(device, kind).eval()
        self.mixed = getattr(torch, precision) if precision.endswith("16") else None

    def __call__(self, inputs: list[NDArray[Any]]) -> NDArray[Any]:
        r"""Predict a batch: (channels, \\*legal input) each → (batch, channels, …)."""
        # cuDNN's TF32 keeps 10 bits of a float32: a thousandth, which is no equality
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.inference_mode(), self._autocast(), exact:
            x = torch.from_numpy(np.stack(inputs)).to(self.device)
            raw: Tensor = self.model(x)
            result: NDArray[Any] = raw.to("cpu", dtype=_torch_dtype(self.dtype)).numpy()
            return result

    def _autocast(self) -> Any:
        if self.mixed is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.mixed)

    def release(self) -> None:
        """Give unused memory back to the device."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


@contextmanager
def on_device(
    model: UNet, device: torch.device, precision: Precision
) -> Iterator[Network]:
    """Have a copy of the model on a device, and its memory given back at the end.

    Raises
    ------
    MemoryError
        If the model does not fit there.
    """
    try:
        network = Network(model, device, precision)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(
            f"the model does not fit on {device}; close other programs that use it, or "
            f"choose another device"
        ) from error
    try:
        yield network
    finally:
        network.model.to("cpu")
        network.release()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, on any device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return any(said in text for said in OUT_OF_MEMORY)


def dtype_of(precision: Precision) -> type[np.floating[Any]]:
    """Return the type in which values of this precision are kept."""
    if precision not in get_args(Precision):
        known = ", ".join(get_args(Precision))
        raise ValueError(f"precision must be one of {known}, got {precision!r}")
    return np.float64 if precision == "float64" else np.float32


def _torch_dtype(dtype: np.dtype[Any]) -> torch.dtype:
    return torch.float64 if dtype == np.float64 else torch.float32
