r"""Objects found in 30 synthetic fields: few or many nuclei, noise, bars, borders.

    python benchmarks/fields.py -m nuclei

Fields of 0, 1, 2, 5, 20 and 150 nuclei, made by hand and by nothing that the program
uses: smooth closed outlines 10 to 45 pixels wide with a texture, blurred, on a ground
with an offset of 0 to 4,000. The signal-to-noise ratio, contrast by the standard
deviation of the noise, is 5 to 100. On some lie a scale bar with text, a border
without data that a registration leaves, and hot pixels. Those of seed 0 were looked at
while faults were mended; other seeds were not.

Recall and precision at IoU 0.5 are counted over all fields; the empty ones should have
no object. An object that is half hidden by a border does not count, nor does what is
found of it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

NUMBERS = (0, 1, 2, 5, 20, 150)
NOISE = (100, 40, 15, 8, 5)  # contrast by standard deviation, one a field
OFFSETS = (0, 100, 500, 2000, 4000)
EXTRAS = ("", "bar", "border", "hot pixels", "all")
SIZE = 512  # pixels
MANY = 640  # pixels, of fields of 150 nuclei
HOT = 0.01  # of the pixels
BORDER = (30, 22)  # rows and columns without data
HIDDEN = 0.7  # of a nucleus has to be seen, for it to count


@dataclass(frozen=True)
class Field:
    r"""A synthetic field.

    Attributes
    ----------
    image : ndarray of uint16
        (y, x)
    labels : ndarray of int
        (y, x), 0 is background.
    hidden : ndarray of bool
        (y, x), what lies over it.
    name : str
    """

    image: NDArray[np.uint16]
    labels: NDArray[np.int32]
    hidden: NDArray[np.bool_]
    name: str


def fields(seed: int) -> list[Field]:
    """Return all fields: each number of nuclei with each noise once."""
    made = []
    for row, number in enumerate(NUMBERS):
        for column, ratio in enumerate(NOISE):
            offset = OFFSETS[(row + column) % len(OFFSETS)]
            extra = EXTRAS[(row + 2 * column) % len(EXTRAS)]
            rng = np.random.default_rng([seed, row, column])
            made.append(field(rng, number, ratio, offset, extra))
    return made


def field(rng: Generator, number: int, ratio: float, offset: int, extra: str) -> Field:
    """Make one field.

    Parameters
    ----------
    rng : Generator
    number : int
        Of nuclei.
    ratio : float
        Of the contrast to the noise.
    offset : int
        Grey value of the ground.
    extra : {"", "bar", "border", "hot pixels", "all"}
    """
    size = MANY if number > 100 else SIZE
    labels = _nuclei(rng, size, number)
    contrast = float(rng.uniform(300, 3000))
    body = ndimage.gaussian_filter((labels > 0).astype(float), 1.0)
    shades = np.concatenate([[0], rng.uniform(0.8, 1.2, number)])
    texture = ndimage.gaussian_filter(rng.normal(size=labels.shape), 3)
    texture = 1 + 0.1 * texture / texture.std()
    light = ndimage.grey_dilation(shades[labels], 9) * texture
    noise = rng.normal(0, contrast / ratio, labels.shape)
    image = offset + contrast * body * light + noise
    image, hidden = _with_extras(rng, image.clip(0, 65535), offset, extra)
    name = f"{number} nuclei, SNR {ratio}, offset {offset}, {extra or 'plain'}"
    return Field(image.round().astype(np.uint16), labels, hidden, name)


def _nuclei(rng: Generator, size: int, number: int) -> NDArray[np.int32]:
    """Draw nuclei that do not touch: ellipses whose outlines wave."""
    labels = np.zeros((size, size), dtype=np.int32)
    taken = np.zeros((size, size), dtype=np.bool_)
    y, x = np.mgrid[:size, :size]
    widest = 26 if number > 100 else 45
    while labels.max() < number:
        radius = rng.uniform(10, widest) / 2
        cy, cx = rng.uniform(radius + 2, size - radius - 2, 2)
        angle = np.arctan2(y - cy, x - cx) + rng.uniform(0, 2 * np.pi)
        wave = 1 + 0.12 * np.cos(2 * angle) + 0.04 * np.cos(3 * angle + 1)
        inside = np.hypot(y - cy, x - cx) < radius * wave
        if not (ndimage.binary_dilation(inside, iterations=3) & taken).any():
            labels[inside] = labels.max() + 1
            taken |= inside
    return labels


def _with_extras(
    rng: Generator, image: NDArray[np.float64], offset: int, extra: str
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Lay a bar with text, a border and hot pixels over a field."""
    size = len(image)
    hidden = np.zeros(image.shape, dtype=np.bool_)
    if extra in ("bar", "all"):
        hidden[size - 40 : size - 32, size - 160 : size - 40] = True
        for letter in range(5):  # strokes 2 pixels wide
            at = size - 150 + 14 * letter
            hidden[size - 62 : size - 48, at : at + 2] = True
            hidden[size - 56 : size - 54, at : at + 8] = True
        image = np.where(hidden, 65535, image)
    if extra in ("hot pixels", "all"):
        hot = rng.random(image.shape) < HOT
        image = np.where(hot, rng.uniform(20000, 65535, image.shape), image)
    if extra in ("border", "all"):
        border = np.ones(image.shape, dtype=np.bool_)
        border[BORDER[0] :, BORDER[1] :] = False
        image = np.where(border, 0 if offset else 65535, image)
        hidden = hidden | border
    return image, hidden


def counted(found: NDArray[np.integer], made: Field) -> tuple[int, int, int]:
    """Return how many nuclei were found at IoU 0.5, how many there are, and objects.

    Counted by hand, not by the program.
    """
    labels, seen = made.labels, ~made.hidden
    there = [
        n
        for n in range(1, labels.max() + 1)
        if seen[labels == n].mean() >= HIDDEN and (labels == n).any()
    ]
    hits, excused = 0, set()
    for n in range(1, labels.max() + 1):
        nucleus = labels == n
        ids, sizes = np.unique(found[nucleus], return_counts=True)
        for i, size in zip(ids, sizes, strict=True):
            if n not in there:
                excused.add(int(i))
            elif i and size / (nucleus | (found == i)).sum() > 0.5:
                hits += 1
    objects = {int(i) for i in np.unique(found)} - excused - {0}
    return hits, len(there), len(objects)


def run(model: UNet, seed: int, device: str) -> bool:
    """Segment all fields and print what was found; returns whether all is well."""
    rows, total, false = [], np.zeros(3, dtype=int), 0
    for made in fields(seed):
        result = segment(made.image, model, device=device)
        hits, there, objects = counted(result.labels, made)
        total += (hits, there, objects)
        false += 0 if there else objects
        said = "; ".join(result.notes)
        rows.append([made.name, str(there), str(hits), str(objects), said])
    print_table(["field", "nuclei", "found", "objects", "said"], rows)
    recall, precision = total[0] / total[1], total[0] / max(total[2], 1)
    print(f"\nrecall {recall:.3f}, precision {precision:.3f} over {len(rows)} fields;")
    print(f"{false} objects in the fields without nuclei")
    return recall >= 0.98 and precision >= 0.98 and not false


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Objects in 30 synthetic fields.")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


if __name__ == "__main__":
    asked = arguments()
    sys.exit(0 if run(load_unet(asked.model), asked.seed, asked.device) else 1)
