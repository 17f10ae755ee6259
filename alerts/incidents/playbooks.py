"""Playbooks in Markdown: five of ours, and those of a policy, by name or address."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).with_name("playbooks")
OURS: Final = tuple(sorted(file.stem for file in FOLDER.glob("*.md")))
OTHER: Final = "violation"
"""The playbook of what no other is for."""

CATEGORIES: Final = {
    "privacy": "leak",
    "security": "agent",
    "agent": "agent",
    "quality.hallucination": "hallucination",
    "cost": "cost",
    "safety": "violation",
}
"""Category of an incident, or what it begins with, to the playbook that is for it."""


def playbook_for(category: str) -> str:
    """Return the name of the playbook for `category`.

    >>> playbook_for("privacy.leak"), playbook_for("")
    ('leak', 'violation')
    """
    named = (name for begins, name in CATEGORIES.items() if category.startswith(begins))
    return next(named, OTHER)


def text_of(name: str) -> str:
    """Return the Markdown of one of ours; "" for a name or address that is somebody else's."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8") if name in OURS else ""
