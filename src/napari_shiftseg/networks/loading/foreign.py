"""A network that was made elsewhere, as tiles, clustering and widgets need it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from fractions import Fraction
from math import ceil, lcm
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from napari_shiftseg.geometry.network_shape import FoundAxis, FoundShape
from napari_shiftseg.networks.config import Name, NetworkConfig, Text
from napari_shiftseg.networks.opening.opened import OutputKind

if TYPE_CHECKING:
    from napari_shiftseg.networks.finding.found import AxisFound

CERTAIN = 1e-6  # probability nearer to 0 or 1 than this is taken for this
USUAL_TILE = 64  # pixels
EVERYWHERE = 30.0  # logit of a foreground that is all of the image


class Output(BaseModel):
    """One channel that a network gives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: OutputKind
    name: Name = ""


class ForeignConfig(NetworkConfig):
    """What a network that was made elsewhere reads and gives, and what was found of it.

    The outputs follow each other as the package names them, then a foreground logit
    that is made of them; see `foreground_logit`. A package that we exported gives all
    channels itself.
    """

    outputs: Annotated[tuple[Output, ...], Field(min_length=1)]
    sizes: FoundShape
    # what `find` found, and what the package itself says, ready for JSON
    found: dict[str, Any] = Field(default_factory=dict)
    declared: list[dict[str, Any]] = Field(default_factory=list)
    # along each axis, pixels of the output left out at both ends, where it is not in
    # the middle of the input; and how many input pixels an output pixel stands for
    crop: tuple[tuple[int, int], ...] = ()
    coarser: tuple[int, ...] = ()
    notes: tuple[Text, ...] = ()  # what a user should know
    kind: Text = "network"  # of file: BioImage.IO package, ONNX, ...
    source: Text = ""
    sha256: Name = ""
    code: tuple[Name, ...] = ()  # SHA-256 sums of its files that run code of their own

    @model_validator(mode="after")
    def _one_channel_an_output(self) -> Self:
        if len(self.outputs) not in (self.embedding_channels, self.out_channels):
            raise ValueError(
                f"each output channel needs a use, got {len(self.outputs)} for "
                f"{self.embedding_channels} channels"
            )
        return self

    @property
    def shape(self) -> FoundShape:
        """Sizes of this network."""
        return self.sizes

    @property
    def directed(self) -> tuple[str, ...]:
        """Kinds of outputs that belong to a direction: flipped, they are others."""
        uses = [output.use for output in self.outputs]
        return tuple(use for use in ("affinity", "flow") if use in uses)

    @property
    def is_foreign(self) -> bool:
        """Whether the network was made elsewhere."""
        return True

    @property
    def usual_window(self) -> tuple[int, ...]:
        """Window to begin with, of whole periods: that of its training is not known.

        At least `USUAL_TILE` pixels, and twice the halo, so that a tile reads at most
        twice as far as it keeps; less where no input is as large.
        """
        return tuple(map(_usual_window, self.sizes.axes))

    @property
    def architecture(self) -> dict[str, Any]:
        """What is known of how it is built, ready for JSON."""
        return {
            "kind": self.kind,
            "outputs": [output.model_dump() for output in self.outputs],
            "halo": [axis.halo for axis in self.sizes.axes],
            **self.found,
            "declared": self.declared,
            "notes": list(self.notes),
            "sha256": self.sha256,
        }

    @property
    def declared_halo(self) -> tuple[int, ...] | None:
        """Pixels that its package says are wrong at both ends; None: it says nothing.

        In pixels of the input.
        """
        pairs = ((each["halo"], Fraction(each["scale"])) for each in self.declared)
        return tuple(ceil(halo / scale) for halo, scale in pairs) or None


