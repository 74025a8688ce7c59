"""Images with their true labels, from files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_shiftseg.files.pairs import pairs
from napari_shiftseg.files.reading import doubt, is_sample, read_image, read_labels
from napari_shiftseg.geometry.foreign_text import readable
from napari_shiftseg.geometry.window import as_window
from napari_shiftseg.geometry.words import number_of
from napari_shiftseg.inference.scale import USUAL_READING
from napari_shiftseg.interaction.teaching import training_pairs
from napari_shiftseg.metrics.contingency import with_axes_of
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.samples.sample import Sample
from napari_shiftseg.training.training_window import usual_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.inference.scale import Reading
    from napari_shiftseg.interaction.teaching import TrainingPair
    from napari_shiftseg.model.config import ModelConfig

Item = TypeVar("Item")

HELD_OUT = 10  # of this many images one is held out for validation


def read_pairs(
    images: Path,
    labels: Path | None,
    channel: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Sample]:
    """Read images and their labels: two files or two folders, or one sample.

    Parameters
    ----------
    images, labels : Path
        In folders, files of one name belong together, and ``NAME`` and
        ``NAME_labels``. No labels: `images` is the name of a sample. Labels may be −1,
        not known.
    channel : str, optional
        Which of several channels of the images, counted from 1, or its name.
    say : callable
        Takes one sentence where labels look like a mask or a raw image, and where
        something was decided while reading images: colours made grey.

    Raises
    ------
    FileNotFoundError
        If a file or folder is not there.
    ValueError
        If there are no labels, files do not pair up (the message names those without
        partner), one cannot be read, or no pixel of one is known.
    """
    if is_sample(images) and labels is None:
        return [make_sample(str(images))]
    if labels is None:
        raise ValueError(
            f"the true labels of {images} are missing: give a file or folder of "
            f"label images, too"
        )
    for path in (images, labels):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
    samples, doubts = [], []
    decided: dict[str, list[str]] = {}
    for truth, image in pairs(labels, images).values():
        known = read_labels("labels", truth, partly=True)
        doubts.append(doubt(truth, known))
        source = read_image(image, channel)
        for note in source.notes:
            decided.setdefault(note, []).append(f"{image.name}: {note}")
        known = with_axes_of(known, source.data.shape)
        samples.append(Sample(source.data, known))
    _say_once([f"labels {doubt}" for doubt in doubts if doubt], say)
    for notes in decided.values():
        _say_once(notes, say)
    return samples


def _say_once(notes: list[str], say: Callable[[str], None]) -> None:
    if notes:
        others = f" ({number_of(len(notes) - 1, 'other file')} like it)"
        say(f"{notes[0]}{others * (len(notes) > 1)}")


def to_learn(
    samples: Iterable[Sample],
    config: ModelConfig,
    window: Window = None,
    reading: Reading = USUAL_READING,
) -> list[TrainingPair]:
    """Return what there is to learn from images; see `training_pairs`.

    Stacks and series are taken frame by frame by a network that reads fewer axes, and
    of partly labelled images what is known.

    Parameters
    ----------
    samples : iterable of Sample
        As layers or files hold them; numbered by the first value of each frame.
    config : ModelConfig
    window : int or sequence of int, optional
        Output window the loss sees; the usual one of each image if not given.
    reading : Reading
        How grey values are read; usually all is automatic.
    """
    return [
        replace(pair, frame=(number, *pair.frame))
        for number, sample in enumerate(samples)
        for pair in training_pairs(
            sample.image,
            sample.labels,
            config,
            _window(sample, config, window),
            reading=reading,
        )
    ]


def _window(sample: Sample, config: ModelConfig, window: Window) -> tuple[int, ...]:
    if window is not None:
        return as_window(window, config.ndim)
    size = np.shape(sample.labels)[-config.ndim :]
    return usual_window(config.shape, [size]) if len(size) == config.ndim else ()


def name_of(images: Path) -> str:
    """Name images by their file, folder or sample; ``val/images`` by the parent, too.

    Parameters
    ----------
    images : Path
    """
    *_, parent, name = ("", *images.absolute().parts)
    return readable(f"{parent}/{name}" if name.lower() == "images" else name)


def held_out(
    samples: Sequence[Item], is_partly: bool = False
) -> tuple[list[Item], list[Item]]:
    """Part samples into those to train on and those to validate on, every tenth.

    One image alone is both; so are all of fewer than ten, where images are labelled in
    parts: a few corrections are too few to hold one out.

    Parameters
    ----------
    samples : sequence
    is_partly : bool
        Whether they are labelled in parts.
    """
    if len(samples) == 1 or (is_partly and len(samples) < HELD_OUT):
        return list(samples), list(samples)
    validation = list(samples[::HELD_OUT])
    rest = [s for i, s in enumerate(samples) if i % HELD_OUT]
    return rest, validation
