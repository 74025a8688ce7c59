"""The site of docs/, and what stands beside it: recipe, workflows, groups."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import napari_shiftseg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    from conftest import Ran

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("**/*.md"))
REPOSITORY = "https://github.com/napari-shiftseg/napari-shiftseg"
SITE = "https://napari-shiftseg.github.io/napari-shiftseg/"
CONDA_NAMES = {"torch": "pytorch", "dask": "dask-core", "matplotlib": "matplotlib-base"}
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def load(path: Path) -> Any:
    return yaml.safe_load(read(path))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads(read(ROOT / "pyproject.toml"))


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """What `make docs` runs to fill the reference."""
    spec = importlib.util.spec_from_file_location("pages", ROOT / "tools" / "pages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_menu(entries: list[Any]) -> Iterator[str]:
    """Every page of a menu, in its order."""
    for entry in entries:
        for target in entry.values() if isinstance(entry, dict) else [entry]:
            if isinstance(target, list):
                yield from in_menu(target)
            else:
                yield target


def test_every_page_stands_in_the_menu_once() -> None:
    menu = list(in_menu(load(ROOT / "mkdocs.yml")["nav"]))

    assert sorted(menu) == sorted(p.relative_to(DOCS).as_posix() for p in PAGES)


def test_every_picture_is_shown() -> None:
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", read(page))
    }

    assert shown == {picture.resolve() for picture in DOCS.glob("**/*.png")}


def test_the_reference_holds_every_public_name_once() -> None:
    named = re.findall(
        r"^::: napari_shiftseg\.(\w+)$", read(DOCS / "reference/python.md"), re.M
    )

    assert sorted(named) == sorted(napari_shiftseg.__all__)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda p: p.stem)
def test_pages_speak_of_public_names_only(page: Path) -> None:
    used = set(re.findall(r"(?:napari_shiftseg|shiftseg)\.([a-z_]\w*)", read(page)))

    assert used <= {*napari_shiftseg.__all__, "github"}


def test_the_page_of_commands_is_their_help(
    pages: ModuleType,
    shiftseg: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(
        pages, "help_of", lambda *words: shiftseg(*words, "--help").stdout
    )
    page = pages.on_page_markdown(read(DOCS / "reference/shell.md"))
    names = pages.command_names(shiftseg("--help").stdout)

    assert {"segment", "compare", "train"} <= set(names)
    assert re.findall(r"^## (.+)$", page, re.M) == [
        "shiftseg", *(f"shiftseg {name}" for name in names)
    ]  # fmt: skip
    for name in names:
        assert f"```text\n{shiftseg(name, '--help').stdout.rstrip()}\n```" in page


def test_the_help_of_a_program_of_its_own_is_the_same(
    pages: ModuleType,
    shiftseg: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    usage, _, options = pages.help_of("export").partition("\n")

    assert usage == "Usage: shiftseg export [OPTIONS] [MODEL]"
    assert options == shiftseg("export", "--help").stdout.partition("\n")[2]


def test_a_page_that_loads_from_the_web_is_refused(pages: ModuleType) -> None:
    loads = '<script async src="https://x.org/a.js"></script>'
    links = '<a href="https://x.org">x</a><link rel="canonical" href="https://x.org">'

    assert pages.LOADED.search(loads)
    assert not any(
        'rel="canonical"' not in found[0] for found in pages.LOADED.finditer(links)
    )


def test_the_table_of_sizes_is_what_the_network_says() -> None:
    page = read(DOCS / "theory.md")
    table = re.findall(r"^\| (\d .+) \|$", page, re.M)
    said = page.partition("```text\n")[2].partition("```")[0].splitlines()

    assert [re.findall(r"\d+", row) for row in table] == [
        re.findall(r"\d+", row) for row in said
    ]


def test_menus_and_samples_of_the_pages_are_there() -> None:
    manifest = load(ROOT / "src/napari_shiftseg/napari.yaml")
    there = manifest["contributions"]
    samples = {sample["display_name"] for sample in there["sample_data"]}
    widgets = {widget["display_name"] for widget in there["widgets"]}
    text = "".join(read(page) for page in [*PAGES, ROOT / "README.md"])

    opened = set(re.findall(r"Open Sample > ShiftSeg > ([^*]+)\*", text))
    docked = set(re.findall(r"\*Plugins > ShiftSeg > ([^*]+) \(ShiftSeg\)\*", text))
    assert opened
    assert opened <= samples
    assert docked == widgets


def test_addresses_of_the_project_agree(project: dict[str, Any]) -> None:
    urls = project["project"]["urls"]
    documents = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    named = set(re.findall(r"https://[^\s)>\"]*napari-shiftseg[^\s)>\"]*", "".join(
        read(document) for document in documents
    )))  # fmt: skip

    assert urls["Homepage"] == REPOSITORY
    assert urls["Documentation"] == load(ROOT / "mkdocs.yml")["site_url"] == SITE
    assert {
        n for n in (named | {*urls.values()}) if not n.startswith((REPOSITORY, SITE))
    } == set()
    for url in named:
        tail = re.fullmatch(rf"{REPOSITORY}/blob/main/(.+)", url)
        assert not tail or (ROOT / tail[1]).is_file()


def test_the_recipe_asks_for_what_the_package_asks_for(
    project: dict[str, Any],
) -> None:
    recipe = load(ROOT / "conda" / "recipe.yaml")["requirements"]
    known = project["project"]
    python = f"python {known['requires-python']}"

    assert set(recipe["run"]) == {python, *map(for_conda, known["dependencies"])}
    assert set(recipe["run_constraints"]) == set(
        map(for_conda, known["optional-dependencies"]["napari"])
    )
    assert set(recipe["host"]) == {
        python, "pip", *map(for_conda, project["build-system"]["requires"])
    }  # fmt: skip


def for_conda(requirement: str) -> str:
    """Return a requirement as a conda recipe writes it."""
    parsed = Requirement(requirement)
    name = CONDA_NAMES.get(parsed.name, parsed.name)
    return f"{name} {parsed.specifier}".strip()


def test_requirements_are_written_for_conda() -> None:
    assert for_conda("torch>=2.6") == "pytorch >=2.6"
    assert for_conda("dask[array]") == "dask-core"


def test_the_recipe_makes_the_program(project: dict[str, Any]) -> None:
    build = load(ROOT / "conda" / "recipe.yaml")["build"]

    assert build["python"]["entry_points"] == [
        f"{name} = {home}" for name, home in project["project"]["scripts"].items()
    ]


def test_what_a_group_asks_for_has_a_version(project: dict[str, Any]) -> None:
    pinned = {
        canonicalize_name(line.partition("==")[0])
        for line in read(ROOT / "constraints.txt").splitlines()
        if "==" in line
    }
    groups = project["dependency-groups"]
    asked = [r for group in groups.values() for r in group if isinstance(r, str)]

    assert {"test", "docs", "dev"} <= groups.keys()
    assert {canonicalize_name(Requirement(r).name) for r in asked} - pinned == set()
    assert "pip" in pinned  # Python 3.11 brings one that knows no groups


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_run_what_there_is(path: Path) -> None:
    workflow = load(path)
    targets = set(re.findall(r"^([a-z-]+):.*## ", read(ROOT / "Makefile"), re.M))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]

    assert workflow["name"] == path.stem
    assert workflow[True]  # YAML reads the word `on` so
    assert workflow["permissions"] == {"contents": "read"}
    for step in steps:
        assert ("uses" in step) != ("run" in step)
        for made in re.findall(r"\bmake ([a-z -]+?)(?: PYTHON|$)", step.get("run", "")):
            assert set(made.split()) <= targets
        for script in re.findall(r"tools/\S+", step.get("run", "")):
            assert (ROOT / script).is_file()
        assert "uses" not in step or re.search(r"@(v\d+|release/v1)$", step["uses"])


def test_there_is_a_workflow_for_tests_docs_and_releases() -> None:
    assert [path.stem for path in WORKFLOWS] == ["docs", "release", "test"]
    systems = read(ROOT / ".github/workflows/test.yml")
    for system in ("ubuntu-latest", "macos-latest", "windows-latest"):
        assert system in systems


def test_only_publishing_may_speak_for_the_project() -> None:
    for path in WORKFLOWS:
        for name, job in load(path)["jobs"].items():
            may = job.get("permissions", {}).get("id-token") == "write"
            assert may == (name == "publish")


@pytest.mark.parametrize("name", ["bug", "question"])
def test_issue_forms_ask_something(name: str) -> None:
    form = load(ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml")

    assert form["name"]
    assert form["description"]
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids)) > 1
    assert all(field["attributes"]["label"] for field in form["body"])


def test_programs_of_the_makefile_are_there() -> None:
    scripts = re.findall(r"tools/\w+\.(?:py|sh)", read(ROOT / "Makefile"))

    assert "tools/fault_pictures.py" in scripts
    assert all((ROOT / script).is_file() for script in scripts)


def test_files_that_the_architecture_names_are_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:/|\.pyi?))`", text))
    assert "pipeline/result.py" in named
    source = ROOT / "src" / "napari_shiftseg"
    places = (source, source / "gui", ROOT)
    missing = {n for n in named if not any((place / n).exists() for place in places)}
    assert missing == set()
