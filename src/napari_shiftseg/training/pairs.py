"""Images with their true labels, from files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_shiftseg.geometry.window import as_window
from napari_shiftseg.intensity.scale import USUAL_READING
from napari_shiftseg.metrics.label_image import UNKNOWN, with_axes_of
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores.class_tables import class_tables
from napari_shiftseg.stores.data_sets import has_images, images_and_labels
from napari_shiftseg.stores.folders import pairs
from napari_shiftseg.stores.image import open_image
from napari_shiftseg.stores.reading import doubt, is_sample, read_image, read_labels
from napari_shiftseg.text import number_of, percent, readable
from napari_shiftseg.training.defaults import usual_window
from napari_shiftseg.training.partial import training_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.intensity.scale import Reading
    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.stores.class_tables import ClassTable
    from napari_shiftseg.stores.image import Image
    from napari_shiftseg.training.partial import TrainingPair


MOST_IDS = 2**24


@dataclass(frozen=True)
class Counted:
    """Pixels and objects that count in the loss."""

    # pixels that are known, of all there are
    known: int
    pixels: int
    objects: int  # labelled; an object cut by what is not known counts

    @property
    def is_partly(self) -> bool:
        """Whether there are pixels that do not count."""
        return self.known < self.pixels

    @property
    def share(self) -> float:
        """Of the pixels, from 0 to 1."""
        return self.known / self.pixels if self.pixels else 0.0

    @property
    def line(self) -> str:
        """What counts, in words."""
        objects = number_of(self.objects, "object")
        return f"{_percent(self.share)} of the pixels count: {objects}"


def counted(labels: Iterable[ArrayLike]) -> Counted:
    r"""Count what is known of label images, (\*spatial) each; −1 is not known."""
    known = pixels = objects = 0
    for each in labels:
        image = np.asarray(each)
        pixels += image.size
        known += image.size - int(np.count_nonzero(image == UNKNOWN))
        objects += _objects(image[image > 0])
    return Counted(known, pixels, objects)


def counted_pairs(pairs: Iterable[TrainingPair]) -> Counted:
    """Count what is known of the images that regions were taken from."""
    whole, regions = {}, []
    for pair in pairs:
        whole[pair.frame] = prod(pair.whole)
        regions.append(pair.sample.labels)
    return replace(counted(regions), pixels=sum(whole.values()))


def _objects(ids: NDArray[np.integer]) -> int:
    """Return how many different ids there are."""
    if ids.max(initial=0) < MOST_IDS:  # counting is faster than sorting
        return int(np.count_nonzero(np.bincount(ids)))
    return len(np.unique(ids))


def _percent(share: float) -> str:
    """Write a share with two digits; neither none nor all where it is neither."""
    if 0.99 < share < 1:
        return "more than 99 %"
    if 0 < share < 1e-4:
        return "less than 0.01 %"
    return f"{100 * share:.2g} %" if share < 0.1 else percent(share)


def opened(sample: Sample, config: ModelConfig) -> Image:
    """Open the image of a sample, scaled as the larger image it is a region of.

    Parameters
    ----------
    sample : Sample
    config : ModelConfig
        Of the network that reads it.
    """
    return open_image(
        sample.image,
        config.ndim,
        config.in_channels,
        config.intensity,
        scale=sample.scale,
    )


Item = TypeVar("Item")
HELD_OUT = 10  # of this many images one is held out for validation


def read_pairs(
    images: Path,
    labels: Path | None,
    channel: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    classes: Path | None = None,
) -> list[Sample]:
    """Read images and their labels: two files or two folders, or one sample.

    Parameters
    ----------
    images, labels : Path
        In folders, files of one name belong together, and ``NAME`` and
        ``NAME_labels``. No labels: `images` is the name of a sample, or a folder that
        holds both; see `data_sets`. Labels may be −1, not known.
    channel : str, optional
        Which of several channels of the images, counted from 1, or its name.
    say : callable
        Takes one sentence where labels look like a mask or a raw image, and where
        something was decided while reading images: colours made grey.
    classes : Path, optional
        Tables of the classes of objects, see `class_tables`; of a sample its own name.

    Raises
    ------
    FileNotFoundError
        If a file or folder is not there.
    ValueError
        If there are no labels, files do not pair up (the message names those without
        partner), one cannot be read, or no pixel of one is known.
    """
    if is_sample(images) and labels is None:
        return [_with_own_classes(images, classes)]
    if labels is None and has_images(images):
        images, labels = images_and_labels(images, say)
    if labels is None:
        raise ValueError(
            f"the true labels of {images} are missing: give a file or a folder of "
            f"label images"
        )
    for path in (images, labels):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}")
    samples, doubts = [], []
    decided: dict[str, list[str]] = {}
    named = pairs(labels, images)
    tables = {} if classes is None else class_tables(classes, named)
    for name, (truth, image) in named.items():
        known = read_labels("labels", truth, partly=True)
        doubts.append(doubt(truth, known))
        source = read_image(image, channel)
        for note in source.notes:
            decided.setdefault(note, []).append(f"{image.name}: {note}")
        known = with_axes_of(known, source.data.shape)
        samples.append(_with_table(Sample(source.data, known), tables.get(name)))
    _say_once([f"labels {doubt}" for doubt in doubts if doubt], say)
    for notes in decided.values():
        _say_once(notes, say)
    return samples


def _with_own_classes(sample: Path, classes: Path | None) -> Sample:
    """Make a sample; its classes count where they are asked for by its name."""
    made = make_sample(str(sample))
    if classes is None:
        return made if made.classes is None else replace(made, classes=None)
    if classes == sample and made.classes is not None:
        return made
    if classes == sample:
        raise ValueError(
            f"the sample {sample} has no classes: take one that has, such as shapes"
        )
    return _with_table(made, class_tables(classes, [str(sample)])[str(sample)])


def _with_table(sample: Sample, table: ClassTable | None) -> Sample:
    if table is None:
        return sample
    return replace(sample, classes=table.classes, table=table.file)


def _say_once(notes: list[str], say: Callable[[str], None]) -> None:
    others = ""
    if len(notes) > 1:
        others = f" ({number_of(len(notes) - 1, 'other file')} like it)"
    if notes:
        say(f"{notes[0]}{others}")


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
    config, reading
        See `training_pairs`.
    window : int or sequence of int, optional
        Output window the loss sees; the usual one of each image if not given.
    """
    return [
        replace(
            pair,
            frame=(number, *pair.frame),
            sample=replace(pair.sample, classes=sample.classes, table=sample.table),
        )
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
    """Name images by file, folder or sample; ``val/images`` by the parent, too."""
    *_, parent, name = ("", *images.absolute().parts)
    return readable(f"{parent}/{name}" if name.lower() == "images" else name)


def held_out(
    samples: Sequence[Item], is_partly: bool = False
) -> tuple[list[Item], list[Item]]:
    """Part samples into those to train on and those to validate on, every tenth.

    One image alone is both; so are all of fewer than ten, where images are labelled in
    parts (`is_partly`): a few corrections are too few to hold one out.

    Parameters
    ----------
    samples : sequence
    is_partly : bool
    """
    if len(samples) == 1 or (is_partly and len(samples) < HELD_OUT):
        return list(samples), list(samples)
    validation = list(samples[::HELD_OUT])
    rest = [s for i, s in enumerate(samples) if i % HELD_OUT]
    return rest, validation
