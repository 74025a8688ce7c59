"""The command ``demo``: the disk sample, naive and cropped, in pictures and figures."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.color import label2rgb
from skimage.io import imsave

from napari_shiftseg.cli.files import writable_folder
from napari_shiftseg.cli.terminal import report_comparison, with_progress
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.pipeline.comparison import Comparison, compare_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.samples.sample import Sample

SAMPLE = "disks"


def run_demo(
    output: Path, window: int, device: str, viewer: bool, as_json: bool
) -> None:
    """Segment the disk sample both ways; write, print and show the outcome."""
    folder = writable_folder(output)
    sample, model = make_sample(SAMPLE), load_model(SAMPLE)
    settings = Settings(window=window, device=device)
    comparison = with_progress(
        compare_steps(sample.image, model, settings, sample.labels)
    )
    report = demo_report(comparison, model)
    (folder / "report.json").write_text(json.dumps(report, indent=2))
    write_pictures(comparison, sample, folder)
    if as_json:
        print(json.dumps(report))
        return
    report_comparison(comparison)
    print(f"\nreport.json and pictures are in {folder}")
    if viewer:
        _show(comparison)


def demo_report(comparison: Comparison, model: UNet) -> dict[str, Any]:
    """Return the figures of the demo, ready for JSON."""
    return {
        "sample": SAMPLE,
        "model": model.config.name,
        "period": list(model.shape.period),
        "device": comparison.device,
        "naive": comparison.naive.figures(),
        "cropped": comparison.cropped.figures(),
    }


def write_pictures(comparison: Comparison, sample: Sample, folder: Path) -> None:
    """Write the image, and labels and gradient magnitude of both sides, as PNG.

    Both gradients share one grey scale.
    """
    sides = {"naive": comparison.naive, "cropped": comparison.cropped}
    brightest = max(float(side.result.gradient.max()) for side in sides.values())
    imsave(folder / "image.png", _grey(sample.image, 1.0), check_contrast=False)
    for name, side in sides.items():
        gradient = _grey(side.result.gradient, brightest)
        imsave(folder / f"gradient_{name}.png", gradient, check_contrast=False)
        colours = label2rgb(side.result.labels, bg_label=0)
        labels = (colours * 255).astype(np.uint8)
        imsave(folder / f"labels_{name}.png", labels, check_contrast=False)


def _grey(pixels: NDArray[Any], white: float) -> NDArray[np.uint8]:
    return (pixels / max(white, 1e-12) * 255).clip(0, 255).astype(np.uint8)


def _show(comparison: Comparison) -> None:
    if find_spec("napari") is None:
        print("napari is not installed: pip install 'napari-shiftseg[all]' to see it")
        return
    if not has_display():
        print("there is no display: napari is not opened")
        return
    from napari_shiftseg.gui.demo import show_demo

    show_demo(comparison, SAMPLE)


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
