"""The card of a model as Markdown: what it is, how it came about, how it is used."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined

from napari_shiftseg.geometry.window import largest_window
from napari_shiftseg.networks.header import DEVICES
from napari_shiftseg.networks.properties import describe, what_follows
from napari_shiftseg.text import by, compact, visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_shiftseg.embeddings.kinds import Kind
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.networks.unet_config import ModelConfig


SHOWN = 3  # sizes of a series
SERIES = ("legal_inputs", "raw_outputs")
NAMES = {
    "ndim": "image axes",
    "in_channels": "image channels",
    "max_same_looking": "same-looking objects",
}
GROUPS = {  # of the figures of a model
    "architecture": (
        "ndim", "depth", "pooling_factor", "padding", "upsampling", "normalization",
        "in_channels", "embedding", "embedding_channels", "foreground", "classes",
        "parameters",
    ),
    "sizes in pixels": (
        "period", "context", "legal_inputs", "raw_outputs", "training_window",
        "training_diameter", "max_same_looking",
    ),
    "clustering": (
        "method", "prominence", "bandwidth", "kernel", "scope", "min_size",
        "split_far_parts", "background_embedding", "foreground_threshold",
        "confidence_learnt_from",
    ),
}  # fmt: skip
ABSENT = {  # what it means that nothing is given
    "background_embedding": "no mode is background",
    "batch": "chosen by memory",
    "confidence_learnt_from": "nothing, the usual one",
    "diameter": "not rescaled",
    "parameters": "not known",
    "link_planes": "along z, not along time",
    "provenance": "not known",
    "region": "whole image",
    "training_diameter": "not known",
    "training_window": "not known",
}
MEANINGS = {
    "background_embedding": "the mode nearest to it is background",
    "bandwidth": "distance within which embeddings are one mode",
    "batch": "tiles predicted at once",
    "border": "what stands beyond the image",
    "classes": "of objects, that it tells apart",
    "confidence_learnt_from": "objects whose truth was known",
    "context": "read around what is predicted, both sides together",
    "depth": "levels of pooling",
    "diameter": "of the objects, for which the image is rescaled",
    "embedding": "what its numbers stand for",
    "embedding_channels": "numbers predicted for a pixel",
    "foreground": "whether it predicts what is object at all",
    "foreground_threshold": "probability above which a pixel is clustered",
    "kernel": "how nearness counts in the mean shift",
    "legal_inputs": "sizes that a tile can read",
    "link_planes": "whether objects of planes that overlap are one",
    "link_threshold": "overlap from which they are",
    "max_same_looking": "most that it can tell apart",
    "method": "how objects are made",
    "min_size": "objects of fewer pixels are dropped",
    "period": "the network repeats: tiles must keep a multiple",
    "pooling_factor": "of each level",
    "prominence": "how far middles rise above what lies between them",
    "raw_outputs": "sizes predicted from these",
    "region": "pixels that were predicted",
    "scope": "one mean shift for all, or one a component",
    "split_far_parts": "whether parts that do not touch are objects",
    "training_diameter": "of the median object that training saw",
    "training_window": "output that training saw at once",
    "window": "tile size",
}


def grouped(figures: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Part the figures of a model, see `describe`, into groups with titles."""
    return {
        title: {name: figures[name] for name in names if name in figures}
        for title, names in GROUPS.items()
    }


def name_in_words(name: str) -> str:
    """Write the name of a value."""
    return NAMES.get(name, name.replace("_", " "))


def in_words(value: object, name: str = "") -> str:
    """Write a value of a report without brackets and quotes.

    Parameters
    ----------
    value : object
        As it stands in JSON.
    name : str
        Of the value: what None means depends on it.
    """
    match value:
        case None:
            return ABSENT.get(name, "none")
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case dict():
            pairs = ((name_in_words(key), in_words(v)) for key, v in value.items())
            return ", ".join(f"{key} {text}" for key, text in pairs)
        case [[*_], *_]:  # several values an axis
            rows = [_series(v) if name in SERIES else in_words(v) for v in value]
            return rows[0] if len(set(rows)) == 1 else "; ".join(rows)
        case [*_]:
            return ", ".join(in_words(v) for v in value)
    return str(value)


def _series(sizes: Any) -> str:
    """Write sizes that go on: ``188, 204, 220, … (every 16)``."""
    first = ", ".join(str(size) for size in sizes[:SHOWN])
    steps = {after - before for before, after in pairwise(sizes)}
    return f"{first}, … (every {steps.pop()})" if len(steps) == 1 else f"{first}, …"


TEMPLATE = "model_card.md.jinja"
GIGABYTES = (4, 8, 24)  # of memory, for which the largest window is named
MARKUP = re.compile(r"([\\`*_<>\[\]#|&$~])")  # of Markdown and HTML
AT_FIRST = re.compile(r"(?=[-+=](?!\d))")  # a list, or a rule
NUMBERED = re.compile(r"(\d+)([.)])(?=\s|$)")  # a list, too
LONGEST = 100  # letters of a file name


def model_card(model: UNet) -> str:
    """Return the card of a model, from its config and provenance alone."""
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


def file_name(config: NetworkConfig) -> str:
    """Return a file name for a model, without suffix: its name, of safe letters."""
    name = re.sub(r"[^\w.-]+", "-", config.name)[:LONGEST].strip(".-") or "model"
    return f"{name}-model" if DEVICES.fullmatch(name) else name


def plain(text: object) -> str:
    """Write text on one line so that Markdown takes nothing in it for markup."""
    line = MARKUP.sub(r"\\\1", " ".join(visible(str(text), "\n\t").split()))
    if begins := NUMBERED.match(line):
        return f"{begins[1]}\\{line[begins.end(1) :]}"
    return f"\\{line}" if AT_FIRST.match(line) else line


ALIKE: dict[Kind, str] = {  # what the pixels of one object have in common
    "discriminative": "pixels of one object lie near each other there",
    "spherical": "pixels of one object have one direction there",
    "spatial": "it says where the middle of the pixel's object is and how sure that is",
}


def what_it_is(config: ModelConfig) -> str:
    """Say in two sentences what a model reads and what it gives."""
    images = f"{config.ndim}-D images"
    if config.in_channels > 1:
        images += f" of {config.in_channels} channels"
    depth = compact(tuple(axis.depth for axis in config.shape.axes))
    logit = " and a foreground logit" if config.foreground else ""
    if config.classes:
        logit = f", a foreground logit and those of {len(config.classes)} classes"
    return (
        f"A U-Net with {depth} levels of pooling for {images}. For every pixel it "
        f"predicts an embedding of {config.embedding_channels} values{logit}; "
        f"{ALIKE[config.embedding]}, and mean shift makes objects of them."
    )


def _largest(config: NetworkConfig, gigabytes: int) -> str:
    window = largest_window(config.shape, gigabytes * 10**9)
    size = "none" if window is None else by(window)
    return f"{size} in {gigabytes} GB"
