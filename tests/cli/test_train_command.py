"""The command ``train`` on images and labels: made, stopped, gone on with, refused."""

from __future__ import annotations

import csv
import json
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_shiftseg.cli import train
from napari_shiftseg.cli.train import asked_to_stop
from napari_shiftseg.networks.unet import UNet, load_unet, new_model, save_model
from napari_shiftseg.samples.catalogue import disks
from napari_shiftseg.training.partial import corrections
from napari_shiftseg.training.step import Log

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ("--depth", 1, "--features", 4, "--channels", 4, "--window", 16)
BRIEF = (*SMALL, "--steps", 3)
PLACES = ("images", "labels")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eleven images of disks in a folder, their labels in another; we are there."""
    monkeypatch.chdir(tmp_path)
    for place in PLACES:
        Path(place).mkdir()
    for number in range(11):
        sample = disks((30, 30 + number), period=7, radius=2)
        np.save(f"images/{number:02}.npy", sample.image)
        np.save(f"labels/{number:02}.npy", sample.labels)
    return tmp_path


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stop the training after a step, as Ctrl-C does; None: no more."""

    def stop(step: int | None) -> None:
        class Stopping(Log):
            def add(self, progress: Any) -> None:
                super().add(progress)
                if progress.done == step:
                    raise KeyboardInterrupt

        monkeypatch.setattr(train, "Log", Stopping)

    return stop


def weights(path: Path | str) -> torch.Tensor:
    return torch.cat(
        [w.double().flatten() for w in load_unet(path).state_dict().values()]
    )


