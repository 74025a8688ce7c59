"""What the papers claim, shown by figures: all by name, in the order of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.experiments.every_pixel import FIGURE_5, FIGURE_S2
from napari_shiftseg.experiments.grouping import FIGURE_KF4, FIGURE_KF5, FIGURE_KF12
from napari_shiftseg.experiments.lattice import (
    FIGURE_2A,
    FIGURE_2B,
    FIGURE_2C,
    FIGURE_S3,
)
from napari_shiftseg.experiments.lemma import FIGURE_1
from napari_shiftseg.experiments.look_alikes import FIGURE_7
from napari_shiftseg.experiments.one_dimension import FIGURE_KF13
from napari_shiftseg.experiments.phases import FIGURE_3
from napari_shiftseg.experiments.tiled_disks import (
    FIGURE_4A,
    FIGURE_4B,
    FIGURE_4C,
    FIGURE_S1,
    FIGURE_Z,
)
from napari_shiftseg.experiments.tiled_nuclei import FIGURE_4D, FIGURE_4E, FIGURE_4F
from napari_shiftseg.experiments.volumes import FIGURE_NUCLEI3D
from napari_shiftseg.experiments.window_size import FIGURE_6

if TYPE_CHECKING:
    from napari_shiftseg.experiments.experiment import Experiment

ALL = "all"
EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        FIGURE_1, FIGURE_2A, FIGURE_2B, FIGURE_2C, FIGURE_3, FIGURE_4A, FIGURE_4B,
        FIGURE_4C, FIGURE_4D, FIGURE_4E, FIGURE_4F, FIGURE_5, FIGURE_6, FIGURE_7,
        FIGURE_S1, FIGURE_S2, FIGURE_S3, FIGURE_Z, FIGURE_NUCLEI3D, FIGURE_KF4,
        FIGURE_KF5, FIGURE_KF12, FIGURE_KF13,
    )
}  # fmt: skip


def find_experiments(name: str) -> list[Experiment]:
    """Return the figure of this name, or all of them.

    Raises
    ------
    ValueError
        If there is no such figure; the message names those there are.
    """
    asked = name.lower()  # S3, as in the paper, is s3
    if asked == ALL:
        return list(EXPERIMENTS.values())
    if asked not in EXPERIMENTS:
        known = ", ".join(EXPERIMENTS)
        raise ValueError(f"no figure {name!r}; there are {known}, and {ALL}")
    return [EXPERIMENTS[asked]]
