"""The command ``inspect``: what a model is, what tiles cost, whether they are exact."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.files import read_image
from napari_shiftseg.cli.terminal import with_progress
from napari_shiftseg.geometry.advice import by
from napari_shiftseg.geometry.cost import COLUMNS, Cost, cheapest
from napari_shiftseg.inference.device import resolve_device
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.model.description import describe
from napari_shiftseg.model.remarks import Remark, what_follows
from napari_shiftseg.pipeline.costs import cost_steps
from napari_shiftseg.pipeline.segmentation import frames_of
from napari_shiftseg.pipeline.self_test import SelfTest, self_test_steps
from napari_shiftseg.report.words import in_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.model.unet import UNet

SAMPLE = Path("disks")  # of the self-test where no image is given
GROUPS = {
    "architecture": (
        "ndim", "depth", "pooling_factor", "padding", "upsampling", "normalization",
        "in_channels", "embedding_channels", "foreground", "parameters",
    ),
    "sizes in pixels": (
        "period", "context", "legal_inputs", "raw_outputs", "training_window",
        "max_same_looking",
    ),
    "clustering": (
        "bandwidth", "kernel", "scope", "min_size", "split_far_parts",
        "background_embedding",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    r"""The image that a model is inspected on.

    Attributes
    ----------
    name : str
    pixels : ndarray
        ([channels,] \\*spatial), the first image of a series.
    images : int
        In the series.
    shape : tuple of int
        Spatial shape.
    """

    name: str
    pixels: NDArray[Any]
    images: int
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Inspection:
    """What is known about a model.

    Attributes
    ----------
    figures : dict
        See `describe`.
    remarks : list of Remark
    device : str
    subject : Subject or None
        None where neither costs nor a self-test were asked for.
    costs : list of Cost
        Empty where no image was given.
    self_test : SelfTest or None
    """

    figures: dict[str, Any]
    remarks: list[Remark]
    device: str
    subject: Subject | None = None
    costs: list[Cost] | None = None
    self_test: SelfTest | None = None

    def report(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        report = dict(self.figures)
        report["remarks"] = [remark.text for remark in self.remarks]
        if self.subject is not None:
            report["image"] = self.subject.name
            report["image_shape"] = list(self.subject.shape)
            report["device"] = self.device
        if self.costs:
            best = cheapest(self.costs)
            report["windows"] = [
                cost.figures() | {"cheapest": cost is best} for cost in self.costs
            ]
        if self.self_test is not None:
            report["self_test"] = self.self_test.figures()
        return report


def inspect_model(
    model: str, image: Path | None, device: str, self_test: bool
) -> Inspection:
    """Inspect a model, and measure it on an image if that is asked for.

    Parameters
    ----------
    model : str
        Name of a bundled model, or path of a file.
    image : Path or None
        Whose windows are measured; None: none are.
    device : str
    self_test : bool
        Whether tiled and untiled are compared, on the image or else the disk sample.
    """
    where, network = str(resolve_device(device)), load_model(model)
    known = describe(network), what_follows(network.config), where
    if image is None and not self_test:
        return Inspection(*known)
    subject, costs, test = _subject(image or SAMPLE, network), None, None
    if image is not None:
        steps = cost_steps(subject.shape, network, device=device)
        costs = with_progress(steps, unit="window")
    if self_test:
        test = with_progress(self_test_steps(subject.pixels, network, device=device))
    return Inspection(*known, subject, costs, test)


def _subject(path: Path, model: UNet) -> Subject:
    source, config = read_image(path), model.config
    needed = config.ndim + (config.in_channels > 1)
    if source.data.ndim < needed:
        raise ValueError(
            f"this model reads {needed} axes, {path} has {source.data.ndim}: "
            f"give another image with --image"
        )
    frames = frames_of(source.data, model)
    first = source.data[frames[0]] if frames else source.data
    shape = first.shape[first.ndim - config.ndim :]
    return Subject(source.name, first, len(frames) or 1, shape)


def print_inspection(inspection: Inspection) -> None:
    """Print an inspection in groups."""
    known = inspection.figures
    print(known["name"], *filter(None, [known["description"]]), sep="\n")
    for title, names in GROUPS.items():
        _print_group(title, {name: known[name] for name in names})
    if known["provenance"]:
        _print_group("training", known["provenance"])
    print("\nwhat follows")
    for remark in inspection.remarks:
        print(f"  {'warning: ' if remark.kind == 'warning' else ''}{remark.text}")
    if inspection.costs:
        print(f"\ntile sizes (windows) on {_where(inspection)}")
        _print_costs(inspection.costs)
    if inspection.self_test is not None:
        chosen = "" if inspection.costs else " (chosen, as no --image was given)"
        print(f"\nself-test on {_where(inspection)}{chosen}")
        print(f"  {inspection.self_test.verdict}")


def _print_group(title: str, values: dict[str, Any]) -> None:
    print(f"\n{title}")
    for name, value in values.items():
        print(f"  {name.replace('_', ' '):22}{in_words(value)}")


def _where(inspection: Inspection) -> str:
    subject = inspection.subject
    if subject is None:
        return inspection.device
    series = f", the first of {subject.images}" if subject.images > 1 else ""
    return f"{subject.name} ({by(subject.shape)}{series}), device {inspection.device}"


def _print_costs(costs: list[Cost]) -> None:
    best = cheapest(costs)
    rows = [(*COLUMNS, ""), *((*c.cells(), "cheapest" * (c is best)) for c in costs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.rjust(w) for cell, w in zip(row[:-1], widths, strict=False)]
        print(f"  {'  '.join(cells)}  {row[-1]}".rstrip())
    if any(cost.seconds is not None and not cost.measured for cost in costs):
        print("  ≈: extrapolated from smaller tiles")
