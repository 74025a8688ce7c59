"""A small network for nuclei in 3-D, so that anyone can repeat figure 6 there."""

from __future__ import annotations

from functools import partial

from napari_shiftseg.experiments.network import Network
from napari_shiftseg.model.config import Clustering
from napari_shiftseg.samples.catalogue import small_nuclei
from napari_shiftseg.training.losses import DiscriminativeLoss, ForegroundLoss
from napari_shiftseg.training.networks import object_config
from napari_shiftseg.training.recipes import object_recipe

LEARNT = (128, 128, 128)  # voxels of the stack to learn from
SEED = 100  # of that stack; that of the measured one is 0
FACTORS = ((2, 2, 2), (4, 4, 4))  # p = 8 with a context of 56, where 2, 2, 2 has 88
WINDOW, STEPS = 20, 7_000
BANDWIDTH = 0.5

CONFIG = object_config(
    "6-3d",
    description="Small nuclei in 3-D, synthetic; figure 6.",
    ndim=3,
    depth=len(FACTORS),
    features=8,
    embedding_channels=8,
    clustering=Clustering(bandwidth=BANDWIDTH, scope="component", min_size=8),
).model_copy(update={"pooling_factors": FACTORS})
# As in the paper all pairs are pushed apart and an object is pulled to one place. The
# foreground is not to part nuclei that touch: that is what the embedding is for.
RECIPE = object_recipe(
    WINDOW,
    STEPS,
    loss=DiscriminativeLoss(pull_margin=0, push_margin=1.5, background=False),
    foreground=ForegroundLoss(part_within=0, weight=3.0),
    border="valid",
    augmentation=None,
    precision="bfloat16",
)
NETWORK = Network("6", partial(small_nuclei, LEARNT, SEED), CONFIG, RECIPE)
