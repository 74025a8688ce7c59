"""What a biologist need not touch of a training."""

from __future__ import annotations

from typing import Any

from magicgui.widgets import ComboBox, Container, FloatSpinBox, SpinBox

from napari_shiftseg.gui.parts.layout import align_labels
from napari_shiftseg.training.defaults import CORRECTION_RATE, KINDS, RATE, STEPS

PARTS = 10  # of a training: a validation after each
LEAST_EVERY = 25  # steps; what a new network predicts takes long to cluster
NUMBERS = (  # name, label, value, least, most, what it is
    ("batch", "Windows a step", 1, 1, 64,
     "More make the loss steadier, and take more time and memory."),
    ("features", "Features", 16, 1, 128,
     "Channels at the finest level, doubled at each level below."),
    ("channels", "Embedding", 16, 1, 64,
     "Channels of the embedding. More tell more touching objects apart."),
    ("every", "Validate every", 0, 0, 10**6,
     "Steps between two validations; 0: a tenth of all steps. The best model so far is "
     "saved each time."),
    ("seed", "Seed", 0, 0, 2**31 - 1, "Seed of the first weights and of the windows."),
)  # fmt: skip


LOSSES = [
    ("discriminative: unlike other objects", "discriminative"),
    ("cosine: directions unlike those of other objects", "cosine"),
    ("spatial: where the middle is", "spatial"),
]
USUAL_LOSS = LOSSES[0][1]
LOSS_OF = {kind: loss for loss, kind in KINDS.items()}


class TrainAdvancedRows(Container):
    """What a biologist need not touch: learning rate, batch, channels, validation.

    Each number is an attribute; see `NUMBERS`.
    """

    def __init__(self) -> None:
        self._offered = RATE  # that was not typed
        self._begins = False
        self.learning_rate = FloatSpinBox(
            value=RATE, min=1e-6, max=1, step=5e-4, label="Learning rate",
            tooltip="The highest rate. Lower it if the loss is no longer finite.",
        )  # fmt: skip
        self.learning_rate.native.setDecimals(6)
        numbers = [
            SpinBox(
                name=name, label=label, value=value, min=least, max=most, tooltip=tip
            )
            for name, label, value, least, most, tip in NUMBERS
        ]
        self.loss = ComboBox(
            choices=LOSSES, label="Loss",
            tooltip="What the network learns of every pixel. A model to start from "
            "learns another one in a few thousand steps; nuclei took 10,000. For a "
            f"new network {STEPS:,} are usual.",
        )  # fmt: skip
        self.loss.changed.connect(self._enable)
        self.normalization = ComboBox(
            choices=("batch", "none"), label="Normalization",
            tooltip="batch: steadier training. Tiles do not change the result.",
        )  # fmt: skip
        every = [
            self.learning_rate, *numbers[:2], self.loss, numbers[2],
            self.normalization, *numbers[3:],
        ]  # fmt: skip
        super().__init__(widgets=every)
        align_labels(self)

    def begin_with_model(self, begins: bool) -> None:
        """Disable what a model to begin with decides, and offer it a gentler rate.

        A rate that the user has typed is kept.
        """
        if self.learning_rate.value == self._offered:
            self._offered = CORRECTION_RATE if begins else RATE
            self.learning_rate.value = self._offered
        self._begins = begins
        self._enable()

    def _enable(self) -> None:
        for control in (self.features, self.channels, self.normalization):
            control.enabled = not self._begins
        if self.loss.value == "spatial":  # its channels are given by the axes
            self.channels.enabled = False

    def network(self) -> dict[str, Any]:
        """Return what is shown, as keywords of `object_config`."""
        chosen = {
            "loss": self.loss.value,
            "features": self.features.value,
            "normalization": self.normalization.value,
        }
        if self.loss.value != "spatial":
            chosen["embedding_channels"] = self.channels.value
        return chosen

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