def logged(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


class TestModel:
    def test_on_folders(self, shiftseg, home: Path) -> None:
        options = ("--steps", 20, "--every", 10, "--batch", 2, "--seed", 3)
        ran = shiftseg(
            "train", *PLACES, *SMALL, *options, "-o", "cells.safetensors", "--json"
        )
        assert ran.status == 0
        report = json.loads(ran.stdout)
        assert report["file"] == "cells.safetensors"
        assert 0 <= report["ap50"] <= 1
        config = load_unet("cells.safetensors").config
        assert (config.name, config.foreground) == ("cells", True)
        assert (config.embedding_channels, config.features) == (4, 4)
        assert config.clustering.scope == "component"
        made = config.provenance
        assert shlex.split(made.command)[:4] == ["shiftseg", "train", *PLACES]
        assert made.command.endswith("--batch 2 --seed 3 -o cells.safetensors --json")
        assert made.window == (16, 16)
        assert made.data == "9 images, first of 30 × 31"  # the first is held out
        of = f"every tenth of {home.name}/images"
        assert made.scores == {"ap50": report["ap50"], "images": 2, "of": of}
        assert made.optimizer["batch"] == 2
        assert made.augmentation["mirrored_borders"] is True
        assert [row["step"] for row in logged("cells.csv")] == ["10", "20"]
        assert all(row["ap50"] for row in logged("cells.csv"))
        assert sorted(p.name for p in home.iterdir()) == [
            "cells.csv", "cells.safetensors", "images", "labels",
        ]  # fmt: skip

    def test_a_spatial_model(self, shiftseg) -> None:
        network = ("--depth", 1, "--features", 4, "--window", 16, "--steps", 30)
        ran = shiftseg(
            "train", *PLACES, *network, "--loss", "spatial", "-o", "s.safetensors"
        )
        assert ran.status == 0, ran.stderr
        config = load_unet("s.safetensors").config
        assert (config.embedding, config.embedding_channels) == ("spatial", 3)
        assert config.clustering.kernel == "learnt-spread"
        assert config.provenance.loss["name"] == "spatial"
        assert config.provenance.loss["foreground_weight"] == 1
        (row,) = logged("s.csv")
        assert float(row["overlap"]) > 0
        ran = shiftseg(
            "segment", "images/00.npy", "-m", "s.safetensors", "-o", "out", "--json"
        )
        assert ran.status == 0, ran.stderr

    def test_a_model_on_the_sphere(self, shiftseg) -> None:
        network = ("--depth", 1, "--features", 4, "--window", 16, "--steps", 30)
        sphere = ("--loss", "cosine", "--embedding-channels", 2)
        ran = shiftseg(
            "train", *PLACES, *network, *sphere, "--recurrent-steps", 2,
            "-o", "s.safetensors",
        )  # fmt: skip
        assert ran.status == 0, ran.stderr
        assert "objects in one window have no room on the sphere" in ran.stderr
        config = load_unet("s.safetensors").config
        assert (config.embedding, config.embedding_channels) == ("spherical", 2)
        assert config.clustering.kernel == "von-mises-fisher"
        loss = config.provenance.loss
        assert (loss["name"], loss["margin"], loss["steps"]) == ("cosine", 0.5, 2)
        assert all(float(row["pull"]) > 0 for row in logged("s.csv"))
        ran = shiftseg(
            "segment", "images/00.npy", "-m", "s.safetensors", "-o", "out", "--json"
        )
        assert ran.status == 0, ran.stderr

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--recurrent-steps", 3), "the loss is discriminative: take the loss cos"),
            (("--loss", "cubic"), "'cubic'"),
            (("--loss", "cosine", "--recurrent-steps", -1), "recurrent_steps"),
        ],
    )
    def test_a_loss_that_cannot_be(self, shiftseg, options, said: str) -> None:
        ran = shiftseg("train", *PLACES, *BRIEF, *options, "-o", "s.safetensors")
        assert ran.status == 2
        assert said in ran.stderr

    def test_another_loss_learns_its_last_layer_anew(self, shiftseg) -> None:
        assert shiftseg("train", *PLACES, *BRIEF, "-o", "a.safetensors").status == 0
        options = ("--window", 16, "--steps", 1, "--learning-rate", 1e-9)
        ran = shiftseg(
            "train", *PLACES, *options, "--start", "a.safetensors", "--loss", "spatial",
            "-o", "b.safetensors",
        )  # fmt: skip
        assert ran.status == 0, ran.stderr
        first, second = (load_unet(f"{n}.safetensors") for n in "ab")
        assert second.config.embedding == "spatial"
        torch.testing.assert_close(
            second.down[0][0].weight, first.down[0][0].weight, atol=1e-3, rtol=0
        )
        torch.testing.assert_close(
            second.head.weight[-1], first.head.weight[-1], atol=1e-3, rtol=0
        )
        assert second.head.weight.shape[0] == 4

    def test_channels_have_two_names(self, shiftseg) -> None:
        options = ("--depth", 1, "--features", 4, "--window", 16, "--steps", 1)
        ran = shiftseg(
            "train", *PLACES, *options, "--embedding-channels", 5, "-o", "c.safetensors"
        )
        assert ran.status == 0, ran.stderr
        assert load_unet("c.safetensors").config.embedding_channels == 5
        Path("d.yaml").write_text("embedding_channels: 6")
        ran = shiftseg(
            "train", *PLACES, *options, "--config", "d.yaml", "-o", "d.safetensors"
        )
        assert ran.status == 0, ran.stderr
        assert load_unet("d.safetensors").config.embedding_channels == 6

    def test_a_spatial_model_has_no_other_channels(self, shiftseg) -> None:
        ran = shiftseg(
            "train", *PLACES, *BRIEF, "--loss", "spatial", "-o", "s.safetensors"
        )
        assert ran.status == 2
        assert "spatial embedding in 2 axes has 3 channels" in ran.stderr

    def test_its_command_makes_it_again(self, shiftseg) -> None:
        assert shiftseg("train", *PLACES, *BRIEF, "-o", "a.safetensors").status == 0
        command = load_unet("a.safetensors").config.provenance.command
        first = weights("a.safetensors")
        Path("a.safetensors").unlink()
        assert shiftseg(*shlex.split(command)[1:]).status == 0
        assert torch.equal(weights("a.safetensors"), first)
        other = ("--seed", 1, "-o", "b.safetensors")
        assert shiftseg("train", *PLACES, *BRIEF, *other).status == 0
        assert not torch.equal(weights("b.safetensors"), first)

    def test_images_to_validate_on(self, shiftseg, home: Path) -> None:
        (home / "val").mkdir()
        for place in PLACES:
            (home / place).rename(home / "val" / place)
            (home / place).mkdir()
            pixels = np.load(home / "val" / place / "04.npy")
            np.save(home / place / "04.npy", pixels)
        options = ("--validate", "val/images", "val/labels", "-o", "a.safetensors")
        assert shiftseg("train", *PLACES, *BRIEF, *options).status == 0
        made = load_unet("a.safetensors").config.provenance
        assert made.data == "1 image of 30 × 34"
        assert (made.scores["images"], made.scores["of"]) == (11, "val/images")

    def test_fine_tuning(self, shiftseg) -> None:
        assert shiftseg("train", *PLACES, *BRIEF, "-o", "a.safetensors").status == 0
        first = weights("a.safetensors")
        still = ("--window", 16, "--steps", 1, "--learning-rate", 1e-12, "--seed", 9)
        start = ("--start", "a.safetensors")
        for options, name in ((start, "b"), (SMALL, "c")):
            path = f"{name}.safetensors"
            ran = shiftseg("train", *PLACES, *options, *still, "-o", path)
            assert ran.status == 0
        is_parameter = torch.cat(  # not what batch norm has counted and averaged
            [
                torch.full((w.numel(),), "running" not in n and "batches" not in n)
                for n, w in load_unet("a.safetensors").state_dict().items()
            ]
        )
        assert torch.allclose(
            weights("b.safetensors")[is_parameter], first[is_parameter], atol=1e-6
        )
        assert not torch.allclose(
            weights("c.safetensors")[is_parameter], first[is_parameter], atol=1e-2
        )
        config = load_unet("b.safetensors").config
        assert config.name == "b"
        assert "--start a.safetensors" in config.provenance.command


