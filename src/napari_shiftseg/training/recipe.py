"""How to train: everything that decides what comes out, but images and network."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from napari_shiftseg.training.losses import DiscriminativeLoss, ForegroundLoss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.tiling import Border
    from napari_shiftseg.training.augmentation import Augmentation


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    window : int or sequence of int
        Output window the loss sees; it must be above the period, or functions of
        neighbouring phases never meet in the loss.
    steps : int
        Of the training.
    batch : int
        Windows a step; the loss is the mean of theirs, object ids are never pooled.
    learning_rate : float
        Peak of its one-cycle schedule over all steps, for Adam.
    warm_up : float
        Share of the steps in which the learning rate rises.
    clip : float
        Largest norm of the gradient.
    seed : int
        Of the weights and the windows.
    loss : DiscriminativeLoss
    foreground : ForegroundLoss
        Of a network with a foreground logit.
    border : {"valid", "mirror"}
        Which windows are drawn; see `RandomWindows`.
    augmentation : Augmentation, optional
    precision : {"float32", "bfloat16"}
        Of the convolutions; weights and losses are float32.
    fixed_statistics : float
        Share of the steps, the last ones, in which batch norm no longer takes the
        statistics of the windows of a step but keeps those it has gathered, as it does
        in prediction: of few windows a step they differ much from them.
    tiles : int
        Along each axis, that a window is predicted as, for same-padded networks: tiles
        side by side and one loss over what they are stitched to, so that an object
        which a tile border cuts must have one embedding on both sides.
    grid : int
        Windows are read from multiples of so many pixels of the image; 1: from
        anywhere.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    window: int | Sequence[int]
    steps: int
    batch: int = 1
    learning_rate: float = 1e-3
    warm_up: float = 0.3
    clip: float = 1.0
    seed: int = 0
    loss: DiscriminativeLoss = field(default_factory=DiscriminativeLoss)
    foreground: ForegroundLoss = field(default_factory=ForegroundLoss)
    border: Border = "valid"
    augmentation: Augmentation | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    fixed_statistics: float = 0.0
    tiles: int = 1
    grid: int = 1

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch", 1), ("tiles", 1), ("grid", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"training needs {name} of {least} or more, "
                    f"got {getattr(self, name)}"
                )
        if not self.learning_rate > 0:
            raise ValueError(
                f"the learning rate must be above 0, got {self.learning_rate}"
            )
        if not 0 < self.warm_up < 1:
            raise ValueError(
                f"the learning rate must rise in a share of the steps between 0 and 1, "
                f"got {self.warm_up}"
            )

        if not 0 <= self.fixed_statistics <= 1:
            raise ValueError(
                f"statistics are fixed in a share of the steps between 0 and 1, "
                f"got {self.fixed_statistics}"
            )

    def described(self, foreground: bool = False) -> dict[str, dict[str, Any]]:
        """Return what the provenance of a model holds of this recipe.

        Batch, warm-up, precision, tiles, grid, borders and augmentation are named where
        they are not as in the papers.

        Parameters
        ----------
        foreground : bool
            Whether the network has a foreground logit.
        """
        loss = {key: v for key, v in asdict(self.loss).items() if v is not None}
        if foreground:
            of_logit = asdict(self.foreground).items()
            loss |= {f"foreground_{key}": value for key, value in of_logit}
        changes = asdict(self.augmentation) if self.augmentation else {}
        if self.border == "mirror":
            changes["mirrored_borders"] = True
        return {
            "loss": {"name": "discriminative", **loss},
            "optimizer": {
                "name": "Adam",
                "schedule": "one-cycle",
                "learning_rate": self.learning_rate,
                "clip": self.clip,
                **self._unlike_the_papers(
                    "batch", "warm_up", "precision", "fixed_statistics", "tiles", "grid"
                ),
            },
            "augmentation": changes,
        }

    def _unlike_the_papers(self, *names: str) -> dict[str, Any]:
        usual = {each.name: each.default for each in fields(self)}
        values = {name: getattr(self, name) for name in names}
        return {name: v for name, v in values.items() if v != usual[name]}
