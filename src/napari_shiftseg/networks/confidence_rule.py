"""How sure an object is of what was measured of it: a rule in a model's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import expit

from napari_shiftseg.clustering.settings import Count

if TYPE_CHECKING:
    from numpy.typing import NDArray

Feature = Literal["distance", "margin", "foreground", "size"]
FEATURES: tuple[Feature, ...] = get_args(Feature)
Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class ConfidenceRule(BaseModel):
    r"""A logistic regression: the probability that an object is right.

    .. math::

        p = \frac1{1 + \exp(-b - \sum_k w_k (x_k - u_k))}

    of the features :math:`x`, see `object_features`; one that is not known counts as
    the usual value :math:`u`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    intercept: Number  # b
    weights: dict[Feature, Number]  # w
    usual: dict[Feature, Number]  # u, the mean of what it was learnt from
    # from which it was learnt, and how many of them were wrong; 0: from none
    objects: Count = 0
    wrong: Count = 0

    @model_validator(mode="after")
    def _one_of_each(self) -> ConfidenceRule:
        if set(self.weights) != set(self.usual):
            raise ValueError(
                f"each feature needs a weight and a usual value, got weights of "
                f"{sorted(self.weights)} and usual values of {sorted(self.usual)}"
            )
        return self

    def predict(self, features: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Return the probability that objects are right, (objects,).

        Parameters
        ----------
        features : dict of str to ndarray
            (objects,) each; NaN is not known.
        """
        total = sum(self.shares(features).values())
        found: NDArray[np.float64] = expit(self.intercept + total)
        return found

    def shares(
        self, features: dict[str, NDArray[np.float64]]
    ) -> dict[Feature, NDArray[np.float64]]:
        r"""Return what each feature adds to the log odds, :math:`w_k (x_k - u_k)`.

        Below 0 it speaks against an object.

        Parameters
        ----------
        features : dict of str to ndarray
            See `predict`.
        """
        known = {name: features[name] - usual for name, usual in self.usual.items()}
        return {
            name: self.weights[name] * np.nan_to_num(apart)
            for name, apart in known.items()
        }
