"""Settings are one list of fields: signatures, words and files are made of it."""

from __future__ import annotations

from dataclasses import fields
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_shiftseg import compare, segment, sweep, tune
from napari_shiftseg.cli.settings_file import read_run
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.candidates import Candidates
from napari_shiftseg.pipeline.glossary import fields_of, terms
from napari_shiftseg.pipeline.settings import OF_SEGMENT, OfSegment, Settings
from napari_shiftseg.training.defaults import object_config

NAMES = [field.name for field in fields(Settings)]


class TestSignatures:
    def test_keywords_are_the_fields(self) -> None:
        assert OfSegment.__annotations__.keys() == set(NAMES)
        for function, absent in (
            (segment, ()), (tune, OF_SEGMENT),
            (compare, ("stitching", *OF_SEGMENT)), (sweep, ("window", *OF_SEGMENT)),
        ):  # fmt: skip
            spelled = signature(function).parameters.values()
            found = {p.name: p.default for p in spelled if p.kind == p.KEYWORD_ONLY}
            expected = {n: getattr(Settings(), n) for n in NAMES if n not in absent}
            if function is sweep:
                expected["stitching"] = "naive"
            assert found == expected

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(ValueError, match="colour\n  Unexpected keyword"):
            Settings(colour="red")


class TestValues:
    @pytest.mark.parametrize(
        ("name", "given", "taken"),
        [
            ("window", "24x96x96", (24, 96, 96)),
            ("window", "20", 20),
            ("window", np.array([20, 24]), (20, 24)),
            ("window", np.int64(20), 20),
            ("window", np.array(20)[()], 20),
            ("region", "0:512x128:640", ((0, 512), (128, 640))),
            ("region", [[0, 5]], ((0, 5),)),
            ("intensity", "100:1100", (100.0, 1100.0)),
            ("device", torch.device("cpu"), "cpu"),
            ("batch", np.int64(2), 2),
        ],
    )
    def test_as_on_the_command_line_or_as_numbers(self, name, given, taken) -> None:
        assert getattr(Settings(**{name: given}), name) == taken

    @pytest.mark.parametrize(
        ("name", "given", "said"),
        [
            ("window", 0, "from 1 upward"),
            ("window", (8, 2.5), "from 1 upward"),
            ("window", "wide", "from 1 upward"),
            ("window", 20.5, "from 1 upward"),
            ("window", object(), "from 1 upward"),
            ("window", (), "needs one value"),
            ("region", 5, "START:STOP"),
            ("region", ((0, "a"),), "START:STOP"),
            ("region", ((0, 1, 2),), "START:STOP"),
            ("region", ((0, 1.5),), "START:STOP"),
            ("device", None, "a device is .auto., or one such as cpu"),
            ("region", "0-5", "START:STOP"),
            ("region", "0:5:9", "START:STOP"),
            ("intensity", "9:1", "two grey values"),
            ("batch", 0, "greater than or equal to 1"),
            ("bandwidth", 0, "greater than 0"),
            ("foreground_threshold", 1, "less than 1"),
            (
                "kernel",
                "round",
                "'gaussian', 'flat', 'von-mises-fisher' or 'learnt-spread'",
            ),
        ],
    )
    def test_refused(self, name, given, said) -> None:
        with pytest.raises(ValueError, match=said):
            Settings(**{name: given})

    @pytest.mark.parametrize(
        ("name", "given", "said"),
        [
            ("bandwidths", 0.5, "values to try are several, .*got 0.5"),
            ("bandwidths", (0,), "greater than 0"),
            ("min_sizes", (-1,), "greater than or equal to 0"),
            ("thresholds", "0.5,1", "less than 1"),
        ],
    )
    def test_candidates_are_refused(self, name, given, said) -> None:
        with pytest.raises(ValueError, match=said):
            Candidates(**{name: given})


class TestWords:
    def test_every_setting_has_a_meaning(self) -> None:
        for term in terms(Settings).values():
            assert term.meaning.endswith(".")
            assert term.unset or term.default is not None
        threshold = terms(Settings)["foreground_threshold"]
        assert (threshold.unit, threshold.unset) == ("probability", "the model's")
        assert threshold.bounds == {"gt": 0, "lt": 1}

    def test_those_of_the_clustering_stand_once(self) -> None:
        for name in Clustering.model_fields.keys() & fields_of(Settings).keys():
            ours, models = terms(Settings)[name], terms(Clustering)[name]
            assert (ours.meaning, ours.bounds) == (models.meaning, models.bounds)


class TestFiles:
    @pytest.mark.parametrize(
        "text",
        [
            "window: 24x96  # a comment\nmin-size: 3\ninvert: yes\nbatch:\n",
            "window: [24, 96]\nmin_size: 3\ninvert: true\nbatch: null\n",
            '{"model": "m", "objects": 7, "settings": {"window": [24, 96], '
            '"min_size": 3, "invert": true, "batch": null}}',
        ],
    )
    def test_by_hand_or_the_record_of_a_run(self, tmp_path, text) -> None:
        (tmp_path / "run").write_text(text)
        expected = Settings(window=(24, 96), min_size=3, invert=True)
        found = read_run(tmp_path / "run")
        assert found.pop("model", "m") == "m"
        assert Settings(**found) == expected

    @pytest.mark.parametrize("text", ["window", "- window", "{", "", "\xff"])
    def test_no_settings(self, tmp_path, text) -> None:
        (tmp_path / "run").write_bytes(text.encode("latin-1"))
        with pytest.raises(ValueError, match="run holds no settings: write one a line"):
            read_run(tmp_path / "run")

    @pytest.mark.parametrize("name", ["earlier_report.json", "earlier_record.json"])
    def test_what_earlier_versions_wrote(self, name: str) -> None:
        """A comparison's report, and the record of a segmentation."""
        found = read_run(Path(__file__).with_name(name))
        assert found.pop("model") == "disks"
        settings = Settings(**found)
        assert (settings.window, settings.border) == ((20, 20), "mirror")
        own = load_unet("disks").config
        assert settings.clustering(own) == own.clustering


class TestKernels:
    """A spatial embedding has a kernel of its own."""

    @pytest.mark.parametrize("kernel", ["gaussian", "flat", "von-mises-fisher"])
    def test_places_take_no_other(self, kernel: Any) -> None:
        config = object_config("s", "spatial", depth=2)
        assert Settings().clustering(config).kernel == "learnt-spread"
        with pytest.raises(ValueError, match="are spatial: take the kernel learnt"):
            Settings(kernel=kernel).clustering(config)

    @pytest.mark.parametrize("loss", ["discriminative", "cosine"])
    def test_others_have_no_spread(self, loss: Any) -> None:
        config = object_config("s", loss, depth=2)
        assert Settings(kernel="flat").clustering(config).kernel == "flat"
        with pytest.raises(ValueError, match="take the kernel gaussian or flat or von"):
            Settings(kernel="learnt-spread").clustering(config)

    @pytest.mark.parametrize("loss", ["discriminative", "cosine", "spatial"])
    def test_tuning_tries_bandwidths_about_the_model_s_own(self, loss: Any) -> None:
        config = object_config("s", loss, depth=2)
        tried = Candidates().clusterings(config)
        own = config.clustering.bandwidth
        found = sorted({each.bandwidth / own for each in tried})
        assert found == pytest.approx([0.5, 0.7, 1, 1.5])
        assert len(tried) == 4 * 3 * 3  # minimum sizes, thresholds
