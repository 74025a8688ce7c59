"""Which files of two folders belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.files.reading import IMAGE_SUFFIXES, name_of_file

if TYPE_CHECKING:
    from pathlib import Path

LABELS = "_labels"  # as `shiftseg segment` names them
BESIDE_LABELS = ("_embedding", "_gradient")  # what it writes with them


def pairs(labels: Path, partner: Path) -> dict[str, tuple[Path, Path]]:
    """Return labels and their partners by name: of two files, or of two folders.

    In folders, files of one name belong together, whatever their suffix; so do
    ``NAME_labels`` and ``NAME``.

    Raises
    ------
    ValueError
        If one is a folder and the other is not, a folder holds no image, or a
        file has no partner.
    """
    if labels.is_dir() != partner.is_dir():
        raise ValueError(
            f"two files or two folders are expected, got {labels} and {partner}"
        )
    if not labels.is_dir():
        return {name_of_file(labels).removesuffix(LABELS): (labels, partner)}
    partners = _images(partner)
    found: dict[str, Path] = {}
    for stem, path in _images(labels).items():
        _add(found, stem if stem in partners else stem.removesuffix(LABELS), path)
    for here, there, folder in ((found, partners, partner), (partners, found, labels)):
        alone = [here[name].name for name in sorted(here.keys() - there.keys())]
        if alone:
            raise ValueError(
                f"{', '.join(alone)} has no partner in {folder}: a file of the same "
                f"name is expected there, or NAME_labels for NAME"
            )
    return {name: (found[name], partners[name]) for name in sorted(partners)}


def _images(folder: Path) -> dict[str, Path]:
    """Return the images in a folder by their names without suffix.

    Hidden files are none, such as the companions ``._NAME`` that macOS leaves.
    """
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        is_image = path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
        if is_image and not path.name.startswith("."):
            _add(files, name_of_file(path), path)
    segmented = {stem.removesuffix(LABELS) for stem in files if stem.endswith(LABELS)}
    for stem in segmented:
        for kind in BESIDE_LABELS:
            files.pop(stem + kind, None)
    if not files:
        raise ValueError(
            f"{folder} holds no image; files that end with "
            f"{', '.join(IMAGE_SUFFIXES)} are expected"
        )
    return files


def _add(files: dict[str, Path], name: str, path: Path) -> None:
    if name in files:
        raise ValueError(
            f"{files[name].name} and {path.name} in {path.parent} both stand for "
            f"{name!r}; keep one of them"
        )
    files[name] = path
