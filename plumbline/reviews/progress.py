"""How far the people of a review are, whose its items are, and what is left over when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

Row = dict[str, Any]
CARRIED: Final = ("wanted", "risk")
"""Picks that are carried over where nobody judged them."""


def shared(kept: Sequence[Row], names: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Return whose each item is: give each item to as many as it needs, in turns, so that everybody has as many and meets everybody else."""
    shared, turn = [], 0
    for item in kept:
        wanted = min(item["need"], len(names))
        shared.append((item["number"], [names[(turn + n) % len(names)] for n in range(wanted)]))
        turn += wanted
    return shared


def left_over(kept: Sequence[Row], said: Sequence[Row]) -> list[str]:
    """Picks that nobody judged, which the next review takes up; what was drawn by lot belongs to its week, and is non-response."""
    judged = {label["unit_id"] for label in said}
    picked = [item["unit_id"] for item in kept if item["stratum"] in CARRIED]
    return [unit for unit in picked if unit is not None and unit not in judged]


def progress(kept: Sequence[Row], said: Sequence[Row]) -> list[Row]:
    """How many items each person has, and how many of them they judged."""
    done: dict[str, set[str]] = {}
    for label in said:
        done.setdefault(label["person"], set()).add(label["unit_id"])
    names = {name for item in kept for name in item["assigned"]} | set(done)
    return [
        {"person": name, "assigned": sum(name in item["assigned"] for item in kept), "done": len(done.get(name, ()))}
        for name in sorted(names)
    ]


def second_looks(kept: Sequence[Row], said: Sequence[Row]) -> int:
    """How many items somebody judged that another person has yet to look at."""
    looked: dict[str, set[str]] = {}
    for label in said:
        looked.setdefault(label["unit_id"], set()).add(label["person"])
    return sum(0 < len(looked.get(item["unit_id"], ())) < item["need"] for item in kept)
