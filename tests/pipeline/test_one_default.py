"""What several functions take by the same name has one default."""

from __future__ import annotations

from inspect import Parameter, signature

import pytest

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed, embed_steps
from napari_shiftseg.pipeline.settings import Settings


@pytest.mark.parametrize("function", [plan_tiles, embed, embed_steps])
def test_defaults_are_those_of_the_settings(function):
    settings = Settings()
    own = {
        name: parameter.default
        for name, parameter in signature(function).parameters.items()
        if hasattr(settings, name) and parameter.default is not Parameter.empty
    }
    assert own
    assert own == {name: getattr(settings, name) for name in own}
