"""Scripts of the folder benchmarks, which is no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def read_script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    def read(name: str) -> ModuleType:
        monkeypatch.syspath_prepend(str(FOLDER))  # its siblings
        spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return read


@pytest.fixture
def read_small(
    read_script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], ModuleType]:
    """Read a script that trains networks; here they are tiny."""

    def read(name: str) -> ModuleType:
        module = read_script(name)
        monkeypatch.setattr(module, "NETWORK", {"depth": 1, "features": 4})
        monkeypatch.setattr(module, "WINDOW", 16)
        return module

    return read
