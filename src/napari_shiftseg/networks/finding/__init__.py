"""What tiling needs of a network that is not known: found, twice, by itself."""

from napari_shiftseg.networks.finding.both_ways import NotFound, find
from napari_shiftseg.networks.finding.found import (
    AxisFound,
    Cause,
    Found,
    Padding,
    Probed,
)
from napari_shiftseg.networks.finding.suitability import (
    halo_of,
    tile_mismatch,
    train_eval_disparity,
)

__all__ = [
    "AxisFound", "Cause", "Found", "NotFound", "Padding", "Probed", "find", "halo_of",
    "tile_mismatch", "train_eval_disparity",
]  # fmt: skip
