"""Imports run one way, and importing the package is cheap."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import napari_shiftseg

PACKAGE = "napari_shiftseg"
ROOT = Path(napari_shiftseg.__file__).parent
LAYERS = [
    "text", "progress", "device", "geometry", "samples", "metrics", "intensity",
    "stores", "clustering", "embeddings", "networks", "inference", "pipeline",
    "detection", "relabelling", "mending", "results", "explain", "training",
    "distributed", "batch", "report", "experiments", "gui", "cli",
]  # fmt: skip
WIDGETS = {
    "segment",
    "compare",
    "inspect",
    "train",
    "mend",
    "batch",
    "start",
}  # rooms of gui
GUI_ONLY = {"napari", "magicgui", "qtpy", "superqt"}
HEAVY = ["torch", "napari", "qtpy", "sklearn", "skimage", "matplotlib"]
MOST_LINES = 400  # of a file


@dataclass(frozen=True)
class Import:
    """One imported name, with its full path."""

    name: str
    for_types: bool  # under `if TYPE_CHECKING:`
    lazy: bool  # inside a function


def imports(source: str, module: str, is_package: bool = False) -> list[Import]:
    """Every import of a module's source; relative ones made absolute."""
    found: list[Import] = []

    def visit(node: ast.AST, for_types: bool, lazy: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(a.name, for_types, lazy) for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = module.split(".")
            home = home[: len(home) + is_package - node.level] if node.level else []
            base = [*home, *([node.module] if node.module else [])]
            found.extend(
                Import(".".join([*base, a.name]), for_types, lazy) for a in node.names
            )
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                visit(child, True, lazy)
            for child in node.orelse:
                visit(child, for_types, lazy)
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for child in ast.iter_child_nodes(node):
                visit(child, for_types, lazy or inside)

    visit(ast.parse(source), False, False)
    return found


def violations(module: str, found: list[Import]) -> list[str]:
    """What a module imports although it may not."""
    layer = module.split(".")[1]
    wrong = []
    for each in found:
        parts = each.name.split(".")
        if parts[0] in GUI_ONLY and layer != "gui":
            wrong.append(f"{module} imports {each.name}, which belongs to gui")
        if parts[0] != PACKAGE:
            continue
        if len(parts) == 1 or parts[1] not in LAYERS:
            if parts[1:] != ["__version__"]:
                wrong.append(f"{module} imports {each.name} from the public names")
        elif LAYERS.index(parts[1]) > LAYERS.index(layer) and not each.for_types:
            wrong.append(f"{module} imports {each.name} from a layer above")
        elif not each.for_types and is_next_door(module.split("."), parts):
            wrong.append(f"{module} imports {each.name}, the room of another widget")
        elif (layer, parts[1]) == ("cli", "gui") and not (each.lazy or each.for_types):
            wrong.append(f"{module} imports {each.name} when it is itself imported")
    return wrong


def is_next_door(module: list[str], imported: list[str]) -> bool:
    """Whether a room of the GUI imports from that of another widget."""
    own, other = [*module, ""][2], [*imported, ""][2]
    is_gui = module[1] == imported[1] == "gui"
    return is_gui and other in WIDGETS - {own}


def test_every_widget_has_a_room():
    rooms = {path.name for path in (ROOT / "gui").iterdir() if path.is_dir()}
    assert rooms - {"parts", "__pycache__"} == WIDGETS


def modules() -> dict[str, Path]:
    paths = sorted(ROOT.rglob("*.py"))
    names = (path.relative_to(ROOT.parent).with_suffix("").parts for path in paths)
    return {
        ".".join(n[:-1] if n[-1] == "__init__" else n): p
        for n, p in zip(names, paths, strict=True)
    }


def test_every_folder_is_a_layer():
    folders = {name.split(".")[1] for name in modules() if "." in name}
    assert folders == set(LAYERS)


def test_every_layer_is_told_of():
    told = (ROOT.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in told.splitlines() if line.startswith("| `")]
    named = " ".join(rows)
    rooms = [layer for layer in LAYERS if (ROOT / layer).is_dir()]
    assert [room for room in rooms if f"`{room}/`" not in named] == []
    told_of = [row for row in rows if row.strip().endswith("/`")]
    assert len(told_of) == len(set(told_of))


def test_imports_run_one_way():
    wrong = []
    for module, path in modules().items():
        if module == PACKAGE:
            continue
        is_package = path.name == "__init__.py"
        found = imports(path.read_text(encoding="utf-8"), module, is_package)
        wrong += violations(module, found)
    assert wrong == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("geometry.tiling", "from napari_shiftseg.networks.unet import UNet"),
        ("geometry.tiling", "import napari_shiftseg.networks.unet"),
        ("geometry.tiling", "from ..networks import unet"),
        ("geometry.tiling", "from napari_shiftseg import networks"),
        ("geometry.tiling", "def f():\n    from ..networks.unet import UNet"),
        ("inference.predict", "from napari_shiftseg.pipeline import settings"),
        ("training.fit", "try:\n    from ..gui import run\nexcept ImportError: ..."),
        ("training.fit", "from napari_shiftseg.experiments import faults"),
        ("experiments.faults", "from napari_shiftseg.gui import run"),
        ("gui.run", "def f():\n    from ..cli import app"),
        ("pipeline.sweep", "from ..report import pictures"),
        ("report.page", "from napari_shiftseg.cli.terminal import read_truth"),
        ("report.plots", "def f():\n    from ..gui import layers"),
        ("report.plots", "from qtpy.QtCore import Qt"),
        ("networks.unet", "from napari_shiftseg import load_model"),
        ("networks.unet", "import napari_shiftseg"),
        ("networks.unet", "from .. import segment"),
        ("cli.app", "import napari_shiftseg as shiftseg"),
        ("cli.app", "from napari_shiftseg.gui import run"),
        ("cli.app", "class A:\n    from napari_shiftseg.gui import run"),
        ("cli.app", "def f():\n    import napari"),
        ("gui.segment.widget", "from napari_shiftseg.gui.inspect import widget"),
        ("gui.segment.widget", "from ..inspect.widget import InspectWidget"),
        ("gui.mend.embedding.dock", "def f():\n    import napari_shiftseg.gui.train"),
        ("gui.parts.layout", "from napari_shiftseg.gui.mend.widget import MendWidget"),
        ("pipeline.settings", "from qtpy.QtCore import Qt"),
        ("metrics.seams", "if TYPE_CHECKING:\n    import magicgui"),
        ("metrics.seams", "if typing.TYPE_CHECKING:\n    import napari.layers"),
        ("metrics.seams", "async def f():\n    from superqt import QSpinBox"),
        ("metrics.seams", "if not x:\n    from ..pipeline import settings"),
    ],
)
def test_a_planted_violation_is_caught(module, line):
    module = f"{PACKAGE}.{module}"
    assert len(violations(module, imports(line, module))) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("networks.unet", "from napari_shiftseg.geometry.unet_shape import UNetShape"),
        ("networks.unet", "from ..geometry.unet_shape import UNetShape"),
        ("networks.unet", "from . import config"),
        ("networks.unet", "import torch, numpy"),
        ("metrics.seams", "if TYPE_CHECKING:\n    from ..pipeline import settings"),
        (
            "cli.app",
            "def f():\n    from napari_shiftseg.gui.samples import show",
        ),
        ("cli.app", "from napari_shiftseg import __version__"),
        ("gui.run", "import napari, magicgui, qtpy, superqt"),
        ("gui.mend.embedding.dock", "from napari_shiftseg.gui.mend import steering"),
        ("gui.mend.widget", "from napari_shiftseg.gui.parts.layout import opened"),
        ("gui.inspect.widget", "if TYPE_CHECKING:\n    from ..segment import form"),
        ("experiments.faults", "from napari_shiftseg.training.fit import train"),
        ("gui.run", "from napari_shiftseg.training.fit import train"),
    ],
)
def test_what_is_allowed_is_not_caught(module, line):
    module = f"{PACKAGE}.{module}"
    assert violations(module, imports(line, module)) == []


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import one another in a circle; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def importers() -> dict[str, set[str]]:
    """Return for each module those that it imports when it runs."""
    known = modules()
    graph = {}
    for module, path in known.items():
        is_package = path.name == "__init__.py"
        found = imports(path.read_text(encoding="utf-8"), module, is_package)
        names = (each.name for each in found if not each.for_types)
        graph[module] = {  # an imported name may be a module, or stand in one
            owner
            for name in names
            for owner in [name if name in known else name.rpartition(".")[0]]
            if owner in known and owner not in (module, PACKAGE)
        }
    return graph


