"""All that can be chosen in a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from napari_shiftseg.clustering.settings import Clustering, Kernel, Scope
from napari_shiftseg.intensity.scale import Asked, Reading

if TYPE_CHECKING:
    from napari_shiftseg.device import Precision
    from napari_shiftseg.geometry.axis_plan import Border, Stitching
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.geometry.window import Window
    from napari_shiftseg.networks.config import ModelConfig


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that can be chosen in a run; None: what the model says.

    Parameters
    ----------
    window : int, sequence of int or None
        Output size of a tile, in pixels; None: the cheapest that fits in memory.
    stitching : {"cropped", "naive", "whole"}
    border : {"mirror", "valid"}
    region : sequence of (int, int), optional
        Image pixels to predict; see `plan_tiles` for these four.
    device : str
        "auto" (CUDA, else MPS, else the CPU), or a torch device.
    precision : {"float32", "float64", "float16", "bfloat16"}
    batch : int, optional
        Tiles predicted at once; as many as fit if not given.
    intensity : "auto" or (float, float)
        Grey values that are read as 0 and 1; "auto": as the model says, see
        `find_scale`.
    invert : bool
        Whether objects are dark on a bright ground.
    ignore_nan : bool
        Whether NaN and infinite pixels are no data, not an error.
    bandwidth, kernel, scope, min_size, split_far_parts, foreground_threshold
        Of the clustering; see `Clustering`.
    """

    window: Window = None
    stitching: Stitching = "cropped"
    border: Border = "mirror"
    region: Region | None = None
    device: str = "auto"
    precision: Precision = "float32"
    batch: int | None = None
    intensity: Asked = "auto"
    invert: bool = False
    ignore_nan: bool = False
    bandwidth: float | None = None
    kernel: Kernel | None = None
    scope: Scope | None = None
    min_size: int | None = None
    split_far_parts: bool | None = None
    foreground_threshold: float | None = None

    def __post_init__(self) -> None:
        _ = self.reading  # refuses what cannot be read so

    @property
    def reading(self) -> Reading:
        """How grey values are to be read."""
        return Reading(self.intensity, self.invert, self.ignore_nan)

    def clustering(self, config: ModelConfig) -> Clustering:
        """Return a model's clustering with what was chosen here.

        Raises
        ------
        ValueError
            If a value is out of range, or the model has no foreground logit, and the
            scope is "component" or a foreground threshold was chosen.
        """
        chosen = {
            name: value
            for name, value in asdict(self).items()
            if name in Clustering.model_fields and value is not None
        }
        known = config.clustering.model_dump()
        clustering = Clustering.model_validate({**known, **chosen})
        if clustering.scope == "component" and not config.foreground:
            raise ValueError(
                f'scope "component" needs a model with a foreground logit, which '
                f'{config.name!r} has not; take scope "global"'
            )
        if self.foreground_threshold is not None and not config.foreground:
            raise ValueError(
                f"a foreground threshold needs a model with a foreground logit, which "
                f"{config.name!r} has not; give none"
            )
        return clustering
