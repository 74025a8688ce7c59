"""A network of a figure: the bundled one, or trained again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_shiftseg.inference.progress import Progress
from napari_shiftseg.model.checkpoint import load_model, save_model
from napari_shiftseg.model.header import FIGURES_FOLDER, SUFFIX
from napari_shiftseg.training.fit import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from napari_shiftseg.model.config import ModelConfig
    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.samples.sample import Sample
    from napari_shiftseg.training.recipe import Recipe

FOLDER = FIGURES_FOLDER


@dataclass(frozen=True)
class Network:
    """A network of a figure, and how it is trained.

    Attributes
    ----------
    figure : str
        That trains it; others may load it.
    sample : callable
        Makes the image to train on, and its objects.
    config : ModelConfig
        Architecture; its name is that of the file.
    recipe : Recipe
    """

    figure: str
    sample: Callable[[], Sample]
    config: ModelConfig
    recipe: Recipe

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.config.name

    @property
    def file(self) -> str:
        """Name of its file."""
        return f"{self.name}{SUFFIX}"

    @property
    def command(self) -> str:
        """What trains it again."""
        return f"shiftseg figure {self.figure} --retrain"

    def load(self) -> UNet:
        """Load the bundled weights.

        Raises
        ------
        FileNotFoundError
            If there are none.
        """
        path = FOLDER / self.file
        if not path.is_file():
            raise FileNotFoundError(
                f"the weights {self.file} of figure {self.figure} are not bundled: "
                f"{self.command} trains them"
            )
        return load_model(path)

    def train_steps(
        self, folder: Path, device: str = "auto"
    ) -> Generator[Progress, None, UNet]:
        """Train it into a file, yielding `Progress` after every step.

        The weights are stored in float16, and read again: they are what is bundled.

        Parameters
        ----------
        folder : Path
        device : str
            "auto", "cpu", "cuda", ...
        """
        training = Training(
            [self.sample()], self.config, self.recipe, device=device,
            command=self.command,
        )  # fmt: skip
        for step in training.steps():
            yield Progress(step.done, step.total, stage=f"training {self.name}")
        return load_model(
            save_model(training.model(), folder / self.file, torch.float16)
        )
