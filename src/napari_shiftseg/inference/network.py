"""The model on its device while it predicts, by torch or OpenVINO."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor

from napari_shiftseg.device import (
    Precision,
    channels_last,
    is_out_of_memory,
    usual_engine,
)
from napari_shiftseg.inference.compiled import Compiled, Unfit, check_engine
from napari_shiftseg.progress import waiting
from napari_shiftseg.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.device import Engine
    from napari_shiftseg.networks import TiledNetwork


Step = TypeVar("Step")


class Left(Exception):
    """Nobody waits for this prediction any more."""


# multiply-adds of a tile; networks and tiles below are done before OpenVINO is set up
WORTH = 10**8
# what OpenVINO, or loading or calling it, may raise, or a Mac's graphics card
FAILURES = (
    RuntimeError, ImportError, OSError, ValueError, TypeError, AttributeError,
    LookupError, NotImplementedError,
)  # fmt: skip
INSTEAD = "OpenVINO failed ({}), so torch predicts, more slowly"
ON_CPU = "the graphics card of this Mac {}, so the CPU predicts, more slowly"
MOST_SAID = 160  # characters of what they say
AGREED = 1e-3  # of the largest value; 16-bit numbers are a hundred times as far off


class Predictor:
    """The model on its device: a list of inputs in, an array of raw outputs out.

    Parameters
    ----------
    model : TiledNetwork
        A copy of it is made.
    device : torch.device
    precision : {"float32", "float64", "float16", "bfloat16"}
    engine : {"auto", "torch", "openvino"}
        "auto": OpenVINO where it is installed, the device is the CPU, and a tile is
        worth it; it depends on the network and the size of a tile alone.

    Attributes
    ----------
    engine : {"torch", "openvino", "onnxruntime"}
        What predicted last.
    """

    def __init__(
        self,
        model: TiledNetwork,
        device: torch.device,
        precision: Precision,
        engine: Engine = "auto",
    ) -> None:
        check_engine(engine, device, precision)
        self.device, self._asked = device, engine
        self.engine = model.computed_by
        self._notes: list[str] = []
        self._left = Event()
        self._executor = ThreadPoolExecutor(1, "shiftseg-network")
        self.dtype = np.dtype(dtype_of(precision))
        kind = torch.float64 if precision == "float64" else torch.float32
        with _moving():
            self.model = deepcopy(model).to(device, kind).eval()
            if device.type == "cpu" and precision != "float64":  # it would be slower
                channels_last(self.model)
        self.mixed = getattr(torch, precision) if precision.endswith("16") else None
        for layer in self.model.modules():
            if not isinstance(layer, torch.jit.ScriptModule):  # which has no hooks
                layer.register_forward_pre_hook(_asking(self._left))
        usual = usual_engine(engine, str(device), precision)
        is_traced = model.computed_by == "torch"
        wanted = is_traced and "openvino" in (engine, usual)
        self._compiled = Compiled(self.model, precision) if wanted else None

    def note(self, text: str) -> None:
        """Have the user told of something, with the next batch.

        Parameters
        ----------
        text : str
        """
        self._notes.append(text)

    def told(self) -> str:
        """Return what the user should know and has not been told yet."""
        said, self._notes = "; ".join(self._notes), []
        return said

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
        raw = self._by_openvino(inputs) if is_mixed else None
        self.engine = self.model.computed_by if raw is None else "openvino"
        return self._by_torch(inputs, is_mixed) if raw is None else raw

    def prepare(self, size: tuple[int, ...]) -> bool:
        r"""Compile the network for inputs of this size, if OpenVINO predicts them.

        Returns whether it does.

        Parameters
        ----------
        size : tuple of int
            (channels, \*legal input)
        """
        with self._falling_back():
            compiled = self._compiled_for(size)
            if compiled is not None:
                compiled.prepare(size)
        return self._compiled_for(size) is not None

    def _by_openvino(self, inputs: list[NDArray[Any]]) -> NDArray[Any] | None:
        """Predict a batch, one input after the other; None where torch has to."""
        compiled = self._compiled_for(inputs[0].shape)
        if compiled is None:
            return None
        found = []
        with self._falling_back():
            for pixels in inputs:
                if self._left.is_set():
                    raise Left
                found.append(compiled(pixels))
        return np.stack(found) if len(found) == len(inputs) else None

    def _compiled_for(self, size: tuple[int, ...]) -> Compiled | None:
        """Return what OpenVINO made, where inputs of this size are worth it."""
        is_forced = self._asked == "openvino"
        is_worth = is_forced or self.model.shape.multiply_adds(size[1:]) >= WORTH
        return self._compiled if is_worth else None

    @contextmanager
    def _falling_back(self) -> Iterator[None]:
        """Leave OpenVINO aside once it fails, and have a note to say so."""
        try:
            yield
        except Unfit as error:
            if self._asked == "openvino":
                self.note(f"{error}, so torch predicts")
            self._compiled = None
        except FAILURES as error:
            if self._left.is_set():
                raise Left from None
            if is_out_of_memory(error):
                raise
            self.note(INSTEAD.format(_said(error)))
            self._compiled = None

    def _by_torch(self, inputs: list[NDArray[Any]], is_mixed: bool) -> NDArray[Any]:
        # cuDNN's TF32 keeps 10 bits of a float32: a thousandth, which is no equality
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.inference_mode(), self._autocast(is_mixed), exact:
            x = sent(torch.from_numpy(np.stack(inputs)), self.device)
            raw: Tensor = self.model(x)
            return fetched(raw.to(_torch_dtype(self.dtype))).numpy()

    def _autocast(self, is_mixed: bool) -> Any:
        if self.mixed is None or not is_mixed:
            return nullcontext()
        return torch.autocast(self.device.type, self.mixed)

    def close(self) -> None:
        """Give the model's memory back; a layer under way on the CPU may end later."""
        self._left.set()
        if self._compiled is not None:
            self._compiled.cancel()
            self._executor.submit(self._compiled.release)
        self._executor.shutdown(wait=self.device.type != "cpu")
        with _moving():
            self.model.to("cpu")
        self.release()

    def release(self) -> None:
        """Give unused memory back to the device."""
        if self._compiled is not None:
            self._compiled.release()
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
    model: TiledNetwork,
    device: torch.device,
    precision: Precision,
    engine: Engine = "auto",
) -> Iterator[Predictor]:
    """Have a copy of the model on a device, and its memory given back at the end.

    Parameters
    ----------
    model : TiledNetwork
    device : torch.device
        The graphics card of a Mac does not know all layers, and may compute one wrong:
        if it does not agree with the CPU on a small input, the CPU predicts.
    precision : {"float32", "float64", "float16", "bfloat16"}
    engine : {"auto", "torch", "openvino"}
        See `Predictor`.

    Raises
    ------
    ValueError
        If the engine does not go with device or precision; see `check_engine`.
    MemoryError
        If the model alone does not fit.
    """
    try:
        network = _placed(model, device, precision, engine)
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


