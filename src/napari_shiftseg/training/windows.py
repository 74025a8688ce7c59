"""Random training windows of labelled images, and how they are changed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from napari_shiftseg.metrics.label_image import UNKNOWN
from napari_shiftseg.metrics.objects import is_partly, partial_labels
from napari_shiftseg.text import by
from napari_shiftseg.training.classes import classes_to_learn
from napari_shiftseg.training.defaults import ZOOM
from napari_shiftseg.training.pairs import opened
from napari_shiftseg.training.partial import KnownPixels, Starts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.window import Border
    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.stores.image import Image
    from napari_shiftseg.training.classes import ClassOfPixels


RIGHT_ANGLES = ((1, 0), (0, 1), (-1, 0), (0, -1))  # cosine and sine, exactly
KNOT = 32  # pixels between the knots of the elastic deformation


@dataclass(frozen=True)
class Augmentation:
    """How far a training window is changed; each change is drawn anew every time.

    Parameters
    ----------
    zoom : float
        Objects become up to this many times as large or as small.
    turn : bool
        Whether windows are turned in the plane of the last two axes by any angle, half
        of the time; else by right angles only.
    elastic : float
        Standard deviation of the displacement of knots 32 pixels apart, in pixels.
    gamma, contrast, brightness : float
        Of the scaled image: exponents and factors up to e to this power, offset up to
        this value.
    blur, noise : float
        Standard deviations, in pixels and of the scaled image, up to these values.
    often : float
        Probability of each of these changes. Windows are flipped along each axis half
        of the time.
    """

    zoom: float = ZOOM
    turn: bool = True
    elastic: float = 3.0
    gamma: float = 0.5
    contrast: float = 0.3
    brightness: float = 0.1
    blur: float = 1.5
    noise: float = 0.08
    often: float = 0.5

    def places(self, rng: Generator, size: Sequence[int]) -> NDArray[np.float64]:
        r"""Return where the pixels of a window come from, about the window's middle.

        (ndim, \*size), in pixels; 0 is the middle of the window.

        Parameters
        ----------
        rng : Generator
        size : sequence of int
            Of the window, per axis.
        """
        ndim = len(size)
        axes = [np.arange(n) - (n - 1) / 2 for n in size]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"))
        if rng.random() < self.often:
            grid += self._displacement(rng, size)
        return np.tensordot(self._affine(rng, ndim), grid, axes=1)

    def brightened(
        self, rng: Generator, pixels: NDArray[np.floating[Any]]
    ) -> NDArray[np.float32]:
        r"""Change brightness, sharpness and noise of pixels scaled to about 0 to 1.

        Parameters
        ----------
        rng : Generator
        pixels : ndarray
            (channels, \*spatial)
        """
        if rng.random() < self.often:
            exponent = np.exp(rng.uniform(-self.gamma, self.gamma))
            pixels = np.sign(pixels) * np.abs(pixels) ** exponent
        if rng.random() < self.often:
            pixels = pixels * np.exp(rng.uniform(-self.contrast, self.contrast))
            pixels = pixels + rng.uniform(-self.brightness, self.brightness)
        if rng.random() < self.often:
            blur = (0, *(rng.uniform(0, self.blur),) * (pixels.ndim - 1))
            pixels = ndimage.gaussian_filter(pixels, blur)
        if rng.random() < self.often:
            pixels = pixels + rng.normal(0, rng.uniform(0, self.noise), pixels.shape)
        return pixels.astype(np.float32)

    def _affine(self, rng: Generator, ndim: int) -> NDArray[np.float64]:
        matrix: NDArray[np.float64] = np.diag(rng.choice([-1.0, 1.0], ndim))
        if ndim > 1:
            cos, sin = RIGHT_ANGLES[rng.integers(4)]
            if self.turn and rng.random() < 0.5:
                angle = rng.uniform(0, 2 * np.pi)
                cos, sin = np.cos(angle), np.sin(angle)
            matrix[-2:] = np.array([[cos, -sin], [sin, cos]]) @ matrix[-2:]
        if rng.random() < self.often:
            matrix /= np.exp(rng.uniform(-1, 1) * np.log(self.zoom))
        return matrix

    def _displacement(self, rng: Generator, size: Sequence[int]) -> NDArray[Any]:
        """Return smooth displacements, linear between knots; (ndim, *size)."""
        knots = [n // KNOT + 2 for n in size]
        strength = rng.uniform(0, self.elastic)
        moved = rng.normal(0, strength, (len(size), *knots))
        axes = [np.arange(n) / KNOT for n in size]
        at = np.stack(np.meshgrid(*axes, indexing="ij"))
        return np.stack([ndimage.map_coordinates(m, at, order=1) for m in moved])


MOST_CHANGES = 20  # of shape that are tried until a known pixel is in view


class WindowPlace(NamedTuple):
    """Where a training window lies."""

    image: int  # number of the image
    starts: tuple[int, ...]  # first pixel that is read, per axis
    seed: int = 0  # of its augmentation


@dataclass(frozen=True)
class RandomWindows:
    """Draw random inputs and the labels of the output window the loss sees.

    Images are read and scaled as they will be when they are predicted. The window is
    the beginning of the raw output (offset 0), the part that a cropped tile keeps. A
    data set in the sense of torch: ``windows[place]`` is (input, labels), and of a
    network that tells classes apart (input, labels, classes).

    Pixels labelled −1 are not known and do not count; nor do those beyond the image. Of
    an image that is partly known only windows are drawn that show a known pixel.
    """

    samples: Sequence[Sample]  # images with truth
    config: ModelConfig  # sizes of the network, and how it reads an image
    window: tuple[int, ...]  # output window, per axis
    # windows whose context lies inside the image; or all that lie inside it, their
    # context mirrored where it does not, as images are predicted
    border: Border = "valid"
    augmentation: Augmentation | None = None
    grid: int = 1  # reading begins at multiples of so many pixels of the image

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("training needs at least one image with its labels")
        for number, (image, labels) in enumerate(
            zip(self.images, self.labels, strict=True), start=1
        ):
            name = f"image {number} of {len(self.samples)}"
            if image.shape != labels.shape:
                raise ValueError(
                    f"{name} has {by(image.shape)} pixels, its labels must have as "
                    f"many, got {by(labels.shape)}"
                )
            self._refuse_small(name, image.shape)
            self._refuse_wide(name, image.shape)
        self._refuse_unseen()
        if not any((labels > 0).any() for labels in self.labels):
            raise ValueError(
                "there is no object in any label image: number objects from 1, 0 is "
                "background"
            )
        _ = self._classes  # what is amiss with them is said now

    def _refuse_small(self, name: str, shape: tuple[int, ...]) -> None:
        needed = self.reads if self.border == "valid" else self.window
        if any(n < r for n, r in zip(shape, needed, strict=True)):
            raise ValueError(
                f"an output window of {by(self.window)} reads {by(self.reads)} pixels, "
                f"but {name} has {by(shape)}: take a larger image, a smaller window"
                + (", less depth or mirrored borders" if self.border == "valid" else "")
            )

    def _refuse_wide(self, name: str, shape: tuple[int, ...]) -> None:
        ranges = map(self._range, shape, range(self.config.ndim))
        if any(first > last for first, last in ranges):
            raise ValueError(
                f"no window of {name} can begin at a multiple of {self.grid} pixels: "
                f"take a larger image or a finer grid"
            )

    def _refuse_unseen(self) -> None:
        for number, known in self._known.items():
            if known.number == 0:
                raise ValueError(
                    f"no window of image {number + 1} of {len(self.samples)} shows a "
                    f"known pixel: label more of it, away from its borders, or take "
                    f"mirrored borders"
                )

    @cached_property
    def images(self) -> list[Image]:
        """The images of the samples, opened as the network reads them."""
        return [opened(sample, self.config) for sample in self.samples]

    @cached_property
    def labels(self) -> list[NDArray[np.integer]]:
        """The true labels of the samples."""
        return [
            partial_labels(f"true labels of image {number}", np.asarray(s.labels))
            for number, s in enumerate(self.samples, start=1)
        ]

    @cached_property
    def _classes(self) -> list[ClassOfPixels]:
        """The classes of the samples; none for a network that tells none apart."""
        names, many = self.config.classes, len(self.samples)
        return [
            classes_to_learn(sample, names, f"image {number} of {many}")
            for number, sample in enumerate(self.samples if names else (), start=1)
        ]

    @cached_property
    def _known(self) -> dict[int, KnownPixels]:
        """Of each image that is partly known, its number from 0."""
        return {
            number: KnownPixels(labels, self._starts(labels.shape))
            for number, labels in enumerate(self.labels)
            if is_partly(labels)
        }

    def _starts(self, shape: tuple[int, ...]) -> list[Starts]:
        return [
            Starts(*self._range(size, axis), self.grid, context // 2, window, size)
            for axis, (size, context, window) in enumerate(
                zip(shape, self.config.shape.context, self.window, strict=True)
            )
        ]

    @cached_property
    def reads(self) -> tuple[int, ...]:
        """Legal input of the window, per axis."""
        return self.config.shape.input_for(self.window)

    def places(self, rng: np.random.Generator) -> Iterator[WindowPlace]:
        """Yield places without end."""
        while True:
            number = int(rng.integers(len(self.samples)))
            if number in self._known:
                at = self._known[number].draw(rng)
            else:
                at = self._anywhere(rng, self.images[number].shape)
            seed = int(rng.integers(2**63)) if self.augmentation else 0
            yield WindowPlace(number, tuple(start * self.grid for start in at), seed)

    def _anywhere(
        self, rng: np.random.Generator, shape: tuple[int, ...]
    ) -> tuple[int, ...]:
        """Return where a window begins, in multiples of the grid, per axis."""
        ranges = map(self._range, shape, range(self.config.ndim))
        return tuple(int(rng.integers(first, last + 1)) for first, last in ranges)

    def _range(self, size: int, axis: int) -> tuple[int, int]:
        """Return the first and the last multiple of the grid to begin reading at."""
        first, last = 0, size - self.reads[axis]
        if self.border == "mirror":
            first = -(self.config.shape.context[axis] // 2)
            last = first + size - self.window[axis]
        return -(-first // self.grid), last // self.grid

    def __getitem__(self, place: WindowPlace) -> tuple[Tensor, ...]:
        r"""Return the input, (channels, \*reads), and the labels, (\*window).

        Of a network with classes then also their numbers, (\*window); −1: none.
        """
        if self.augmentation is None:
            pixels = self._read(place.image, place.starts)
            labels = self.labels[place.image][self._seen(place.starts)]
        else:
            pixels, labels = self._changed(place, self.augmentation)
        window = torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64))
        if not self._classes:
            return window
        return *window, torch.from_numpy(self._classes[place.image].at(labels))

    def _read(self, image: int, starts: Sequence[int]) -> NDArray[np.float32]:
        at = [(s, s + r) for s, r in zip(starts, self.reads, strict=True)]
        return self.images[image].read(at, np.dtype(np.float32))

    def _seen(self, starts: Sequence[int]) -> tuple[slice, ...]:
        """Return the image pixels whose labels the loss sees."""
        context = self.config.shape.context
        return tuple(
            slice(s + c // 2, s + c // 2 + w)
            for s, c, w in zip(starts, context, self.window, strict=True)
        )

    def _changed(
        self, place: WindowPlace, augmentation: Augmentation
    ) -> tuple[NDArray[np.float32], NDArray[np.integer]]:
        """Read pixels and labels where the augmentation says."""
        rng = np.random.default_rng(place.seed)
        at, changed = self._moved(place, augmentation, rng)
        box = _box(at)
        pixels = self.images[place.image].read(box, np.dtype(np.float32))
        inside = at - _column([start for start, _ in box])
        moved = np.stack(
            [ndimage.map_coordinates(channel, inside, order=1) for channel in pixels]
        )
        return augmentation.brightened(rng, moved), changed

    def _moved(
        self, place: WindowPlace, augmentation: Augmentation, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.integer]]:
        r"""Return where the pixels come from, (ndim, \*reads), and their labels.

        Where a change of shape moves all that is known out of a window, another one is
        tried.
        """
        middle = _column(place.starts) + (_column(self.reads) - 1) / 2
        for _ in range(MOST_CHANGES):
            at = middle + augmentation.places(rng, self.reads)
            labels = self._labels_at(place.image, at)
            if place.image not in self._known or (labels != UNKNOWN).any():
                return at, labels
        still = _column(place.starts) + np.indices(self.reads, dtype=np.float64)
        return still, self._labels_at(place.image, still)

    def _labels_at(self, image: int, at: NDArray[np.float64]) -> NDArray[np.integer]:
        """Return the labels of the window; a label is one of the image's, unmixed."""
        seen = (slice(None), *self._seen((0,) * len(self.window)))
        labels: NDArray[np.integer] = ndimage.map_coordinates(
            self.labels[image].astype(np.int32, copy=False),
            at[seen],
            order=0,
            cval=UNKNOWN,
        )
        return labels


def _box(at: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the bounds of the pixels that places lie between."""
    axes = at.reshape(len(at), -1)
    low, high = np.floor(axes.min(1)), np.ceil(axes.max(1)) + 1
    return [(int(a), int(b)) for a, b in zip(low, high, strict=True)]


def _column(values: Sequence[int]) -> NDArray[Any]:
    return np.reshape(values, (-1, *(1,) * len(values)))
