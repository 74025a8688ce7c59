"""The table of objects as the features of a labels layer, kept right by edits.

napari shows it under Layers > Visualize > Features table widget, and colours by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Labels
    from numpy.typing import NDArray

INDEX = "index"  # the column by which napari knows a label
LOOKED_AT, EDITED, RIGHT = "looked_at", "edited", "right"
MEASURED = {"area", "bbox_x0"}  # columns of every table of ours


def features_of(table: Mapping[str, NDArray[Any]]) -> pd.DataFrame:
    """Return a table as features: its labels are napari's ``index``.

    Parameters
    ----------
    table : mapping of str to ndarray
        See `object_table_steps`.
    """
    return pd.DataFrame({INDEX if n == "label" else n: x for n, x in table.items()})


def has_table(layer: Labels) -> bool:
    """Whether the features of a layer are a table of ours."""
    return {INDEX, *MEASURED} <= set(layer.features.columns)


def with_looked_at(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a table with the column of what was looked at.

    Parameters
    ----------
    table : DataFrame
    """
    return table.assign(**{LOOKED_AT: table.get(LOOKED_AT, "")})
