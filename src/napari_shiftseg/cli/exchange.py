"""The commands ``import`` and ``export``: models brought in, and handed on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import check_model_file
from napari_shiftseg.networks.header import SUFFIX, find_model, is_ours
from napari_shiftseg.networks.opening.exporting import export_bioimageio
from napari_shiftseg.networks.opening.imported import import_network
from napari_shiftseg.networks.unet import copy_model, load_unet
from napari_shiftseg.report.model_card import file_name, model_card
from napari_shiftseg.stores.folders import (
    is_file_like,
    refuse_to_overwrite,
    writable_folder,
)
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.text import brief, by, number_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.cli.options import Asked
    from napari_shiftseg.networks.opening.imported import Imported
    from napari_shiftseg.networks.unet import UNet


def run_import(weights: Path, config: Path, output: Path, asked: Asked) -> None:
    """Write weights and their architecture into one file, and say what fitted.

    Parameters
    ----------
    weights, config, output, asked
        See ``shiftseg import --help``.
    """
    check_model_file(output)
    _refuse_older(output, asked.overwrite)
    done = import_network(weights, config, output)
    network = done.network
    if asked.json:
        known: dict[str, Any] = {
            "model": network.name,
            "file": str(output),
            "weights": done.weights,
            "removed": done.removed,
            "left_out": list(done.left_out),
            "self_test": {"passed": True, "size": list(done.tested_size)},
            "outputs": [vars(each) for each in network.outputs],
            "notes": list(network.notes),
        }
        print(json.dumps(known))
        return
    for line in _told(done):
        print(line)


def _told(done: Imported) -> list[str]:
    """Return what was done, what was tested, and what comes next."""
    fitted = f"{done.path.name}: all {number_of(done.weights, 'weight')} fit"
    if done.removed:
        fitted += f", without {done.removed!r} before their names"
    if done.left_out:
        fitted += f"; left out: {', '.join(done.left_out)}"
    return [
        fitted,
        f"self-test: opened again, it predicts {by(done.tested_size)} pixels alike",
        *done.network.notes,
        f"next: shiftseg inspect {done.path} --self-test",
    ]


def run_export(model: str, output: Path, asked: Asked) -> None:
    """Write ``NAME.safetensors`` and ``NAME.md``; other files there are left alone.

    Parameters
    ----------
    model, output, asked
        See ``shiftseg export --help``.
    """
    network = _own(model)
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
        files = {"file": str(weights), "card": str(card)}
        print(json.dumps({"model": network.config.name, **files}))
    else:
        print(f"{weights.name} and its card {card.name} are in {folder}")


SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")  # the form of a licence's name


@dataclass(frozen=True)
class Package:
    """What is asked of a package; None: what is usual."""

    authors: list[str] | None
    licence: str | None
    torchscript: bool

    @property
    def options(self) -> dict[str, Any]:
        """What differs from the usual."""
        given: dict[str, Any] = {
            "authors": tuple(self.authors or ()),
            "licence": self.licence,
            "torchscript": self.torchscript,
        }
        return {name: value for name, value in given.items() if value}


def run_package(model: str, output: Path, package: Package, asked: Asked) -> None:
    """Write ``NAME.zip``, a BioImage.IO package; other files there are left alone.

    Parameters
    ----------
    model, output, asked
        See ``shiftseg export --help``.
    package : Package
    """
    if package.licence and not SPDX.fullmatch(package.licence):
        raise ValueError(
            f"a licence has a name of SPDX, such as MIT or CC-BY-4.0, got "
            f"{brief(package.licence)}"
        )
    network = _own(model)
    path = writable_folder(output) / f"{file_name(network.config)}.zip"
    _refuse_older(path, asked.overwrite)
    export_bioimageio(network, path, **package.options)
    if asked.json:
        print(json.dumps({"model": network.config.name, "file": str(path)}))
    else:
        print(f"{path.name}, a BioImage.IO package, is in {output}")


def _own(model: str) -> UNet:
    """Load a model of ours; one that was made elsewhere is refused."""
    path = find_model(model)
    if not is_ours(path):
        raise ValueError(
            f"{path.name} was made elsewhere; models of this program are exported: "
            f"hand on the file itself"
        )
    return load_unet(model)


def _refuse_older(path: Path, overwrite: bool) -> None:
    if not overwrite and (path.exists() or path.is_symlink()):
        raise FileExistsError(
            f"there is a file {path} already: choose another name or folder, or add "
            f"--overwrite to replace it"
        )
