"""The advanced controls of a training."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import ComboBox, Container, FloatSpinBox, SpinBox

from napari_shiftseg.gui.note import align_labels
from napari_shiftseg.training.rates import CORRECTION_RATE, RATE

PARTS = 10  # of a training: a validation after each
LEAST_EVERY = 25  # steps; what a new network predicts takes long to cluster


class TrainAdvanced(Container):
    """What a biologist need not touch: learning rate, batch, channels, validation."""

    def __init__(self) -> None:
        self._offered = RATE  # that was not typed
        self.learning_rate = FloatSpinBox(
            value=RATE, min=1e-6, max=1, step=5e-4, label="Learning rate",
            tooltip="Its peak. Lower it where the loss is no longer finite.",
        )  # fmt: skip
        self.learning_rate.native.setDecimals(6)
        self.batch = SpinBox(
            value=1, min=1, max=64, label="Windows a step",
            tooltip="More take longer and more memory, and make the loss steadier.",
        )  # fmt: skip
        self.features = SpinBox(
            value=16, min=1, max=128, label="Features",
            tooltip="Channels at the finest level, doubled at each level below.",
        )  # fmt: skip
        self.channels = SpinBox(
            value=16, min=1, max=64, label="Embedding channels",
            tooltip="More tell more touching objects apart.",
        )  # fmt: skip
        self.normalization = ComboBox(
            choices=("batch", "none"), label="Normalization",
            tooltip="batch: steadier training; it does not depend on tiles.",
        )  # fmt: skip
        self.every = SpinBox(
            value=0, max=10**6, label="Validate every",
            tooltip="Steps from one validation to the next; 0: a tenth of all. The "
            "best so far is written each time.",
        )  # fmt: skip
        self.seed = SpinBox(
            value=0, max=2**31 - 1, label="Seed", tooltip="Of weights and windows."
        )
        super().__init__(
            widgets=[
                self.learning_rate, self.batch, self.features, self.channels,
                self.normalization, self.every, self.seed,
            ]
        )  # fmt: skip
        align_labels(self)

    def begin_with_model(self, begins: bool) -> None:
        """Disable what a model to begin with decides, and offer it a gentler rate.

        A rate that the user has typed is kept.
        """
        if self.learning_rate.value == self._offered:
            self._offered = CORRECTION_RATE if begins else RATE
            self.learning_rate.value = self._offered
        for control in (self.features, self.channels, self.normalization):
            control.enabled = not begins

    def network(self) -> dict[str, Any]:
        """Return what is shown, as keywords of `object_config`."""
        return {
            "features": self.features.value,
            "embedding_channels": self.channels.value,
            "normalization": self.normalization.value,
        }

    def recipe(self) -> dict[str, Any]:
        """Return what is shown, as keywords of `Recipe`."""
        return {
            "learning_rate": self.learning_rate.value,
            "batch": self.batch.value,
            "seed": self.seed.value,
        }

    def validated_every(self, steps: int) -> int:
        """Return the steps from one validation to the next."""
        return self.every.value or max(-(-steps // PARTS), LEAST_EVERY)
