"""An opened network: what it says of itself, and its prediction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_shiftseg.networks.opening.engine import SizeRefusedError
from napari_shiftseg.networks.opening.steps import Intensity, Pixelwise
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.networks.opening.engine import Engine, Layout

# what an output channel stands for. A probability is that of an object, a boundary that
# of the line between two, a distance that to the edge of an object
OutputKind = Literal[
    "embedding", "probability", "logit", "boundary", "affinity", "distance", "flow",
    "other",
]  # fmt: skip


AS_THEY_ARE = "Nothing says how it wants grey values read: they are taken as they are."


@dataclass(frozen=True)
class Output:
    """What one output channel is."""

    kind: OutputKind
    name: str


@dataclass(frozen=True)
class AxisDeclared:
    """What a package says of one image axis; it need not be true.

    Attributes
    ----------
    name : str
    smallest, step : int
        It reads ``smallest + n · step`` pixels; ``smallest`` alone where step is 0.
    halo : int
        Output pixels at both ends that it calls wrong.
    offset : int
        Output size is ``scale · input size + offset``.
    scale : Fraction
    """

    name: str
    smallest: int = 1
    step: int = 1
    halo: int = 0
    offset: int = 0
    scale: Fraction = Fraction(1)


@dataclass(frozen=True)
class TestPair:
    r"""An image and what the network made of it where it was written.

    Attributes
    ----------
    image : array
        (batch, in_channels, \*size), its grey values as they are.
    output : array
        (batch, out_channels, \*size').
    """

    __test__ = False  # pytest: no test

    image: NDArray[Any]
    output: NDArray[Any]


@dataclass(frozen=True, eq=False)
class OpenedNetwork:
    r"""A network of others: it predicts tiles, and says how images are read for it.

    Attributes
    ----------
    name, description : str
    source : Path
        The file or folder it was opened from.
    sha256 : str
        Of the file that holds the weights.
    ndim, in_channels : int
    out_channels : int or None
        None: not known before it predicts.
    fixed_size : tuple of int or None
        The one size along each axis that it reads; None: it reads others, too.
    intensity : Intensity
        How grey values are read: ``intensity.of(image)`` is a rule for all its tiles.
    outputs : tuple of Output
        One a channel; empty if they are not known.
    activation : tuple of Pixelwise
        Applied to each prediction.
    declared : tuple of AxisDeclared
        What the package says of its axes; empty: nothing.
    test : TestPair or None
        Of the package.
    settings : dict
        Config of one of our models that was exported; empty for others.
    notes : tuple of str
        What a user should know: steps that were left out, sizes that were freed.
    engine : Engine
    layout : Layout
    """

    name: str
    description: str
    source: Path
    sha256: str
    ndim: int
    in_channels: int
    out_channels: int | None
    engine: Engine = field(repr=False)
    layout: Layout = field(repr=False)
    fixed_size: tuple[int, ...] | None = None
    intensity: Intensity = field(default_factory=Intensity)
    outputs: tuple[Output, ...] = ()
    activation: tuple[Pixelwise, ...] = ()
    declared: tuple[AxisDeclared, ...] = ()
    test: TestPair | None = field(default=None, repr=False)
    settings: dict[str, Any] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    def predict(self, x: NDArray[Any]) -> NDArray[Any]:
        r"""Predict a batch of tiles whose grey values `intensity` has read.

        Parameters
        ----------
        x : array
            (batch, in_channels, \*size)

        Returns
        -------
        array
            (batch, out_channels, \*size'), after `activation`. float32; of a
            reinitialised network of torch, float64.

        Raises
        ------
        ValueError
            If the network cannot read this size.
        """
        if x.ndim != self.ndim + 2 or x.shape[1] != self.in_channels:
            raise SizeRefusedError(
                f"the network reads (batch, {self.in_channels} channels, {self.ndim} "
                f"axes), got {by(x.shape)}: take an image with these axes"
            )
        if self.fixed_size and x.shape[2:] != self.fixed_size:
            raise SizeRefusedError(
                f"the network reads {by(self.fixed_size)} alone, got "
                f"{by(x.shape[2:])}: take tiles of that size"
            )
        together = self.layout.is_batched and self.images_at_once in (None, len(x))
        parts = [x] if together else [x[i : i + 1] for i in range(len(x))]
        return np.concatenate([self._predict(part) for part in parts])

    @property
    def images_at_once(self) -> int | None:
        """Images it reads at once, where its file fixes that; None: any number."""
        fixed = self.engine.input_size
        return fixed[self.layout.given.index("b")] if fixed else None

    def _predict(self, x: NDArray[Any]) -> NDArray[Any]:
        y = self.layout.from_network(self.engine.run(self.layout.to_network(x)))
        if not self.activation:
            return y
        for i, each in enumerate(y := np.array(y)):
            for step in self.activation:
                each = step(each)
            y[i] = each
        return y

    def graph(self) -> Any:
        """Return an ``nn.Module`` or ``onnx.ModelProto``; None: it cannot be read."""
        return self.engine.graph()

    def reinitialised(self, seed: int) -> OpenedNetwork | None:
        """Return the same architecture with Kaiming weights, without `activation`.

        In float64 where it is of torch, so that no difference drowns in rounding; an
        activation would flatten what the weights tell apart. None: it is not possible.

        Parameters
        ----------
        seed : int
        """
        engine = self.engine.reinitialised(seed)
        if engine is None:
            return None
        return replace(self, engine=engine, activation=(), test=None)

    def self_test(self) -> float | None:
        """Return the largest difference from the package's own test output.

        None where it has none. Usual is 1e-5 and less.

        Raises
        ------
        ValueError
            If the network cannot read its own test image, or gives another size.
        """
        if self.test is None:
            return None
        read = [self.intensity.of(image)(image) for image in self.test.image]
        made = self.predict(np.stack(read))
        if made.shape != self.test.output.shape:
            raise SizeRefusedError(
                f"the package says that its test image gives "
                f"{by(self.test.output.shape)}, the network gives {by(made.shape)}: "
                f"the weights are not those of the description"
            )
        difference = np.abs(made - self.test.output.astype(made.dtype))
        return float(difference.max(initial=0.0))
