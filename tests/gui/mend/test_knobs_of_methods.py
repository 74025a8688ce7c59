"""The knobs are those that say something to how objects are made."""

from __future__ import annotations

import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.mend.knobs import BandwidthSearch, Knobs


@pytest.fixture
def knobs(qtbot):
    made = Knobs()
    qtbot.addWidget(made.native)
    return made


def shown(knobs, has_foreground=True, **clustering):
    knobs.take(Clustering(**clustering), has_foreground)
    names = (
        "bandwidth", "prominence", "kernel", "split_far_parts", "foreground_threshold",
        "min_size",
    )  # fmt: skip
    return {n for n in names if getattr(knobs, n).native.isVisibleTo(knobs.native)}


def test_which_are_shown(knobs):
    every = {"min_size", "foreground_threshold"}
    of_modes = every | {"bandwidth", "kernel", "split_far_parts"}

    assert shown(knobs) == of_modes
    assert shown(knobs, method="watershed") == every | {"prominence"}
    assert shown(knobs, method="components") == every
    assert shown(knobs) == of_modes  # again
    assert "foreground_threshold" not in shown(knobs, has_foreground=False)


def test_the_prominence_is_turned(knobs):
    knobs.take(Clustering(method="watershed", prominence=0.1), True)
    turned = []
    knobs.turned.connect(lambda: turned.append(knobs.clustering.prominence))

    assert knobs.clustering.prominence == 0.1
    assert knobs.prominence.max == pytest.approx(0.4)
    knobs.prominence.value = 0.25
    assert turned == [pytest.approx(0.25)]


def test_no_bandwidth_is_sought_where_there_is_none(knobs, qtbot):
    search = BandwidthSearch(knobs, lambda *_: None, lambda _: None)
    qtbot.addWidget(search.native)

    def offers():
        search.follow()
        return search.find.native.isVisibleTo(search.native)

    knobs.take(Clustering(method="watershed"), True)
    assert not offers()
    knobs.take(Clustering(), True)
    assert offers()
