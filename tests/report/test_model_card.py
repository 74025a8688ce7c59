"""The card of a model: what its config says, in words, safe in Markdown."""

from __future__ import annotations

import re
from itertools import count

import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.window import largest_window
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.properties import what_follows
from napari_shiftseg.networks.unet import load_unet, new_model
from napari_shiftseg.report.model_card import file_name, model_card, plain

HEADINGS = [
    "How to use it", "What it is", "What it was trained on", "How to make it again",
    "Scores", "Limits", "Licence",
]  # fmt: skip
PROVENANCE = Provenance(
    command="shiftseg train 'my `images`' labels -o cells.safetensors",
    window=(36, 20),
    seed=7,
    steps=12000,
    loss={"name": "discriminative", "push_margin": 1.5, "foreground_dice": 0.5},
    optimizer={"name": "Adam", "batch": 4},
    augmentation={"zoom": 1.4, "turn": True},
    scores={"ap50": 0.7312, "images": 67, "of": "val/images"},
    data="3 images, first of 256 × 256",
    date="2025-01-31",
    versions={"torch": "2.13.0"},
)


@pytest.fixture
def cells():
    return new_model(
        ndim=2, depth=2, features=4, foreground=True,
        name="cells", description="Nuclei <b>of</b> *mice*",
        clustering=Clustering(scope="component", foreground_threshold=0.35),
        provenance=PROVENANCE,
    )  # fmt: skip


def sections(card: str) -> dict[str, str]:
    _, *parts = re.split(r"^## (.*)\n", card, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def rows(section: str) -> dict[str, str]:
    cells = [line.split(" | ") for line in section.splitlines() if " | " in line]
    return {name.strip("| "): value.strip() for name, value, *_ in cells}


def test_what_it_says_of_a_model(cells) -> None:
    card = model_card(cells)
    assert card.startswith(
        "# cells\n\nNuclei \\<b\\>of\\</b\\> \\*mice\\*\n\nA U-Net with 2 levels of "
        "pooling for 2-D images. For every pixel it predicts an embedding of 3 values "
        "and a foreground logit; "
    )
    said = sections(card)
    assert list(said) == HEADINGS
    table = rows(said["What it is"])
    assert table["period"] == "4, 4"
    assert table["legal inputs"] == "44, 48, 52, … (every 4)"
    assert table["parameters"] == str(cells.parameter_count)
    assert table["foreground threshold"] == "0.35"
    trained = said["What it was trained on"]
    assert "3 images, first of 256 × 256" in trained
    assert "windows of 36 × 20 pixels, 12,000 steps\nwith seed 7, 2025-01-31" in trained
    assert (
        "- loss: name discriminative, push margin 1.5, foreground dice 0.5" in trained
    )
    assert "- optimizer: name Adam, batch 4" in trained
    assert "- windows were changed: zoom 1.4, turn yes" in trained
    assert said["How to make it again"] == f"\n    {PROVENANCE.command}\n\n"
    assert said["Scores"] == "\n- ap50: 0.7312\n- images: 67\n- of: val/images\n\n"
    for remark in what_follows(cells.config):
        assert plain(remark.text) in said["Limits"]
    for way in ("napari: ", "Python: ", "command line: "):
        assert f"- {way}" in said["How to use it"]
    assert said["How to use it"].count("cells.safetensors") == 3


def test_what_is_not_known_is_said(small_model) -> None:
    said = sections(model_card(small_model(2, 2, name="bare")))
    assert list(said) == HEADINGS
    assert "not known" in said["What it was trained on"]
    assert "not known" in said["How to make it again"]
    assert "None are recorded" in said["Scores"]
    assert "foreground threshold" not in rows(said["What it is"])


def test_a_model_with_seams_of_its_own_is_warned_of(disks_model, cells) -> None:
    assert "- **Warning:** A training window of 16 is not above" in (
        model_card(load_unet("disks-w16"))
    )
    assert "Warning" not in model_card(disks_model)
    assert "Warning" not in model_card(cells)


def test_the_bundled_models_say_how_they_were_made(disks_model) -> None:
    said = sections(model_card(disks_model))
    command = disks_model.config.provenance.command
    assert said["How to make it again"].strip() == command
    assert "- windows were changed: not at all" in said["What it was trained on"]


def test_nothing_is_left_of_the_template(cells, small_model) -> None:
    for model in (cells, small_model(2, 2), small_model(3, 1), small_model(1, 2)):
        card = model_card(model)
        assert "{" not in card
        assert "%}" not in card
        assert "\n\n\n" not in card


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a_b *c* `d`", r"a\_b \*c\* \`d\`"),
        ("[x](y) <script>", r"\[x\](y) \<script\>"),
        ("one\n\n# two", r"one \# two"),
        ("a | b", r"a \| b"),
        (0.5, "0.5"),
        (-3, "-3"),
        ("- item", r"\- item"),
        ("---", r"\---"),
        ("12) item", r"12\) item"),
        ("~~~ $x$", r"\~\~\~ \$x\$"),
        ("a\x1b[31m", r"a\\x1b\[31m"),
    ],
)
def test_markup_is_taken_as_text(text: object, written: str) -> None:
    assert plain(text) == written


def test_no_field_of_a_file_becomes_markup(cells) -> None:
    """Every text of a config is markup: none of it is left unescaped, but in code."""
    markup = "<img src=x onerror=alert(1)> [a](javascript:b) *c*"
    known = PROVENANCE.model_dump() | {
        "command": f"{markup}\n\n# heading\n{markup}",
        **dict.fromkeys(("data", "date"), markup),
        **{
            name: {markup: markup}
            for name in ("loss", "optimizer", "scores", "versions")
        },
    }
    update = {
        "name": markup,
        "description": markup,
        "provenance": Provenance.model_validate(known),
    }
    cells.config = cells.config.model_copy(update=update)
    lines = model_card(cells).splitlines()
    told = [line for line in lines if "onerror=" in line and line[:4] != "    "]
    assert len(told) == 8
    for line in told:
        assert not re.search(r"(?<!\\)[<>\[\]]", line)
    assert sum(line.startswith("    <img") for line in lines) == 2
    assert "    # heading" in lines


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("disks-w16", "disks-w16"),
        ("my nuclei (2)", "my-nuclei-2"),
        ("../../etc/passwd", "etc-passwd"),
        ("…", "model"),
        ("", "model"),
        ("Zellkerne_ä.v2", "Zellkerne_ä.v2"),
        ("con", "con-model"),
        ("Aux.1", "Aux.1-model"),
        ("n" * 255, "n" * 100),
    ],
)
def test_file_names(small_model, name: str, file: str) -> None:
    config = small_model(2, 2).config.model_copy(update={"name": name})
    assert file_name(config) == file


@pytest.mark.parametrize("memory", [10**5, 10**6, 10**7, 3 * 10**7])
@pytest.mark.parametrize("kind", [(2, 2, "valid"), (2, 1, "same"), (3, 1, "valid")])
def test_the_largest_window_is_that_of_a_plain_search(
    small_model, memory: int, kind: tuple[int, int, str]
) -> None:
    ndim, depth, padding = kind
    shape = small_model(ndim, depth, padding=padding).shape

    def fits(n: int) -> bool:
        reads = [a.input_for(n * a.period + 2 * a.halo) for a in shape.axes]
        return 4 * shape.peak_values(tuple(reads)) <= memory

    most = next(n for n in count(1) if not fits(n)) - 1
    expected = tuple(most * p for p in shape.period) if most else None
    assert largest_window(shape, memory) == expected
