"""All that can be chosen in a run: name, meaning, unit, bounds and default, once."""

from __future__ import annotations

from dataclasses import asdict
from inspect import Parameter, signature
from math import prod
from operator import index
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator
from pydantic.dataclasses import dataclass

from napari_shiftseg.clustering.linking import LINK_THRESHOLD
from napari_shiftseg.clustering.settings import (
    Bandwidth,
    Clustering,
    ForegroundThreshold,
    Kernel,
    KernelChoice,
    Method,
    MethodChoice,
    MinSize,
    Prominence,
    Scope,
    ScopeChoice,
    SplitFarParts,
    idle_knobs,
    kernels_like,
)
from napari_shiftseg.device import Engine, Precision
from napari_shiftseg.geometry.tiling import Region, parse_region
from napari_shiftseg.geometry.window import (
    Border,
    Stitching,
    Window,
    as_window,
    parse_window,
)
from napari_shiftseg.inference.views import checked_views
from napari_shiftseg.intensity.scale import Asked, Reading, parse_intensity
from napari_shiftseg.pipeline.diameter import Diameter, parse_diameter
from napari_shiftseg.pipeline.glossary import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_shiftseg.geometry.rescaling import Rescaling
    from napari_shiftseg.networks.config import NetworkConfig


class OfEveryRun(TypedDict, total=False):
    """Keywords of `segment`, `compare`, `sweep` and `tune`; see `Settings`."""

    border: Border
    region: Region | None
    device: str
    precision: Precision
    engine: Engine
    batch: int | None
    views: int
    intensity: Asked
    invert: bool
    ignore_nan: bool
    bandwidth: float | None
    kernel: Kernel | None
    scope: Scope | None
    min_size: int | None
    split_far_parts: bool | None
    foreground_threshold: float | None
    method: Method | None
    prominence: float | None


class OfOneWindow(OfEveryRun, total=False):
    """Keywords of `compare`, which takes both stitchings."""

    window: Window


class OfOneStitching(OfEveryRun, total=False):
    """Keywords of `sweep`, which takes many windows."""

    stitching: Stitching


class OfOneRun(OfOneWindow, OfOneStitching, total=False):
    """Keywords of `tune`: those of `segment` that say how one image is predicted."""


class OfSegment(OfOneRun, total=False):
    """Keywords of `segment`: all of `Settings`."""

    diameter: Diameter
    link_planes: bool | None
    link_threshold: float


OF_SEGMENT = ("diameter", "link_planes", "link_threshold")  # what it alone takes


NO_EFFECT = "{} {} for nothing: objects are made by {}, which has no such setting"

Function = TypeVar("Function", bound="Callable[..., Any]")


def spelled(choices: type[OfEveryRun], **others: Any) -> Callable[[Function], Function]:
    """Let a function's signature spell its ``**settings``, as completion reads it.

    Parameters
    ----------
    choices : type
        Its keywords, of those above.
    **others
        Defaults that are not those of `Settings`.
    """
    keywords = [
        Parameter(
            name, Parameter.KEYWORD_ONLY,
            annotation=choices.__annotations__[name].__forward_arg__,
            default=others.get(name, field.default),
        )
        for name, field in fields_of(Settings).items()
        if name in choices.__annotations__
    ]  # fmt: skip

    def spell(function: Function) -> Function:
        own = signature(function)
        kept = [p for p in own.parameters.values() if p.kind != Parameter.VAR_KEYWORD]
        spelled_out = own.replace(parameters=[*kept, *keywords])
        function.__signature__ = spelled_out  # type: ignore[attr-defined]
        return function

    return spell


def _window(value: Any) -> Window:
    """Take a window as it is, or written as on the command line."""
    if value is None:
        return None
    known = parse_window(value) if isinstance(value, str) else value
    if getattr(known, "shape", None) != () and hasattr(known, "__len__"):
        return as_window(known, len(known) or 1)
    values: Any = (known,)  # whatever it is
    return as_window(values, 1)[0]


def _region(value: Any) -> Region | None:
    """Take a region as it is, or written as on the command line."""
    if value is None:
        return None
    try:
        return tuple((index(start), index(stop)) for start, stop in value)
    except (TypeError, ValueError):
        return parse_region(str(value))  # which refuses what is no text of a region


