"""An architecture that a package brings as a Python file: run only if it is trusted."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from napari_shiftseg.networks.opening.architectures import make
from napari_shiftseg.networks.opening.bundle import is_elsewhere, refuse_outside
from napari_shiftseg.networks.opening.trust import (
    Trusted,
    UnreadableNetworkError,
    check_hash,
    hash_of,
    require_trust,
)
from napari_shiftseg.networks.opening.yaml_text import MOST_BYTES
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.networks.opening.bundle import Bundle


@dataclass(frozen=True)
class Architecture:
    """Where a state dict's network comes from.

    Attributes
    ----------
    file : str
        Of Python; "" if it is of a library.
    library : str
        A module.
    callable : str
        What makes the network.
    arguments : dict
        That it is called with.
    sha256 : str or None
        Of the file.
    """

    file: str
    library: str
    callable: str
    arguments: dict[str, Any]
    sha256: Any

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Architecture:
        """Read it from an entry of format 0.4 or 0.5."""
        found = entry.get("architecture")
        if isinstance(found, dict):
            file, library = found.get("source", ""), found.get("import_from", "")
            name, arguments = found.get("callable", ""), found.get("kwargs") or {}
            digest = found.get("sha256")
        else:
            file, _, name = str(found).rpartition(":")
            library = "" if file else name.rpartition(".")[0]
            name = name.rpartition(".")[2]
            arguments = entry.get("kwargs") or {}
            digest = entry.get("architecture_sha256")
        if not isinstance(arguments, dict) or not str(name).isidentifier():
            raise UnreadableNetworkError(
                f"the architecture {brief(found)} names nothing that can be called"
            )
        return cls(str(file), str(library), str(name), arguments, digest)

    def make(self, bundle: Bundle, trusted: Trusted) -> Any:
        """Make the network: with a known library, or by running a trusted file."""
        if not self.file:
            return self._known()
        if is_elsewhere(self.file):
            raise UnreadableNetworkError(
                f"{bundle.where.name} needs the internet: the code of its network lies "
                f"at {brief(self.file)}, and nothing is fetched here. Download it into "
                f"its folder, and name that file"
            )
        content = bundle.read(self.file, MOST_BYTES)
        check_hash(self.sha256, content, self.file)
        path = bundle.where / refuse_outside(self.file, bundle.where)
        require_trust(path, content, "a Python file", trusted)
        return self._run(content, path)

    def _known(self) -> Any:
        return make(f"{self.library.partition('.')[0]}.{self.callable}", self.arguments)

    def _run(self, content: bytes, path: Path) -> Any:
        module = types.ModuleType(f"trusted_{hash_of(content)[:12]}")
        module.__file__ = str(path)
        sys.modules[module.__name__] = module  # where dataclasses look themselves up
        try:
            exec(compile(content, str(path), "exec"), module.__dict__)
            made = getattr(module, self.callable)(**self.arguments)
        except Exception as error:  # noqa: BLE001 - foreign code raises anything
            raise UnreadableNetworkError(
                f"{path.name} was run, since it is trusted, and failed "
                f"({type(error).__name__}: {brief(str(error))}): its maker can mend it"
            ) from None
        if not isinstance(made, nn.Module):
            raise UnreadableNetworkError(
                f"{self.callable} of {path.name} gives a {type(made).__name__}, not a "
                f"network of torch"
            )
        return made
