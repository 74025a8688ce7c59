"""The card of a model as Markdown: what it is, how it came about, how it is used."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from napari_shiftseg.geometry.foreign_text import visible
from napari_shiftseg.geometry.window import largest_window
from napari_shiftseg.geometry.words import by, compact
from napari_shiftseg.model.description import describe
from napari_shiftseg.model.header import DEVICES
from napari_shiftseg.model.remarks import what_follows
from napari_shiftseg.report.words import MEANINGS, grouped, in_words, name_in_words

if TYPE_CHECKING:
    from napari_shiftseg.model.config import ModelConfig
    from napari_shiftseg.model.unet import UNet

TEMPLATE = "model_card.md.jinja"
GIGABYTES = (4, 8, 24)  # of memory, for which the largest window is named
MARKUP = re.compile(r"([\\`*_<>\[\]#|&$~])")  # of Markdown and HTML
AT_FIRST = re.compile(r"(?=[-+=](?!\d))")  # a list, or a rule
NUMBERED = re.compile(r"(\d+)([.)])(?=\s|$)")  # a list, too
LONGEST = 100  # letters of a file name


def model_card(model: UNet) -> str:
    """Return the card of a model, from its config and provenance alone.

    Parameters
    ----------
    model : UNet
    """
    config = model.config
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {
        "plain": plain, "words": in_words, "name": name_in_words, "by": by,
    }  # fmt: skip
    template = files("napari_shiftseg.report").joinpath(TEMPLATE)
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        file=file_name(config),
        config=config,
        summary=what_it_is(config),
        groups=grouped(describe(model)),
        meanings=MEANINGS,
        remarks=what_follows(config),
        largest=[_largest(config, size) for size in GIGABYTES],
    )


def file_name(config: ModelConfig) -> str:
    """Return a file name for a model, without suffix: its name, of safe letters."""
    name = re.sub(r"[^\w.-]+", "-", config.name)[:LONGEST].strip(".-") or "model"
    return f"{name}-model" if DEVICES.fullmatch(name) else name


def plain(text: object) -> str:
    """Write text on one line so that Markdown takes nothing in it for markup."""
    line = MARKUP.sub(r"\\\1", " ".join(visible(str(text), "\n\t").split()))
    if begins := NUMBERED.match(line):
        return f"{begins[1]}\\{line[begins.end(1) :]}"
    return f"\\{line}" if AT_FIRST.match(line) else line


def what_it_is(config: ModelConfig) -> str:
    """Say in two sentences what a model reads and what it gives."""
    images = f"{config.ndim}-D images"
    if config.in_channels > 1:
        images += f" of {config.in_channels} channels"
    depth = compact(tuple(axis.depth for axis in config.shape.axes))
    logit = " and a foreground logit" if config.foreground else ""
    return (
        f"A U-Net with {depth} levels of pooling for {images}. For every pixel it "
        f"predicts an embedding of {config.embedding_channels} values{logit}; pixels "
        f"of one object lie near each other there, and mean shift makes objects of "
        f"them."
    )


def _largest(config: ModelConfig, gigabytes: int) -> str:
    window = largest_window(config.shape, gigabytes * 10**9)
    size = "none" if window is None else by(window)
    return f"{size} in {gigabytes} GB"
