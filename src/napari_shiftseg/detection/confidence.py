"""How well an object is likely to fit a true one: a regressor, and its file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from napari_shiftseg.networks.header import SAMPLE_DATA
from napari_shiftseg.stores.whole_file import whole_or_not_at_all

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.detection.features import Features


BUNDLED = SAMPLE_DATA / "confidence" / "nuclei.safetensors"
KEY = "napari_shiftseg_confidence"  # in the header of a file
VERSION = 1  # of the file and of what features mean
FEWEST = 50  # objects to learn from
LEAF = -1  # in place of the children of a leaf
TREES = {
    "n_estimators": 200, "max_depth": 4, "learning_rate": 0.05, "subsample": 0.5,
    "min_samples_leaf": 10, "random_state": 0,
}  # fmt: skip
ARRAYS = ("roots", "features", "thresholds", "left", "right", "values")


@dataclass(frozen=True)
class Trees:
    """Regression trees, all nodes one after the other; a child comes after its parent.

    Attributes
    ----------
    roots : ndarray of int
        (trees,), the first node of each.
    features, left, right : ndarray of int
        (nodes,), which feature is looked at, and where to go if it is at most the
        threshold, and if not; −1 at a leaf.
    thresholds, values : ndarray of float
        (nodes,); what a leaf adds.
    base : float
        To which the leaves are added.
    """

    roots: NDArray[np.int32]
    features: NDArray[np.int32]
    thresholds: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    values: NDArray[np.float64]
    base: float

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        r"""Return :math:`b + \sum_t v_t(x)`, (rows,), v_t the leaf that x comes to.

        Rows, (rows, features), are compared as float32, as scikit-learn does.
        """
        known = rows.astype(np.float32)
        at = np.tile(self.roots, (len(known), 1))
        number = np.arange(len(known))[:, None]
        while (inner := self.left[at] != LEAF).any():
            is_low = known[number, self.features[at]] <= self.thresholds[at]
            at = np.where(inner, np.where(is_low, self.left[at], self.right[at]), at)
        found: NDArray[np.float64] = self.base + self.values[at].sum(axis=1)
        return found


@dataclass(frozen=True)
class Confidence:
    """Predicts the overlap of objects with the best true object of each.

    Attributes
    ----------
    names : tuple of str
        Features that it takes, in order.
    trees : Trees
    model : str
        Name of the model whose objects it was learnt from.
    objects : int
        From how many.
    """

    names: tuple[str, ...]
    trees: Trees
    model: str
    objects: int

    def predict(self, features: Features) -> NDArray[np.float64]:
        """Return the intersection over union to be expected, (objects,), 0 to 1.

        Raises
        ------
        ValueError
            If these are not the features that it was learnt with.
        """
        if features.names != self.names:
            raise ValueError(
                f"this confidence takes the features {', '.join(self.names)}, got "
                f"{', '.join(features.names)}: learn one with these"
            )
        return np.clip(self.trees.predict(features.values), 0, 1)


def fit_confidence(features: Features, overlaps: ArrayLike, model: str) -> Confidence:
    """Learn how well objects fit, by gradient boosting of regression trees.

    scikit-learn fits them; what is kept are the arrays of the trees, which any version
    reads alike.

    Parameters
    ----------
    features : Features
        Of objects in images with truth.
    overlaps : array_like of float
        (objects,), intersection over union of each with its best true object.
    model : str
        Name of the model that made them.

    Raises
    ------
    ValueError
        If there are fewer than 50 objects, not as many overlaps, or one that is not
        from 0 to 1.
    """
    from sklearn.ensemble import GradientBoostingRegressor  # takes a second to load

    known = np.asarray(overlaps, dtype=np.float64)
    if len(features) < FEWEST:
        raise ValueError(
            f"a confidence is learnt from {FEWEST} objects or more, got "
            f"{len(features)}: add images with labels"
        )
    if known.shape != (len(features),) or not ((known >= 0) & (known <= 1)).all():
        raise ValueError(
            f"each of the {len(features)} objects needs an overlap from 0 to 1, got "
            f"{known.shape} from {known.min(initial=0):g} to {known.max(initial=0):g}"
        )
    learnt = GradientBoostingRegressor(**TREES).fit(features.values, known)
    trees = _trees_of(learnt, float(known.mean()))
    return Confidence(features.names, trees, model, len(features))


def _trees_of(learnt: Any, base: float) -> Trees:
    """Return the arrays of a regressor that begins with the mean."""
    trees = [each.tree_ for each in learnt.estimators_[:, 0]]
    begins = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]

    def children(name: str) -> NDArray[np.int32]:
        moved = [
            np.where(getattr(tree, name) < 0, LEAF, getattr(tree, name) + begin)
            for tree, begin in zip(trees, begins, strict=True)
        ]
        return np.concatenate(moved).astype(np.int32)

    def together(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(tree, name).ravel() for tree in trees])

    return Trees(
        roots=begins.astype(np.int32),
        features=together("feature").clip(min=0).astype(np.int32),
        thresholds=together("threshold"),
        left=children("children_left"),
        right=children("children_right"),
        values=together("value") * learnt.learning_rate,
        base=base,
    )


def save_confidence(confidence: Confidence, path: Path) -> Path:
    """Write a confidence as .safetensors, which cannot run code; return the path.

    Parameters
    ----------
    confidence : Confidence
    path : Path
        Replaced if it is there.
    """
    about = {
        "version": VERSION,
        "features": confidence.names,
        "model": confidence.model,
        "objects": confidence.objects,
        "base": confidence.trees.base,
    }
    arrays = {name: getattr(confidence.trees, name) for name in ARRAYS}
    with whole_or_not_at_all(path) as unfinished:
        unfinished.write_bytes(save(arrays, {KEY: json.dumps(about)}))
    return path


def read_confidence(path: Path = BUNDLED) -> Confidence:
    """Read a confidence; without a path the bundled one, of the model of nuclei.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not one, of another version, or damaged.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no confidence {path}: learn one with shiftseg confidence"
        )
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(KEY)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(
            f"{path.name} is no confidence, or it is truncated ({error}): a file "
            f"written by shiftseg confidence is expected"
        ) from None
    if text is None:
        raise ValueError(
            f"{path.name} holds arrays but no confidence: a file written by shiftseg "
            f"confidence is expected, not a model"
        )
    return _parsed(path.name, text, arrays)


