r"""Say in a model's file what it is for and how it was made.

    python tools/describe_model.py MODEL -o nuclei-3d.safetensors \
        --description "Nuclei in volumes." \
        --command "make nuclei-3d" --data "60 volumes"

The name is that of the new file; the weights stay as they are, to the bit.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_shiftseg.networks.header import read_unet_config
from napari_shiftseg.networks.unet import copy_model


def main() -> None:
    """Write the model with its description."""
    parser = argparse.ArgumentParser(description="Describe a model in its file.")
    parser.add_argument("model", help="name or .safetensors file")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--description", required=True, help="what it is for")
    parser.add_argument("--command", required=True, help="what makes it again")
    parser.add_argument("--data", required=True, help="what it was trained on")
    asked = parser.parse_args()
    config = read_unet_config(asked.model)
    if config.provenance is None:
        raise ValueError(f"how {asked.model} was trained is not known: train it again")
    made = {"command": asked.command, "data": asked.data}
    new = {
        "name": asked.output.stem,
        "description": asked.description,
        "provenance": config.provenance.model_copy(update=made),
    }
    copy_model(asked.model, asked.output, config.model_copy(update=new))


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"describe_model: {error}")
