"""Sizes of a U-Net: what it may read, what it gives back, how it repeats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, prod

from napari_shiftseg.geometry.network_shape import AxisSizes, NetworkShape, Padding


@dataclass(frozen=True)
class AxisShape(AxisSizes):
    """Sizes of a U-Net along one axis, all in pixels of the input image.

    Raises
    ------
    ValueError
        If a factor or the number of convolutions is below 1, or the kernel is even.

    References
    ----------
    Rumberger et al., ICCV 2021, "How Shift Equivariance Impacts Metric Learning
    for Instance Segmentation", section 3.
    """

    factors: tuple[int, ...]  # pooling factor of each level, finest level first
    kernel: int = 3  # width of a convolution; odd
    convolutions: int = 2  # convolutions in one block
    # valid convolutions eat the context; same-padded ones make it up with zeros
    padding: Padding = "valid"

    def __post_init__(self) -> None:
        if not all(f >= 1 for f in self.factors):
            raise ValueError(f"pooling factors must be 1 or more, got {self.factors}")
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"the kernel width must be odd, got {self.kernel}")
        if self.convolutions < 1:
            raise ValueError(
                f"a block needs at least one convolution, got {self.convolutions}"
            )
        if self.padding not in ("valid", "same"):
            raise ValueError(f'padding must be "valid" or "same", got {self.padding!r}')

    @cached_property
    def depth(self) -> int:
        """Levels that pool along this axis, ``l``."""
        return sum(f > 1 for f in self.factors)

    @cached_property
    def period(self) -> int:
        """``p = f^l``: the network repeats after so many pixels."""
        return prod(self.factors)

    @cached_property
    def context(self) -> int:
        """Pixels the network eats: legal input − raw output; half on each side."""
        return self._reach_of_convolutions if self.padding == "valid" else 0

    @cached_property
    def halo(self) -> int:
        """Pixels to read and crop on each side for an exact tile; 0 if valid.

        A same-padded network is exact where no zero of its padding is seen: a
        multiple of the period that is not below the receptive field's reach.
        """
        if self.padding == "valid":
            return 0
        reach = self._reach_of_convolutions // 2 + self.period - 1
        return ceil(reach / self.period) * self.period

    @cached_property
    def eaten(self) -> int:
        """Pixels that the convolutions of one block eat; 0 if padded."""
        return self.convolutions * (self.kernel - 1) if self.padding == "valid" else 0

    @cached_property
    def _reach_of_convolutions(self) -> int:
        eaten = self.convolutions * (self.kernel - 1)
        context = eaten
        for factor in reversed(self.factors):
            context = 2 * eaten + factor * context
        return context

    @cached_property
    def remainder(self) -> int:
        """What a legal input leaves when divided by the period.

        Each level must divide what its convolutions leave:
        size ≡ eaten·(1 + f₁ + f₁·f₂ + …)  (mod p).
        """
        if self.padding == "same":
            return 0
        eaten = self.convolutions * (self.kernel - 1)
        coarse = [prod(self.factors[:i]) for i in range(len(self.factors))]
        return eaten * sum(coarse) % self.period

    @property
    def _why_illegal(self) -> str:
        return f"{self.depth} poolings would lose some"


@dataclass(frozen=True)
class UNetShape(NetworkShape):
    """Sizes of a U-Net: one `AxisShape` an axis, and the channels of its levels."""

    axes: tuple[AxisShape, ...]  # one an image axis
    # channels of each level's blocks, finest first, the bottom last
    features: tuple[int, ...] = (16,)
    # channels of the image and of the prediction
    in_channels: int = 1
    out_channels: int = 3

    def peak_values(self, size: tuple[int, ...]) -> int:
        """Return how many numbers are alive at most while a legal input is predicted.

        Counted along the forward pass: the image and every skip connection still
        waiting, what the present block reads, and what two of its convolutions write;
        on the way up also the coarser level and what learnt upsampling makes of it.
        """
        pixels, channels, peak = size, 0, 0
        waiting = [prod(size) * self.in_channels]
        for level, features in enumerate(self.features):
            block = prod(pixels) * (channels + 2 * features)
            peak = max(peak, sum(waiting) + block)
            pixels, channels = self._after_block(pixels), features
            if level < len(self.features) - 1:
                waiting.append(prod(pixels) * features)
                pixels = tuple(
                    n // a.factors[level]
                    for n, a in zip(pixels, self.axes, strict=True)
                )
        for level in reversed(range(len(self.features) - 1)):
            coarse, features = prod(pixels) * channels, self.features[level]
            pixels = tuple(
                n * a.factors[level] for n, a in zip(pixels, self.axes, strict=True)
            )
            block = prod(pixels) * (1 + 2 + 2) * features  # upsampled, joined, written
            peak = max(peak, sum(waiting) + coarse + block)
            waiting.pop()
            pixels, channels = self._after_block(pixels), features
        return peak

    def _after_block(self, pixels: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(n - axis.eaten for n, axis in zip(pixels, self.axes, strict=True))

    def multiply_adds(self, size: tuple[int, ...]) -> int:
        """Return the multiplications of one input; learnt upsampling is assumed.

        A convolution takes, for each pixel it writes, its width (over all axes) times
        the channels it reads times those it writes.

        Parameters
        ----------
        size : tuple of int
            A legal input shape.
        """
        pixels, channels, total = size, self.in_channels, 0
        bottom = len(self.features) - 1
        for level, features in enumerate(self.features):
            pixels, done = self._block(pixels, channels, features)
            total, channels = total + done, features
            if level < bottom:
                factors = [axis.factors[level] for axis in self.axes]
                pixels = tuple(n // f for n, f in zip(pixels, factors, strict=True))
        for level in reversed(range(bottom)):
            factors = [axis.factors[level] for axis in self.axes]
            pixels = tuple(n * f for n, f in zip(pixels, factors, strict=True))
            features = self.features[level]
            total += prod(pixels) * channels * features
            pixels, done = self._block(pixels, 2 * features, features)
            total, channels = total + done, features
        return total + prod(pixels) * channels * self.out_channels

    def _block(
        self, pixels: tuple[int, ...], channels: int, features: int
    ) -> tuple[tuple[int, ...], int]:
        """Return what is left of the pixels after a block, and its multiplications."""
        total, width = 0, prod(axis.kernel for axis in self.axes)
        number = self.axes[0].convolutions
        for _ in range(number):
            pixels = tuple(
                n - axis.eaten // number
                for n, axis in zip(pixels, self.axes, strict=True)
            )
            total += prod(pixels) * width * channels * features
            channels = features
        return pixels, total
