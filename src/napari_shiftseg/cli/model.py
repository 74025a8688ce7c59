"""The command ``inspect``: what a model is, what tiles cost, whether they are exact."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.options import model_for
from napari_shiftseg.cli.terminal import print_table, read_source, with_progress
from napari_shiftseg.device import resolve_device
from napari_shiftseg.geometry.cost import COLUMNS, Cost, cheapest
from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.networks.checkpoint import copy_model, load_model
from napari_shiftseg.networks.header import (
    SUFFIX,
    bundled_models,
    figure_models,
    named_models,
    own_models,
    read_config,
)
from napari_shiftseg.networks.remarks import Remark, describe, what_follows
from napari_shiftseg.pipeline.costs import cost_steps
from napari_shiftseg.pipeline.segmentation import frames_of
from napari_shiftseg.pipeline.self_test import SelfTest, self_test_steps
from napari_shiftseg.report.model_card import (
    MEANINGS,
    file_name,
    grouped,
    in_words,
    model_card,
    name_in_words,
)
from napari_shiftseg.stores.folders import (
    is_file_like,
    refuse_to_overwrite,
    writable_folder,
)
from napari_shiftseg.stores.reading import is_sample
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.cli.requests import Asked
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.settings import Settings


def run_export(model: str, output: Path, asked: Asked) -> None:
    """Write ``NAME.safetensors`` and ``NAME.md``; other files there are left alone."""
    network = load_model(model)
    folder, name = writable_folder(output), file_name(network.config)
    weights, card = folder / f"{name}{SUFFIX}", folder / f"{name}.md"
    with all_or_none([weights, card]) as unfinished:
        copy_model(model, unfinished[0])
        unfinished[1].write_text(model_card(network), encoding="utf-8")
        alike = zip((weights, card), unfinished, strict=True)
        same = [old.name for old, new in alike if is_file_like(old, new)]
        refuse_to_overwrite(
            [weights, card], same, asked.overwrite, "export of this model"
        )
    if asked.json:
        report = {"model": network.config.name}
        print(json.dumps(report | {"file": str(weights), "card": str(card)}))
    else:
        print(f"{weights.name} and its card {card.name} are in {folder}")


def run_models(asked: Asked) -> None:
    """Print the models that are known by name."""
    kinds = {
        "bundled": bundled_models(),
        "of figures": figure_models(),
        "yours": own_models(),
    }
    rows = [
        {"name": name, "kind": kind, **_in_short(path)}
        for kind, paths in kinds.items()
        for name, path in paths.items()
    ]
    if asked.json:
        print(json.dumps({"models": rows}))
        return
    longest = max(len(row["for"]) for row in rows)
    print_table(
        tuple(rows[0]),
        [
            (*(in_words(v) for v in list(row.values())[:-1]), row["for"].ljust(longest))
            for row in rows
        ],
    )


def _in_short(path: Path) -> dict[str, Any]:
    try:
        config = read_config(path)
    except ValueError as error:
        return {**dict.fromkeys(ABOUT), "for": f"Cannot be read: {error}"}
    window = config.provenance and config.provenance.window
    period = window_text(config.shape.period)
    about = config.ndim, config.in_channels, window and window_text(window), period
    use = config.description or "Of a figure of the paper; see shiftseg figure."
    return {**dict(zip(ABOUT, about, strict=True)), "for": use}


def what_to_inspect(
    given: Path | None, model: str | None, of_old: Path | None
) -> tuple[str, Path | None]:
    """Return model and image; where only one word is given it may be either.

    Raises
    ------
    ValueError
        If nothing is given.
    """
    if given is None and model is None and of_old is None:
        raise ValueError("name an IMAGE, or a MODEL with -m")
    if of_old is not None:
        named = str(given) if given else None
        return model_for(model or named, of_old), of_old
    if given is None or (model is None and not _is_image(given)):
        return model or str(given), None
    return model_for(model, given), given


def _is_image(given: Path) -> bool:
    named = str(given) in named_models() | figure_models() or given.suffix == SUFFIX
    return not named and (given.is_file() or is_sample(given))


ABOUT = ("dimensions", "channels", "window", "period")
SAMPLE = Path("disks")  # of the self-test where no image is given
NO_IMAGE = "no image was given"
TESTED = {
    "window": "tile size",
    "region": "pixels that were predicted",
    "tiles": "",
    "difference": "largest, tiled against untiled",
    "control": "the same for misaligned tiles",
    "relative": "the difference, in units of the embedding's spread",
    "relative_control": "the control, in units of that spread",
}


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


def run_inspection(
    model: str, image: Path | None, settings: Settings, self_test: bool, asked: Asked
) -> bool:
    """Inspect a model and print what was found; returns whether no test failed."""
    found = inspect_model(model, image, settings, self_test, asked)
    if asked.json:
        print(json.dumps(found.report()))
    else:
        print_inspection(found)
    return found.self_test is None or found.self_test.passed


def inspect_model(
    model: str, image: Path | None, settings: Settings, self_test: bool, asked: Asked
) -> Inspection:
    """Inspect a model, and measure it on an image if that is asked for.

    Parameters
    ----------
    model : str
        Name of a bundled model, or path of a file.
    image : Path or None
        Whose windows are measured; None: none are.
    settings : Settings
        Its device, and how grey values are read.
    self_test : bool
        Whether tiled and untiled are compared, on the image or else the disk sample.
    asked : Asked
        Channel and series of the image.
    """
    device = settings.device
    where, network = str(resolve_device(device)), load_model(model)
    known = describe(network), what_follows(network.config), where
    if image is None and not self_test:
        return Inspection(*known)
    subject, costs, test = _subject(image, network, asked), None, None
    if image is not None:
        steps = cost_steps(subject.shape, network, device=device)
        costs = with_progress(steps, unit="window")
    if self_test:
        tested = self_test_steps(
            subject.pixels, network, device=device, reading=settings.reading
        )
        test = with_progress(tested)
    return Inspection(*known, subject, costs, test)


def _subject(image: Path | None, model: UNet, asked: Asked) -> Subject:
    config = model.config
    source = read_source(config, image or SAMPLE, asked)
    name = str(image) if image else f"the sample {SAMPLE} ({NO_IMAGE})"
    config.leading_axes(source.data.ndim, name)  # refuses too few
    frames = frames_of(source.data, model)
    first = source.data[frames[0]] if frames else source.data
    shape = first.shape[first.ndim - config.ndim :]
    return Subject(source.name, first, len(frames) or 1, shape)


def print_inspection(inspection: Inspection) -> None:
    """Print an inspection in groups; what a test found first, and its figures last."""
    known, test = inspection.figures, inspection.self_test
    if test is not None:
        print(f"{test.verdict}\n")
    print(known["name"], *filter(None, [known["description"]]), sep="\n")
    for title, values in grouped(known).items():
        _print_group(title, values, MEANINGS)
    if known["provenance"]:
        _print_group("training", known["provenance"])
    print("\nwhat follows")
    for remark in inspection.remarks:
        print(f"  {'warning: ' if remark.kind == 'warning' else ''}{remark.text}")
    if inspection.costs:
        print(f"\ntile sizes (windows) on {_where(inspection)}")
        _print_costs(inspection.costs)
    if test is not None:
        chosen = "" if inspection.costs else f" (chosen, as {NO_IMAGE})"
        figures = test.figures()
        title = f"self-test on {_where(inspection)}{chosen}"
        _print_group(title, {name: figures[name] for name in TESTED}, TESTED)


def _print_group(
    title: str, values: dict[str, Any], meanings: dict[str, str] | None = None
) -> None:
    print(f"\n{title}")
    for name, value in values.items():
        meaning = (meanings or {}).get(name, "")
        text = f"{in_words(value, name):28}  {meaning}"
        print(f"  {name_in_words(name):20}  {text}".rstrip())


def _where(inspection: Inspection) -> str:
    subject = inspection.subject
    if subject is None:
        return inspection.device
    series = f", the first of {subject.images}" if subject.images > 1 else ""
    return f"{subject.name} ({by(subject.shape)}{series}), device {inspection.device}"


def _print_costs(costs: list[Cost]) -> None:
    best = cheapest(costs)
    rows = [(*cost.cells(), "cheapest" * (cost is best)) for cost in costs]
    print_table((*COLUMNS, ""), rows, indent=2)
    if any(cost.seconds is not None and not cost.measured for cost in costs):
        print("  ≈: extrapolated from smaller tiles")
