"""What was found of a network is kept, and its code still needs trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from napari_shiftseg.networks.loading import known
from napari_shiftseg.networks.loading.models import load_model, read_config
from napari_shiftseg.networks.opening.trust import Untrusted, hash_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A TorchScript program; what is found of it is kept beside it."""
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    path = tmp_path / "net.pt"
    torch.jit.script(nn.Conv2d(1, 1, 3, padding=1)).save(path)
    return path


def test_a_program_asks_for_trust_each_time(program: Path, monkeypatch) -> None:
    code = hash_of(program.read_bytes())
    with pytest.raises(Untrusted):
        read_config(program)
    config = read_config(program, [code])
    assert (config.code, config.kind) == ((code,), "program of torch")
    found = []
    monkeypatch.setattr(known, "find", found.append)
    assert read_config(program, [code]) == config
    assert not found  # it was kept
    with pytest.raises(Untrusted, match="TorchScript program"):
        read_config(program)
    with pytest.raises(Untrusted, match="TorchScript program"):
        load_model(program)
    assert load_model(program, [code]).config == config
