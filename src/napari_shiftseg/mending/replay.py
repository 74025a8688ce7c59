"""A list of edits made again, on the same labels or on newer ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.kernels import coordinates
from napari_shiftseg.clustering.linking import Linking
from napari_shiftseg.mending.boxes import corner_of, holds_points
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.pipeline.result import Prediction, Segmentation
from napari_shiftseg.relabelling.numbers import NewNumbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Change, Made
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.networks import TiledNetwork


@dataclass(frozen=True)
class Replayed:
    """What became of a list of edits; they are numbered from 1."""

    labels: NDArray[np.integer]  # ([leading,] *spatial), mended
    # edits that acted, or had nothing to do since what they ask for was so already
    applied: tuple[int, ...]
    # edits that could not act, and what was found in place of what they need
    left_out: dict[int, str]
    # edits that were applied and hold no more, and the newer edit that wins
    overruled: dict[int, int]
    notes: tuple[str, ...]  # the last two in words


def replay(
    edits: Sequence[Edit],
    labels: NDArray[np.integer],
    embedding: Any,
    foreground: NDArray[np.bool_] | None = None,
    bandwidth: float = 1.0,
    offset: Sequence[int] | None = None,
    leading: int = 0,
    logit: NDArray[Any] | None = None,
) -> Replayed:
    r"""Make edits one after the other, on a copy of the labels.

    Edits that cannot act, since the labels under them are not what they were, are left
    out, unless what they ask for is so already: two points to be merged lie on one
    object, or what was to be deleted was not found. Where two contradict each other,
    the newer one wins. Both are noted.

    Parameters
    ----------
    edits : sequence of Edit
        The oldest first.
    labels : ndarray of int
        ([leading,] \*spatial), 0 is background. Numbers are those of the whole stack.
    embedding, foreground, bandwidth, offset, logit
        Of `Mending`; the arrays have the leading axes before the spatial ones.
    leading : int
        How many axes (time, planes) these are.

    Raises
    ------
    ValueError
        If the arrays do not cover the same pixels.
    """
    mended = labels.copy()
    stack = Linking(labels.shape[:leading])
    new_numbers = NewNumbers.of_frames(stack, int(labels.max(initial=0)))
    left_out: dict[int, str] = {}
    lost: dict[int, int] = {}
    applied: list[int] = []
    for position, numbers in _by_frame(edits).items():
        if not _is_there(position, labels.shape[:leading]):
            left_out |= dict.fromkeys(numbers, _no_frame(position, labels, leading))
            continue
        mending = Mending(
            mended[position],
            embedding[(slice(None), *position)],
            None if foreground is None else foreground[position],
            bandwidth,
            offset,
            position,
            None if logit is None else logit[position],
            new_numbers[position],
        )
        failed = mending.replay([edits[number - 1] for number in numbers])
        left_out |= {numbers[index]: why for index, why in failed.items()}
        acted = [n for index, n in enumerate(numbers) if index not in failed]
        lost |= {acted[old]: acted[new] for old, new in overruled(mending)}
        applied += acted
    left_out, lost = dict(sorted(left_out.items())), dict(sorted(lost.items()))
    notes = notes_on(edits, left_out, lost)
    return Replayed(mended, tuple(sorted(applied)), left_out, lost, notes)


def contradicted(mending: Mending, change: Change) -> list[Edit]:
    """Return which edits made held before a change and do not after it.

    Parameters
    ----------
    mending : Mending
    change : Change
        Carried out or not.
    """
    near = [made for made in mending.made if made.is_near(change)]
    if not near:
        return []
    pixels = np.concatenate([made.pixels for made in near])
    now = mending.labels[tuple(pixels.T)]
    before, after = (
        iter(_carried(pixels, now, change, part).tolist())
        for part in (change.before, change.after)
    )
    broken = []
    for made in near:
        count = len(made.places)
        had, has = list(islice(before, count)), list(islice(after, count))
        if made.edit.holds(had) and not made.edit.holds(has):
            broken.append(made.edit)
    return broken


def overruled(mending: Mending) -> list[tuple[int, int]]:
    """Return which edits do not hold any more, each with the one that is to blame.

    Returns
    -------
    list of (int, int)
        Indices into `mending.made`: of the older edit, and of the newer one that wins.
    """
    found = []
    for index, older in enumerate(mending.made):
        carried = mending.labels[tuple(older.pixels.T)]
        if not older.edit.holds(carried.tolist()):
            newer = _blamed(index, carried, mending.made)
            found += [(index, newer)] if newer is not None else []
    return found


def _blamed(
    index: int, carried: NDArray[np.integer], made: Sequence[Made]
) -> int | None:
    """Go back from the newest edit to that after which this one held no more."""
    older = made[index]
    for number in range(len(made) - 1, index, -1):
        change = made[number].change
        if not older.is_near(change):
            continue
        carried = _carried(older.pixels, carried, change, change.before)
        if older.edit.holds(carried.tolist()):
            return number
    return None


def _carried(
    pixels: NDArray[np.int64],
    now: NDArray[np.integer],
    change: Change,
    labels: NDArray[np.integer],
) -> NDArray[np.integer]:
    """Return the numbers at pixels, (points, axes), with these labels in the box."""
    inside, carried = holds_points(change.box, pixels), now.copy()
    carried[inside] = labels[tuple((pixels[inside] - corner_of(change.box)).T)]
    return carried


def notes_on(
    edits: Sequence[Edit], left_out: Mapping[int, str], lost: Mapping[int, int]
) -> tuple[str, ...]:
    """Say which edits are left out, and which hold no longer.

    Parameters
    ----------
    edits : sequence of Edit
    left_out : mapping of int to str
        Numbers, from 1, of edits that are left out, and why.
    lost : mapping of int to int
        Numbers of edits that hold no longer, and of the newer one that wins.
    """
    out = [
        f"edit {n} ({edits[n - 1]}) is left out: {why}" for n, why in left_out.items()
    ]
    no_longer = [
        f"edit {old} ({edits[old - 1]}) no longer holds: edit {new} "
        f"({edits[new - 1]}) is newer and wins"
        for old, new in lost.items()
    ]
    return (*out, *no_longer)


def _by_frame(edits: Sequence[Edit]) -> dict[Point, list[int]]:
    """Return the numbers, from 1, of the edits of each frame."""
    found: dict[Point, list[int]] = {}
    for number, edit in enumerate(edits, start=1):
        found.setdefault(edit.frame, []).append(number)
    return found


def _is_there(position: Point, shape: tuple[int, ...]) -> bool:
    return len(position) == len(shape) and all(
        x < n for x, n in zip(position, shape, strict=True)
    )


def _no_frame(position: Point, labels: NDArray[np.integer], leading: int) -> str:
    shape = labels.shape[:leading]
    there = f"frames of the shape {shape}" if shape else "one frame, ()"
    return f"there is no frame {position}, the result has {there}"


def mend(
    result: Segmentation, model: TiledNetwork, edits: Sequence[Edit]
) -> tuple[Segmentation, Replayed]:
    """Make edits on the objects of a run.

    Parameters
    ----------
    result : Segmentation
    model : TiledNetwork
        That made it.
    edits : sequence of Edit
        The oldest first.

    Returns
    -------
    Segmentation, Replayed
        The run with mended labels and the notes of the edits; what became of these.
    """
    clustering = result.settings.clustering(model.config, result.rescaling)
    predicted = Prediction(
        result.embeddings, result.logit, result.plan, (), result.rescaling
    )
    outcome = replay(
        edits,
        result.labels,
        measured_by(clustering, result.embeddings),
        predicted.foreground(clustering.foreground_threshold),
        clustering.bandwidth,
        result.offset,
        len(result.leading),
        result.logit,
    )
    notes = (*result.notes, *outcome.notes)
    return replace(
        result, labels=outcome.labels.astype(np.int32, copy=False), notes=notes
    ), outcome


def measured_by(clustering: Clustering, embedding: NDArray[Any]) -> NDArray[Any]:
    r"""Return an embedding whose distances are those of a kernel.

    The `coordinates` of the kernel; for the learnt spread, places in units of its
    median: (channels, \*spatial).

    Parameters
    ----------
    clustering : Clustering
        Its kernel.
    embedding : ndarray
        (channels, \*spatial)
    """
    measured = coordinates(embedding, clustering.kernel)
    if clustering.kernel != "learnt-spread":
        return measured
    in_spreads: NDArray[Any] = measured / np.exp(np.median(embedding[-1]))
    return in_spreads