class TestCorrections:
    @pytest.fixture(autouse=True)
    def corrected(self) -> None:
        """Two disks of the first image are known."""
        for place in PLACES:
            Path(place, "kept").mkdir()
            for path in Path(place).glob("*.npy"):
                path.rename(Path(place, "kept", path.name))
            np.save(f"{place}/00.npy", np.load(f"{place}/kept/00.npy"))
        labels = np.load("labels/00.npy")
        np.save("labels/00.npy", corrections(labels, labels[labels > 0][[0, -1]], 1))

    def test_what_counts_is_said(self, shiftseg) -> None:
        labels = np.load("labels/00.npy")
        ran = shiftseg("train", *PLACES, *BRIEF, "-o", "m.safetensors")
        assert ran.status == 0
        share = 100 * (labels >= 0).mean()
        objects = len(np.unique(labels[labels > 0]))
        line = f"{share:.2g} % of the pixels count: {objects} objects"
        assert line in ran.stderr
        assert "on all of training, " in ran.stdout
        made = load_unet("m.safetensors").config.provenance
        assert made.data == f"1 image of 30 × 30; {line}"
        assert made.optimizer["learning_rate"] == 2e-3

    def test_a_model_learns_them_gently_and_not_for_long(
        self, shiftseg, monkeypatch
    ) -> None:
        assert shiftseg("train", *PLACES, *BRIEF, "-o", "a.safetensors").status == 0
        monkeypatch.setattr(train, "CORRECTION_STEPS", 4)
        options = ("--start", "a.safetensors", "--window", 16, "-o", "b.safetensors")
        assert shiftseg("train", *PLACES, *options).status == 0
        made = load_unet("b.safetensors").config.provenance
        assert made.steps == 4
        assert made.optimizer["learning_rate"] == 5e-4
        assert made.optimizer["fixed_statistics"] == 1

    def test_an_image_of_which_nothing_is_known_is_named(self, shiftseg) -> None:
        np.save("labels/00.npy", np.full((30, 30), -1))
        ran = shiftseg("train", *PLACES, *BRIEF, "-o", "m.safetensors")
        ran.assert_refused("no pixel of the labels 00.npy is known, all are -1")

    def test_other_commands_refuse_them(self, shiftseg) -> None:
        ran = shiftseg("evaluate", "labels/kept/00.npy", "labels/00.npy")
        ran.assert_refused("truth 00.npy", "got -1", "can only be trained on")
        ran = shiftseg("tune", *PLACES, "-m", "nuclei")
        ran.assert_refused("got -1", "can only be trained on")


