"""The commands ``inspect`` and ``models``: a model, and what its tiles cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import print_table, read_source, with_progress
from napari_shiftseg.cli.usual_model import model_for
from napari_shiftseg.device import resolve_device
from napari_shiftseg.geometry.cost import COLUMNS, Cost, cheapest
from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.networks.header import (
    FOREIGN,
    SUFFIX,
    bundled_models,
    figure_models,
    named_models,
    own_models,
)
from napari_shiftseg.networks.loading.models import load_model, read_config
from napari_shiftseg.networks.properties import Remark, describe, what_follows
from napari_shiftseg.pipeline.costs import cost_steps
from napari_shiftseg.pipeline.seam_causes import seam_causes_steps
from napari_shiftseg.pipeline.self_test import SelfTest, self_test_steps
from napari_shiftseg.pipeline.series import frames_of
from napari_shiftseg.report.model_card import (
    MEANINGS,
    grouped,
    in_words,
    name_in_words,
)
from napari_shiftseg.report.suitability import suitability
from napari_shiftseg.stores.reading import is_sample
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_shiftseg.cli.options import Asked, Order
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.report.suitability import Suitability


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

    Parameters
    ----------
    given : Path or None
        The word.
    model : str or None
        Of ``-m``.
    of_old : Path or None
        Image, as it was given before.
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
    named = named or given.suffix.lower() in FOREIGN
    return not named and (given.is_file() or is_sample(given))


ABOUT = ("dimensions", "channels", "window", "period")
# of the self-test where no image is given, by the axes of the model
SAMPLE, VOLUME, VOLUME_AXES = Path("disks"), Path("nuclei-3d"), 3
NO_IMAGE = "no image was given"
TESTED = {
    "window": "tile size",
    "region": "pixels that were predicted",
    "tiles": "",
    "difference": "largest, tiled against untiled",
    "control": "the same for misaligned tiles",
    "relative": "the difference, in units of the prediction's spread",
    "relative_control": "the control, in units of that spread",
}


def run_inspection(image: Path | None, order: Order, self_test: bool) -> bool:
    """Inspect a model, print what was found; returns whether no self-test failed.

    Parameters
    ----------
    image : Path or None
        Whose windows are measured; None: none are.
    order : Order
        Of its settings the device, and how grey values are read.
    self_test : bool
        Whether tiled and untiled are compared, on the image or else the disk sample.
    """
    device, network = order.settings.device, load_model(order.model)
    engine = order.settings.engine
    where, remarks = str(resolve_device(device)), what_follows(network.config)
    report = {**describe(network), "remarks": [remark.text for remark in remarks]}
    costs = test = causes = None
    if image is not None or self_test:
        name, pixels, series = _subject(image, network, order.asked)
        shape = pixels.shape[pixels.ndim - network.config.ndim :]
        report |= {"image": name, "image_shape": list(shape), "device": where}
        where = f"{name} ({by(shape)}{series}), device {where}"
    if image is not None:
        measuring = cost_steps(shape, network, device=device, engine=engine)
        costs = with_progress(measuring, unit="window")
        best = cheapest(costs)
        report["windows"] = [c.figures() | {"cheapest": c is best} for c in costs]
    if self_test:
        subject, reading = (pixels, network), order.settings.reading
        tests = self_test_steps(*subject, None, device, reading, engine=engine)
        test = with_progress(tests)
        measured = seam_causes_steps(*subject, device, reading, engine=engine)
        causes = with_progress(measured)
        report["self_test"] = test.figures()
        report["seam_causes"] = causes and causes.figures()
    suited = suitability(network.config, test, causes)
    report["suitability"] = suited.as_json()
    if order.asked.json:
        print(json.dumps(report))
    else:
        _print_inspection(report, remarks, where, costs, test, suited)
    return test is None or test.passed


def _subject(
    image: Path | None, model: TiledNetwork, asked: Asked
) -> tuple[str, NDArray[Any], str]:
    """Return an image's name, the first frame of it, and that it is one of several."""
    sample = VOLUME if model.config.ndim == VOLUME_AXES else SAMPLE
    source = read_source(model.config, image or sample, asked)
    name = str(image) if image else f"the sample {sample} ({NO_IMAGE})"
    model.config.leading_axes(source.data.ndim, name)  # refuses too few
    frames = frames_of(source.data, model)
    first = source.data[frames[0]] if frames else source.data
    series = f", the first of {len(frames)}" if len(frames) > 1 else ""
    return source.name, first, series


def _print_inspection(
    known: dict[str, Any],
    remarks: list[Remark],
    where: str,
    costs: list[Cost] | None,
    test: SelfTest | None,
    suited: Suitability,
) -> None:
    """Print an inspection in groups; what a test found first, and its figures last."""
    if test is not None:
        print(f"{test.verdict}\n")
    print(known["name"], *filter(None, [known["description"]]), sep="\n")
    _print_suitability(suited)
    groups = grouped(known)
    if suited.figures:  # which say the rest
        groups = {"clustering": groups["clustering"]}
    for title, values in groups.items():
        _print_group(title, values, MEANINGS)
    if known["provenance"]:
        _print_group("training", known["provenance"])
    if suited.figures:
        _print_texts("notes", suited.notes)
    else:
        _print_texts("what follows", map(_remark, remarks))
    if costs:
        print(f"\ntile sizes (windows) on {where}")
        _print_costs(costs)
    if test is not None:
        chosen = "" if costs else f" (chosen, as {NO_IMAGE})"
        figures = test.figures()
        title = f"self-test on {where}{chosen}"
        _print_group(title, {name: figures[name] for name in TESTED}, TESTED)


def _remark(remark: Remark) -> str:
    return f"{'warning: ' if remark.kind == 'warning' else ''}{remark.text}"


def _print_suitability(suited: Suitability) -> None:
    """Print whether tiles can be seamless, why, what to do, and what was found."""
    _print_texts("tiles", [suited.headline])
    for title, texts in suited.sections.items():
        _print_texts(title.lower(), texts)
    if suited.figures:
        _print_group("found", {name.lower(): text for name, text in suited.figures})


def _print_texts(title: str, texts: Iterable[str]) -> None:
    print(f"\n{title}", *texts, sep="\n  ")


def _print_group(
    title: str, values: dict[str, Any], meanings: dict[str, str] | None = None
) -> None:
    print(f"\n{title}")
    for name, value in values.items():
        meaning = (meanings or {}).get(name, "")
        text = f"{in_words(value, name):28}  {meaning}"
        print(f"  {name_in_words(name):20}  {text}".rstrip())


def _print_costs(costs: list[Cost]) -> None:
    best = cheapest(costs)
    rows = [(*cost.cells(), "cheapest" if cost is best else "") for cost in costs]
    print_table((*COLUMNS, ""), rows, indent=2)
    if any(cost.seconds is not None and not cost.measured for cost in costs):
        print("  ≈: extrapolated from smaller tiles")
