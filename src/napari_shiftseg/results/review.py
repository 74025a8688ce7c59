"""Which objects deserve a look first, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray


SHARE = "share_"  # and the name of a feature: a column
NUMBERS = "confidence", "distance", "margin", "foreground", "times"
SPEAKS = -0.25  # log odds: a feature that adds less speaks against an object
MOST = 2  # features that are named


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
    foreground : float
        Probability of its pixels, the mean.
    times : float
        How many times as large as the usual object of its frame.
    cut : bool
        Whether it meets another object along a tile border.
    shares : mapping of str to float
        What each feature adds to the log odds, see `ConfidenceRule.shares`; empty:
        not known.
    """

    label: int
    confidence: float = np.nan
    distance: float = np.nan
    margin: float = np.nan
    foreground: float = np.nan
    times: float = np.nan
    cut: bool = False
    shares: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The confidence, and what lowers it most: a sentence each."""
        if np.isnan(self.confidence):
            return "Its confidence is not known."
        said = [f"Confidence {self.confidence:.2f}."]
        said += [self._sentence(name) for name in self.against]
        if self.cut:
            said.append("It meets another object along a tile border.")
        if self.shares and len(said) == 1:
            said.append("Nothing that is known of it speaks against it.")
        return " ".join(said)

    @property
    def against(self) -> list[str]:
        """The features that lower the confidence most, the first one most."""
        lowered = [name for name, share in self.shares.items() if share < SPEAKS]
        return sorted(lowered, key=lambda name: self.shares[name])[:MOST]

    def _sentence(self, feature: str) -> str:
        how = f"{self.times:.1f} times as large as"
        if self.times < 1:
            how = f"{1 / self.times:.1f} times smaller than"
        return {
            "distance": "Its pixels are farther from their mode than usual "
            f"({self.distance:.2f} bandwidths).",
            "margin": f"Another mode is only {self.margin:.2f} bandwidths farther.",
            "foreground": "Its pixels are less surely foreground than usual "
            f"(probability {self.foreground:.2f}).",
            "size": f"It is {how} the usual object here.",
        }[feature]


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
        Columns of one length: ``label``, and as many of the others of
        `confidence_steps` as there are.
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
    numbers = {name: float(table[name][row]) for name in NUMBERS if name in table}
    shares = {
        name.removeprefix(SHARE): float(values[row].astype(float))
        for name, values in table.items()
        if name.startswith(SHARE)
    }
    cut = bool(table["cut"][row]) if "cut" in table else False
    return Doubt(label, cut=cut, shares=shares, **numbers)
