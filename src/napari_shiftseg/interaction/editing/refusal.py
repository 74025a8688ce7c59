"""An edit that cannot act, and why."""

from __future__ import annotations


class CannotAct(ValueError):
    """The labels are not such that an edit could act on them.

    Parameters
    ----------
    found : str
        What was found, a fact. Where an edit is made again, it is all that is said.
    advice : str
        What to do about it, for a user who made the edit just now.
    """

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}: {advice}")
        self.found = found
