"""Networks: what any one must have, our U-Net, its configuration and its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn

    from napari_shiftseg.geometry.network_shape import NetworkShape
    from napari_shiftseg.networks.config import NetworkConfig


class TiledNetwork(Protocol):
    r"""What tiles, clustering and widgets need of a network: a torch module with sizes.

    `UNet` is the first. Called with (batch, in_channels, \*legal input) it gives
    (batch, out_channels, \*raw output): the embedding, then the foreground logit if
    there is one, then the logits of the classes if there are any.

    Attributes
    ----------
    shape : NetworkShape
        Period, context and legal sizes, along each axis.
    config : NetworkConfig
        Channels it reads and gives, how it reads grey values, its clustering.
    parameter_count : int
        Number of weights, as far as it is known.
    computed_by : str
        What predicts, unless it is compiled: "torch" or "onnxruntime".
    """

    @property
    def config(self) -> NetworkConfig: ...  # noqa: D102
    @property
    def shape(self) -> NetworkShape: ...  # noqa: D102
    @property
    def parameter_count(self) -> int: ...  # noqa: D102
    @property
    def computed_by(self) -> str: ...  # noqa: D102
    def __call__(self, x: Tensor) -> Tensor: ...  # noqa: D102
    def to(self, *args: Any, **how: Any) -> Self: ...  # noqa: D102
    def eval(self) -> Self: ...  # noqa: D102
    def modules(self) -> Iterator[nn.Module]: ...  # noqa: D102
    def named_modules(self) -> Iterator[tuple[str, nn.Module]]: ...  # noqa: D102
    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102