class TestStopped:
    options = (*SMALL, "--steps", 60, "--every", 20, "-o", "m.safetensors")

    def test_gone_on_with_it_is_what_never_stopped(
        self, shiftseg, stop_at, home
    ) -> None:
        assert shiftseg("train", *PLACES, *self.options).status == 0
        whole, rows = weights("m.safetensors"), logged("m.csv")
        Path("m.safetensors").unlink()
        stop_at(33)
        ran = shiftseg("train", *PLACES, *self.options)
        assert ran.status == 130
        assert "stopped at step 33; --resume goes on from there" in ran.stderr
        assert Path("m.training").is_file()
        assert load_unet("m.safetensors").config.provenance.steps == 20
        stop_at(None)
        ran = shiftseg("train", *PLACES, *self.options, "--resume")
        assert ran.status == 0
        assert torch.equal(weights("m.safetensors"), whole)
        assert not Path("m.training").exists()
        again = logged("m.csv")
        assert [row["step"] for row in again] == ["20", "40", "60"]
        for column in ("loss", "ap50"):  # of 40 the second half alone is known
            assert again[0][column] == rows[0][column]
            assert again[2][column] == rows[2][column]

    def test_a_model_is_not_overwritten(self, shiftseg) -> None:
        assert shiftseg("train", *PLACES, *self.options).status == 0
        before = Path("m.safetensors").read_bytes()
        ran = shiftseg("train", *PLACES, *self.options)
        ran.assert_refused("a model m.safetensors already", "another name", "delete")
        longer = "to train it longer, add --start m.safetensors and another -o"
        assert longer in ran.stderr
        again = shiftseg("train", *PLACES, *self.options, "--resume")
        again.assert_refused("leave out --resume", longer)
        assert Path("m.safetensors").read_bytes() == before

    def test_it_is_not_begun_anew_unasked(self, shiftseg, stop_at) -> None:
        stop_at(5)
        assert shiftseg("train", *PLACES, *self.options).status == 130
        before = Path("m.training").read_bytes()
        ran = shiftseg("train", *PLACES, *self.options)
        ran.assert_refused("m.training is a training under way: add --resume", "delete")
        assert Path("m.training").read_bytes() == before
        Path("m.training").unlink()
        Path("m.safetensors").unlink()
        stop_at(6)
        assert "at step 6" in shiftseg("train", *PLACES, *self.options).stderr

    def test_other_settings_do_not_go_on(self, shiftseg, stop_at) -> None:
        stop_at(5)
        assert shiftseg("train", *PLACES, *self.options).status == 130
        other = ("--seed", 1, "--resume")
        ran = shiftseg("train", *PLACES, *self.options, *other)
        ran.assert_refused("m.training is a training with other settings")

    def test_nothing_to_go_on_with(self, shiftseg) -> None:
        ran = shiftseg("train", *PLACES, *self.options, "--resume")
        ran.assert_refused("no training m.training to go on with: leave out --resume")

    def test_patience(self, shiftseg, monkeypatch) -> None:
        from napari_shiftseg.training.validation import Validated

        scores = iter([0.5, 0.4, 0.3])
        monkeypatch.setattr(
            "napari_shiftseg.training.fit.validate",
            lambda *_: Validated(next(scores), np.zeros((3, 3), np.int32)),
        )
        options = (*SMALL, "--steps", 50, "--every", 2, "--patience", 1)
        ran = shiftseg("train", *PLACES, *options, "-o", "m.safetensors")
        assert ran.status == 0
        assert "AP50 0.500 on " in ran.stdout
        assert [row["step"] for row in logged("m.csv")] == ["2", "4"]
        assert load_unet("m.safetensors").config.provenance.steps == 2