def of_folders(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the same for folders; a package stands for itself."""
    packages = {module.rpartition(".")[0] for module in graph}

    def home(module: str) -> str:
        return module if module in packages else module.rpartition(".")[0]

    folders: dict[str, set[str]] = {}
    for module, imported in graph.items():
        others = {home(name) for name in imported} - {home(module)}
        folders.setdefault(home(module), set()).update(others)
    return folders


def test_no_module_imports_one_that_imports_it():
    assert cycle(importers()) == []
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}})  # one is seen


def test_no_folder_imports_one_that_imports_it():
    folders = of_folders(importers())
    assert f"{PACKAGE}.gui.parts" in folders[f"{PACKAGE}.gui.segment"]
    assert cycle(folders) == []
    assert cycle(of_folders({"a.x": {"b.x"}, "b.y": {"a.y"}}))  # no circle of modules


def test_no_file_is_too_long_to_read():
    lengths = {
        module: len(path.read_text(encoding="utf-8").splitlines())
        for module, path in modules().items()
    }
    assert {m: n for m, n in lengths.items() if n > MOST_LINES} == {}


def test_a_package_reads_its_own_modules():
    found = imports("from . import tiling", f"{PACKAGE}.geometry", is_package=True)
    assert [each.name for each in found] == [f"{PACKAGE}.geometry.tiling"]


def fresh(code: str) -> dict:
    """Run code in a fresh interpreter; it prints one JSON object."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


MEASURE = f"""
import json, sys
import {PACKAGE}
names = dir({PACKAGE})
loaded = [name for name in {HEAVY} if name in sys.modules]
{PACKAGE}.plan_tiles
late = [name for name in {HEAVY} if name in sys.modules]
print(json.dumps(dict(names=names, loaded=loaded, late=late)))
"""


def test_importing_the_package_loads_nothing_heavy():
    run = fresh(MEASURE)

    assert run["loaded"] == []
    assert run["late"] == []  # geometry is whole numbers only
    assert set(napari_shiftseg.__all__) <= set(run["names"])


def test_the_measure_sees_what_is_loaded():
    run = fresh(MEASURE.replace(f"import {PACKAGE}\n", f"import skimage, {PACKAGE}\n"))
    assert run["loaded"] == ["skimage"]


@pytest.mark.parametrize("name", napari_shiftseg.__all__)
def test_every_public_name_resolves(name):
    found = getattr(napari_shiftseg, name)
    assert callable(found)
    assert found.__name__ == name
    assert found.__doc__


def test_public_names_are_those_of_the_design():
    assert {
        "load_model", "new_model", "plan_tiles", "embed", "segment", "compare",
        "gradient_magnitude", "seam_scores", "MeanShift", "average_precision",
        "false_splits", "false_merges", "train",
    } <= set(napari_shiftseg.__all__)  # fmt: skip
    assert napari_shiftseg.__all__ == sorted(napari_shiftseg.__all__)
    assert set(dir(napari_shiftseg)) >= set(napari_shiftseg.__all__)
    assert napari_shiftseg.__version__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="napari_shiftseg attribute segm"):
        _ = napari_shiftseg.segm
    assert not hasattr(napari_shiftseg, "nonsense")