def _placed(
    model: TiledNetwork, device: torch.device, precision: Precision, engine: Engine
) -> Predictor:
    """Return the model on its device, or on the CPU with a note that it is there."""
    if device.type != "mps":
        return Predictor(model, device, precision, engine)
    try:
        network = Predictor(model, device, precision, engine)
        wrong = disagreement(network)
        if not wrong:
            return network
        network.close()
    except FAILURES as error:
        if is_out_of_memory(error):
            raise
        wrong = f"cannot run the model ({_said(error)})"
    network = Predictor(model, torch.device("cpu"), precision, engine)
    network.note(ON_CPU.format(wrong))
    return network


def disagreement(network: Predictor) -> str:
    """Predict the smallest input, and by the CPU; say if they differ, else nothing.

    Parameters
    ----------
    network : Predictor
    """
    shape = network.model.shape
    size = (shape.in_channels, *shape.input_for((1,) * shape.ndim))
    pixels = np.random.default_rng(0).random(size).astype(network.dtype)
    found = network([pixels])
    exact = Predictor(network.model, torch.device("cpu"), "float32", "torch")
    expected = exact([pixels.astype(np.float32)])
    exact.close()
    error = float(abs(found - expected).max() / (abs(expected).max() or 1.0))
    most = AGREED * (100 if network.mixed else 1)
    return "" if error <= most else f"predicts other numbers than the CPU ({error:.1g})"


@contextmanager
def _moving() -> Iterator[None]:
    """Let weights be copied and moved without the warnings that programs give."""
    with warnings.catch_warnings():  # no gradient, which torch asks for; old names
        warnings.filterwarnings("ignore", r"The \.grad attribute", UserWarning)
        warnings.filterwarnings("ignore", r".*treespec", FutureWarning)
        yield


def sent(x: Tensor, device: torch.device) -> Tensor:
    """Return a copy on a device; to a CUDA card it is still on its way, without a stop.

    Parameters
    ----------
    x : Tensor
        On the CPU.
    device : torch.device
    """
    if device.type != "cuda":
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


def fetched(x: Tensor) -> Tensor:
    """Return a copy on the CPU; from a CUDA card into memory it can write to itself.

    Parameters
    ----------
    x : Tensor
    """
    if x.device.type != "cuda":
        return x.cpu()
    found = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
    found.copy_(x, non_blocking=True)
    torch.cuda.current_stream(x.device).synchronize()
    return found


def _said(error: BaseException) -> str:
    """Return the last line of an error, cut short."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return visible(lines[-1])[:MOST_SAID]


def dtype_of(precision: Precision) -> type[np.floating[Any]]:
    """Return the type in which values of this precision are kept."""
    if precision not in get_args(Precision):
        known = ", ".join(get_args(Precision))
        raise ValueError(f"precision must be one of {known}, got {precision!r}")
    return np.float64 if precision == "float64" else np.float32


def _torch_dtype(dtype: np.dtype[Any]) -> torch.dtype:
    return torch.float64 if dtype == np.float64 else torch.float32
