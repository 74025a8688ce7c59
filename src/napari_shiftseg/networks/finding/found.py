"""What is found of a network: how it repeats, what it sees, what breaks its tiles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

# none: there is nothing to pad, every kernel is one pixel wide
Padding = Literal["valid", "zeros", "reflect", "replicate", "circular", "none"]
Effect = Literal["impossible", "nearly", "halo"]
Tiling = Literal["exact", "nearly", "impossible"]

AGREE = "graph and probe agree"
FITS = "probe fits the graph"  # begins what is said where trained weights show less


def is_agreed(text: str) -> bool:
    """Whether both ways were gone and neither speaks against the other.

    Parameters
    ----------
    text : str
        Of an agreement.
    """
    return all(f"{part} ".startswith((AGREE, FITS)) for part in parts_of(text))


def parts_of(text: str) -> list[str]:
    """Return what an agreement says of each axis, where that is not alike."""
    parts = text.split("; ") if text.startswith("axis 0: ") else [text]
    return [re.sub(r"^axis \d+: ", "", part) for part in parts]


class Probed(Protocol):
    """What finding needs of a network.

    Attributes
    ----------
    ndim : int
        Number of image axes.
    in_channels : int
    out_channels : int or None
        None where it is not known.
    fixed_size : tuple of int or None
        The one input size it reads, in pixels; None where it reads many.
    """

    @property
    def ndim(self) -> int: ...  # noqa: D102
    @property
    def in_channels(self) -> int: ...  # noqa: D102
    @property
    def out_channels(self) -> int | None: ...  # noqa: D102
    @property
    def fixed_size(self) -> tuple[int, ...] | None: ...  # noqa: D102

    def predict(self, x: NDArray[np.float32]) -> NDArray[Any]:
        r"""Return (batch, out_channels, \*size') of (batch, in_channels, \*size).

        Raises
        ------
        ValueError
            If it cannot read an input of this size.
        """
        ...

    def graph(self) -> Any:
        """Return what can be read node by node: a torch module, an ONNX model, None."""
        ...

    def reinitialised(self, seed: int) -> Probed | None:
        """Return the same architecture with Kaiming weights; None if not possible."""
        ...


@dataclass(frozen=True)
class AxisFound:
    """What tiling needs along one image axis, all in pixels of the input.

    The place of output pixel o is the input pixel ``floor(o / scale) + eaten[0]``.
    """

    period: int  # least p such that a shift by p shifts the output alike
    # how far an output pixel sees before and after its own place, the largest over all
    # phases; None: it sees the whole tile
    before: int | None
    after: int | None
    # input pixels at both ends for which there is no output; (0, 0) where it pads
    eaten: tuple[int, int]
    padding: Padding
    # legal inputs: size >= smallest and size % multiple == remainder;
    # multiple 0: `smallest` alone is legal
    multiple: int
    remainder: int
    smallest: int
    scale: Fraction = Fraction(1)  # output pixels an input pixel

    @property
    def context(self) -> int | None:
        """How far it sees to either side; None: the whole tile."""
        if self.before is None or self.after is None:
            return None
        return max(self.before, self.after)


@dataclass(frozen=True)
class Cause:
    """Why tiles cannot be exact, are only nearly so, or must have a halo."""

    kind: str  # "instance norm", "zero padding", "attention" ...
    layer: str  # its name in the network
    effect: Effect  # halo: mended by a halo that is not below the context
    text: str  # one sentence: what it does to tiles
    remedy: str  # one sentence: what to set now, or to change in the next training


@dataclass(frozen=True)
class Found:
    """What was found of a network, and how sure it is.

    Attributes
    ----------
    axes : tuple of AxisFound
        One an image axis.
    causes : tuple of Cause
        The worst first.
    tiling : str
        "exact" (with the halo and on the grid), "nearly" or "impossible".
    agreement : dict of str to str
        Of "period", "context", "padding" and "sizes": "graph and probe agree",
        "probe fits the graph" and what either says, "graph alone", "probe alone", or
        what either says. A probe fits where trained weights show less than the graph
        says, and nothing against it: a shift by the graph's period shifts the answer
        alike, and no output sees farther.
    sure : bool
        Whether both ways were gone, and agree or fit in all four.
    notes : tuple of str
        What could not be done, and what a reader should know.
    alive : int or None
        Numbers that are alive at most, for each pixel of the input; None: not known.
    """

    axes: tuple[AxisFound, ...]
    causes: tuple[Cause, ...]
    tiling: Tiling
    agreement: dict[str, str]
    sure: bool
    notes: tuple[str, ...]
    alive: int | None = None

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> Found:
        """Return what was found from its `figures`.

        Parameters
        ----------
        figures : mapping
        """
        names = ("period", "context", "eaten", "padding", "legal_inputs", "scale")
        axes = []
        for period, (before, after), eaten, padding, sizes, scale in zip(
            *(figures[name] for name in names), strict=True
        ):
            sees = {"before": before, "after": after, "eaten": (eaten[0], eaten[1])}
            how = {**sees, "padding": padding, **sizes, "scale": Fraction(scale)}
            axes.append(AxisFound(period=period, **how))
        return cls(
            tuple(axes),
            tuple(Cause(**cause) for cause in figures["causes"]),
            figures["tiling"],
            dict(figures["agreement"]),
            figures["sure"],
            tuple(figures["notes"]),
            figures.get("alive"),
        )

    def figures(self) -> dict[str, Any]:
        """Return all of it, ready for JSON; per axis always a list."""
        return {
            "period": [a.period for a in self.axes],
            "context": [[a.before, a.after] for a in self.axes],
            "eaten": [list(a.eaten) for a in self.axes],
            "padding": [a.padding for a in self.axes],
            "legal_inputs": [
                {
                    "smallest": a.smallest,
                    "multiple": a.multiple,
                    "remainder": a.remainder,
                }
                for a in self.axes
            ],
            "scale": [str(a.scale) for a in self.axes],
            "tiling": self.tiling,
            "causes": [vars(cause) for cause in self.causes],
            "agreement": dict(self.agreement),
            "sure": self.sure,
            "notes": list(self.notes),
            "alive": self.alive,
        }
