"""How fast the chosen network will be predicted: assumed at first, then measured."""

from __future__ import annotations

from time import perf_counter, sleep
from typing import TYPE_CHECKING

from napari_shiftseg.device import usual_engine
from napari_shiftseg.geometry.rates import assumed_rate
from napari_shiftseg.gui.parts.jobs import LatestJobs
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.device import Engine, Precision
    from napari_shiftseg.geometry.rates import Rate
    from napari_shiftseg.geometry.tiling import TilePlan


def rate_of(
    model: str, device: str, precision: Precision, engine: Engine, plan: TilePlan
) -> Generator[Progress, None, Rate]:
    """Load a model and find its rate, once the choice has stood a moment.

    Parameters
    ----------
    model : str
        Name or path.
    device, precision, engine, plan
        See `rate_steps`.
    """
    until = perf_counter() + SETTLED
    while perf_counter() < until:
        yield Progress(0, 0, stage="waiting")
        sleep(LOOK)
    from napari_shiftseg.inference.rates import rate_steps
    from napari_shiftseg.networks.loading.models import load_model

    network = load_model(model)
    return (yield from rate_steps(network, device, precision, engine, plan))


SETTLED = 0.5  # seconds that a choice stands before it is measured
LOOK = 0.05  # seconds


class RateWatch:
    """The rate of what is chosen in a widget, found in a thread.

    Parameters
    ----------
    owner : QWidget
        Nobody is called back when it is gone.
    changed : callable
        Called when a rate is found.
    """

    def __init__(self, owner: QWidget, changed: Callable[[], None]) -> None:
        self._jobs, self._changed = LatestJobs(owner, lambda _: None), changed
        self._asked: tuple[str, str, Precision, Engine] | None = None
        self._found: Rate | None = None
        self._is_due = False
        self._reads: tuple[int, ...] = ()  # of the tiles asked for

    def rate(
        self,
        plan: TilePlan,
        model: str,
        device: str | None,
        is_busy: bool,
        precision: Precision = "float32",
        engine: Engine = "auto",
    ) -> Rate | None:
        """Return the rate, the usual one until it is found; None without a device.

        Parameters
        ----------
        plan : TilePlan
            Whose tiles are timed, too.
        model : str
            Name or path.
        device : str or None
            A torch device, not "auto"; None while it is not known.
        is_busy : bool
            Whether something is run: then nothing is measured, as the one would disturb
            the other; after it the rate is looked up again, since OpenVINO has compiled
            the network meanwhile.
        precision, engine
            See `embed`.
        """
        if device is None:
            return None
        asked = model, device, precision, engine
        if asked != self._asked:
            self._asked, self._found, self._is_due = asked, None, True
        if plan.reads != self._reads:
            self._reads = plan.reads
            self._is_due |= self._found is None or not self._found.knows(plan)
        if is_busy:
            self._jobs.abandon("rate")
            self._is_due = True
        elif self._is_due:
            self._is_due = False
            self._begin(rate_of(*asked, plan))
        usual = assumed_rate(device, usual_engine(engine, device, precision))
        return self._found or usual

    def _begin(self, steps: Generator[Progress, None, Rate]) -> None:
        self._jobs.run("rate", steps, self._take)

    def _take(self, rate: Rate) -> None:
        self._found = rate
        self._changed()
