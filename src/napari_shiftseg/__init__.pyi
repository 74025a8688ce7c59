# The public names and where they are; read when the package is imported.

from .clustering.mean_shift import MeanShift as MeanShift
from .detection.boundaries import boundaries as boundaries
from .detection.boundaries import fit_boundaries as fit_boundaries
from .detection.confidence import read_confidence as read_confidence
from .detection.confidence import save_confidence as save_confidence
from .detection.instances import judged_classes as judged_classes
from .detection.instances import learn_class_confidence as learn_class_confidence
from .detection.proposals import learn_confidence as learn_confidence
from .detection.proposals import object_proposals as object_proposals
from .distributed.segmenting import segment_to_store as segment_to_store
from .embeddings.recurrent import RecurrentMeanShift as RecurrentMeanShift
from .embeddings.spherical import cosine_margin_loss as cosine_margin_loss
from .geometry.tiling import plan_tiles as plan_tiles
from .inference.predict import embed as embed
from .metrics.agreement import compare_labels as compare_labels
from .metrics.boundaries import boundary_scores as boundary_scores
from .metrics.classes import region_average_precision as region_average_precision
from .metrics.measuring import measure as measure
from .metrics.objects import average_precision as average_precision
from .metrics.objects import false_merges as false_merges
from .metrics.objects import false_splits as false_splits
from .metrics.recall import average_recall as average_recall
from .metrics.seams import gradient_magnitude as gradient_magnitude
from .metrics.seams import seam_scores as seam_scores
from .networks.loading.models import load_model as load_model
from .networks.opening.exporting import export_bioimageio as export_bioimageio
from .networks.opening.imported import import_network as import_network
from .networks.unet import new_model as new_model
from .networks.unet import save_model as save_model
from .pipeline.comparison import compare as compare
from .pipeline.seam_causes import seam_causes as seam_causes
from .pipeline.segmentation import segment as segment
from .pipeline.self_test import self_test as self_test
from .pipeline.sweep import sweep as sweep
from .pipeline.tuning import tune as tune
from .relabelling.colours import random_projection as random_projection
from .report.many_images import segment_images as segment_images
from .results.confidence import object_confidence as object_confidence
from .results.learning import learn_object_confidence as learn_object_confidence
from .results.mode_distance import mode_distance as mode_distance
from .results.saving import save_results as save_results
from .stores.reading import read_image as read_image
from .training.fit import train as train

__version__: str
__all__ = [
    "MeanShift",
    "RecurrentMeanShift",
    "average_precision",
    "average_recall",
    "boundaries",
    "boundary_scores",
    "compare",
    "compare_labels",
    "cosine_margin_loss",
    "embed",
    "export_bioimageio",
    "false_merges",
    "false_splits",
    "fit_boundaries",
    "gradient_magnitude",
    "import_network",
    "judged_classes",
    "learn_class_confidence",
    "learn_confidence",
    "learn_object_confidence",
    "load_model",
    "measure",
    "mode_distance",
    "new_model",
    "object_confidence",
    "object_proposals",
    "plan_tiles",
    "random_projection",
    "read_confidence",
    "read_image",
    "region_average_precision",
    "save_confidence",
    "save_model",
    "save_results",
    "seam_causes",
    "seam_scores",
    "segment",
    "segment_images",
    "segment_to_store",
    "self_test",
    "sweep",
    "train",
    "tune",
]
