"""Pictures of the faults: the seams themselves, beside the same without the fault."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from faults import (
    Stitched,
    border_steps,
    centred_crop,
    cropped,
    last_tile_shifted_back,
    normalised_per_tile,
    window_at_most_period,
    without_halo,
)
from scipy.ndimage import gaussian_filter

from napari_shiftseg.metrics.seams import gradient_magnitude
from napari_shiftseg.networks.unet import load_unet, new_model
from napari_shiftseg.samples.catalogue import disks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.network_shape import Padding
    from napari_shiftseg.networks.unet import UNet

DARKEST = 97  # percentile of the gradient magnitude from which on all is black
COLOURS = 128  # in a picture: half the bytes
INK = {"fault": "tab:red", "control": "black"}


@dataclass(frozen=True)
class Scene:
    """A fault beside its control.

    Attributes
    ----------
    name : str
        Of the file.
    fault, control : Stitched
    titles : tuple of str
        Of both.
    view : (int, int)
        Start and stop of the pixels shown, along both axes.
    by_border : bool
        Whether the steps are drawn border by border, not by the offset in the tile.
    """

    name: str
    fault: Stitched
    control: Stitched
    titles: tuple[str, str]
    view: tuple[int, int]
    by_border: bool = False


def texture(
    shape: Sequence[int], brightness: float = 1.0, seed: int = 0
) -> NDArray[np.float64]:
    r"""Make smooth noise whose brightness varies along the diagonal.

    Parameters
    ----------
    shape : sequence of int
        Pixels along each axis.
    brightness : float
        At the last corner, over that at the first one.
    seed : int

    Returns
    -------
    ndarray
        (\*shape), noise of deviation 1 around 4, times the brightness.
    """
    noise = gaussian_filter(np.random.default_rng(seed).normal(size=tuple(shape)), 5)
    ramps = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    rise = np.mean(ramps, axis=0)
    lit: NDArray[np.float64] = (noise / noise.std() + 4) * (1 + (brightness - 1) * rise)
    return lit


def scenes() -> Iterator[Scene]:
    """Make every fault and its control."""
    lattice, model = disks().image, load_unet("disks")
    yield Scene(
        "window_at_most_period",
        window_at_most_period(lattice, load_unet("disks-w16")),
        window_at_most_period(lattice, model),
        ("trained with w = 16 = p", "trained with w = 20 > p"),
        (184, 256),
    )
    noise, padded = texture((133, 133)), _untrained(padding="same")
    titles = "no halo, stride 32 = 4p", "halo read and cropped"
    yield _scene(without_halo, noise, padded, 32, titles, (0, 100))
    lattice = disks((248, 248)).image
    titles = "last tile shifted back", "last tile on the grid"
    shifted = _scene(last_tile_shifted_back, lattice, model, 64, titles, (150, 214))
    yield replace(shifted, by_border=True)
    titles = "middle of the raw output", "beginning of the raw output"
    yield _scene(centred_crop, lattice, model, 16, titles, (40, 140))
    bright, valid = texture((133, 133), brightness=6), _untrained(padding="valid")
    titles = "each tile scaled by itself", "scaled as a whole"
    scaled = _scene(normalised_per_tile, bright, valid, 32, titles, (0, 100))
    whole = (bright - bright.mean()) / bright.std()
    yield replace(scaled, control=cropped(whole, valid, 32))


def _scene(
    fault: Callable[[NDArray[Any], UNet, int], Stitched],
    image: NDArray[Any],
    model: UNet,
    window: int,
    titles: tuple[str, str],
    view: tuple[int, int],
) -> Scene:
    """Make a fault beside cropped tiles of the same image and model."""
    made = fault(image, model, window)
    control = cropped(image, model, window)
    return Scene(fault.__name__, made, control, titles, view)


def write_pictures(folder: Path) -> Iterator[Path]:
    """Draw every fault, yielding each file that was written."""
    folder.mkdir(parents=True, exist_ok=True)
    for scene in scenes():
        yield draw(scene, folder / f"{scene.name}.png")


def draw(scene: Scene, path: Path) -> Path:
    """Draw both gradient magnitudes, tile borders ticked, and the steps beside."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from PIL import Image

    with rc_context({"font.size": 9, "axes.titlesize": 9.5}):
        figure = Figure((8, 3.1), dpi=100, layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        most = np.percentile(gradient_magnitude(scene.fault.embedding), DARKEST)
        sides = (scene.fault, scene.control)
        for axes, side, title in zip((left, middle), sides, scene.titles, strict=True):
            _draw_gradient(axes, side, scene.view, float(most))
            axes.set_title(title)
        (_draw_borders if scene.by_border else _draw_profile)(right, scene)
        right.set_ylabel("mean step")
        right.set_ylim(0, right.get_ylim()[1] * 1.35)  # room for the legend
        right.legend(fontsize=8, loc="upper left")
        figure.savefig(drawn := BytesIO(), format="png")
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    return path


def _untrained(padding: Padding) -> UNet:
    return new_model(depth=3, features=8, padding=padding, upsampling="nearest")


def _draw_gradient(
    axes: Any, side: Stitched, view: tuple[int, int], most: float
) -> None:
    start, stop = view
    shown = gradient_magnitude(side.embedding)[start:stop, start:stop]
    edge = (start - 0.5, stop - 0.5)
    axes.imshow(
        shown, "gray_r", vmin=0, vmax=most, extent=(*edge, *reversed(edge)),
        interpolation="nearest",
    )  # fmt: skip
    rows, columns = (
        [b for b in borders if start < b < stop] for borders in side.plan.boundaries
    )
    # a step is drawn on the pixel before it
    axes.set_xticks([b - 1 for b in columns], labels=map(str, columns), rotation=90)
    axes.set_yticks([b - 1 for b in rows], labels=map(str, rows))
    axes.tick_params(color=INK["fault"], length=7, width=1.5, right=True)
    axes.set_xlabel("red: tile borders (pixel)")


def _draw_profile(axes: Any, scene: Scene) -> None:
    for kind, title in zip(INK, scene.titles, strict=True):
        profile = getattr(scene, kind).scores.profile[0]
        axes.plot(profile, color=INK[kind], label=title, marker=".", markersize=3)
    axes.set_title("seam profile")
    axes.set_xlabel("offset in the tile; last: border")


def _draw_borders(axes: Any, scene: Scene) -> None:
    for (kind, ink), title, aside in zip(
        INK.items(), scene.titles, (-0.2, 0.2), strict=True
    ):
        steps = border_steps(getattr(scene, kind).embedding, scene.fault.plan)[0]
        axes.bar(np.arange(len(steps)) + aside, steps, 0.4, color=ink, label=title)
    borders = scene.fault.plan.boundaries[0]
    axes.set_xticks(range(len(borders)), labels=map(str, borders))
    axes.set_title("steps at each border")
    axes.set_xlabel("tile border (pixel)")


def main() -> None:
    """Draw every fault into a folder, for the documentation."""
    parser = ArgumentParser(description=main.__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True)
    for path in write_pictures(parser.parse_args().output):
        print(path)


if __name__ == "__main__":
    main()
