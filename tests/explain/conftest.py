"""Predictions drawn by hand: a toy network's plan, an embedding, and what to ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.explain.evidence import Evidence
from napari_shiftseg.geometry.tiling import TilePlan, plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.inference.predict import open_for, plan_for
from napari_shiftseg.pipeline.frame import clustered_steps, predicted_steps
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet


def toy_plan(size: tuple[int, ...], **options: Any) -> TilePlan:
    """Plan tiles for a network of two poolings: period 4, context 40."""
    shape = UNetShape((AxisShape(factors=(2, 2)),) * len(size))
    return plan_tiles(size, shape, **{"window": 8, **options})


def drawn_evidence(
    labels: NDArray[Any],
    values: NDArray[Any],
    logit: NDArray[Any] | None = None,
    plan: TilePlan | None = None,
    clustering: Clustering | None = None,
    **known: Any,
) -> Evidence:
    """Make evidence of labels whose embedding is (value, 0, 0) at every pixel."""
    embedding = np.stack([values, 0 * values, 0 * values]).astype(np.float32)
    predicted = Prediction(embedding, logit, plan or toy_plan(labels.shape), ())
    modes = known.pop("modes", np.zeros((0, 3)))
    return Evidence(predicted, labels, modes, clustering or Clustering(), **known)


@pytest.fixture(scope="session")
def plan_of() -> Callable[..., TilePlan]:
    return toy_plan


@pytest.fixture(scope="session")
def evidence_of() -> Callable[..., Evidence]:
    return drawn_evidence


@pytest.fixture(scope="session")
def evidence_from() -> Callable[..., Evidence]:
    """Predict and cluster an image by a model, and keep what was found."""

    def make(image: NDArray[Any], model: UNet, **chosen: Any) -> Evidence:
        settings = Settings(device="cpu", **chosen)
        opened = open_for(image, model)
        plan = plan_for(
            opened, model, settings.window, settings.stitching, settings.border,
            settings.region, settings.device,
        )  # fmt: skip
        predicted = exhaust(predicted_steps(opened, model, plan, settings))
        clustering = settings.clustering(model.config)
        objects = exhaust(clustered_steps(predicted, model, clustering, "cpu"))
        provenance = model.config.provenance
        return Evidence(
            predicted, objects.labels, objects.modes, clustering,
            training_window=provenance.window if provenance else None,
        )  # fmt: skip

    return make
