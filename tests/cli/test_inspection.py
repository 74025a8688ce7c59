"""What a person reads of a model."""

from __future__ import annotations

from napari_shiftseg.cli.model import _print_group


def test_columns_stay_apart(capsys) -> None:
    long = "x" * 40
    _print_group("title", {"scope": long, "a_name_of_more_than_20_letters": 3},
                 {"scope": "what it means"})  # fmt: skip
    _, _, first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(f"{long}  what it means")
    assert second == "  a name of more than 20 letters  3"
