"""The model on its device while it predicts; why a prediction is not finite."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor

from napari_shiftseg.device import Precision, channels_last
from napari_shiftseg.inference.memory import is_out_of_memory
from napari_shiftseg.networks.unet import unsound
from napari_shiftseg.progress import waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import NDArray
    from torch import nn

    from napari_shiftseg.geometry.tiling import Tile
    from napari_shiftseg.networks import TiledNetwork


EXTREME = 1e4  # times the range that a network reads, about 0 to 1


class NotFiniteError(ValueError):
    """A network predicted NaN or infinity."""


def why_not_finite(network: Predictor, tile: Tile, pixels: NDArray[Any]) -> str:
    r"""Say why a tile was predicted as what is not finite, and what to do.

    Parameters
    ----------
    network : Predictor
    tile : Tile
        That it predicted.
    pixels : ndarray
        (channels, \*legal input), as the network read them.
    """
    where = ", ".join(f"{keep.start}-{keep.stop}" for keep in tile.keep)
    said = f"the prediction of the pixels {where} is not finite: "
    name = network.model.config.name
    weights = unsound(network.model.state_dict())
    if weights:
        return (
            f"{said}in the model {name!r} {weights}; its training failed or the file "
            f"is damaged, take another model"
        )
    most = float(np.abs(pixels).max())
    if most > EXTREME:
        return (
            f"{said}the image has a pixel there that the model {name!r} reads as "
            f"{most:.2g}, where about 0 to 1 is expected; cut off such pixels first, "
            f"for example with numpy.clip"
        )
    layer = _first_layer(network, pixels)
    return (
        f"{said}numbers overflow in the layer {layer!r} of the model {name!r}, whose "
        f"weights are finite; take another model"
    )


def _first_layer(network: Predictor, pixels: NDArray[Any]) -> str:
    """Return the name of the first layer that makes finite numbers others."""
    found: list[str] = []

    def look(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            if not output.isfinite().all():
                found.append(name)

        return hook

    layers = network.model.named_modules()
    hooks = [
        layer.register_forward_hook(look(name))
        for name, layer in layers
        if not any(layer.children())
    ]
    network([pixels], is_mixed=False)
    for hook in hooks:
        hook.remove()
    return found[0] if found else "head"


Step = TypeVar("Step")


class Left(Exception):
    """Nobody waits for this prediction any more."""


class Predictor:
    """The model on its device: a list of inputs in, an array of raw outputs out."""

    def __init__(
        self, model: TiledNetwork, device: torch.device, precision: Precision
    ) -> None:
        self.device = device
        self._left = Event()
        self._executor = ThreadPoolExecutor(1, "shiftseg-network")
        self.dtype = np.dtype(dtype_of(precision))
        kind = torch.float64 if precision == "float64" else torch.float32
        self.model = deepcopy(model).to(device, kind).eval()
        if device.type == "cpu" and precision != "float64":  # which would be slower
            channels_last(self.model)
        self.mixed = getattr(torch, precision) if precision.endswith("16") else None
        for layer in self.model.modules():
            layer.register_forward_pre_hook(_asking(self._left))

    def steps(
        self, inputs: list[NDArray[Any]], meanwhile: Step, is_mixed: bool = True
    ) -> Generator[Step, None, NDArray[Any]]:
        r"""Predict a batch in another thread; yields the same thing until it is done.

        Who closes the generator stops the prediction after the present layer.

        Parameters
        ----------
        inputs : list of ndarray
            (channels, \*legal input) each.
        meanwhile : Step
            What is yielded.
        is_mixed : bool
            Whether a 16-bit precision is used, if one was asked for.
        """
        try:
            return (
                yield from waiting(
                    meanwhile, self._executor, lambda: self(inputs, is_mixed)
                )
            )
        except GeneratorExit:
            self._left.set()
            raise

    def __call__(
        self, inputs: list[NDArray[Any]], is_mixed: bool = True
    ) -> NDArray[Any]:
        r"""Predict a batch: (channels, \*legal input) each → (batch, channels, …).

        Without mixing, a 16-bit precision is left aside.
        """
        # cuDNN's TF32 keeps 10 bits of a float32: a thousandth, which is no equality
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.inference_mode(), self._autocast(is_mixed), exact:
            x = torch.from_numpy(np.stack(inputs)).to(self.device)
            raw: Tensor = self.model(x)
            result: NDArray[Any] = raw.to("cpu", dtype=_torch_dtype(self.dtype)).numpy()
            return result

    def _autocast(self, is_mixed: bool) -> Any:
        if self.mixed is None or not is_mixed:
            return nullcontext()
        return torch.autocast(self.device.type, self.mixed)

    def close(self) -> None:
        """Give the model's memory back; a layer under way on the CPU may end later."""
        self._left.set()
        self._executor.shutdown(wait=self.device.type != "cpu", cancel_futures=True)
        self.model.to("cpu")
        self.release()

    def release(self) -> None:
        """Give unused memory back to the device."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def _asking(left: Event) -> Callable[..., None]:
    """Return a hook that stops a pass between two layers once it is left."""

    def hook(*_: object) -> None:
        if left.is_set():
            raise Left

    return hook


@contextmanager
def on_device(
    model: TiledNetwork, device: torch.device, precision: Precision
) -> Iterator[Predictor]:
    """Have a copy of the model on a device, and its memory given back at the end.

    Parameters
    ----------
    model : TiledNetwork
    device : torch.device
    precision : {"float32", "float64", "float16", "bfloat16"}
    """
    try:
        network = Predictor(model, device, precision)
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
        network.close()


def dtype_of(precision: Precision) -> type[np.floating[Any]]:
    """Return the type in which values of this precision are kept."""
    if precision not in get_args(Precision):
        known = ", ".join(get_args(Precision))
        raise ValueError(f"precision must be one of {known}, got {precision!r}")
    return np.float64 if precision == "float64" else np.float32


def _torch_dtype(dtype: np.dtype[Any]) -> torch.dtype:
    return torch.float64 if dtype == np.float64 else torch.float32
