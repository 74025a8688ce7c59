r"""Volumes of nuclei to train the bundled model nuclei-3d on.

    python tools/nuclei_volumes.py -o build/nuclei-3d/data --real VOLUMES

Generated volumes go to ``train/``, ``val/`` and ``test/``, each with ``images/`` and
``labels/``: 60, 8 and 10, with voxels one to three times as high as wide. With
``--real`` each volume of that folder, ``NAME_image.tif`` and ``NAME_labels.tif``
(z, y, x), is cut in two along x: the first half is in ``train/`` six times, so that
few real volumes count beside many generated ones, the second in ``other/``, which
training does not see. ``--times ovule=36`` has a volume there as many times.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_shiftseg.samples.nuclei import nuclei

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.samples import Sample

PARTS = {"train": (60, 0), "val": (8, 10_000), "test": (10, 20_000)}  # and first seed
TIMES = 6  # that half of a real volume stands among the generated ones
IMAGE, LABELS = "_image.tif", "_labels.tif"


def generated(seed: int) -> Sample:
    """Make a volume of nuclei of random size, density, light and height of voxels.

    Parameters
    ----------
    seed : int
        Same seed, same volume.
    """
    rng = np.random.default_rng(seed)
    small = rng.uniform(8, 18)
    large = small * rng.uniform(1.2, 1.8)
    height = rng.choice([1.0, 1.5, 2.0, 3.0])
    return nuclei(
        (int(64 / height**0.5), 96, 96),
        (small, large),
        density=rng.uniform(0.05, 0.3),
        touching=rng.uniform(0.2, 0.9),
        noise=rng.uniform(0.5, 3),
        blur=rng.uniform(0.8, 2.0),
        background=rng.uniform(2, 25),
        spacing=(height, 1, 1),
        seed=seed,
    )


def write(
    folder: Path, name: str, image: NDArray[Any], labels: NDArray[np.integer]
) -> None:
    """Write a pair into ``images/`` and ``labels/`` of a folder."""
    pair = {"images": image, "labels": labels.astype(np.uint16)}
    for kind, data in pair.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / kind / f"{name}.tif", data, compression="zlib")


def read_volumes(folder: Path) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Read the volumes of a folder: name → image and labels, (z, y, x).

    Raises
    ------
    FileNotFoundError
        If there is none, or one has no labels.
    ValueError
        If image and labels have not one shape of three axes.
    """
    images = sorted(folder.glob(f"*{IMAGE}"))
    if not images:
        raise FileNotFoundError(
            f"no volume in {folder}: files NAME{IMAGE} and NAME{LABELS} are expected"
        )
    found = {}
    for path in images:
        name = path.name.removesuffix(IMAGE)
        image = tifffile.imread(path)
        labels = tifffile.imread(path.with_name(name + LABELS))
        if image.ndim != 3 or image.shape != labels.shape:
            raise ValueError(
                f"{name}: image and labels must have one shape (z, y, x), got "
                f"{image.shape} and {labels.shape}"
            )
        found[name] = image, labels
    return found


def main() -> None:
    """Make the folders."""
    parser = argparse.ArgumentParser(description="Volumes of nuclei to train on.")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument(
        "--real", type=Path, metavar="FOLDER", help="NAME_image.tif, NAME_labels.tif"
    )
    parser.add_argument("--times", nargs="+", default=[], metavar="NAME=NUMBER")
    asked = parser.parse_args()
    times = dict(given.split("=") for given in asked.times)
    volumes = {} if asked.real is None else read_volumes(asked.real)
    for part, (number, first) in PARTS.items():
        for i in range(number):
            sample = generated(first + i)
            image = sample.image.astype(np.uint8)
            write(asked.output / part, f"{i:03}", image, sample.labels)
            print(f"{part} {i + 1} of {number}", file=sys.stderr)
    for name, (image, labels) in volumes.items():
        half = image.shape[2] // 2
        for i in range(int(times.get(name, TIMES))):
            first_half = image[..., :half], labels[..., :half]
            write(asked.output / "train", f"{name}_{i}", *first_half)
        write(asked.output / "other", name, image[..., half:], labels[..., half:])


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"nuclei_volumes: {error}")
