"""Sizes of any network that predicts pixel by pixel: what it may read, its period."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

Padding = Literal["valid", "same"]


class IllegalInputError(ValueError):
    """The network cannot read an input of this size without losing pixels."""


class AxisSizes:
    """Sizes of a network along one axis, all in pixels of the input image."""

    if TYPE_CHECKING:  # attributes or properties of those that are one

        @property
        def period(self) -> int:
            """The network repeats after so many pixels, p."""

        @property
        def context(self) -> int:
            """Pixels the network eats: legal input − raw output; half on each side."""

        @property
        def halo(self) -> int:
            """Pixels to read and crop on each side for an exact tile; 0 if valid."""

        @property
        def remainder(self) -> int:
            """What a legal input leaves when divided by the period."""

        @property
        def factors(self) -> tuple[int, ...]:
            """Whose product the period is, finest level first."""

    @property
    def most(self) -> int | None:
        """Pixels that a tile can read at most; None: as many as memory holds."""
        return None

    @property
    def kept_at_most(self) -> int | None:
        """The largest multiple of the period that a tile can keep; None: any."""
        if self.most is None:
            return None
        left = self.most - self.context - 2 * self.halo
        return left // self.period * self.period

    def can_keep(self, size: int) -> bool:
        """Whether an input is large enough for a tile that keeps `size` pixels."""
        return self.most is None or size + 2 * self.halo + self.context <= self.most

    def kept_of(self, size: int) -> int:
        """Return what a tile can keep of `size` pixels: these, or `kept_at_most`."""
        most = self.kept_at_most
        return size if most is None else min(size, most)

    def is_legal(self, size: int) -> bool:
        """Whether an input of `size` pixels loses none in pooling."""
        return size > self.context and size % self.period == self.remainder

    def legal_inputs(self, number: int) -> list[int]:
        """Return the `number` smallest legal inputs."""
        first = self.input_for(1)
        return [first + n * self.period for n in range(number)]

    def raw_output(self, size: int) -> int:
        """Return the output size for a legal input; raise `IllegalInputError` else."""
        if not self.is_legal(size):
            near = " or ".join(str(s) for s in self.nearest_legal(size))
            raise IllegalInputError(
                f"the network cannot read {size} pixels: {self._why_illegal}; the "
                f"nearest legal inputs are {near}"
            )
        return size - self.context

    @property
    def _why_illegal(self) -> str:
        return f"its period is {self.period}"

    def nearest_legal(self, size: int) -> list[int]:
        """Return the nearest legal inputs below (if any) and above `size`."""
        above = self.input_for(size - self.context)
        below = self.largest_legal(size)
        return sorted({above} if below is None else {below, above})

    def input_for(self, output: int) -> int:
        """Return the smallest legal input whose raw output holds `output` pixels."""
        size = self.context + max(output, 1)
        return size + (self.remainder - size) % self.period

    def largest_legal(self, size: int) -> int | None:
        """Return the largest legal input that `size` pixels hold; None if none."""
        legal = size - (size - self.remainder) % self.period
        return legal if legal > self.context else None


@dataclass(frozen=True)
class FoundAxis(AxisSizes):
    """Sizes along one axis of a network that was made elsewhere, as they were found.

    Raises
    ------
    ValueError
        If a size is out of range, or a network of one input size cannot be tiled: of
        what it reads nothing is left without the halo.
    """

    period: int  # p
    context: int = 0  # pixels the network eats, an even number
    halo: int = 0  # pixels to crop on each side; a multiple of the period
    remainder: int = 0  # what a legal input leaves when divided by the period
    smallest: int = 1  # legal input
    most: int | None = None  # legal input; the smallest one: no other can be read

    def __post_init__(self) -> None:
        if self.period < 1 or self.halo % self.period or self.halo < 0:
            raise ValueError(
                f"the halo must be a multiple of the period, got {self.halo} and "
                f"{self.period}"
            )
        if self.context < 0 or self.context % 2:
            raise ValueError(f"the context must be even, got {self.context}")
        if self.kept_at_most is not None and self.kept_at_most < self.period:
            raise ValueError(
                f"the network reads {self.most} pixels at most, and of these nothing "
                f"is left for a tile without a halo of {self.halo} on each side"
            )

    @property
    def factors(self) -> tuple[int, ...]:
        """The prime factors of the period: how it comes about is not known."""
        found, left = [], self.period
        for factor in range(2, self.period + 1):
            while left % factor == 0:
                found.append(factor)
                left //= factor
        return tuple(found)

    def is_legal(self, size: int) -> bool:
        """Whether an input of `size` pixels is read as a part of a larger image is."""
        fits = self.smallest <= size and (self.most is None or size <= self.most)
        return fits and super().is_legal(size)

    def legal_inputs(self, number: int) -> list[int]:
        """Return the `number` smallest legal inputs, or those there are."""
        return [size for size in super().legal_inputs(number) if self.is_legal(size)]

    def input_for(self, output: int) -> int:
        """Return the smallest legal input whose raw output holds `output` pixels.

        Raises
        ------
        ValueError
            If no input is large enough.
        """
        least = max(output, self.smallest - self.context)
        size = super().input_for(least)
        if self.most is not None and size > self.most:
            raise ValueError(
                f"this network reads {self.most} pixels at most, which is too few for "
                f"tiles of {output - 2 * self.halo}: take at most {self.kept_at_most}"
            )
        return size

    def largest_legal(self, size: int) -> int | None:
        """Return the largest legal input that `size` pixels hold; None if none."""
        within = size if self.most is None else min(size, self.most)
        legal = super().largest_legal(within)
        return legal if legal is not None and legal >= self.smallest else None


class NetworkShape:
    """Sizes of a network: those along each axis, and what a tile takes."""

    if TYPE_CHECKING:

        @property
        def axes(self) -> tuple[AxisSizes, ...]:
            """One an image axis."""

        @property
        def in_channels(self) -> int:
            """Channels of the image."""

        @property
        def out_channels(self) -> int:
            """Channels of the prediction."""

    @property
    def ndim(self) -> int:
        """Number of image axes."""
        return len(self.axes)

    @property
    def period(self) -> tuple[int, ...]:
        """Of each axis, p."""
        return tuple(axis.period for axis in self.axes)

    @property
    def context(self) -> tuple[int, ...]:
        """Pixels the network eats along each axis."""
        return tuple(axis.context for axis in self.axes)

    @property
    def max_same_looking(self) -> int:
        """Most same-looking objects the network can tell apart, one a phase."""
        return prod(self.period)

    def raw_output(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """Return the output shape for a legal input shape.

        Raises
        ------
        IllegalInputError
            If an axis is not legal; the message names the nearest legal inputs.
        """
        outputs = []
        for number, (axis, pixels) in enumerate(zip(self.axes, size, strict=True)):
            try:
                outputs.append(axis.raw_output(pixels))
            except IllegalInputError as error:
                raise IllegalInputError(f"axis {number}: {error}") from None
        return tuple(outputs)

    def input_for(self, output: Sequence[int]) -> tuple[int, ...]:
        """Return the smallest legal input shape whose raw output holds this one."""
        pairs = zip(self.axes, output, strict=True)
        return tuple(axis.input_for(n) for axis, n in pairs)

    def peak_values(self, size: tuple[int, ...]) -> int:
        """Return how many numbers are alive at most while a legal input is predicted.

        Parameters
        ----------
        size : tuple of int
            A legal input shape.
        """
        raise NotImplementedError

    def multiply_adds(self, size: tuple[int, ...]) -> int:
        """Return the multiplications that one input takes.

        Parameters
        ----------
        size : tuple of int
            A legal input shape.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class FoundShape(NetworkShape):
    """Sizes of a network that was made elsewhere, and what a pixel of it takes."""

    axes: tuple[FoundAxis, ...]
    in_channels: int = 1
    out_channels: int = 1
    # of the input: numbers that are alive at most, and multiplications
    values_a_pixel: float = 64.0
    work_a_pixel: float = 20_000.0

    def peak_values(self, size: tuple[int, ...]) -> int:
        """Return how many numbers are alive at most; see `NetworkShape`."""
        return ceil(self.values_a_pixel * prod(size))

    def multiply_adds(self, size: tuple[int, ...]) -> int:
        """Return the multiplications that one input takes; see `NetworkShape`."""
        return ceil(self.work_a_pixel * prod(size))
