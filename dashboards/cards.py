"""One cause is one card: alerts that tell of the same thing stand together, the gravest in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dashboards.client import Row
from dashboards.text import parsed
from dashboards.words import rank

HISTORY: Final = "plumbline.history"
"""The alert rule of the one message that lists what was wrong before anybody watched."""

OWN: Final = "plumbline."
"""How alert rules begin that are about Plumbline itself."""


@dataclass(frozen=True)
class Card:
    """The alert that speaks for a cause, and the others that tell of it."""

    front: Row
    behind: tuple[Row, ...] = ()


def labels_of(row: Row) -> dict[str, str]:
    """Return the labels of an alert; unreadable ones are none."""
    labels = parsed(row["labels"], {})
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def cards(rows: Sequence[Row]) -> list[Card]:
    """Return the alerts that people should look at as cards, worst first: by likely cause, else by the rule that is broken.

    An error budget that is used up stands with the alert of its rule. What was wrong before anybody watched is no card.
    """
    told = sorted((row for row in rows if row["rule_id"] != HISTORY), key=lambda row: rank(row["severity"]))
    causes: dict[tuple[str, ...], str] = {
        _rule(row): str(row["cause"]) for row in told if row.get("cause") and _rule(row)
    }
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in told:
        groups.setdefault(_key(row, causes), []).append(row)
    return [Card(first, tuple(others)) for first, *others in groups.values()]


def _key(row: Row, causes: dict[tuple[str, ...], str]) -> tuple[str, ...]:
    cause = row.get("cause") or causes.get(_rule(row), "")
    if cause:
        return "cause", labels_of(row).get("app", ""), str(cause)
    return ("rule", *_rule(row)) if _rule(row) else ("alert", str(row["fingerprint"]))


def _rule(row: Row) -> tuple[str, ...]:
    labels = labels_of(row)
    return (labels.get("app", ""), labels["rule"]) if labels.get("rule") else ()


def about(row: Row) -> str:
    """Return where an alert is, the application and the part of its traffic; one about Plumbline itself says it in its title."""
    if str(row["rule_id"]).startswith(OWN):
        return ""
    labels = labels_of(row)
    part, _, value = labels.get("segment", "all").partition("=")
    where = f"{part.removesuffix('_name').replace('_', ' ')} {value}" if value else ""
    return ", ".join(filter(None, (labels.get("app"), where)))
