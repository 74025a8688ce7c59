"""Which labels are taken for the truth of an image."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_shiftseg.gui.choices import likely_truth


class Unread(np.memmap):
    """A mapped file that must not be read."""

    def any(self, *_, **__):
        raise AssertionError("the whole file was read")


@pytest.fixture
def image():
    return Image(np.zeros((4, 5)), name="cells")


def labels(name, data=None):
    drawn = np.ones((4, 5), int) if data is None else data
    return Labels(drawn, name=name)


@pytest.mark.parametrize(
    "name", ["truth", "Ground truth", "cells_label", "labels 2", "GT", "cells mask"]
)
def test_names_that_say_so(image, name):
    layer = labels(name)
    assert likely_truth(image, [None, layer]) is layer


@pytest.mark.parametrize("name", ["unlabelled", "unmasked", "weighted", "cells"])
def test_names_that_do_not(image, name):
    assert likely_truth(image, [labels(name)]) is None


def test_nothing_is_drawn_yet(image):
    assert likely_truth(image, [labels("truth", np.zeros((4, 5), int))]) is None


@pytest.mark.parametrize("name", ["truth", "cells"])
def test_a_mapped_file_is_not_read(image, tmp_path, name):
    data = Unread(tmp_path / "labels.raw", dtype=np.int32, mode="w+", shape=(4, 5))
    layer = labels(name)
    layer.__dict__["_data"] = data
    assert layer.data is data
    found = likely_truth(image, [layer])
    assert found is (layer if name == "truth" else None)
