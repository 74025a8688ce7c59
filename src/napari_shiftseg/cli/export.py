"""The command ``export``: a model and its card, to hand on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_shiftseg.files.records import is_file_like, refuse_to_overwrite
from napari_shiftseg.model.checkpoint import copy_model, load_model
from napari_shiftseg.model.header import SUFFIX
from napari_shiftseg.model.whole_file import all_or_none
from napari_shiftseg.report.folder import writable_folder
from napari_shiftseg.report.model_card import file_name, model_card

if TYPE_CHECKING:
    from pathlib import Path


def run_export(
    model: str, output: Path, as_json: bool, overwrite: bool = False
) -> None:
    """Write ``NAME.safetensors`` and ``NAME.md``; other files there are left alone."""
    network = load_model(model)
    folder, name = writable_folder(output), file_name(network.config)
    weights, card = folder / f"{name}{SUFFIX}", folder / f"{name}.md"
    with all_or_none([weights, card]) as unfinished:
        copy_model(model, unfinished[0])
        unfinished[1].write_text(model_card(network), encoding="utf-8")
        alike = zip((weights, card), unfinished, strict=True)
        same = [old.name for old, new in alike if is_file_like(old, new)]
        refuse_to_overwrite([weights, card], same, overwrite, "export of this model")
    if as_json:
        report = {"model": network.config.name}
        print(json.dumps(report | {"file": str(weights), "card": str(card)}))
    else:
        print(f"{weights.name} and its card {card.name} are in {folder}")
