"""Weights with which a network can predict: finite, and variances not below 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

VARIANCE = "running_var"  # of batch norm, whose root is taken


def unsound(weights: Mapping[str, Tensor]) -> str:
    """Say which weights let every prediction be NaN; empty if there are none.

    Parameters
    ----------
    weights : mapping of str to Tensor
        By name.
    """
    for name, values in weights.items():
        number = int((~values.isfinite()).sum())
        if number:
            return f"{number} of {values.numel()} values of {name} are NaN or infinite"
        if name.endswith(VARIANCE) and (values < 0).any():
            return f"{name} is a variance and has values below 0"
    return ""
