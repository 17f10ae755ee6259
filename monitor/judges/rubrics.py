"""The rubric of a judge: a file beside the policy, or the words themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Final

LONGEST: Final = 8_000
"""Characters of a rubric that are sent."""


def rubric_of(named: str, folder: Path) -> str:
    """Return what a judge is told beyond the rule: the text of the file `named` in `folder`, or `named` where it is no name of a file.

    A file that is not there says nothing: the rule, its exceptions and its examples are what is judged by.
    """
    if " " in named.strip() or "\n" in named.strip():
        return named.strip()[:LONGEST]
    try:
        return (folder / named).read_text(encoding="utf-8").strip()[:LONGEST]
    except (OSError, UnicodeDecodeError, ValueError):
        return ""
