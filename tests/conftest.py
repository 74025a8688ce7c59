"""What many tests share: small nets, the disk sample, a limit on memory."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_shiftseg.cli import compare as demo
from napari_shiftseg.cli import entry, terminal
from napari_shiftseg.cli import entry as failure
from napari_shiftseg.inference import rates
from napari_shiftseg.networks.unet import UNet, load_unet, new_model
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.sweep import sweep
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from napari_shiftseg.geometry.unet_shape import AxisShape
    from napari_shiftseg.pipeline.comparison import Comparison
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.pipeline.sweep import SweepPoint


@contextmanager
def single_thread() -> Iterator[None]:
    """Compute in one thread.

    Small nets lose more to a second one than they gain; where another program uses
    the processor, 20 times as much.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def one_thread() -> Iterator[None]:
    with single_thread():
        yield


@pytest.fixture(scope="session")
def walk() -> Callable[[AxisShape, int], int | None]:
    """Go through a U-Net level by level, as an oracle of its sizes."""
    return output_size


def output_size(axis: AxisShape, size: int) -> int | None:
    """Output size of a real U-Net, or None where a pixel is lost on the way."""
    eaten = axis.convolutions * (axis.kernel - 1) if axis.padding == "valid" else 0
    for factor in axis.factors:
        size -= eaten
        if size < 1 or size % factor:
            return None
        size //= factor
    size -= eaten
    for factor in reversed(axis.factors):
        if size < 1:
            return None
        size = size * factor - eaten
    return size if size >= 1 else None


@pytest.fixture(scope="session")
def small_model() -> Callable[..., UNet]:
    """Make small nets with Kaiming weights; each kind is made once."""

    @cache
    def make(ndim: int = 2, depth: int = 2, features: int = 4, **options: Any) -> UNet:
        return new_model(ndim=ndim, depth=depth, features=features, **options)

    return make


@pytest.fixture(autouse=True)
def models_folder(tmp_path_factory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the models of whoever runs the tests out of them."""
    folder: Path = tmp_path_factory.mktemp("models") / "own"
    monkeypatch.setenv("NAPARI_SHIFTSEG_MODELS", str(folder))
    return folder


@pytest.fixture(autouse=True)
def rates_file(tmp_path_factory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the rates of whoever runs the tests out of them."""
    path: Path = tmp_path_factory.mktemp("cache") / "own" / "rates.json"
    monkeypatch.setattr(rates, "rates_file", lambda: path)
    monkeypatch.setattr(rates, "KNOWN", {})
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def disks() -> Sample:
    return make_sample("disks")


@pytest.fixture(scope="session")
def disks_model() -> UNet:
    return load_unet("disks")


@pytest.fixture(scope="session")
def small_disks(disks: Sample) -> Sample:
    """A corner of 12 by 12 disks; mirrored at its borders the lattice goes on."""
    inside = (slice(0, 11 * 13 + 1),) * 2
    return Sample(disks.image[inside], disks.labels[inside], disks.period)


@pytest.fixture(scope="session")
def small_result(small_disks: Sample, disks_model: UNet) -> Segmentation:
    with single_thread():
        return segment(small_disks.image, disks_model, window=64, device="cpu")


@pytest.fixture(scope="session")
def swept_disks(small_disks: Sample, disks_model: UNet) -> list[SweepPoint]:
    """Tiles of 20, which make seams, of 32 and 16, which make none, and one of 200."""
    windows = [20, 32, 16, 200]
    with single_thread():
        return sweep(
            small_disks.image, disks_model, windows, small_disks.labels, device="cpu"
        )


@dataclass(frozen=True)
class Ran:
    """What a command printed, its exit status, and its result if that was kept."""

    status: int
    stdout: str
    stderr: str
    folder: Path | None = None
    comparison: Comparison | None = None

    def assert_refused(self, *said: str) -> None:
        """Assert one line on standard error, nothing on standard output, status 2."""
        assert self.status == 2
        assert self.stdout == ""
        assert self.stderr.startswith("shiftseg: ")
        assert self.stderr.count("\n") == 1
        assert "Traceback" not in self.stderr
        for words in said:
            assert words in self.stderr


def run_command(*arguments: object) -> Ran:
    """Run ``shiftseg`` with these arguments in this process."""
    words, out, err = list(map(str, arguments)), StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["shiftseg", *words])
        patch.setattr(entry, "_failed", _faults_are_raised(entry._failed))
        with redirect_stdout(out), redirect_stderr(err):
            status = entry.status_of(words)
    return Ran(status, out.getvalue(), err.getvalue())


def _faults_are_raised(failed: Callable[[Exception], int]) -> Callable[..., int]:
    """Give a test the fault itself, where a user is given one line about it."""

    def raised(error: Exception) -> int:
        if not failure.is_foreseen(error):
            raise error
        return failed(error)

    return raised


@pytest.fixture(scope="session")
def shiftseg() -> Callable[..., Ran]:
    return run_command


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory, small_disks: Sample) -> Ran:
    """The demo as the command runs it, on a corner, with the comparison it made."""
    folder, made = tmp_path_factory.mktemp("demo") / "new" / "folder", []
    compare_steps = demo.compare_steps

    def remembered(*args: Any, **how: Any) -> Generator[Any, None, Comparison]:
        made.append((yield from compare_steps(*args, **how)))
        return made[0]

    with pytest.MonkeyPatch.context() as patch, single_thread():
        patch.setattr(demo, "compare_steps", remembered)
        for module in (terminal, reading):
            patch.setattr(module, "make_sample", lambda _: small_disks)
        ran = run_command("demo", "--no-viewer", "-o", folder, "--json")
    return replace(ran, folder=folder, comparison=made[0])


@pytest.fixture
def limit_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Make nets run out of memory above a number of input values.

    Returns the inputs that came, in values, as a list that grows.
    """
    forward = UNet.forward

    def limit(most: int) -> list[int]:
        came: list[int] = []

        def limited(self: UNet, x: torch.Tensor) -> torch.Tensor:
            came.append(x.numel())
            if x.numel() > most:
                raise torch.OutOfMemoryError("out of memory, says the test")
            return forward(self, x)

        monkeypatch.setattr(UNet, "forward", limited)
        return came

    return limit
