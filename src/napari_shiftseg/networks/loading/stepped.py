"""A network of torch with what is done to each pixel before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from napari_shiftseg.device import is_out_of_memory
from napari_shiftseg.networks.opening.engine import SizeRefusedError
from napari_shiftseg.networks.opening.steps import (
    Clip,
    Linear,
    Sigmoid,
    Softmax,
    Threshold,
    Whole,
)
from napari_shiftseg.networks.opening.trust import said_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.networks.opening.steps import Pixelwise, Values


class Stepped(nn.Module):
    r"""A network between steps, on whatever device it is.

    Parameters
    ----------
    network : torch.nn.Module
        (batch, channels, \*input) → (batch, outputs, \*output)
    before, after : sequence of Pixelwise
    one_by_one : bool
        Whether it reads one image at once.
    """

    def __init__(
        self,
        network: nn.Module,
        before: Sequence[Pixelwise],
        after: Sequence[Pixelwise],
        one_by_one: bool = False,
    ) -> None:
        super().__init__()
        self.network, self._before, self._after = network, before, after
        self._one_by_one = one_by_one

    def train(self, mode: bool = True) -> Self:
        """Stay as it was opened: in eval mode; programs refuse to be told."""
        return self

    def forward(self, x: Tensor) -> Tensor:
        r"""Predict (batch, outputs, \*output).

        Parameters
        ----------
        x : Tensor
            (batch, channels, \*input)
        """
        for step in self._before:
            x = stepped(step, x)
        if self._one_by_one:
            outputs = torch.cat([self._of(one[None]) for one in x])
        else:
            outputs = self._of(x)
        for step in self._after:
            outputs = stepped(step, outputs)
        return outputs

    def _of(self, x: Tensor) -> Tensor:
        try:
            found = self.network(x)
        except RuntimeError as error:  # of one line, unlike those of programs
            if is_out_of_memory(error):
                raise
            raise SizeRefusedError(
                f"the network cannot read an input of {tuple(x.shape)} "
                f"({said_by(error)}): take another tile size"
            ) from None
        outputs: Tensor = found[0] if isinstance(found, (tuple, list)) else found
        return outputs


def stepped(step: Pixelwise, x: Tensor) -> Tensor:
    r"""Return what a step makes of pixels: as it does of arrays.

    Parameters
    ----------
    step : Pixelwise
    x : Tensor
        (batch, channels, \*spatial)
    """
    match step:
        case Linear(offset, gain):
            return (x - _by_channel(offset, x)) * _by_channel(gain, x)
        case Clip(low, high):
            low_end, high_end = _by_channel(low, x), _by_channel(high, x)
            return torch.minimum(torch.maximum(x, low_end), high_end)
        case Threshold(above):
            return (x > _by_channel(above, x)).to(x.dtype)
        case Sigmoid():
            return torch.sigmoid(x)
        case Softmax():
            return torch.softmax(x, dim=1)
        case Whole("bool"):
            return (x != 0).to(x.dtype)
        case Whole(dtype):
            limits = torch.iinfo(getattr(torch, dtype))
            return torch.clamp(torch.trunc(x), limits.min, limits.max)
    raise TypeError(f"{step} is no step of a pixel")


def _by_channel(values: Values, x: Tensor) -> Tensor:
    """Shape values so that they stand at the channels of (batch, channels, …)."""
    shape = (-1, *(1,) * (x.ndim - 2))
    return torch.tensor(values, dtype=x.dtype, device=x.device).reshape(shape)
