"""What a receiver would show: which pages are open, which threads there are, what came twice and what came too early."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Model:
    """What the services hold. `refusals` are requests that the real one would have answered 4xx."""

    keys: list[str] = field(default_factory=list)  # first receipts, in order
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: list[str] = field(default_factory=list)
    changed_repeats: list[str] = field(default_factory=list)
    firing: set[str] = field(default_factory=set)
    early_resolves: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    attempts: int = 0
    pages: dict[str, str] = field(default_factory=dict)  # open pages by key: triggered or acknowledged
    acknowledged: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # by a person there: who, when
    signs: int = 0  # of life, at the dead man's switch
    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)  # change events: they page nobody
    threads: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # posts by the timestamp of the first
    line_url: str = ""  # where apps of Slack open their line
    tickets: set[str] = field(default_factory=set)  # each good for one line
    whispered: list[str] = field(default_factory=list)  # to those who pressed a button
    cards: list[dict[str, Any]] = field(default_factory=list)
    ends: dict[str, datetime] = field(default_factory=dict)  # of alerts at Alertmanager, by their labels

    def take(self, key: str, kind: str, body: dict[str, Any]) -> None:
        """Apply one message as a pager does: a resolve without a fire is dropped, a repeat changes nothing."""
        if key in self.bodies:
            self.repeats.append(key)
            if self.bodies[key]["data"] != body["data"]:
                self.changed_repeats.append(key)
            return
        self.keys.append(key)
        self.bodies[key] = body
        fingerprint = key.partition(":")[0]
        if kind == "resolved" and fingerprint not in self.firing:
            self.early_resolves.append(key)
        if kind == "firing":
            self.firing.add(fingerprint)
        elif kind == "resolved":
            self.firing.discard(fingerprint)

    def page(self, key: str, action: str) -> None:
        """Apply one event as PagerDuty does: acknowledge and resolve need an open page, a repeated trigger opens no second one."""
        if action == "trigger":
            if key not in self.pages:
                self.opened.append(key)
            self.pages.setdefault(key, "triggered")
        elif key in self.pages and action == "acknowledge":
            self.pages[key] = "acknowledged"
        elif key in self.pages:
            del self.pages[key]
            self.closed.append(key)
        else:
            self.early_resolves.append(key)

    def active(self, now: datetime) -> list[str]:
        """Return the labels of the alerts that Alertmanager holds for firing at `now`."""
        return [labels for labels, end in self.ends.items() if end > now]

    def kinds(self) -> list[str]:
        """Return what came, in order, by kind."""
        return [key.split(":")[3] for key in self.keys]
