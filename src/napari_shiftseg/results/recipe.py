"""A run as a recipe: a command, or a script, that makes it again."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pprint import pformat
from subprocess import list2cmdline
from typing import TYPE_CHECKING, Any, Literal

from napari_shiftseg import __version__
from napari_shiftseg.clustering.settings import KNOBS, idle_knobs
from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.networks.loading.models import read_config
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_shiftseg.mending.edit_lists import EditList


Shell = Literal["posix", "cmd", "powershell"]
ANY_IMAGE = "IMAGE"  # stands for a file that is not known
BARE = re.compile(r"[\w@%+=:,./\\-]+")  # a word that no shell of Windows reads into
SPECIAL = re.compile(r"[&|<>^()!,;=`'$%]")  # what cmd reads into where it is not quoted


@dataclass(frozen=True)
class Recipe:
    """What a run was asked to do.

    Attributes
    ----------
    model : str
        Name, or path to a file.
    settings : mapping
        Of `Settings`, by name; what is missing is as usual.
    image : str
        Path, or the name of a sample; `ANY_IMAGE` where no file is known.
    channel : str
        Number from 1, or name; empty: none was chosen.
    series : int, optional
        Counted from 1.
    save : tuple of str
        Kinds of files.
    edits : str
        File of the edits that were made; empty: there is none.
    edit_list : EditList, optional
        These edits.
    scale : mapping, optional
        By which grey values were read, where it was not found in all of the image.
    """

    model: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    image: str = ANY_IMAGE
    channel: str = ""
    series: int | None = None
    save: tuple[str, ...] = ("labels",)
    edits: str = ""
    edit_list: EditList | None = None
    scale: Mapping[str, Any] | None = None

    @property
    def command(self) -> str:
        """Which command makes it again: segment, or mend where there are edits."""
        return "mend" if self.edits or self.edit_list is not None else "segment"

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings that are not as usual, and say something to the method."""
        usual = asdict(Settings())
        given = asdict(Settings(**self.settings))
        known = {name: value for name, value in given.items() if value != usual[name]}
        idle = _idle(known, self.model)
        return {name: value for name, value in known.items() if name not in idle}

    def options(self) -> dict[str, Any]:
        """Return what its options take, by name, in text; flags are bool."""
        asked = {"channel": self.channel, "series": self.series}
        given = {name: str(value) for name, value in asked.items() if value}
        texts = {name: _text(name, value) for name, value in self.chosen.items()}
        save = {"save": ",".join(self.save)} if self.save != ("labels",) else {}
        return given | texts | save


def _idle(settings: Mapping[str, Any], model: str) -> set[str]:
    """Return which settings count for nothing to the way objects are made.

    Of a model that cannot be read that is not known: all count.
    """
    knobs = {knob for names in KNOBS.values() for knob in names}
    if not knobs & set(settings):
        return set()
    method = settings.get("method")
    with suppress(OSError, ValueError):
        return idle_knobs(method or read_config(model).clustering.method)
    return set()


def _text(name: str, value: Any) -> Any:
    """Return a setting as its option takes it: ``64x64``, ``0:512x128:640``."""
    if isinstance(value, bool):
        return value
    if name == "window":
        return window_text((value,) if isinstance(value, int) else tuple(value))
    if name == "region":
        return "x".join(f"{start}:{stop}" for start, stop in value)
    if name == "intensity":
        return ":".join(map(repr, map(float, value)))
    return str(value)


def words_of(recipe: Recipe, output: str) -> list[str]:
    """Return the words of the command that makes a run again.

    Parameters
    ----------
    recipe : Recipe
    output : str
        Folder for the files.
    """
    words = ["shiftseg", recipe.command, recipe.image]
    if recipe.command == "mend":
        words += ["--edits", recipe.edits or ANY_EDITS]
    words += ["-o", output, "-m", recipe.model]
    for name, value in recipe.options().items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{option}")
        else:
            words += [f"--{option}", value]
    return words


ANY_EDITS = "EDITS.json"  # stands for a file of edits that were not saved


def as_command(recipe: Recipe, output: str, shell: Shell | None = None) -> str:
    """Return the command that makes a run again, as a shell reads it.

    Parameters
    ----------
    recipe : Recipe
    output : str
        Folder for the files.
    shell : {"posix", "cmd", "powershell"}, optional
        That of this system if not given.
    """
    return joined(words_of(recipe, output), shell)


