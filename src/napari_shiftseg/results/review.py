"""Which objects deserve a look first, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray


FAR = 1.0  # bandwidths from its mode: from here on pixels may belong elsewhere
CLOSE = 1.0  # bandwidths farther: a mode this near is a rival


@dataclass(frozen=True)
class Doubt:
    """How sure an object is, and what speaks against it.

    Attributes
    ----------
    label : int
    confidence : float
        That the object is right, from 0 to 1; NaN: not known.
    distance : float
        Of its pixels to its mode, the mean of them, in bandwidths; NaN: not known.
    margin : float
        How much farther the mode of an object is that it touches, in bandwidths; NaN:
        it touches none.
    cut : bool
        Whether it meets another object along a tile border.
    """

    label: int
    confidence: float = np.nan
    distance: float = np.nan
    margin: float = np.nan
    cut: bool = False

    @property
    def words(self) -> str:
        """The confidence, and why it is so: a sentence each."""
        if np.isnan(self.confidence):
            return "Its confidence is not known."
        reasons = [self._of_distance, self._of_margin]
        if self.cut:
            reasons.append("It meets another object along a tile border.")
        return " ".join([f"Confidence {self.confidence:.2f}.", *filter(None, reasons)])

    @property
    def _of_distance(self) -> str:
        if np.isnan(self.distance):
            return ""
        side = "far from" if self.distance >= FAR else "near"
        return f"Its pixels are {side} their mode ({self.distance:.2f} bandwidths)."

    @property
    def _of_margin(self) -> str:
        if not np.isfinite(self.margin):
            return ""
        only = "only " if self.margin < CLOSE else ""
        return f"An object it touches is {only}{self.margin:.2f} bandwidths farther."


def in_order_of_doubt(confidence: NDArray[np.floating]) -> NDArray[np.intp]:
    """Return the rows of a table, least confidence first.

    Rows without a confidence (NaN) come last, equal ones in the order of the table.

    Parameters
    ----------
    confidence : ndarray of float
        (objects,), from 0 to 1.
    """
    return np.argsort(confidence, kind="stable")


def doubts(
    table: Mapping[str, NDArray[np.generic]], labels: Iterable[int]
) -> list[Doubt]:
    """Return what is known of objects, the least sure one first.

    Parameters
    ----------
    table : mapping of str to ndarray
        Columns of one length: ``label``, and ``confidence``, ``distance``, ``margin``
        and ``cut``, as many of these as there are.
    labels : iterable of int
        Of the objects that there are; what the table does not know comes last.
    """
    wanted = np.unique(np.fromiter(labels, dtype=np.int64))
    rows = {int(n): i for i, n in enumerate(table.get("label", np.empty(0)))}
    known = [_doubt(table, label, rows.get(label)) for label in wanted.tolist()]
    order = in_order_of_doubt(np.array([doubt.confidence for doubt in known]))
    return [known[i] for i in order]


def _doubt(
    table: Mapping[str, NDArray[np.generic]], label: int, row: int | None
) -> Doubt:
    if row is None:
        return Doubt(label)
    names = [n for n in ("confidence", "distance", "margin") if n in table]
    cut = bool(table["cut"][row]) if "cut" in table else False
    return Doubt(label, cut=cut, **{name: float(table[name][row]) for name in names})
