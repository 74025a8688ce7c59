"""Networks of the gallery, with seeded weights, as files that others would hand on."""

from __future__ import annotations

import warnings
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
import yaml
from torch import nn
from torch.export import Dim
from torch.nn import functional

from napari_shiftseg.networks.loading.models import trust
from napari_shiftseg.networks.opening.architectures import make
from napari_shiftseg.networks.opening.imported import import_network
from napari_shiftseg.networks.opening.torch_file import draw_weights
from napari_shiftseg.networks.opening.trust import hash_of

if TYPE_CHECKING:
    from pathlib import Path

SEED = 0
READ = [{"id": "scale_range", "kwargs": {"axes": ["y", "x"]}}]
# as their libraries would be asked for them
KNOWN: dict[str, dict[str, Any]] = {
    "funlib-unet": {
        "architecture": "funlib.UNet",
        "arguments": {
            "in_channels": 1,
            "num_fmaps": 8,
            "fmap_inc_factor": 2,
            "downsample_factors": [[2, 2], [2, 2]],
        },
    },
    "monai-basic-unet": {
        "architecture": "monai.BasicUNet",
        "arguments": {
            "spatial_dims": 2,
            "in_channels": 1,
            "out_channels": 4,
            "features": [8, 8, 16, 16, 32, 8],
        },
    },
    "group-norm-unet": {
        "architecture": "pytorch3dunet.UNet2D",
        "arguments": {
            "in_channels": 1,
            "out_channels": 4,
            "f_maps": [8, 16, 32],
            "layer_order": "gcr",
            "num_groups": 4,
            "final_sigmoid": False,
        },
    },
}


class Residual(nn.Module):
    """Two convolutions beside a shortcut, the first with a stride."""

    def __init__(self, read: int, made: int, stride: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(read, made, 3, stride, 1)
        self.two = nn.Conv2d(made, made, 3, 1, 1)
        self.short = nn.Conv2d(read, made, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (batch, made, *size / stride, rounded up)."""
        inner: torch.Tensor = self.two(torch.relu(self.one(x)))
        return torch.relu(inner + self.short(x))


class ResNetFCN(nn.Module):
    """Three strides of 2, then stretched to the image, corners upon corners."""

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 8, 16, 16)
        self.down = nn.Sequential(*(Residual(a, b, 2) for a, b in pairwise(widths)))
        self.head = nn.Conv2d(widths[-1], 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (batch, 4, *size)."""
        coarse = self.head(self.down(x))
        return functional.interpolate(
            coarse, size=x.shape[2:], mode="bilinear", align_corners=True
        )


def write_known(name: str, folder: Path) -> Path:
    """Write a network of a known architecture, as ``shiftseg import`` does.

    Parameters
    ----------
    name : str
        One of `KNOWN`.
    folder : Path

    Returns
    -------
    Path
        A .safetensors file.
    """
    said = {**KNOWN[name], "name": name, "preprocessing": READ}
    module = make(said["architecture"], said["arguments"])
    draw_weights(module, SEED)
    weights, config = folder / f"{name}.pt", folder / f"{name}.yaml"
    torch.save(module.state_dict(), weights)
    config.write_text(yaml.safe_dump(said))
    return import_network(weights, config, folder / f"{name}.safetensors").path


def write_resnet(folder: Path) -> Path:
    """Write the ResNet-FCN as a program of ``torch.export``, and trust it.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Path
        A .pt2 file.
    """
    module = ResNetFCN().eval()
    draw_weights(module, SEED)
    path = folder / "resnet-fcn.pt2"
    sizes = {2: Dim.AUTO, 3: Dim.AUTO}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = (torch.zeros(1, 1, 48, 48),)
        program = torch.export.export(module, given, dynamic_shapes=(sizes,))
        torch.export.save(program, path)
    trust(hash_of(path.read_bytes()))
    return path
