r"""What tiles off the grid and small halos cost: tiles of a network against one pass.

    python benchmarks/grid.py unet2d_nuclei_broad --image test_input.npy
    python benchmarks/grid.py MODEL --image IMAGE --halos 32 56 --shifts 0 4 --side 509

A line a halo, a column a shift: the largest difference of the prediction from one pass,
over the image and all channels. Tiles keep so many pixels, read the halo around them
and begin so many pixels off the grid. Without ``--halos`` these are the declared one,
and whole periods around the halo that was found to be needed; without ``--shifts`` 0 is
on the grid, the others are those about half a period off it. Without ``--image`` the
model's own test image is taken. Then, as libraries of others lay tiles of the same
window: see ``shiftseg compare --also``.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.cli.terminal import print_table, with_progress
from napari_shiftseg.geometry.tiling import TilePlan, plan_tiles
from napari_shiftseg.geometry.window import AxisPlan, AxisTile
from napari_shiftseg.inference.predict import embed_steps, embedding_of, open_for
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.pipeline.libraries import laid_as, ways_of
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.stores.reading import read_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.network_shape import AxisSizes
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.stores.image import Image


def shifted(whole: TilePlan, keeps: int, halo: int, shift: int) -> TilePlan:
    """Return tiles with any halo, so many pixels off the grid.

    Parameters
    ----------
    whole : TilePlan
        One pass over the same image.
    keeps, halo, shift : int
        In pixels, along each axis.
    """
    axes = tuple(
        _shifted_axis(axis, plan, keeps, halo, shift)
        for axis, plan in zip(whole.shape.axes, whole.axes, strict=True)
    )
    return replace(whole, stitching="naive", window=(keeps,) * len(axes), axes=axes)


def _shifted_axis(
    axis: AxisSizes, whole: AxisPlan, keeps: int, halo: int, shift: int
) -> AxisPlan:
    origin, stop = whole.tiles[0].origin + shift, whole.stop
    first = origin - keeps if origin > whole.start else origin
    edges = [*range(first, stop, keeps), stop]
    tiles = tuple(AxisTile(a, max(a, whole.start), b) for a, b in pairwise(edges))
    reads = axis.input_for(keeps + 2 * halo)
    lead = axis.context // 2 + halo
    return AxisPlan(tiles, reads, lead, halo, keeps, whole.start, stop)


def predicted(image: Image, model: TiledNetwork, plan: TilePlan) -> NDArray[Any]:
    """Return the embedding that tiles make."""
    steps = embed_steps(image, model, plan, "cpu")
    return embedding_of(with_progress(steps).raw, model.config)


def differences(
    image: Image,
    model: TiledNetwork,
    keeps: int,
    halos: Sequence[int],
    shifts: Sequence[int],
) -> dict[tuple[int, int], float]:
    """Return the largest difference from one pass, by halo and shift.

    Parameters
    ----------
    image : Image
    model : TiledNetwork
    keeps : int
        Pixels that a tile keeps along each axis.
    halos, shifts : sequence of int
        In pixels, along each axis.
    """
    whole = plan_tiles(image.shape, model.shape, stitching="whole")
    untiled = predicted(image, model, whole)

    def off(halo: int, shift: int) -> float:
        tiled = predicted(image, model, shifted(whole, keeps, halo, shift))
        return float(np.abs(tiled - untiled).max())

    return {pair: off(*pair) for pair in product(halos, shifts)}


def as_libraries(image: Image, model: TiledNetwork, keeps: int) -> dict[str, float]:
    """Return the largest difference from one pass, by the way to tile."""
    config, shape = model.config, model.shape
    untiled = predicted(image, model, plan_tiles(image.shape, shape, stitching="whole"))
    naive = plan_tiles(image.shape, shape, keeps, "naive")
    tiled = {
        way: predicted(read, model, plan)
        for way in ways_of(config)
        for read, plan in [laid_as(way, image, config, naive, Settings())]
    }
    cropped = plan_tiles(image.shape, shape, keeps)
    tiled = {
        "naive": predicted(image, model, naive),
        **tiled,
        "cropped": predicted(image, model, cropped),
    }
    return {way: float(np.abs(e - untiled).max()) for way, e in tiled.items()}


def usual_halos(model: TiledNetwork) -> list[int]:
    """Return the declared halo, and whole periods around the one that is needed."""
    axis, said = model.shape.axes[0], model.config.declared_halo
    around = [axis.halo + n * axis.period for n in (-2, -1, 0, 4)]
    return sorted({max(n, 0) for n in (*(said or ())[:1], *around)})


def usual_shifts(model: TiledNetwork) -> list[int]:
    """Return 0, and the two shifts up to half a period."""
    half = model.shape.period[0] // 2
    return sorted({0, max(half - 1, 0), half})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--halos", type=int, nargs="+")
    parser.add_argument("--shifts", type=int, nargs="+")
    parser.add_argument("--keeps", type=int, default=64)
    parser.add_argument("--side", type=int, help="pixels taken along each axis")
    asked = parser.parse_args()
    model = load_model(asked.model)
    given = asked.image or asked.model / "test_input.npy"
    pixels = np.squeeze(read_image(given).data)
    taken = (slice(asked.side),) * model.config.ndim
    image = open_for(pixels[(..., *taken)], model)
    halos, shifts = (
        asked.halos or usual_halos(model),
        asked.shifts or usual_shifts(model),
    )
    found = differences(image, model, asked.keeps, halos, shifts)
    rows = [[str(h), *(f"{found[h, s]:.1e}" for s in shifts)] for h in halos]
    print_table(["halo", *(f"{s} px off the grid" for s in shifts)], rows)
    print()
    ways = as_libraries(image, model, asked.keeps)
    print_table(["as", "off by"], [[way, f"{off:.1e}"] for way, off in ways.items()])


if __name__ == "__main__":
    main()
