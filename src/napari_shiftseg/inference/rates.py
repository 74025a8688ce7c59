"""The rate of a network where it will run: measured once, kept, and kept on disk."""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from dataclasses import replace
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch
from platformdirs import user_cache_path

from napari_shiftseg.device import resolve_device, usual_engine
from napari_shiftseg.inference.compiled import compiled_sizes
from napari_shiftseg.inference.memory import batch_that_fits
from napari_shiftseg.inference.network import on_device
from napari_shiftseg.inference.timing import MEASURING, Timed, Timing, timing_steps
from napari_shiftseg.stores.kept import read_kept, write_kept

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.device import Engine, Precision
    from napari_shiftseg.geometry.rates import Rate
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.inference.network import Predictor
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.progress import Progress


MOST_KEPT = 200  # rates in the file; the oldest go
OF_ENTRY = "points", "opening", "compiling"  # of `Timed`, in the file
KNOWN: dict[str, Timed] = {}  # of this process
LOCK = Lock()


def rates_file() -> Path:
    """Return where rates are kept: ``~/.cache/napari-shiftseg/rates.json`` on Linux."""
    return user_cache_path("napari-shiftseg", appauthor=False) / "rates.json"


def rate_steps(
    model: TiledNetwork,
    device: str = "auto",
    precision: Precision = "float32",
    engine: Engine = "auto",
    plan: TilePlan | None = None,
) -> Generator[Progress, None, Rate]:
    """Find how fast tiles of a network will be predicted; measured if it is not known.

    It takes a second or two, and holds for all networks of this architecture.

    Parameters
    ----------
    model : TiledNetwork
    device, precision, engine
        See `embed`.
    plan : TilePlan, optional
        Whose tiles are timed, too, unless that takes long.
    """
    where = resolve_device(device)
    key = rate_key(model, where, precision, engine)
    found = known(key)
    if found is None or (plan is not None and not found.rate().knows(plan)):
        with on_device(model, where, precision, engine) as network:
            timing = Timing(network)
            if found is None:
                yield from timing_steps(network, timing)
                found = keep(key, timing.timed, network)
            if plan is not None and not found.rate().knows(plan):
                yield MEASURING
                timing = Timing(network)
                timing.measure(plan, batch_that_fits(plan, network.device))
                found = keep(key, timing.timed, network)
    return found.rate(compiled_sizes(model, precision))


def rate_key(
    model: TiledNetwork, device: torch.device, precision: Precision, engine: Engine
) -> str:
    """Return a text that is one for all that is predicted equally fast.

    Parameters
    ----------
    model : TiledNetwork
        Its layers and their sizes count, its weights do not.
    device, precision, engine
        See `Predictor`.
    """
    layers = [type(layer).__name__ for layer in model.modules()]
    sizes = [tuple(values.shape) for values in model.state_dict().values()]
    about = f"{type(model)} {model.shape} {layers} {sizes}"
    is_torch = usual_engine(engine, str(device), precision) == "torch"
    by = "torch" if is_torch and engine != "openvino" else engine
    parts = [
        blake2b(about.encode(), digest_size=8).hexdigest(), by, precision,
        _name_of(device), f"{torch.get_num_threads()} threads",
        f"torch {torch.__version__}", f"openvino {_version('openvino')}",
    ]  # fmt: skip
    return "; ".join(parts)


def known(key: str) -> Timed | None:
    """Return what is kept of a rate, in this process or on disk.

    Parameters
    ----------
    key : str
        See `rate_key`.
    """
    with LOCK:
        if key not in KNOWN:
            read = _parsed(_read().get(key))
            if read is None:
                return None
            KNOWN[key] = read
        return KNOWN[key]


def keep(key: str, timed: Timed, network: Predictor) -> Timed:
    """Keep what was measured, on disk too, where that can be written.

    Earlier measurements stay for tiles that are smaller or larger than all of these;
    all of them are returned.

    Parameters
    ----------
    key : str
        See `rate_key`.
    timed : Timed
    network : Predictor
        That was timed. Where another engine or device took over, or other programs
        disturbed it or what stays of earlier, the rate is kept for this process alone.
    """
    timed = replace(timed, is_sound=timed.is_sound and not network.told())
    earlier = known(key)
    if earlier is not None:
        timed = timed.before(earlier)
    with LOCK:
        KNOWN[key] = timed
        if timed.is_sound:
            rates = _read()
            rates.pop(key, None)
            rates[key] = {name: getattr(timed, name) for name in OF_ENTRY}
            latest = dict(list(rates.items())[-MOST_KEPT:])
            write_kept(rates_file(), json.dumps(latest, indent=1))
    return timed


def _read() -> dict[str, Any]:
    """Return what the file holds; nothing where it cannot be read."""
    found = read_kept(rates_file())
    return found if isinstance(found, dict) else {}


def _parsed(entry: Any) -> Timed | None:
    """Return what an entry of the file says; None where it says nothing of use."""
    try:
        points = tuple(sorted((float(w), float(s)) for w, s in entry["points"]))
        timed = Timed(points, float(entry["opening"]), float(entry["compiling"]))
    except (TypeError, ValueError, LookupError, OverflowError):
        return None
    numbers = [x for point in points for x in point]
    set_up = [timed.opening, timed.compiling]
    is_usable = all(isfinite(x) and x > 0 for x in numbers) and all(
        isfinite(x) and x >= 0 for x in set_up
    )
    return timed if points and is_usable else None


def _name_of(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} on {processor_name()} with {os.cpu_count()} cores"


@cache
def processor_name() -> str:
    """Return the processor's name, as far as the system says it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
