"""What is known of objects that were left as they are, when others were mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from napari_shiftseg.metrics.measuring import Table

LOOKED_AT, EDITED, RIGHT = "looked_at", "edited", "right"  # a column, and what it says
KEYS = ("label", "frame", "plane")  # columns by which a row is known again


def touched(former: NDArray[np.integer], labels: NDArray[np.integer]) -> set[int]:
    """Return the labels of objects that are not, pixel by pixel, what they were.

    Parameters
    ----------
    former, labels : ndarray of int
        Of one shape.
    """
    changed = former != labels
    found = set(np.unique(labels[changed]).tolist())
    return (found | set(np.unique(former[changed]).tolist())) - {0}


def carried_over(
    table: Table, old: Table, edited: set[int], right: Collection[int] = ()
) -> Table:
    """Return a table with what an older one knows besides, of objects left as they are.

    Of the others that is not known any more: NaN, False, or no text; ``looked_at`` says
    "edited", or "right" of those that were marked so.

    Parameters
    ----------
    table : dict of str to ndarray
        Of the objects of now.
    old : dict of str to ndarray
    edited : set of int
        Labels of those that were touched.
    right : collection of int
        Labels of those that were looked at and found right.
    """
    known = {key: row for row, key in enumerate(_keys(old))}
    at = np.array([known.get(key, -1) for key in _keys(table)], dtype=np.intp)
    stays = (at >= 0) & ~np.isin(table["label"], [*edited])
    looked = old.get(LOOKED_AT, np.full(len(old["label"]), "", dtype=object))
    besides = {n: x for n, x in old.items() if n not in table} | {LOOKED_AT: looked}
    more = {name: _kept(values, at, stays) for name, values in besides.items()}
    is_right = stays & np.isin(table["label"], [*right]) & (more[LOOKED_AT] == "")
    looked = np.where(stays, more[LOOKED_AT], EDITED)
    more[LOOKED_AT] = np.where(is_right, RIGHT, looked).astype(np.str_)
    every = table | more
    return {n: every[n] for n in dict.fromkeys([*old, *table]) if n != LOOKED_AT} | {
        LOOKED_AT: every[LOOKED_AT]
    }


def _keys(table: Table) -> list[tuple[int, ...]]:
    columns = [table[name].tolist() for name in KEYS if name in table]
    return list(zip(*columns, strict=True))


def _kept(
    values: NDArray[Any], at: NDArray[np.intp], stays: NDArray[np.bool_]
) -> NDArray[Any]:
    """Return values of rows; of those that do not stay there is none."""
    empty: Any = ""
    if values.dtype == bool:
        empty = False
    elif values.dtype.kind == "f":
        empty = np.nan
    else:  # of whole numbers too, as classes may be called
        values = values.astype(object)
    found = np.full(len(at), empty, dtype=values.dtype)
    found[stays] = values[at[stays]]
    return found