def _device(value: Any) -> str:
    if value is None:
        raise ValueError('a device is "auto", or one such as cpu or cuda:1; got None')
    return str(value)


def _views(value: Any) -> int:
    """Take a number of views as it is, or written as on the command line."""
    is_written = isinstance(value, str) and value.isdecimal()
    return checked_views(int(value) if is_written else value)


def _intensity(value: Any) -> Asked:
    """Take an intensity as it is, or written as on the command line."""
    known = parse_intensity(value) if isinstance(value, str) else value
    return Reading(known).intensity


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Settings:
    """All that can be chosen in a run; None: what the model says.

    Attributes
    ----------
    window : int, sequence of int, str or None
        Output size of a tile, in pixels; None: the cheapest that fits in memory.
    stitching : {"cropped", "naive", "whole"}
    border : {"mirror", "valid"}
    region : sequence of (int, int) or str, optional
        Image pixels to predict; see `plan_tiles` for these four.
    device : str
        "auto" (CUDA, else MPS, else the CPU), or a torch device.
    precision : {"float32", "float64", "float16", "bfloat16"}
    engine : {"auto", "torch", "openvino"}
        What computes on the CPU; see `Predictor`.
    batch : int, optional
        Tiles predicted at once; as many as fit if not given.
    views : {1, 2, 4, 8}
        In how many flips and turns the image is predicted; see `Views`.
    diameter : float, str or None
        Of the objects in the image, in pixels or as ``"30 um"``: it is rescaled so that
        they are as large as those that the model was trained on, and what is found is
        brought back. "auto": estimated in a first pass. None: the image as it is.
    intensity : "auto", (float, float) or str
        Grey values that are read as 0 and 1; "auto": as the model says, see
        `find_scale`.
    invert : bool
        Whether objects are dark on a bright background.
    ignore_nan : bool
        Whether NaN and infinite pixels are no data, not an error.
    bandwidth, kernel, scope, min_size, split_far_parts, foreground_threshold, method,
    prominence
        Of the clustering; see `Clustering`.
    link_planes : bool, optional
        Whether objects of neighbouring planes that overlap are one object of the stack;
        None: along z, not along t, see `linked_axis`.
    link_threshold : float
        Overlap (IoU) from which they are; see `linked`.

    Raises
    ------
    ValueError
        If a value is out of range or cannot be read.
    """

    window: Annotated[Window, PlainValidator(_window)] = Field(
        default=None,
        description="Tile size (window), 20 or 24x96x96. It is the output of a tile; "
        "multiples of the network's period make no seams.",
        json_schema_extra={"unit": "pixels", "unset": "cheapest", "form": "SIZE"},
    )
    stitching: Stitching = Field(
        default="cropped",
        description="How tiles are joined. cropped: without seams. naive: side by "
        "side. whole: one tile for all.",
    )
    border: Border = Field(
        default="mirror",
        description="What stands beyond the image. mirror: the image mirrored, so that "
        "every pixel is predicted. valid: only pixels are predicted whose context is "
        "image.",
    )
    region: Annotated[Region | None, PlainValidator(_region)] = Field(
        default=None,
        description="Part of the image to segment, 0:512x128:640.",
        json_schema_extra={
            "unit": "pixels", "unset": "all of it", "form": "START:STOPxSTART:STOP",
        },
    )  # fmt: skip
    device: Annotated[str, BeforeValidator(_device)] = Field(
        default="auto",
        description="What computes: auto, cpu, cuda, cuda:1, mps. auto takes a "
        "graphics card where there is one.",
    )
    precision: Precision = Field(
        default="float32",
        description="Numbers that the network computes with. float16 and bfloat16 are "
        "faster on a graphics card and less exact; float64 is slower and nearly free "
        "of rounding.",
    )
    engine: Engine = Field(
        default="auto",
        description="What the network is computed by on a CPU. openvino is a few times "
        "faster than torch, and has to be installed. auto: openvino where it is.",
    )
    batch: int | None = Field(
        default=None,
        ge=1,
        description="Tiles predicted at once.",
        json_schema_extra={"unit": "tiles", "unset": "as many as fit in memory"},
    )
    views: Annotated[int, BeforeValidator(_views)] = Field(
        default=1,
        description="Flips and turns of the image that are predicted and averaged: 1, "
        "2, 4 or 8. Several may find objects better; 8 views take eight times as "
        "long, and eight times the memory for the embedding. 2: also flipped. 4: all "
        "flips. 8: also turned, for square pixels and a network that is the same along "
        "both axes.",
    )
    diameter: Annotated[Diameter, PlainValidator(parse_diameter)] = Field(
        default=None,
        description="Diameter of the objects in the image, 30 or 30um, or auto. The "
        "image is rescaled so that they are as large as those that the model knows. "
        "auto: estimated in a first pass.",
        json_schema_extra={
            "unit": "pixels or um", "unset": "not rescaled", "form": "DIAMETER",
        },
    )  # fmt: skip
    intensity: Annotated[Asked, PlainValidator(_intensity)] = Field(
        default="auto",
        description="Grey values read as 0 and 1, 100:1100; auto finds them in the "
        "image.",
        json_schema_extra={"unit": "grey values", "form": "LOW:HIGH"},
    )
    invert: bool = Field(
        default=False, description="Objects are dark on a bright background."
    )
    ignore_nan: bool = Field(
        default=False, description="NaN and infinite pixels are no data, not an error."
    )
    bandwidth: Bandwidth | None = None
    kernel: KernelChoice | None = None
    scope: ScopeChoice | None = None
    min_size: MinSize | None = None
    split_far_parts: SplitFarParts | None = None
    foreground_threshold: ForegroundThreshold | None = None
    method: MethodChoice | None = None
    prominence: Prominence | None = None
    link_planes: bool | None = Field(
        default=None,
        description="Join objects of planes that overlap. Those of neighbouring planes "
        "are then one object, and the number of objects is that of cells, not of their "
        "cross-sections. Of a time series, frames are linked.",
        json_schema_extra={"unset": "z: yes, time: no"},
    )
    link_threshold: float = Field(
        default=LINK_THRESHOLD,
        gt=0,
        le=1,
        description="Overlap from which objects of neighbouring planes are one. Lower "
        "joins more, higher parts cells that lie above one another.",
        json_schema_extra={"unit": "IoU"},
    )

    @property
    def reading(self) -> Reading:
        """How grey values are to be read."""
        return Reading(self.intensity, self.invert, self.ignore_nan)

    def without_effect(self, config: NetworkConfig) -> str:
        """Say which of the settings count for nothing; empty where all have a say.

        Parameters
        ----------
        config : NetworkConfig
            Of the model.
        """
        method = self.method or config.clustering.method
        given = sorted(n for n in idle_knobs(method) if getattr(self, n) is not None)
        if not given:
            return ""
        count = "counts" if len(given) == 1 else "count"
        return NO_EFFECT.format(" and ".join(given).replace("_", " "), count, method)

    def clustering(
        self, config: NetworkConfig, rescaling: Rescaling | None = None
    ) -> Clustering:
        """Return a model's clustering with what was chosen here.

        Parameters
        ----------
        config : NetworkConfig
        rescaling : Rescaling, optional
            Of the image that is predicted. The model's own `min_size` counts its
            pixels, a chosen one those of the image itself.

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
        if rescaling is not None:
            known["min_size"] = round(known["min_size"] * prod(rescaling.steps))
        clustering = Clustering.model_validate({**known, **chosen})
        if clustering.scope == "component" and not config.foreground:
            raise ValueError(
                f'scope "component" needs a model with a foreground logit, which '
                f'{config.name!r} has not; take scope "global"'
            )
        cut = clustering.method != "mean-shift"
        if cut and not (config.foreground or clustering.boundary_channel is not None):
            raise ValueError(
                f"the method {clustering.method} needs a model with a foreground logit "
                f"or boundaries, which {config.name!r} has not; take mean-shift"
            )
        suited = kernels_like(config.clustering.kernel)
        if clustering.kernel not in suited:
            raise ValueError(
                f"the embeddings of {config.name!r} are {config.embedding}: take the "
                f"kernel {' or '.join(suited)}, not {clustering.kernel}"
            )
        if self.foreground_threshold is not None and not config.foreground:
            raise ValueError(
                f"a foreground threshold needs a model with a foreground logit, which "
                f"{config.name!r} has not; give none"
            )
        return clustering
