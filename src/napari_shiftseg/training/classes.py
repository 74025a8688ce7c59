"""Classes of objects to learn: which there are, and that of each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.samples import Sample


NO_CLASS = -1  # of a pixel that is of no object, or not known
SHOWN = 3  # objects that an error names


def class_names(samples: Iterable[Sample]) -> tuple[str, ...]:
    """Return the classes of the objects of images, each once, in alphabetical order."""
    known = (sample.classes or {} for sample in samples)
    return tuple(sorted({name for classes in known for name in classes.values()}))


@dataclass(frozen=True)
class ClassOfPixels:
    """Which class a pixel is of, by the label it has; labels stay what is augmented."""

    ids: NDArray[np.int64]  # (objects + 1,), upward, the background first
    numbers: NDArray[np.int64]  # (objects + 1,), of the class of each; −1: none

    def at(self, labels: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the number of the class of each pixel; −1 where it has none."""
        place = np.searchsorted(self.ids, labels).clip(max=len(self.ids) - 1)
        known = self.ids[place] == labels
        return np.where(known, self.numbers[place], NO_CLASS)


def classes_to_learn(sample: Sample, names: Sequence[str], image: str) -> ClassOfPixels:
    """Return the classes of an image, by number.

    Parameters
    ----------
    sample : Sample
        With a class for each object.
    names : sequence of str
        Of the classes that the network tells apart, in its order.
    image : str
        What it is called in an error.

    Raises
    ------
    ValueError
        If there are no classes, an object has none, or one that the network does not
        know.
    """
    if sample.classes is None:
        raise ValueError(
            f"{image} has no classes, but the network tells {', '.join(names)} apart: "
            f"say which object is of which class, or train a network without classes"
        )
    labels = np.asarray(sample.labels)
    ids = np.unique(labels[labels > 0])
    _refuse_without(ids, sample.classes, sample.table, image)
    number = {name: at for at, name in enumerate(names)}
    chosen = [sample.classes[label] for label in ids.tolist()]
    _refuse_unknown(chosen, number, sample.table or image)
    return ClassOfPixels(
        np.concatenate([[0], ids]).astype(np.int64),
        np.array([NO_CLASS, *(number[name] for name in chosen)], dtype=np.int64),
    )


def _refuse_without(
    ids: NDArray[np.integer], classes: Mapping[int, str], table: str, image: str
) -> None:
    without = [label for label in ids.tolist() if label not in classes]
    if without:
        named = ", ".join(map(str, without[:SHOWN]))
        more = f" and {len(without) - SHOWN} more" if len(without) > SHOWN else ""
        objects, have = ("objects", "have") if len(without) > 1 else ("object", "has")
        of, within = ("", f" in {table}") if table else (f" of {image}", "")
        raise ValueError(
            f"{objects} {named}{more}{of} {have} no class{within}: give each one, or "
            f"label its pixels -1 (not known)"
        )


def _refuse_unknown(
    chosen: Iterable[str], known: Mapping[str, int], source: str
) -> None:
    unknown = sorted(set(chosen) - known.keys())
    if unknown:
        raise ValueError(
            f"{source} has the class {', '.join(unknown[:SHOWN])}, but the network "
            f"tells {', '.join(known)} apart: correct the name, or train a new network"
        )
