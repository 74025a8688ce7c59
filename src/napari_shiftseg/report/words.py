"""Values of a report as a person reads them."""

from __future__ import annotations


def in_words(value: object) -> str:
    """Write a value of a report without brackets and quotes."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case dict():
            return ", ".join(
                f"{key.replace('_', ' ')} {in_words(v)}" for key, v in value.items()
            )
        case [[*_], *_]:  # several values an axis
            rows = [in_words(axis) for axis in value]
            return rows[0] if len(set(rows)) == 1 else "; ".join(rows)
        case [*_]:
            return ", ".join(in_words(v) for v in value)
    return str(value)