class TestRefused:
    def refused(self, shiftseg, *arguments: object) -> Any:
        before = sorted(Path().rglob("*"))
        ran = shiftseg("train", *arguments, "-o", "m.safetensors")
        assert sorted(Path().rglob("*")) == before
        return ran

    @pytest.mark.parametrize(("lacking", "other"), [PLACES, PLACES[::-1]])
    def test_files_without_partner_are_named(self, shiftseg, lacking, other) -> None:
        for name in ("03", "07"):
            Path(lacking, f"{name}.npy").unlink()
        ran = self.refused(shiftseg, *PLACES, *BRIEF)
        ran.assert_refused("03.npy, 07.npy has no partner in " + lacking)
        assert f"partner in {other}" not in ran.stderr

    def test_a_table_of_the_users(self, shiftseg) -> None:
        Path("m.csv").write_text("animal,weight\n")
        self.refused(shiftseg, *PLACES, *BRIEF).assert_refused("m.csv", "another table")
        assert Path("m.csv").read_text() == "animal,weight\n"

    def test_labels_of_another_kind(self, shiftseg) -> None:
        labels = np.load("labels/02.npy")
        np.save("labels/02.npy", labels / 2)
        ran = self.refused(shiftseg, *PLACES, *BRIEF)
        ran.assert_refused("labels 02.npy", "whole numbers", "got float64", "uint16")

    def test_a_window_below_the_period(self, shiftseg) -> None:
        options = ("--depth", 2, "--features", 4, "--window", 3, "--steps", 1)
        ran = self.refused(shiftseg, *PLACES, *options)
        ran.assert_refused("3 × 3 is below the period 4 × 4", "take 5 × 5 or more")
        forced = shiftseg("train", *PLACES, *options, "--force", "-o", "m.safetensors")
        assert forced.status == 0
        assert "warning: a training window of 3" in forced.stderr
        assert load_unet("m.safetensors").config.provenance.window == (3, 3)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ((), "nothing to train on: give IMAGES and --truth"),
            (("images",), "the true labels of images are missing"),
            (("images", "nowhere"), "no file or folder nowhere"),
            (("images", "labels/00.npy"), "two files or two folders"),
            (
                (*PLACES, "--sample", "disks"),
                "images and labels, or --sample, not both",
            ),
            (("--sample", "constant"), "cannot train on the sample 'constant'"),
            ((*PLACES, "--start", "disks"), "disks has no foreground logit"),
            (
                (*PLACES, "--every", 0),
                "every: Input should be greater than or equal to 1, got 0",
            ),
            ((*PLACES, "--steps", 0), "steps: Input should be greater than or"),
            ((*PLACES, "--depth", 0), "depth is a whole number from 1, or one an axis"),
            ((*PLACES, "--depth", "2xa"), "4 or 2x3x3; got '2xa'"),
            ((*PLACES, "--seed", -1), "seed: Input should be greater than or equal"),
            ((*PLACES, "--seed", 2**63), "seed: Input should be less than 92233720"),
            ((*PLACES, "--workers", -1), "workers: Input should be greater than or"),
            ((*PLACES, "--patience", 0), "patience: Input should be greater than or"),
            ((*PLACES, "--features", 0), "features: Input should be greater than or"),
            ((*PLACES, "--learning-rate", "inf"), "learning_rate: Input should be a"),
            (
                ("--sample", "disks", "--features", 9, "--depth", 9, "--invert"),
                "so --depth, --features, --invert would have no effect: leave it out",
            ),
            (("--sample", "disks", "--truth", "t.tif"), "--truth would have no effect"),
            ((*PLACES, "--window", 90), "reads 284 × 284"),
            ((*PLACES, "--normalization", "layer"), "normalization"),
            ((*PLACES, "--precision", "int8"), "--precision"),
        ],
    )
    def test_arguments(self, shiftseg, arguments: Any, said: str) -> None:
        self.refused(shiftseg, *arguments).assert_refused(said)

    def test_fine_tuning_keeps_the_network(self, shiftseg, tmp_path: Path) -> None:
        model = new_model(depth=1, features=2, foreground=True)
        save_model(model, tmp_path / "a.safetensors")
        ran = self.refused(
            shiftseg, *PLACES, "--start", "a.safetensors", "--features", 8
        )
        ran.assert_refused(
            "begins with a.safetensors keeps its network: leave out --features"
        )

    def test_a_file_of_another_kind(self, shiftseg) -> None:
        ran = shiftseg("train", *PLACES, *BRIEF, "-o", "m.pt")
        ran.assert_refused("the model file must end with .safetensors, got 'm.pt'")


@pytest.mark.parametrize("command", ["train", "tune"])
def test_a_mask_is_said_before_anything_is_computed(
    shiftseg, monkeypatch, command: str
) -> None:
    for number in range(3):
        path = Path(f"labels/{number:02}.npy")
        np.save(path, np.where(np.load(path) > 0, np.uint8(255), np.uint8(0)))
    options = (*BRIEF, "-o", "m.safetensors") if command == "train" else ("-m", "disks")
    ran = shiftseg(command, *PLACES, *options)
    first = ran.stderr.splitlines()[0]
    assert first.startswith("labels 00.npy looks like a mask, not like labels: ")
    assert first.endswith("(2 other files like it)")


