"""The page of networks made elsewhere: what is found of each, figures and pictures."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from fault_pictures import Scene, draw
from faults import Stitched
from gallery_networks import write_known, write_resnet

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.networks.opening.open import open_network
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.window import Stitching
    from napari_shiftseg.networks.loading.foreign import ForeignNetwork

NAIVE, ALIGNED, LARGER = 38, 32, 64  # pixels; 38 is a multiple of no period but 2
PART = (slice(60, 316), slice(60, 316))  # of the sample, 256 × 256
VIEW = (64, 164)
HALOS, OFF_GRID = (32, 56, 64), (0, 3, 4)
STRIDE = 64
WIDTH = 110  # letters of a line


@dataclass(frozen=True)
class Shown:
    """A network of the page.

    Attributes
    ----------
    name : str
        Of its picture.
    title, about : str
        Its heading, and what it is.
    seen : str
        What the picture shows, for those who cannot see it.
    """

    name: str
    title: str
    about: str
    seen: str


PACKAGE = Shown(
    "unet2d-nuclei-broad",
    "A BioImage.IO package: UNet 2D Nuclei Broad",
    "The example package of the BioImage.IO specification (MIT): a U-Net that predicts "
    "which pixels are nuclei, with three poolings, zero padding and bilinear "
    "upsampling, trained on real images and read from its ONNX weights. Its "
    "description declares a halo of 32 pixels.",
    "Rings around nuclei; on the left a faint line at each tile border, on the right "
    "none",
)
OTHERS = (
    Shown(
        "funlib-unet",
        "A valid U-Net, as funlib.learn.torch makes it",
        "Two poolings, valid convolutions, constant upsampling. It gives only what it "
        "sees all of, so it needs no halo: tiles on the grid are those of one pass. "
        "Untrained, its steps look alike at all phases, so the picture of naive tiles "
        "shows no fault; their difference from one pass does.",
        "The same dark spots left and right, and no line at a border",
    ),
    Shown(
        "monai-basic-unet",
        "MONAI's BasicUNet with its usual instance norm",
        "Four poolings. `BasicUNet` normalises each channel by mean and deviation of "
        "the tile, unless it is asked for another norm: its answer depends on all of "
        "the tile, and no halo mends that.",
        "Dark spots that end at tile borders on the left and are whole on the right",
    ),
    Shown(
        "group-norm-unet",
        "A U-Net with group norm, as pytorch-3dunet makes it",
        "Two poolings, group norm before each convolution, the coarser level stretched "
        "to the size of the finer one. The first norm sees the image itself: it scales "
        "the grey values tile by tile.",
        "Dark lines at the tile borders on the left, hardly any on the right",
    ),
    Shown(
        "resnet-fcn",
        "A ResNet-FCN, stretched corners upon corners",
        "Three strides of 2, then bilinear upsampling to the size of the image with "
        "`align_corners=True`, as many segmentation networks end. How far a coarse "
        "pixel lies from the next depends on the size of the tile.",
        "Black lines at the tile borders on the left, fainter ones on the right",
    ),
)


@dataclass(frozen=True)
class Measured:
    """What is found of a network, and its tiles.

    Attributes
    ----------
    shown : Shown
    found : dict
        See `Found.figures`.
    naive, aligned, larger : Stitched
        Tiles of 38 pixels, cropped tiles of 32 and of 64.
    """

    shown: Shown
    found: dict[str, Any]
    naive: Stitched
    aligned: Stitched
    larger: Stitched

    def far(self, side: Stitched) -> float:
        """Return the largest difference from one pass, in units of its spread."""
        apart = np.abs(side.embedding - side.untiled).max()
        return float(apart / side.untiled.std())


def measured(shown: Shown, network: ForeignNetwork, image: NDArray[Any]) -> Measured:
    """Tile an image by a network: naively, on its grid, and in larger tiles.

    Parameters
    ----------
    shown : Shown
    network : ForeignNetwork
    image : ndarray
        (y, x)
    """
    untiled = embed(image, network, stitching="whole", device="cpu")

    def stitched(window: int, stitching: Stitching) -> Stitched:
        plan = plan_tiles(image.shape, network.shape, window, stitching)
        how: dict[str, Any] = {"stitching": stitching, "device": "cpu"}
        return Stitched(embed(image, network, window=window, **how), plan, untiled)

    return Measured(
        shown,
        network.config.found,
        stitched(NAIVE, "naive"),
        stitched(ALIGNED, "cropped"),
        stitched(LARGER, "cropped"),
    )


def by_halo(path: Path, image: NDArray[Any]) -> dict[tuple[int, int], float]:
    """Tile by hand, and return the largest difference from one pass.

    Parameters
    ----------
    path : Path
        Of the network, which pads.
    image : ndarray
        (y, x)

    Returns
    -------
    dict
        (halo, pixels that tiles begin beside the grid) → difference of the outputs.
    """
    network = open_network(path)
    read = network.intensity.of(image[None])(image[None])[None]
    untiled = network.predict(read)
    made = {}
    for halo in HALOS:
        for off in OFF_GRID:
            first = max(HALOS) + off
            starts = range(first, image.shape[0] - STRIDE - halo + 1, STRIDE)
            made[halo, off] = max(
                _apart(network, read, untiled, (y, x), halo)
                for y in starts
                for x in starts
            )
    return made


def _apart(
    network: Any, read: Any, untiled: Any, start: Sequence[int], halo: int
) -> float:
    """Return how far a tile of 64 pixels is from one pass at the most."""
    tile = read[(..., *(slice(n - halo, n + STRIDE + halo) for n in start))]
    kept = network.predict(tile)[(..., *[slice(halo, halo + STRIDE)] * 2)]
    same = untiled[(..., *(slice(n, n + STRIDE) for n in start))]
    return float(np.abs(kept - same).max())


def page(all_measured: Sequence[Measured], halos: dict[tuple[int, int], float]) -> str:
    """Return the page.

    Parameters
    ----------
    all_measured : sequence of Measured
        The package first.
    halos : dict
        Of `by_halo`.
    """
    lines = [*OPENING, "", TABLE, "|---|" + "---|" * 7]
    lines += [_row(each) for each in all_measured]
    lines += ["", *AFTER_TABLE]
    for each in all_measured:
        lines += ["", *_section(each)]
        if each.shown is PACKAGE:
            lines += ["", *_halos(halos)]
    return "\n".join(map(_wrapped, lines)) + "\n"


def _wrapped(line: str) -> str:
    """Break a paragraph into lines; tables, pictures and lists stay as they are."""
    if line.startswith(("|", "!", "#", "-", " ")):
        return line
    return fill(line, WIDTH, break_long_words=False, break_on_hyphens=False)


OPENING = (
    "# Networks made elsewhere",
    "",
    "Five networks that this program did not train, as anybody might have them: what "
    "is found of each ([how](networks.md)), and its tiles on a part of 256 × 256 "
    "pixels of the sample `nuclei`. The first one is trained; the others have seeded "
    "Kaiming weights, so their outputs mean nothing, but repeat, see and pad as "
    "trained ones do. `make network-gallery PACKAGE=FOLDER` makes this page anew.",
    "",
    f"*Naive* tiles are of {NAIVE} pixels, which is no multiple of any period here, "
    f"and read no halo; *aligned* ones of {ALIGNED} and {LARGER}, with the halo that "
    "was found. Their difference from one pass is the largest of any pixel, in units "
    "of the standard deviation of the outputs. The seam ratio is how many times as "
    "much the outputs change at tile borders as elsewhere; in brackets the same "
    "places in one pass.",
)
TABLE = (
    f"| network | period | context | tiles | naive, {NAIVE} | aligned, {ALIGNED} | "
    f"aligned, {LARGER} | seam ratio: naive, aligned |"
)
AFTER_TABLE = (
    "In every picture the left panel is the gradient magnitude of naive tiles, the "
    "middle one that of aligned tiles, on one grey scale: dark is a large step. Red "
    "ticks mark tile borders. The right panel is the seam profile along the first "
    "axis; its last offset is the border.",
)


def _row(each: Measured) -> str:
    found = each.found
    context = "whole tile" if None in found["context"][0] else _sides(found)
    cells = [
        f"[{each.shown.title.partition(':')[0]}](#{_anchor(each.shown.title)})",
        f"{found['period'][0]}",
        context,
        found["tiling"],
        *(f"{each.far(s):.2g}" for s in (each.naive, each.aligned, each.larger)),
        f"{_ratio(each.naive)}, {_ratio(each.aligned)}",
    ]
    return f"| {' | '.join(cells)} |"


def _sides(found: dict[str, Any]) -> str:
    before, after = found["context"][0]
    return f"{before}" if before == after else f"{before} before, {after} after"


def _anchor(title: str) -> str:
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return "-".join(kept.split())


def _ratio(side: Stitched) -> str:
    return f"{side.scores.ratio:.2f} ({side.reference.ratio:.2f})"


def _section(each: Measured) -> Iterator[str]:
    shown, found = each.shown, each.found
    yield from (f"## {shown.title}", "", shown.about, "")
    yield from (f"![{shown.seen}](networks/{shown.name}.png)", "")
    yield (
        f"Found: period {found['period'][0]}, padding {found['padding'][0]}. "
        f"{_sure(found['agreement'])} Tiles can be **{WORDS[found['tiling']]}**."
    )
    yield ""
    for cause in found["causes"]:
        yield f"- *{cause['kind']}* ({cause['layer']}): {_sentence(cause['text'])}"
        yield f"  {_sentence(cause['remedy'])}"


def _sure(agreement: dict[str, str]) -> str:
    """Return which of the two ways says what."""
    said: dict[str, list[str]] = {}
    for quantity, text in agreement.items():
        said.setdefault(text, []).append(quantity)
    parts = [f"{text} ({', '.join(names)})" for text, names in said.items()]
    return _sentence("; ".join(parts))


WORDS = {
    "exact": "exactly those of one pass",
    "nearly": "nearly those of one pass",
    "impossible": "no more than alike: exact ones are impossible",
}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _halos(halos: dict[tuple[int, int], float]) -> Iterator[str]:
    yield "The same by hand, with tiles that keep 64 × 64 pixels and read nothing but"
    yield "image. The largest difference from one pass, of outputs from 0 to 1:"
    yield ""
    yield f"| halo | {' | '.join(BEGIN[off] for off in OFF_GRID)} |"
    yield "|---|" + "---|" * len(OFF_GRID)
    for halo in HALOS:
        cells = [f"{halos[halo, off]:.2g}" for off in OFF_GRID]
        yield f"| {halo} | {' | '.join(cells)} |"
    yield ""
    yield "On the grid a halo of 56 or 64 makes tiles exact, and the declared one of 32"
    yield "is too small. Beside the grid no halo helps."


BEGIN = {0: "on the grid", 3: "3 pixels beside it", 4: "4 pixels beside it"}


def write_page(package: Path, docs: Path) -> Iterator[Path]:
    """Write the page and its pictures, yielding each file that was written.

    Parameters
    ----------
    package : Path
        Folder of the package unet2d_nuclei_broad.
    docs : Path
        Folder of the pages.
    """
    torch.set_num_threads(1)
    image = make_sample("nuclei").image[PART]
    pictures, every = docs / "networks", []
    pictures.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as temporary:
        for shown in (PACKAGE, *OTHERS):
            path = _file_of(shown, package, Path(temporary))
            each = measured(shown, load_model(path), image)
            every.append(each)
            titles = f"naive tiles of {NAIVE}", f"aligned tiles of {ALIGNED}"
            scene = Scene(shown.name, each.naive, each.aligned, titles, VIEW)
            yield draw(scene, pictures / f"{shown.name}.png")
    text = page(every, by_halo(package, image))
    (docs / "network-gallery.md").write_text(text, encoding="utf-8")
    yield docs / "network-gallery.md"


def _file_of(shown: Shown, package: Path, folder: Path) -> Path:
    if shown is PACKAGE:
        return package
    if shown.name == "resnet-fcn":
        return write_resnet(folder)
    return write_known(shown.name, folder)


def main() -> None:
    """Write the page of networks made elsewhere into the documentation."""
    parser = ArgumentParser(description=main.__doc__)
    parser.add_argument("package", type=Path, help="folder of unet2d_nuclei_broad")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    for path in write_page(given.package, given.output):
        print(path)


if __name__ == "__main__":
    main()
