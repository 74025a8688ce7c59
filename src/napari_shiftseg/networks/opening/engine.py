"""What runs a network: arrays in its own order of axes go in, arrays come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_shiftseg.networks.opening.trust import UnreadableNetworkError
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Engine(Protocol):
    """A network as a program: the format of its file is known to it alone.

    Attributes
    ----------
    input_size : tuple of int or None
        Sizes its file fixes along each axis of the input, None where it is free; ``()``
        if the file does not say how many axes there are.
    output_size : tuple of int or None
        The same of the output.
    """

    input_size: tuple[int | None, ...]
    output_size: tuple[int | None, ...]

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the output for an input; ValueError if it cannot read it."""
        ...

    def graph(self) -> Any:
        """Return what can be read node by node, or None."""
        ...

    def reinitialised(self, seed: int) -> Engine | None:
        """Return the same network with Kaiming weights, or None."""
        ...


class SizeRefusedError(ValueError):
    """The network cannot read an input of this size."""


@dataclass(frozen=True)
class Layout:
    """Order of a network's axes: "b", "c", and places among the image's, such as 0.

    Attributes
    ----------
    given, made : tuple of str or int
        Axes of its input and of its output.
    """

    given: tuple[str | int, ...]
    made: tuple[str | int, ...]

    @classmethod
    def usual(cls, ndim: int) -> Layout:
        """Batch, channels, then the image's axes."""
        return cls(("b", "c", *range(ndim)), ("b", "c", *range(ndim)))

    @property
    def is_batched(self) -> bool:
        """Whether it reads several images at once."""
        return "b" in self.given and "b" in self.made

    def to_network(self, x: NDArray[Any]) -> NDArray[Any]:
        r"""Turn (batch, channels, \*size) into the network's order.

        Parameters
        ----------
        x : array
            Of one image where the network reads no batch; of one channel where it has
            no axis of channels.
        """
        places = ["b", "c", *range(x.ndim - 2)]
        dropped = tuple(i for i, axis in enumerate(places) if axis not in self.given)
        kept = [axis for axis in places if axis in self.given]
        x = np.squeeze(x, dropped) if dropped else x
        return np.ascontiguousarray(x.transpose([kept.index(a) for a in self.given]))

    def from_network(self, y: NDArray[Any]) -> NDArray[Any]:
        r"""Turn the network's output into (batch, channels, \*size)."""
        if y.ndim != len(self.made):
            raise SizeRefusedError(
                f"the network gives {y.ndim} axes ({by(y.shape)}), {len(self.made)} "
                f"are expected: it gives no image, take another network"
            )
        wanted = ["b", "c", *range(sum(isinstance(a, int) for a in self.made))]
        y = y.transpose([self.made.index(a) for a in wanted if a in self.made])
        for place, axis in enumerate(wanted[:2]):
            if axis not in self.made:
                y = np.expand_dims(y, place)
        return y


def refuse_several(name: str, inputs: int, outputs: int) -> None:
    """Refuse a network that reads or gives more than one image.

    Parameters
    ----------
    name : str
        Of the file, for the error.
    inputs, outputs : int
    """
    if (inputs, outputs) != (1, 1):
        raise UnreadableNetworkError(
            f"{name} has {inputs} inputs and {outputs} outputs; networks of one image "
            f"in and one out are opened: export a network with one of each"
        )
