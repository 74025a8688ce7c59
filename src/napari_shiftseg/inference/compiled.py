"""A network compiled by OpenVINO for one legal input; kept as long as the process."""

from __future__ import annotations

import sys
import warnings
from collections import OrderedDict
from contextlib import suppress
from hashlib import blake2b
from importlib.util import find_spec
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_shiftseg.device import Engine, Precision
    from napari_shiftseg.networks import TiledNetwork


# how OpenVINO calls a precision, as what a processor has and as what it is to take
CAPABILITY = {"float32": "FP32", "bfloat16": "BF16", "float16": "FP16"}
HINT = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
TELEMETRY = "openvino_telemetry"
Value = TypeVar("Value")


class Unfit(Exception):
    """OpenVINO cannot do what is asked, and need not be tried."""


class Kept(Generic[Value]):
    """The latest things that were made, so many, each once for all threads."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, RLock()
        self._made: OrderedDict[Any, Value] = OrderedDict()

    def get(self, key: Any, make: Callable[[], Value]) -> Value:
        """Return what was made for a key, or make it.

        Parameters
        ----------
        key : hashable
        make : callable
            Called without arguments.
        """
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            self._made.move_to_end(key)
            while len(self._made) > self._most:
                self._made.popitem(last=False)
            return self._made[key]

    def keys(self) -> list[Any]:
        """Return for what something is kept."""
        return list(self._made)


CONVERTED, COMPILED = Kept[Any](2), Kept[Any](4)


def check_engine(engine: Engine, device: torch.device, precision: Precision) -> None:
    """Refuse an engine that does not go with a device or a precision.

    Parameters
    ----------
    engine : {"auto", "torch", "openvino"}
    device : torch.device
    precision : {"float32", "float64", "float16", "bfloat16"}

    Raises
    ------
    ValueError
        If the engine is unknown; or if it is "openvino" and the device is not the CPU,
        or the precision float64.
    """
    if engine not in ("auto", "torch", "openvino"):
        raise ValueError(
            f"the engine must be one of auto, torch, openvino, got {engine!r}"
        )
    if engine == "openvino" and device.type != "cpu":
        raise ValueError(
            f"the engine openvino computes on the CPU, got the device {device}: take "
            f"the device cpu, or the engine auto"
        )
    if engine == "openvino" and precision not in HINT:
        raise ValueError(
            f"the engine openvino computes in {', '.join(HINT)}, got the precision "
            f"{precision}: take one of these, or the engine auto"
        )


class Compiled:
    r"""A network as OpenVINO computes it, one input after the other.

    So a result does not depend on which tiles make a batch.

    Parameters
    ----------
    model : TiledNetwork
        On the CPU, in float32; its weights are not changed any more.
    precision : {"float32", "float16", "bfloat16"}

    Raises
    ------
    Unfit
        When called, if OpenVINO is not installed or the processor has not this
        precision.
    RuntimeError and others
        When called, as OpenVINO raises them.
    """

    def __init__(self, model: TiledNetwork, precision: Precision) -> None:
        self._model, self._precision = model, precision
        self._digest, self._is_cancelled = "", False
        self._compiled: dict[tuple[int, ...], Any] = {}
        self._requests: dict[tuple[int, ...], Any] = {}

    def __call__(self, pixels: NDArray[Any]) -> NDArray[Any]:
        r"""Predict one input: (channels, \*legal input) → (channels, \*raw output).

        Parameters
        ----------
        pixels : ndarray of float32
        """
        request = self.prepare(pixels.shape)
        if self._is_cancelled:  # while it was compiled
            raise RuntimeError("cancelled")
        whole = np.ascontiguousarray(pixels)[None]
        request.infer({0: whole}, share_inputs=True)
        raw: NDArray[Any] = request.get_output_tensor(0).data[0].astype(np.float32)
        return raw

    def prepare(self, size: tuple[int, ...]) -> Any:
        r"""Compile the network for inputs of this size, if that was not done.

        Parameters
        ----------
        size : tuple of int
            (channels, \*legal input)
        """
        if size not in self._requests:
            self._digest = self._digest or digest(self._model)
            known = (self._digest, size, self._precision, torch.get_num_threads())
            model = COMPILED.get(known, lambda: self._compile(size))
            self._compiled[size] = model
            self._requests[size] = model.create_infer_request()
        return self._requests[size]

    def _compile(self, size: tuple[int, ...]) -> Any:
        core = _openvino().Core()
        has = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if CAPABILITY[self._precision] not in has:
            raise Unfit(f"OpenVINO has no {self._precision} on this processor")
        own = CONVERTED.get(self._digest, lambda: converted(self._model)).clone()
        own.reshape([1, *size])
        shape = self._model.shape
        expected = (1, shape.out_channels, *shape.raw_output(size[1:]))
        made = tuple(own.output(0).shape)
        if made != expected and self._model.config.is_foreign:
            raise Unfit("OpenVINO takes sizes of this network for constants")
        if made != expected:
            raise RuntimeError(f"it predicts {made}, not {expected}")
        return core.compile_model(
            own,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": HINT[self._precision],
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
                "ENABLE_CPU_PINNING": False,  # others compute here, too
            },
        )

    def cancel(self) -> None:
        """Stop what is being predicted after the present layer, for good."""
        self._is_cancelled = True
        for request in list(self._requests.values()):
            request.cancel()

    def release(self) -> None:
        """Give the memory back that a prediction took."""
        for model in list(self._compiled.values()):
            with suppress(RuntimeError):  # another run is using it, and will do so
                model.release_memory()


def compiled_sizes(
    model: TiledNetwork, precision: Precision
) -> frozenset[tuple[int, ...]]:
    """Return the legal inputs that a network is compiled for in this process.

    Parameters
    ----------
    model : TiledNetwork
    precision : {"float32", "float64", "float16", "bfloat16"}
    """
    own, threads = digest(model), torch.get_num_threads()
    return frozenset(
        size[1:]
        for network, size, numbers, cores in COMPILED.keys()  # noqa: SIM118
        if (network, numbers, cores) == (own, precision, threads)
    )


def digest(model: TiledNetwork) -> str:
    """Return a text that is one for all copies of a network, and for no other network.

    Parameters
    ----------
    model : TiledNetwork
    """
    found = blake2b(f"{type(model)} {model.config!r}".encode(), digest_size=16)
    for name, values in model.state_dict().items():
        numbers = values.detach().cpu().contiguous().numpy()
        found.update(f"{name} {numbers.shape} {numbers.dtype}".encode())
        found.update(numbers)
    return found.hexdigest()


def converted(model: TiledNetwork) -> Any:
    """Return a network as OpenVINO's model, for inputs of any size.

    Parameters
    ----------
    model : TiledNetwork
    """
    _openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    shape = model.shape
    # not the smallest input: of one pixel a level, sizes may be taken for constants
    usual = shape.input_for(tuple(2 * p for p in shape.period))
    example = (torch.zeros(1, shape.in_channels, *usual),)
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            # of sizes that a network compares: those of legal inputs agree
            warnings.simplefilter("ignore")
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                model, example, check_trace=False
            )
        reader = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=example)
        return reader.convert(reader.load(decoder))
    except Exception as error:  # of any class: layers it does not know, odd programs
        raise RuntimeError(str(error)) from error


def _openvino() -> Any:
    """Load OpenVINO, without the package by which it tells its makers of its use."""
    if find_spec("openvino") is None:
        raise Unfit("OpenVINO is not installed")
    is_hidden = TELEMETRY not in sys.modules
    if is_hidden:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        if is_hidden:
            del sys.modules[TELEMETRY]
    return openvino
