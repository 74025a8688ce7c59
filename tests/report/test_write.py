"""The report as a folder: its files, and a page that needs nothing else."""

from __future__ import annotations

import json
import platform
from base64 import b64decode
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from skimage.io import imread

from napari_shiftseg import __version__
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.metrics.metric import rows
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.pipeline.comparison import compare
from napari_shiftseg.progress import exhaust
from napari_shiftseg.report.model_card import MEANINGS
from napari_shiftseg.report.verdict import verdict
from napari_shiftseg.report.write import Content, report_of, report_steps

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")

NAME = '<b>bold</b>&"quoted".tif'
VOID = {"img", "link", "meta"}  # elements without an end


class Page(HTMLParser):
    """The elements of a page, its text, and tags that do not belong together."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.inside: list[str] = []  # begun and not ended yet
        self.wrong: list[str] = []
        self.feed(html)
        self.close()
        self.wrong += self.inside

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.inside or self.inside.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def write_report(
    comparison, model, image, name, folder, truth=None, points=None
) -> dict[str, Any]:
    content = Content(comparison, model, image, name, truth, points)
    return exhaust(report_steps(content, folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def report(folder: Path, by_disks, disks_model, small_disks) -> dict[str, Any]:
    return write_report(
        by_disks, disks_model, small_disks.image, NAME, folder, small_disks.labels
    )


@pytest.fixture(scope="module")
def page(report, folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


class TestReport:
    def test_what_it_holds(self, report, by_disks, disks_model) -> None:
        assert report["image"] == NAME
        assert (report["model"], report["period"]) == ("disks", [16, 16])
        assert report["device"] == "cpu"
        assert report["naive"] == by_disks.naive.figures()
        assert report["cropped"] == by_disks.cropped.figures()
        said = verdict(by_disks, disks_model)
        assert (report["verdict"], report["warnings"]) == (
            said.text, list(said.warnings),
        )  # fmt: skip
        for side in ("naive", "cropped"):
            plan = getattr(by_disks, side).result.plan
            untiled = report["untiled"][f"{side}_pairs"]
            assert untiled["seam_ratio"] == seam_scores(by_disks.reference, plan).ratio
        assert report["versions"] == {
            "python": platform.python_version(),
            "napari-shiftseg": __version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        }
        age = datetime.now().astimezone() - datetime.fromisoformat(report["date"])
        assert 0 <= age.total_seconds() < 600

    def test_settings_are_those_that_were_used(self, report, disks_model) -> None:
        settings = report["settings"]
        clustering = disks_model.config.clustering
        assert settings["window"] == [20, 20]
        assert settings["border"] == "mirror"
        assert settings["bandwidth"] == clustering.bandwidth  # the model's
        assert settings["kernel"] == clustering.kernel
        assert "stitching" not in settings

    def test_its_files(self, report, folder: Path) -> None:
        assert set(report["files"]) == {path.name for path in folder.iterdir()}
        assert json.loads((folder / "report.json").read_text()) == report
        for name in report["files"]:
            if name.endswith(".png"):
                assert imread(folder / name).std() > 0

    def test_a_sweep_is_added(
        self, by_disks, disks_model, small_disks, swept_disks, tmp_path
    ) -> None:
        arguments = by_disks, disks_model, small_disks.image, "a", tmp_path
        report = write_report(*arguments, points=swept_disks[1:3])
        assert {"sweep.csv", "sweep.png"} <= set(report["files"])
        page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
        assert "sweep" in {image["alt"] for image in page.all("img")}
        assert "No seams at 32, 16." in page.text

    def test_an_older_report_is_replaced_and_nothing_else_touched(
        self, by_disks, disks_model, small_disks, swept_disks, tmp_path: Path
    ) -> None:
        arguments = by_disks, disks_model, small_disks.image, "a", tmp_path
        older = write_report(*arguments, points=swept_disks[2:3])
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / "pictures").mkdir()
        (tmp_path / "pictures" / "sweep.png").write_text("mine")
        whole = replace(by_disks, naive=by_disks.cropped)
        report = write_report(whole, *arguments[1:])
        gone = set(older["files"]) - set(report["files"])
        assert gone == {
            "sweep.csv", "sweep.png", "worst_seam_naive.png", "worst_seam_cropped.png",
        }  # fmt: skip
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {*report["files"], "notes.txt", "pictures"}
        assert (tmp_path / "pictures" / "sweep.png").read_text() == "mine"

    @pytest.mark.parametrize(
        "content",
        [
            "hello",
            b"\xff\xfe",
            "[1, 2]",
            '{"files": 3}',
            '{"files": ["sweep.png", "../beside.txt", 3]}',
        ],
    )
    def test_a_report_of_others_is_refused(self, of_volume, volume_model, volume,
                                           tmp_path, content):  # fmt: skip
        folder = tmp_path / "o"
        folder.mkdir()
        kept = (
            folder / "notes.txt", tmp_path / "beside.txt", folder / "sweep.csv",
            folder / "sweep.png",
        )  # fmt: skip
        for path in kept:
            path.write_text("mine")
        data = content if isinstance(content, bytes) else content.encode()
        (folder / "report.json").write_bytes(data)
        with pytest.raises(FileExistsError, match=r"a file report\.json that no older"):
            write_report(of_volume, volume_model, volume, "a", folder)
        assert (folder / "report.json").read_bytes() == data
        assert [path.read_text() for path in kept] == ["mine"] * 4

    def test_files_of_others_stay(
        self, of_volume, volume_model, volume, tmp_path: Path
    ) -> None:
        (tmp_path / "sweep.csv").write_text("mine")  # not of a report without a sweep
        arguments = of_volume, volume_model, volume, "a", tmp_path
        write_report(*arguments)
        write_report(*arguments)  # the first is replaced
        with pytest.raises(FileExistsError, match=r"a file sweep\.csv that no older"):
            write_report(*arguments, points=[object()])
        assert (tmp_path / "sweep.csv").read_text() == "mine"

    @pytest.mark.parametrize("name", ["image.png", "difference.png", "figures.csv"])
    def test_a_file_of_the_same_name_is_not_overwritten(
        self, of_volume, volume_model, volume, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / name).write_text("mine")
        with pytest.raises(FileExistsError, match=f"{name} that no older"):
            write_report(of_volume, volume_model, volume, "a", tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_text() == "mine"

    def test_a_volume_says_which_plane(self, of_volume, volume_model) -> None:
        report = report_of(of_volume, volume_model, "a")
        assert "the pictures show plane 5 of the image" in report["warnings"]

    def test_an_image_of_one_tile(self, small_model, rng, tmp_path: Path) -> None:
        model = small_model(2, 2, clustering=Clustering(bandwidth=1e3))
        image = rng.normal(size=(5, 6))
        report = write_report(
            compare(image, model, window=8), model, image, "a", tmp_path
        )
        assert report["naive"]["seam_ratio"] is None
        page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
        assert "not defined" in page.text
        assert "nan" not in page.said

    def test_what_a_valid_border_leaves_of_the_image(self, small_model, rng) -> None:
        """It is not the whole image that is predicted."""
        model = small_model(2, 2, clustering=Clustering(bandwidth=1e3))
        found = compare(rng.normal(size=(60, 61)), model, window=8, border="valid")
        region = report_of(found, model, "a")["settings"]["region"]
        assert region == [list(bounds) for bounds in found.naive.result.plan.region]
        assert region[0][0] > 0


class TestPage:
    def test_elements_end_in_the_order_in_which_they_begin(self, page: Page) -> None:
        assert page.wrong == []
        assert len(page.all("figure")) == len(page.all("img")) >= 9

    @pytest.mark.parametrize("html", ["<p><b></p></b>", "<p>", "</p>"])
    def test_a_page_that_is_not_well_formed_is_caught(self, html: str) -> None:
        assert Page(html).wrong

    def test_names_are_text(self, page: Page, folder: Path) -> None:
        html = (folder / "report.html").read_text(encoding="utf-8")
        assert "<b>" not in html
        title = f"Image {NAME} by model disks: naive and cropped stitching"
        assert page.text.count(title) == 2  # of the window, and on the page
        assert not page.all("b")

    def test_nothing_from_elsewhere_and_no_script(self, page: Page, folder) -> None:
        html = (folder / "report.html").read_text(encoding="utf-8")
        assert not {"script", "iframe", "object", "embed"} & {
            t for t, _ in page.elements
        }
        for _, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")]
            for name in ("src", "href", "srcset", "action"):
                assert (attributes.get(name) or "data:").startswith("data:")
        assert "http" not in html
        assert "url(" not in html
        assert "@import" not in html

    def test_every_picture_is_in_it(self, page: Page, report, folder: Path) -> None:
        images = {image["alt"]: image["src"] for image in page.all("img")}
        names = {name for name in report["files"] if name.endswith(".png")}
        assert {f"{alt}.png" for alt in images} == names
        for alt, source in images.items():
            kind, data = source.split(",")
            assert kind == "data:image/png;base64"
            assert b64decode(data) == (folder / f"{alt}.png").read_bytes()
            assert imread(BytesIO(b64decode(data))).size > 0

    def test_the_worst_seam_is_in_colours(self, report, folder: Path) -> None:
        def colourful(name: str) -> float:
            seen = imread(folder / f"{name}.png")[..., :3].astype(int)
            return float((np.ptp(seen, axis=-1) > 100).mean())

        for side in ("naive", "cropped"):
            assert colourful(f"worst_seam_{side}") > 0.15
        assert colourful("profile") < 0.1  # a plot on plain ground

    def test_every_class_has_its_style(self, page: Page, folder: Path) -> None:
        html = (folder / "report.html").read_text(encoding="utf-8")
        used = {each["class"] for _, each in page.elements if "class" in each}
        assert "warnings" in used
        for name in " ".join(used).split():
            assert f".{name}" in html.split("</style>")[0]

    def test_figures_with_tooltips(self, page: Page, report) -> None:
        tooltips = {element["title"] for element in page.all("abbr")}
        assert {row.meaning for row in rows()} <= tooltips
        assert str(report["naive"]["false_splits"]) in page.said
        assert "0 ✓" in page.said  # false splits of cropped
        assert f"{report['naive']['seam_ratio']:.3g}" in page.said

    def test_the_worst_seam_comes_right_after_the_verdict(self, page: Page) -> None:
        assert [image["alt"] for image in page.all("img")][:3] == [
            "worst_seam_naive", "worst_seam_cropped", "profile",
        ]  # fmt: skip
        text = page.text
        parts = ("Tiles of 20 make seams", "The worst seam", "Figures", "Plots")
        assert sorted(parts, key=text.index) == list(parts)

    def test_without_a_split_there_is_no_worst_seam(
        self, by_disks, disks_model, small_disks, tmp_path: Path
    ) -> None:
        whole = replace(by_disks, naive=by_disks.cropped)
        write_report(whole, disks_model, small_disks.image, "a", tmp_path)
        page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
        assert "The worst seam" not in page.text

    def test_parameters_read_as_words(self, page: Page) -> None:
        for said in (
            "chosen by memory", "whole image", "188, 204, 220, … (every 16)",
            "image axes",
        ):  # fmt: skip
            assert said in page.said
        of_others = {"classes", "prominence"}  # the latter of the watershed
        of_every_model = {MEANINGS[n] for n in MEANINGS if n not in of_others}
        assert of_every_model <= {each["title"] for each in page.all("abbr")}

    def test_verdict_parameters_and_card(self, page: Page, report) -> None:
        assert report["verdict"] in page.text
        for words in (
            "bandwidth", "0.3162", "training window", "trained: command",
            "shiftseg train", torch.__version__, report["date"],
        ):  # fmt: skip
            assert words in page.text

    def test_it_reads_in_the_dark(self, folder: Path) -> None:
        html = (folder / "report.html").read_text(encoding="utf-8")
        assert "prefers-color-scheme: dark" in html


def test_a_report_can_be_stopped_between_two_pictures(
    of_volume, volume_model, volume, tmp_path: Path
) -> None:
    """The older report stays whole."""
    arguments = of_volume, volume_model, volume
    write_report(*arguments, "one", tmp_path)
    older = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    steps = report_steps(Content(*arguments, "one"), tmp_path)
    for progress in steps:
        if progress.done == 2:
            break
    assert len(list(tmp_path.iterdir())) == len(older) + 1  # what is being written
    steps.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == older