def _usual_window(axis: FoundAxis) -> int:
    wanted = axis.kept_of(max(USUAL_TILE, 2 * axis.halo))
    return max(wanted // axis.period, 1) * axis.period


Predict = Callable[[NDArray[Any]], NDArray[Any]]
Reopen = Callable[[Path, frozenset[str], str], "ForeignNetwork"]


class ForeignNetwork(nn.Module):
    r"""A network that was made elsewhere; see `TiledNetwork`.

    Parameters
    ----------
    config : ForeignConfig
    network : torch.nn.Module or callable
        That predicts (batch, channels, \*input) → (batch, outputs, \*output): of
        tensors, on a device; or of float32 arrays, on the CPU, one input after the
        other, shared by all copies.
    reopen : callable, optional
        Opens the file again, where the network is sent to another process: it is
        pickled in place of the network.
    """

    def __init__(
        self,
        config: ForeignConfig,
        network: nn.Module | Predict,
        reopen: Reopen | None = None,
    ) -> None:
        super().__init__()
        self._reopen = reopen
        self.config, self.shape = config, config.shape
        self.network = network if isinstance(network, nn.Module) else _Called(network)

    def __deepcopy__(self, memo: dict[int, Any]) -> ForeignNetwork:
        return ForeignNetwork(
            self.config, deepcopy(self.network, memo), self._reopen
        ).eval()

    def __reduce__(self) -> tuple[Any, ...]:
        """Open it again where it is sent to: a worker sees the same files."""
        if self._reopen is None:
            raise TypeError("a network without a file cannot be sent elsewhere")
        config = self.config
        return self._reopen, (
            Path(config.source), frozenset(config.code), config.sha256
        )  # fmt: skip

    @property
    def computed_by(self) -> str:
        """What predicts, "torch" or "onnxruntime"."""
        return "onnxruntime" if isinstance(self.network, _Called) else "torch"

    def forward(self, x: Tensor) -> Tensor:
        r"""Predict one raw output; an input that loses pixels in pooling is refused.

        Parameters
        ----------
        x : Tensor
            (batch, in_channels, \*legal input)

        Returns
        -------
        Tensor
            (batch, outputs + 1 foreground logit, \*raw output)
        """
        # while it is traced, sizes are no numbers
        if not torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            self.shape.raw_output(tuple(x.shape[2:]))
        outputs: Tensor = self.network(x)
        for axis, times in enumerate(self.config.coarser, start=2):
            if times > 1:
                outputs = outputs.repeat_interleave(times, dim=axis)
        for axis, (before, after) in enumerate(self.config.crop, start=2):
            left = outputs.shape[axis] - before - after
            outputs = outputs.narrow(axis, before, left)
        if len(self.config.outputs) == self.config.out_channels:
            return outputs
        logit = foreground_logit(outputs, self.config.outputs)
        return torch.cat([outputs, logit], dim=1)

    @property
    def parameter_count(self) -> int:
        """Number of weights, as far as torch knows them."""
        return sum(p.numel() for p in self.parameters())


class _Called(nn.Module):
    """A function of arrays as a module."""

    def __init__(self, predict: Predict) -> None:
        super().__init__()
        self._predict = predict

    def __deepcopy__(self, memo: dict[int, Any]) -> _Called:
        return _Called(self._predict)  # with hooks of its own

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.detach().cpu().numpy().astype(np.float32, copy=False)
        each = [self._predict(pixels[i : i + 1]) for i in range(len(pixels))]
        return torch.from_numpy(np.concatenate(each)).to(x.device, x.dtype)


def foreground_logit(outputs: Tensor, uses: tuple[Output, ...]) -> Tensor:
    r"""Return a foreground logit, (batch, 1, \*spatial), made pixel by pixel.

    Of the first logit itself; of the first probability p, :math:`\ln p / (1 - p)`; of
    a distance d to the edge of the object, d − 1, so that the pixels of an object are
    those a pixel within its edge; else all of the image is foreground.

    Parameters
    ----------
    outputs : Tensor
        (batch, channels, \*spatial)
    uses : tuple of Output
        One a channel.
    """
    known = _first_of_each(uses)
    if "logit" in known:
        return outputs[:, known["logit"], None]
    if "probability" in known:
        p = outputs[:, known["probability"], None].clamp(CERTAIN, 1 - CERTAIN)
        return torch.log(p / (1 - p))  # which OpenVINO knows, unlike torch.logit
    if "distance" in known:
        return outputs[:, known["distance"], None] - 1
    return torch.full_like(outputs[:, :1], EVERYWHERE)


def _first_of_each(uses: tuple[Output, ...]) -> dict[OutputKind, int]:
    """Return the first channel of each use."""
    return {output.use: at for at, output in reversed(list(enumerate(uses)))}


def clustering_of(uses: tuple[Output, ...]) -> dict[str, Any]:
    """Return how objects are usually made of outputs of these uses, for `Clustering`.

    An embedding by mean shift; a foreground by watershed, along boundaries or from the
    middles of objects where the network sees them, else along waists.

    Parameters
    ----------
    uses : tuple of Output
    """
    known = _first_of_each(uses)
    if set(known) == {"embedding"}:
        return {"method": "mean-shift", "scope": "global"}
    usual = {"method": "watershed", "scope": "component", "min_size": 10}
    if "distance" in known:
        return usual | {"middle_channel": known["distance"], "prominence": 0.5}
    if "boundary" in known:
        return usual | {"boundary_channel": known["boundary"], "prominence": 0.1}
    return usual | {"prominence": 0.75}


def assumed_uses(outputs: NDArray[Any]) -> tuple[Output, ...]:
    r"""Return what channels are taken for where nothing says what they are.

    By their values: a channel of [0, 1] is a probability, of two that add up to 1 the
    second one; a second one that does not is a boundary. Any other channel is a logit
    if it is the only one; several are an embedding.

    Parameters
    ----------
    outputs : ndarray
        (batch, channels, \*spatial), of any image.
    """
    channels = outputs.shape[1]
    if outputs.min() >= 0 and outputs.max() <= 1:
        adds_up = bool(np.allclose(outputs.sum(axis=1), 1, atol=1e-4))
        is_softmax = adds_up and channels > 1
        uses = ["other", "probability"] if is_softmax else ["probability", "boundary"]
        return _named(uses, channels)
    return _named(["logit"] if channels == 1 else ["embedding"] * channels, channels)


def _named(uses: list[Any], channels: int) -> tuple[Output, ...]:
    filled = (uses + ["other"] * channels)[:channels]
    return tuple(Output(use=use, name=f"{use} {n}") for n, use in enumerate(filled, 1))


USUAL_HALO = 64  # pixels, where a network sees all of its input


def tiled_axis(axis: AxisFound) -> tuple[FoundAxis, tuple[int, int]]:
    """Return the sizes along one axis, and what is to be cropped of each output.

    A network that pads is read with a halo: what it sees at any phase, rounded up to
    periods. One that makes nothing up needs none: it gives what it sees all of. Where
    it eats more on one side, that is cropped on both.

    Parameters
    ----------
    axis : AxisFound

    Raises
    ------
    ValueError
        If there is more than one output pixel for one of the image.
    """
    if axis.scale.numerator > 1:
        raise ValueError(
            f"this network gives {axis.scale} output pixels for one of the image; one "
            f"or fewer are needed: leave out its last upsampling"
        )
    period = lcm(axis.period, axis.multiple or 1, axis.scale.denominator)
    larger = max(axis.eaten)
    crop = (larger - axis.eaten[0], larger - axis.eaten[1])
    if axis.padding in ("valid", "none") and axis.before is not None:
        halo = 0  # nothing is made up
    elif axis.before is None or axis.after is None:
        halo = ceil(USUAL_HALO / period) * period
    else:
        unseen = max(axis.before - larger, axis.after - larger, 0)
        halo = ceil(unseen / period) * period
    most = None if axis.multiple else axis.smallest
    remainder = (axis.remainder if axis.multiple else axis.smallest) % period
    sizes = FoundAxis(period, 2 * larger, halo, remainder, axis.smallest, most)
    return sizes, crop