def joined(words: Sequence[str], shell: Shell | None = None) -> str:
    """Return words as a shell reads them, with quotes where needed.

    Parameters
    ----------
    words : sequence of str
    shell : {"posix", "cmd", "powershell"}, optional
        That of this system if not given.
    """
    shell = shell or ("cmd" if os.name == "nt" else "posix")
    if shell == "posix":
        return shlex.join(words)
    quote = _of_cmd if shell == "cmd" else _of_powershell
    return " ".join(map(quote, words))


def _of_cmd(word: str) -> str:
    """Quote a word for cmd, and for the C runtime behind it."""
    quoted = list2cmdline([word])
    if quoted.startswith('"') or not SPECIAL.search(word):
        return quoted
    end = word[len(word.rstrip("\\")) :]  # they would escape the quote
    return f'"{quoted}{end}"'


def _of_powershell(word: str) -> str:
    if BARE.fullmatch(word) and not re.search(r"[%@,]", word):
        return word
    return f"'{word.replace(chr(39), chr(39) * 2)}'"


SCRIPT = '''\
"""Makes a run of napari-shiftseg {version} again."""

{imports}

IMAGE = {image}{hint}
MODEL = {model}
OUTPUT = {output}  # a folder

model = shiftseg.load_model(MODEL)
source = image_for(model.config, Path(IMAGE){asked})
leading = source.data.ndim - model.config.image_axes  # axes of time and planes
{run}
{edits}report = save_results(
    result, model, source, OUTPUT, loaded_from=MODEL{save}
)
print(result.objects, "objects; SHA-256 of the labels:", report["labels_sha256"])
'''
RUN = """\
result = shiftseg.segment(
    source.data, model,
    pixel_size=source.pixel_size(model.config.ndim), axes=source.axes[:leading],
{settings})
"""
RUN_SCALED = """\
steps = segment_steps(
    source.data, model, Settings(
{settings}    ),
    scale=Scale(**{scale}),
    pixel_size=source.pixel_size(model.config.ndim), axes=source.axes[:leading],
)
result = exhaust(steps)
"""
EDITS = """\
edits = EditList.from_dict({edits})
result, outcome = mend(result, model, edits.edits)

"""


def as_python(recipe: Recipe, output: str) -> str:
    """Return a script that makes a run again, edits included.

    Parameters
    ----------
    recipe : Recipe
    output : str
        Folder for the files.
    """
    asked = {"channel": recipe.channel or None, "series": recipe.series}
    known = recipe.edit_list
    is_scaled = recipe.scale is not None
    run = RUN_SCALED if is_scaled else RUN
    settings = _arguments(recipe.chosen, 8 if is_scaled else 4)
    return SCRIPT.format(
        version=__version__,
        imports=_imports(recipe),
        image=repr(recipe.image),
        hint="  # fill in the path of the image" * (recipe.image == ANY_IMAGE),
        model=repr(recipe.model),
        output=repr(output),
        asked="".join(f", {k}={v!r}" for k, v in asked.items() if v),
        run=run.format(settings=settings, scale=dict(recipe.scale or {})),
        edits="" if known is None else EDITS.format(edits=pformat(known.to_dict())),
        save=_saved(recipe),
    )


def _imports(recipe: Recipe) -> str:
    names = ["results.saving import save_results", "stores.reading import image_for"]
    standard = ["from pathlib import Path"]
    if recipe.edit_list is not None:
        names += ["mending.edit_lists import EditList", "mending.replay import mend"]
    if recipe.scale is not None:
        standard.insert(0, "from math import inf")
        names += [
            "intensity.scale import Scale",
            "pipeline.segmentation import segment_steps",
            "pipeline.settings import Settings",
            "progress import exhaust",
        ]
    own = (f"from napari_shiftseg.{name}" for name in sorted(names))
    return "\n".join([*standard, "", "import napari_shiftseg as shiftseg", *own])


def _saved(recipe: Recipe) -> str:
    save = "" if recipe.save == ("labels",) else f", save={recipe.save!r}"
    return save + ("" if recipe.edit_list is None else ", edits=edits")


def _arguments(settings: Mapping[str, Any], indent: int) -> str:
    return "".join(f"{' ' * indent}{k}={v!r},\n" for k, v in settings.items())
