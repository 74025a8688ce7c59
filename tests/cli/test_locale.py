"""The whole of the core where the system's encoding is ASCII, names in UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_shiftseg.networks.header import read_unet_config

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import locale, sys
from napari_shiftseg.cli import entry
assert locale.getpreferredencoding(False).lower() not in ("utf-8", "cp1252")
entry.prepare()
for line in open(sys.argv[1], encoding="ascii", errors="surrogateescape"):
    sys.argv[1:] = words = line.split()
    status = entry.status_of(words)
    if status:
        sys.exit(f"{words}: {status}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a locale of this kind")
def test_every_command(tmp_path: Path, model_file: Path, rng) -> None:
    labels = np.zeros((24, 24), np.uint16)
    labels[4:12, 4:12], labels[14:20, 14:20] = 1, 2
    image = tmp_path / "z\u00e4hler_\u00b5.tif"
    tifffile.imwrite(image, (labels > 0) * 100 + rng.random((24, 24)))
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    edit = {"kind": "delete", "points": [[5, 5]]}
    known = {"version": 1, "edits": [edit]}
    (tmp_path / "edits.json").write_text(json.dumps(known), encoding="utf-8")
    model = f"-m {model_file} --device cpu"
    commands = [
        f"segment {image} -o {tmp_path}/segment --window 8 {model}",
        f"mend {image} --edits {tmp_path}/edits.json -o {tmp_path}/mend {model}",
        f"compare {image} --truth {tmp_path}/labels.tif -o {tmp_path}/compare {model}",
        f"sweep {image} --windows 6,8 -o {tmp_path}/sweep {model}",
        f"evaluate {tmp_path}/labels.tif {tmp_path}/labels.tif -o {tmp_path}/e.csv",
        f"export {model_file} -o {tmp_path}/export",
        f"inspect {model_file} --image {image} --self-test --device cpu",
        f"figure 5 -o {tmp_path}/figure",
        f"train {image} {tmp_path}/labels.tif -o {tmp_path}/n\u00e4he.safetensors "
        "--steps 2 --every 2 --depth 1 --features 2 --window 8 --device cpu",
    ]
    (tmp_path / "commands").write_text("\n".join(commands), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "commands")],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONUTF8": "0", "LC_ALL": "C", "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr.decode("ascii")
    assert (ran.stdout + ran.stderr).isascii()
    assert b"^2" in ran.stdout  # a power, for want of the sign
    page = (tmp_path / "compare" / "report.html").read_text(encoding="utf-8")
    assert "Image z\u00e4hler_\u00b5 by model tiny" in page
    trained = read_unet_config(tmp_path / "n\u00e4he.safetensors")
    assert trained.name == "n\u00e4he"
    assert "z\u00e4hler_\u00b5.tif" in trained.provenance.command
