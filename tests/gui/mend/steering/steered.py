"""Labels to steer, and how they would be made from the start."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from napari.layers import Labels

import napari_shiftseg as shiftseg
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.networks.checkpoint import load_model
from napari_shiftseg.relabelling.relabel import Kept

BANDWIDTH = 0.02  # that gives the noise 31 objects
OTHER = 0.01


def layer_and_kept(image, model_file):
    model = load_model(model_file)
    result = shiftseg.segment(image, model, bandwidth=BANDWIDTH, device="cpu")
    record = {"settings": asdict(result.settings)}
    return Labels(result.labels.copy(), metadata={METADATA_KEY: record}), Kept(
        result, model.config
    )


def turned(steering, bandwidth=OTHER):
    return steering.clustering.model_copy(update={"bandwidth": bandwidth})


def pixel(labels, number):
    return tuple(int(x) for x in np.argwhere(labels == number)[0])


def fresh(noise, model_file, bandwidth):
    model = load_model(model_file)
    return shiftseg.segment(noise, model, bandwidth=bandwidth, device="cpu").labels
