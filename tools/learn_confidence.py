r"""Write into a model's file how sure its objects are, learnt on images with truth.

    python tools/learn_confidence.py build/nuclei.safetensors dsb2018/train \
        -o nuclei.safetensors

IMAGES is a folder with ``images/`` and ``labels/``, or is generated: ``nuclei-3d`` are
100 volumes as those that the bundled model of volumes is trained on, but others. The
weights stay as they are, to the bit.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nuclei_volumes import generated

from napari_shiftseg.cli.terminal import note, with_progress
from napari_shiftseg.networks.unet import copy_model, load_unet
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.results.learning import learn_steps
from napari_shiftseg.training.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.samples import Sample

VOLUMES, FIRST = 100, 30_000  # generated, and the seed of the first one


def samples_of(images: str) -> Sequence[Sample]:
    """Return the images of a folder, or those that are generated."""
    if images == "nuclei-3d":
        return [generated(FIRST + number) for number in range(VOLUMES)]
    return read_pairs(Path(images), None, None, note)


def main() -> None:
    """Write the model with what was learnt."""
    parser = argparse.ArgumentParser(description="Learn how sure objects are.")
    parser.add_argument("model", help="name or .safetensors file")
    parser.add_argument("images", metavar="IMAGES", help="folder, or nuclei-3d")
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    model = load_unet(asked.model)
    steps = learn_steps(samples_of(asked.images), model, Settings())
    rule = with_progress(steps, unit="step")
    config = model.config.model_copy(update={"confidence": rule})
    copy_model(asked.model, asked.output, config)
    print(rule.model_dump_json(indent=2))


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"learn_confidence: {error}")
