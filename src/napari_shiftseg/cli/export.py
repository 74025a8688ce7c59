"""The command ``export``: a model and its card, to hand on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_shiftseg.files.records import refuse_to_overwrite
from napari_shiftseg.model.checkpoint import copy_model, load_model
from napari_shiftseg.model.header import SUFFIX
from napari_shiftseg.model.whole_file import whole_or_not_at_all
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
    refuse_to_overwrite([weights, card], (), overwrite, "export")
    copy_model(model, weights)
    with whole_or_not_at_all(card) as unfinished:
        unfinished.write_text(model_card(network), encoding="utf-8")
    if as_json:
        report = {"model": network.config.name}
        print(json.dumps(report | {"file": str(weights), "card": str(card)}))
    else:
        print(f"{weights.name} and its card {card.name} are in {folder}")
