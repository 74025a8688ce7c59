"""Segment images tile by tile without seams, and see the seams where there are some.

The public names are resolved on first use: importing the package loads neither
torch nor scikit-learn, napari or Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clustering.mean_shift import MeanShift
    from .files.reading import read_image
    from .geometry.tiling import plan_tiles
    from .inference.predict import embed
    from .metrics.instances import average_precision, false_merges, false_splits
    from .metrics.seams import gradient_magnitude, seam_scores
    from .model.checkpoint import load_model, save_model
    from .model.unet import new_model
    from .pipeline.comparison import compare
    from .pipeline.segmentation import segment
    from .pipeline.self_test import self_test
    from .pipeline.sweep import sweep
    from .pipeline.tuning import tune
    from .training.fit import train

__version__ = "0.1.0"

_HOMES = {
    "MeanShift": "clustering.mean_shift",
    "average_precision": "metrics.instances",
    "compare": "pipeline.comparison",
    "embed": "inference.predict",
    "false_merges": "metrics.instances",
    "false_splits": "metrics.instances",
    "gradient_magnitude": "metrics.seams",
    "load_model": "model.checkpoint",
    "new_model": "model.unet",
    "plan_tiles": "geometry.tiling",
    "read_image": "files.reading",
    "save_model": "model.checkpoint",
    "seam_scores": "metrics.seams",
    "segment": "pipeline.segmentation",
    "self_test": "pipeline.self_test",
    "sweep": "pipeline.sweep",
    "train": "training.fit",
    "tune": "pipeline.tuning",
}

__all__ = [
    "MeanShift",
    "average_precision",
    "compare",
    "embed",
    "false_merges",
    "false_splits",
    "gradient_magnitude",
    "load_model",
    "new_model",
    "plan_tiles",
    "read_image",
    "save_model",
    "seam_scores",
    "segment",
    "self_test",
    "sweep",
    "train",
    "tune",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