def _parsed(name: str, text: str, arrays: dict[str, NDArray[Any]]) -> Confidence:
    """Return what a file says, once it is checked."""
    try:
        about = json.loads(text)
        version = about["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        version = None
    if version != VERSION:
        raise ValueError(
            f"{name} is a confidence of version {version}, this program reads "
            f"{VERSION}: learn it again with shiftseg confidence"
        )
    try:
        names, base = tuple(map(str, about["features"])), float(about["base"])
        model, objects = str(about["model"]), int(about["objects"])
        trees = Trees(**{each: arrays[each] for each in ARRAYS}, base=base)
        _check(trees, len(names))
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(
            f"{name} is damaged ({error}): learn it again with shiftseg confidence"
        ) from None
    return Confidence(names, trees, model, objects)


def _check(trees: Trees, features: int) -> None:
    """Refuse trees that lead nowhere, or round in a circle."""
    nodes = len(trees.left)
    for name in ARRAYS:
        array, is_float = getattr(trees, name), name in ("thresholds", "values")
        if array.dtype != (np.float64 if is_float else np.int32):
            raise ValueError(f"{name} are {array.dtype}")
        if array.ndim != 1 or (name != "roots" and len(array) != nodes):
            raise ValueError(f"{name} have the shape {array.shape}")
    number = np.arange(nodes)
    inner = trees.left != LEAF
    for child in (trees.left, trees.right):
        if ((child[inner] <= number[inner]) | (child[inner] >= nodes)).any():
            raise ValueError("a child does not come after its parent")
    if ((trees.roots < 0) | (trees.roots >= nodes)).any():
        raise ValueError("a root is no node")
    if ((trees.features < 0) | (trees.features >= features)).any():
        raise ValueError("a node looks at a feature that there is not")
    if not np.isfinite([*trees.thresholds, *trees.values, trees.base]).all():
        raise ValueError("numbers are not finite")
