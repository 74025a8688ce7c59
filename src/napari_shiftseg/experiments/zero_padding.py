"""Figure Z: zero padding, and the paper's remedy: neighbouring tiles in one batch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_shiftseg.experiments.every_pixel import find_disks
from napari_shiftseg.experiments.experiment import (
    Experiment,
    Outcome,
    embedding_colours,
    show,
)
from napari_shiftseg.experiments.inputs import Network, colour_config
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.report.plots import object_colours
from napari_shiftseg.samples.disks import disks
from napari_shiftseg.training.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples.sample import Sample

TILE = 24  # pixels along a side, three periods
SPACING = 15  # five tiles later the lattice repeats: they meet it at 5 × 5 places
PADDED_SIDE = 10 * TILE  # of the measured image, in pixels
TILES_SEEN = 4  # tiles along a side in the picture
ALONE, TOGETHER = "alone", "together"


def measure_padding(networks: Mapping[str, UNet]) -> Outcome:
    """Stitch tiles without a halo, and measure the seams of both networks."""
    rows: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    sample = disks((PADDED_SIDE, PADDED_SIDE), SPACING)
    for training in (ALONE, TOGETHER):
        numbers, found = stitched(sample, networks[f"z-{training}"])
        rows.append({"tiles_trained": training, **numbers})
        arrays |= {f"{training} {name}": array for name, array in found.items()}
    scores = ("seam_ratio", "seam_ratio_within", "false_splits", "disks_of_one_mode")
    numbers = {
        **{f"{name}_before": rows[0][name] for name in scores},
        **{f"{name}_after": rows[1][name] for name in scores},
        "tile": TILE,
        "spacing": SPACING,
        "table": rows,
    }
    return Outcome(numbers, arrays)


def stitched(
    sample: Sample, model: UNet
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Stitch tiles of a same-padded network that read no halo.

    Returns
    -------
    dict
        Seam ratios; ``seam_ratio_of_image`` is that of the image itself, the ratio of
        an embedding that has steps at the borders of disks only. False splits.
    dict of ndarray
        What is drawn.
    """
    found = find_disks(sample, model, window=TILE, stitching="naive")
    of_image = seam_scores(sample.image[None], found.result.plan).ratio
    numbers = found.figures(
        "seam_ratio", "seam_ratio_of_image", "seam_ratio_within", "false_splits",
        "true_objects", "disks_of_one_mode", "modes", seam_ratio_of_image=of_image,
    )  # fmt: skip
    return numbers, found.drawn


def draw_padding(figure: Figure, outcome: Outcome) -> None:
    """Draw embedding and modes of some tiles, before and after the remedy."""
    pixels = slice(TILES_SEEN * TILE)
    lines = range(TILE, TILES_SEEN * TILE, TILE)
    for columns, (training, when) in zip(
        figure.subplots(1, 4).reshape(2, 2),
        ((ALONE, "before"), (TOGETHER, "after")),
        strict=True,
    ):
        embedding = outcome.arrays[f"{training} embedding"][:, pixels, pixels]
        ratio = outcome.numbers[f"seam_ratio_within_{when}"]
        title = f"trained {training}: seam ratio {ratio:.1f}"
        show(columns[0], embedding_colours(embedding), title, lines)
        modes = outcome.arrays[f"{training} modes"][pixels, pixels]
        splits = outcome.numbers[f"false_splits_{when}"]
        show(columns[1], object_colours(modes), f"{splits} false splits", lines)


def _network(training: str, **options: Any) -> Network:
    about = f"Disks {SPACING} pixels apart, tiles {training}; figure z."
    config = colour_config(f"z-{training}", about, depth=3, features=8, padding="same")
    recipe = Recipe(steps=2_500, learning_rate=4e-3, grid=TILE, **options)
    sample = partial(disks, (16 * TILE,) * 2, SPACING)
    return Network("z", sample, config, recipe)


FIGURE_Z = Experiment(
    "z",
    "Zero padding: neighbouring tiles in one batch mend the seams",
    f"A network with zero padding predicts tiles of {TILE} pixels (l = 3, p = 8, so a "
    f"multiple of the period) side by side, without a halo: each tile is surrounded by "
    f"zeros, and the network has to make up what lies beyond. Left: trained with tiles "
    f"one by one, each with a loss of its own; disks that a tile border (white) cuts "
    f"get an embedding on either side. Right: the same number of tiles a step, but "
    f"2 × 2 neighbours in one batch and one loss over what they are stitched to: it "
    f"pulls both sides of a cut disk together. For each, the embedding as colours, "
    f"with its seam ratio inside disks, how many times as far it steps at tile borders "
    f"as elsewhere; and one colour a mode.",
    measure_padding,
    draw_padding,
    (
        _network(ALONE, window=TILE, batch=4),
        _network(TOGETHER, window=2 * TILE, tiles=2),
    ),
    (12.0, 3.25),
)
