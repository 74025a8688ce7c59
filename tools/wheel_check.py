"""Segment a small sample: run where nothing but the wheel is installed."""

from pathlib import Path

import napari_shiftseg as shiftseg
from napari_shiftseg.samples.catalogue import disks

home = Path(shiftseg.__file__)
assert "site-packages" in home.parts, f"{home} is not the installed wheel"
sample = disks(shape=(118, 118))
result = shiftseg.segment(sample.image, shiftseg.load_model("disks"), window=48)
precision = shiftseg.average_precision(sample.labels, result.labels)
assert precision >= 0.99, f"AP50 of the disks is {precision:.3f}, expected 0.99"
print(f"{home}: {result.labels.max()} objects, AP50 {precision:.2f}")
