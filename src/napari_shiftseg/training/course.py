"""The course of a training, as it is plotted."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_shiftseg.training.fit import TrainingStep

MOST_POINTS = 200  # of a curve


@dataclass
class Course:
    """What a training has shown so far.

    Attributes
    ----------
    steps : list of int
        Numbers of the steps.
    terms : dict of str to list of float
        Each term of the loss, one value a step.
    ap50 : dict of int to float
        AP50 on the validation part, by the step it was found at.
    before : float or None
        AP50 there of the model that the training began with; None: with nothing.
    """

    steps: list[int] = field(default_factory=list)
    terms: dict[str, list[float]] = field(default_factory=dict)
    ap50: dict[int, float] = field(default_factory=dict)
    before: float | None = None

    def add(self, step: TrainingStep) -> None:
        """Take up a step."""
        self.steps.append(step.done)
        for name, value in step.terms.items():
            self.terms.setdefault(name, []).append(value)
        if step.validated is not None:
            self.ap50[step.done] = step.validated.ap50

    def curve(self, name: str) -> tuple[list[float], list[float]]:
        """Return steps and values of a term, as means of many steps where needed."""
        width = -(-len(self.steps) // MOST_POINTS) or 1
        return _means(self.steps, width), _means(self.terms[name], width)


def _means(values: list[float] | list[int], width: int) -> list[float]:
    return [fmean(values[i : i + width]) for i in range(0, len(values), width)]