class TestInterruption:
    @pytest.fixture(autouse=True)
    def _heard(self) -> Iterator[None]:
        """Ctrl-C is heard as in a fresh process, and then as before."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, before)

    def test_the_first_is_a_wish_the_second_an_interruption(self) -> None:
        with asked_to_stop() as is_stopped:
            assert not is_stopped()
            signal.raise_signal(signal.SIGINT)
            assert is_stopped()
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    def test_afterwards_all_is_as_usual(self) -> None:
        usual = signal.getsignal(signal.SIGINT)
        with asked_to_stop():
            assert signal.getsignal(signal.SIGINT) is not usual
        assert signal.getsignal(signal.SIGINT) is usual

    def test_a_step_is_never_torn(self, shiftseg, monkeypatch) -> None:
        """Ctrl-C within the fourth step: three are done, and it goes on from there."""
        steps = iter(range(1, 100))
        forward = UNet.forward

        def interrupted(self: UNet, x: torch.Tensor) -> torch.Tensor:
            if self.training and next(steps) == 4:
                signal.raise_signal(signal.SIGINT)
            return forward(self, x)

        options = (*SMALL, "--steps", 6, "-o", "m.safetensors", "--every", 50)
        with monkeypatch.context() as patched:
            patched.setattr(UNet, "forward", interrupted)
            ran = shiftseg("train", *PLACES, *options)
        assert ran.status == 130
        assert "stopped at step 3; --resume goes on from there" in ran.stderr
        assert shiftseg("train", *PLACES, *options, "--resume").status == 0
        stopped = weights("m.safetensors")
        options = (*SMALL, "--steps", 6, "-o", "n.safetensors", "--every", 50)
        assert shiftseg("train", *PLACES, *options).status == 0
        assert torch.equal(weights("n.safetensors"), stopped)


class TestDataSet:
    """A folder of ``train/`` and ``val/``, each with ``images/`` and ``masks/``."""

    @pytest.fixture
    def volumes(self, home: Path) -> Path:
        for part, number in (("train", 2), ("val", 1)):
            for place in ("images", "masks"):
                (home / "set" / part / place).mkdir(parents=True)
            for name in range(number):
                sample = disks((12, 20, 22 + name), period=9, radius=3)
                at = home / "set" / part
                np.save(at / "images" / f"{name}.npy", sample.image)
                np.save(at / "masks" / f"{name}.npy", sample.labels)
        return home / "set"

    def test_its_parts_are_trained_and_validated_on(self, shiftseg, volumes) -> None:
        small = ("--depth", 1, "--features", 4, "--channels", 4, "--window", "4x6x6")
        ran = shiftseg("train", volumes, *small, "--steps", 2, "-o", "m.safetensors")
        assert ran.status == 0
        config = load_unet("m.safetensors").config
        assert config.ndim == 3
        assert config.provenance.data.startswith("2 images, first of 12 × 20 × 22")
        assert config.provenance.scores["images"] == 1
        assert config.provenance.scores["of"] == "val/images"

        ran = shiftseg("tune", volumes, "-m", "m.safetensors", "--json")
        assert (ran.status, json.loads(ran.stdout)["images"]) == (0, 1)

    def test_a_part_alone_has_images_held_out(self, shiftseg, volumes) -> None:
        part, out = volumes / "train", ("-o", "m.safetensors")
        small = ("--depth", 1, "--features", 4, "--window", "4x6x6", "--steps", 1)
        assert shiftseg("train", part, *small, *out).status == 0
        assert load_unet("m.safetensors").config.provenance.data.startswith("1 image")

    def test_without_labels_it_is_refused(self, shiftseg, volumes) -> None:
        (volumes / "train" / "masks").rename(volumes / "train" / "other")
        ran = shiftseg("train", volumes, "-o", "m.safetensors")
        assert ran.status == 2
        assert "no folder" in ran.stderr
        assert "labels: a folder of data holds images/" in ran.stderr
