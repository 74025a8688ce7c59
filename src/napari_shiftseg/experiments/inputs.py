"""Images with true labels that a figure is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.header import FIGURES_FOLDER, SUFFIX
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.progress import Progress, named
from napari_shiftseg.samples.nuclei import nuclei
from napari_shiftseg.stores.data_sets import images_and_labels
from napari_shiftseg.training.fit import Training
from napari_shiftseg.training.pairs import read_pairs
from napari_shiftseg.training.recipes import PAPER_BANDWIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample
    from napari_shiftseg.training.recipes import Recipe


Result = TypeVar("Result")

FOLDER = FIGURES_FOLDER


@dataclass(frozen=True)
class FigureNetwork:
    """A network of a figure, and how it is trained."""

    figure: str  # that trains it; others may load it
    sample: Callable[[], Sample]  # makes the image to train on, and its objects
    config: ModelConfig  # architecture; its name is that of the file
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
        return load_unet(path)

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
        return load_unet(
            save_model(training.model(), folder / self.file, torch.float16)
        )


def colour_config(
    name: str, description: str = "", bandwidth: float = PAPER_BANDWIDTH, **options: Any
) -> ModelConfig:
    """Return a model of 2-D images whose three channels are drawn as colours.

    Its labels are modes: parts of one that do not touch stay one.

    Parameters
    ----------
    name, description : str
    bandwidth : float
        The papers' if not given.
    **options
        Of the architecture, see `ModelConfig.new`.
    """
    return ModelConfig.new(
        name=name,
        description=description,
        ndim=2,
        embedding_channels=3,
        clustering=Clustering(bandwidth=bandwidth, split_far_parts=False),
        **options,
    )


@dataclass(frozen=True)
class Data:
    """Images with true labels."""

    name: str  # what they are, in words, or their folder
    samples: tuple[Sample, ...]  # one or more

    def figures(self) -> dict[str, Any]:
        """Return what was measured on, ready for JSON."""
        return {"data": self.name, "images": len(self.samples)}


def read_data(folder: Path, say: Callable[[str], None] = lambda _: None) -> Data:
    """Read the images with labels in a folder.

    Parameters
    ----------
    folder : Path
        Holds ``images/`` and ``labels/``, in which files of one name belong together.
        ``masks/`` in place of ``labels/``, as in StarDist's archives, are label images
        as well: 0 is background, every object has an id of its own.
    say : callable
        Takes one sentence where labels look like a mask or a raw image, or where both
        ``labels/`` and ``masks/`` are there.

    Raises
    ------
    FileNotFoundError
        If it or one of the two is not there.
    ValueError
        If files do not pair up, or one cannot be read.
    """
    images, labels = images_and_labels(folder, say)
    samples = read_pairs(images, labels, say=say)
    return Data(folder.resolve().name, tuple(samples))


def crowded_nuclei(shape: tuple[int, int], number: int) -> Data:
    """Make images of small nuclei, half of which touch another.

    Parameters
    ----------
    shape : (int, int)
        Pixels along each axis.
    number : int
        Of images; each has a seed of its own.
    """
    return Data(
        "synthetic nuclei",
        tuple(
            nuclei(shape, diameter=(14, 26), density=0.35, touching=0.5, seed=seed)
            for seed in range(number)
        ),
    )


def each_image(
    data: Data,
    steps: Callable[[Sample], Generator[Progress, None, Result]],
    about: str = "",
) -> Generator[Progress, None, list[Result]]:
    """Do the same with each image, and return what came of them.

    Parameters
    ----------
    data : Data
    steps : callable
        A sample → steps that yield `Progress` and return a result.
    about : str
        Stands before the place of the image in each stage.
    """
    found = []
    for number, sample in enumerate(data.samples, start=1):
        place = f"{about}image {number} of {len(data.samples)}"
        found.append((yield from named(place, steps(sample))))
    return found


def pull_margin(model: UNet) -> float | None:
    """Return within which distance of their mean the loss left an object's pixels.

    A bandwidth of this size takes apart what training did not bring together. None
    (the model's own bandwidth, in `Settings`) where the margin is 0 or not known.
    """
    about = model.config.provenance
    margin = float(about.loss.get("pull_margin", 0)) if about else 0.0
    return margin or None
