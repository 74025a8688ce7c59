r"""Many images in one command: against one command an image, on disk, killed, resumed.

    python benchmarks/batch.py speed --images DSB2018/val/images --number 10
    python benchmarks/batch.py broken --number 200 --bad 10

speed: the first images of a folder by one command, and by one command each, as
processes of their own; how many times as fast, in processor time too, which other
programs hardly change, and the bytes of the results over those of the images. broken:
generated images in two folders, some of them cut off, empty or no image at all; the run
is killed (kill -9) when a third is done, resumed, and compared with a run that nobody
killed, label file by label file. Options after ``--`` go to every command.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import numpy as np
import tifffile

from napari_shiftseg.batch.finding import JOURNAL
from napari_shiftseg.cli.terminal import print_table
from napari_shiftseg.samples.nuclei import nuclei

SEGMENT = [
    sys.executable,
    "-c",
    "from napari_shiftseg.cli import main; main()",
    "segment",
]
SIDE = 128  # pixels of a generated image
LOOK = 0.05  # seconds


def run(*arguments: object) -> tuple[float, int]:
    """Run a command; returns seconds and the exit status."""
    began = perf_counter()
    command = [*SEGMENT, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return perf_counter() - began, done.returncode


def computed() -> float:
    """Return the processor time of the commands so far, in seconds."""
    times = os.times()
    return times.children_user + times.children_system


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def speed(folder: Path, number: int, options: list[str]) -> None:
    """Print how many times as fast one command is as one an image."""
    images = sorted(p for p in folder.iterdir() if p.is_file())[:number]
    with TemporaryDirectory() as place:
        given, out = Path(place, "images"), Path(place, "out")
        given.mkdir()
        for path in images:
            shutil.copy(path, given)
        before = computed()
        together, _ = run(given, "-o", out, *options)
        between = computed()
        alone = [
            run(path, "-o", Path(place, "alone", path.stem), *options)[0]
            for path in sorted(given.iterdir())
        ]
        processor = (computed() - between) / (between - before)
        ratio = size_of(out) / size_of(given)
    rows = [
        ("one command, seconds", f"{together:.1f}"),
        (f"{len(alone)} commands, seconds", f"{sum(alone):.1f}"),
        ("times as fast", f"{sum(alone) / together:.2f}"),
        ("the same in processor time", f"{processor:.2f}"),
        ("results on disk / images on disk", f"{ratio:.2f}"),
    ]
    print_table(("", "measured"), rows)


def generated(folder: Path, number: int, bad: int) -> None:
    """Write images of nuclei in two folders; the bad ones lie among them."""
    rng = np.random.default_rng(0)
    broken = set(rng.choice(number, bad, replace=False).tolist())
    for at in range(number):
        path = folder / ("control", "treated")[at % 2] / f"cells_{at:03}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, nuclei((SIDE, SIDE), seed=at).image.astype(np.float32))
        if at in broken:
            whole = path.read_bytes()
            path.write_bytes((whole[: len(whole) // 3], b"", b"no image")[at % 3])


def sums(out: Path) -> dict[str, str]:
    """Return the SHA-256 of all label files."""
    files = sorted(out.rglob("*_labels.tif"))
    return {str(p.relative_to(out)): sha256(p.read_bytes()).hexdigest() for p in files}


def killed(given: Path, out: Path, after: int, options: list[str]) -> int:
    """Kill a run when so many images are done; returns how many there were."""
    command = [*SEGMENT, str(given), "-o", str(out), *options]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet)  # type: ignore[call-overload]
    while process.poll() is None and done_in(out) < after:
        sleep(LOOK)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return done_in(out)


def done_in(out: Path) -> int:
    """Return how many images are done."""
    return len(list(out.glob(f"{JOURNAL}/*/*.json")))


def broken(number: int, bad: int, options: list[str]) -> None:
    """Print what a run gives that was killed and resumed, beside one that was not."""
    with TemporaryDirectory() as place:
        given, whole, resumed = (Path(place, name) for name in ("in", "whole", "out"))
        generated(given, number, bad)
        seconds, status = run(given, "-o", whole, *options)
        before = killed(given, resumed, number // 3, options)
        again, status_again = run(given, "-o", resumed, "--resume", *options)
        record = json.loads((resumed / "batch.json").read_text(encoding="utf-8"))
        same = sums(whole) == sums(resumed)
        results, failed = len(sums(resumed)), record["failed"]
    rows = [
        ("images", f"{number}"),
        ("results", f"{results}"),
        ("named as failed", f"{failed}"),
        ("exit status, in one run and resumed", f"{status}, {status_again}"),
        ("done when it was killed", f"{before}"),
        ("left as they were when resumed", f"{record['skipped']}"),
        ("label files the same", f"{same}"),
        ("seconds, in one run and resumed", f"{seconds:.1f}, {again:.1f}"),
    ]
    print_table(("", "measured"), rows)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("speed", "broken"))
    parser.add_argument("--images", type=Path, help="folder of images")
    parser.add_argument("--number", type=int, default=10)
    parser.add_argument("--bad", type=int, default=10)
    parser.add_argument("options", nargs="*", help="of shiftseg segment, after --")
    asked = parser.parse_args()
    if asked.what == "speed":
        speed(asked.images, asked.number, asked.options)
    else:
        broken(asked.number, asked.bad, asked.options)


if __name__ == "__main__":
    main()
