"""sdist → wheel → an environment that knows the package from the wheel alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
MEGABYTE = 1_000_000
NO_TREE = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}


def run(*command: object, cwd: Path) -> str:
    """Run a command, fail with all it said, return its standard output."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=NO_TREE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(folder: Path, *options: str) -> Path:
    """Build with the backend at hand, so that no network is needed."""
    run(
        sys.executable, "-m", "build", "--no-isolation", *options, "-o", folder, ROOT,
        cwd=folder,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from it."""
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ``bin`` of an environment with the wheel, and with the dependencies lent.

    A path named in a .pth file is searched last and its own .pth files are not read:
    the editable install, a .pth file in the lender, stays out of sight.
    """
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=environment)
    python = environment / "bin" / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--no-deps",
        "--no-index", wheel, cwd=environment,
    )  # fmt: skip
    (site_packages,) = environment.glob("lib/python3*/site-packages")
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site_packages / "lent.pth").write_text("\n".join(lent))
    return python.parent


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    package = SOURCE / "napari_shiftseg"
    expected = {
        path.relative_to(SOURCE).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    models = {name for name in expected if name.endswith(".safetensors")}

    assert models
    assert {
        "napari_shiftseg/napari.yaml",
        "napari_shiftseg/py.typed",
        "napari_shiftseg/report/report.html.jinja",
    } <= expected
    assert contents(wheel) == expected


def test_the_wheel_built_without_an_sdist_is_the_same(
    wheel: Path, tmp_path: Path
) -> None:
    assert contents(build(tmp_path, "--wheel")) == contents(wheel)


def test_wheel_and_models_are_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        models = {
            file.filename: file.file_size
            for file in archive.infolist()
            if file.filename.endswith(".safetensors")
        }

    assert wheel.stat().st_size < 60 * MEGABYTE
    assert {name for name, size in models.items() if size >= 9 * MEGABYTE} == set()


def test_napari_and_the_shell_find_the_entry_points(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (folder,) = (
            path
            for path in zipfile.Path(archive).iterdir()
            if path.name.endswith(".dist-info")
        )
        entry_points = PathDistribution(folder).entry_points

    assert {(point.group, point.name, point.value) for point in entry_points} == {
        ("console_scripts", "shiftseg", "napari_shiftseg.cli:main"),
        ("napari.manifest", "napari-shiftseg", "napari_shiftseg:napari.yaml"),
    }


@pytest.fixture(scope="module")
def seen(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a process of that environment sees of the package."""
    script = """
import json
import napari_shiftseg
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

manifest = PluginManifest.from_distribution("napari-shiftseg")
found = manifest.contributions
homes = {
    command.id: command.python_name
    for command in found.commands
    if callable(import_python_name(command.python_name))
}
print(json.dumps({
    "file": napari_shiftseg.__file__,
    "display_name": manifest.display_name,
    "homes": homes,
    "used": [point.command for point in [*found.widgets, *found.sample_data]],
}))
"""
    said = run(installed / "python", "-c", script, cwd=tmp_path_factory.mktemp("away"))
    known: dict[str, Any] = json.loads(said)
    return known


def test_the_installed_package_is_the_wheels(
    installed: Path, seen: dict[str, Any]
) -> None:
    assert Path(seen["file"]).is_relative_to(installed.parent)


def test_the_installed_program_reads_its_model(installed: Path, tmp_path: Path) -> None:
    printed = run(installed / "shiftseg", "inspect", "disks", "--json", cwd=tmp_path)

    model = json.loads(printed)
    assert model["name"] == "disks"
    assert model["period"] == [2**depth for depth in model["depth"]]


def test_every_command_of_the_installed_manifest_imports(seen: dict[str, Any]) -> None:
    assert seen["display_name"] == "ShiftSeg"
    assert seen["used"]
    assert set(seen["used"]) <= seen["homes"].keys()
    assert all(home.startswith("napari_shiftseg.") for home in seen["homes"].values())
