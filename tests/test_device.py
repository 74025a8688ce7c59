from __future__ import annotations

import pytest
import torch

from napari_shiftseg.device import available_devices, resolve_device
from napari_shiftseg.inference.memory import MOST_ON_CPU, memory_budget


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """Pretend to be a machine with so many CUDA devices, with or without MPS."""

    def pretend(cuda: int, mps: bool) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


def test_auto_prefers_cuda_then_mps_then_the_cpu(machine) -> None:
    for cuda, mps, expected in (
        (2, True, "cuda:0"),
        (0, True, "mps"),
        (0, False, "cpu"),
    ):
        machine(cuda, mps)
        assert str(resolve_device("auto")) == expected
        assert available_devices()[-1] == "cpu"


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:1", torch.device("cuda", 1)])
def test_a_device_that_is_there(machine, name: str) -> None:
    machine(2, mps=False)
    assert resolve_device(name) == torch.device(name)


@pytest.mark.parametrize("name", ["cuda:2", "mps", "meta", "gpu", "", "cuda:x"])
def test_a_device_that_is_not_there(machine, name: str) -> None:
    machine(2, mps=False)
    with pytest.raises(ValueError, match=f"'{name}'.*there is cuda:0, cuda:1, cpu"):
        resolve_device(name)


def test_the_cpu_has_a_bounded_share_of_what_is_free() -> None:
    assert 0 < memory_budget(torch.device("cpu")) <= MOST_ON_CPU


@pytest.mark.parametrize("free", [0, 2**20, 2**50])
def test_the_cpu_budget_needs_no_file_of_linux(
    monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    class Memory:
        available = free

    monkeypatch.setattr("builtins.open", None)  # /proc is not there elsewhere
    monkeypatch.setattr("pathlib.Path.open", None)
    monkeypatch.setattr("psutil.virtual_memory", Memory)
    assert memory_budget(torch.device("cpu")) == min(free // 2, MOST_ON_CPU)


def test_a_gpu_gives_half_of_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000))
    assert memory_budget(torch.device("cuda", 0)) == 500
