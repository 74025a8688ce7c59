"""Values of a clustering to try."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from napari_shiftseg.clustering.settings import (
    Bandwidth,
    Clustering,
    ForegroundThreshold,
    MinSize,
)
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from napari_shiftseg.networks.config import NetworkConfig


def _list(value: Any) -> Any:
    """Take values as they are, or written as on the command line: ``0.5,1``."""
    if isinstance(value, str):
        return tuple(value.split(","))
    if not isinstance(value, Iterable):
        raise ValueError(f"values to try are several, (0.5, 1) or 0.5,1; got {value!r}")
    return tuple(value)


A_LIST = BeforeValidator(lambda value: None if value is None else _list(value))
THRESHOLDS = (0.3, 0.5, 0.7)
FACTORS = (0.5, 0.7, 1.0, 1.5)  # of the model's own bandwidth
TRIED = ("bandwidth", "min_size", "foreground_threshold")


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Candidates:
    """Values to try; every combination is, and the model's own one, too.

    Attributes
    ----------
    bandwidths : sequence of float, optional
        Not given: 0.5, 0.7, 1 and 1.5 times the model's own.
    min_sizes : sequence of int
        In pixels.
    thresholds : sequence of float, optional
        Foreground probabilities. Not given: 0.3, 0.5 and 0.7 for a model with a
        foreground logit; one without has none.
    """

    bandwidths: Annotated[tuple[Bandwidth, ...] | None, A_LIST] = Field(
        default=None,
        description="Bandwidths to try.",
        json_schema_extra={
            "unit": "embedding",
            "unset": "0.5, 0.7, 1 and 1.5 of the model's own",
            "form": "NUMBER,...",
        },
    )
    min_sizes: Annotated[tuple[MinSize, ...], A_LIST] = Field(
        default=(10, 20, 40),
        description="Minimum sizes to try.",
        json_schema_extra={"unit": "pixels", "form": "NUMBER,..."},
    )
    thresholds: Annotated[tuple[ForegroundThreshold, ...] | None, A_LIST] = Field(
        default=None,
        description="Foreground probabilities to try.",
        json_schema_extra={
            "unit": "probabilities",
            "unset": "0.3,0.5,0.7",
            "form": "NUMBER,...",
        },
    )

    def clusterings(
        self, config: NetworkConfig, settings: Settings | None = None
    ) -> list[Clustering]:
        """Return the clusterings to try, the model's own first.

        Parameters
        ----------
        config : NetworkConfig
        settings : Settings, optional
            What else is chosen; it stands in the model's own, too.

        Raises
        ------
        ValueError
            If there is no value of a kind, one is out of range, or thresholds are
            given and the model has no foreground logit.
        """
        own = (settings or Settings()).clustering(config)
        thresholds = self.thresholds
        if thresholds is None:
            thresholds = (
                THRESHOLDS if config.foreground else (own.foreground_threshold,)
            )
        elif not config.foreground:
            raise ValueError(
                f"foreground thresholds need a model with a foreground logit, which "
                f"{config.name!r} has not; give none"
            )
        known = own.model_dump()
        tried = [own]
        bandwidths = self.bandwidths
        if bandwidths is None:
            bandwidths = tuple(factor * own.bandwidth for factor in FACTORS)
        for values in product(bandwidths, self.min_sizes, thresholds):
            chosen = dict(zip(TRIED, values, strict=True))
            tried.append(type(own).model_validate({**known, **chosen}))
        if len(tried) == 1:
            raise ValueError(
                "tuning needs one bandwidth, minimum size and threshold or more"
            )
        return list(dict.fromkeys(tried))
