"""What a layer of corrections tells of itself."""

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.parts.records import CorrectionRecord


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((12, 0, 1, 1), "12 objects mended or marked right in 1 image"),
        ((1, 2, 1, 1), "1 object mended or marked right and 2 deleted in 1 image"),
        ((0, 1, 2, 40), "1 object deleted in 2 of 40 frames"),
        ((0, 0, 1, 1), "0 objects mended or marked right in 1 image"),  # only erased
    ],
)
def test_in_words(numbers, said):
    assert CorrectionRecord(*numbers, "nuclei", 2).line == said


def test_written_and_read():
    labels = Labels(np.zeros((3, 4), int))
    assert CorrectionRecord.read(labels) is None
    noted = CorrectionRecord(3, 1, 2, 5, "nuclei", 2)
    noted.write(labels)
    assert CorrectionRecord.read(labels) == noted
