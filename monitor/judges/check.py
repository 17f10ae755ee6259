"""One question about a known item, to a judge or to all members of a panel, and what is kept of what they say.

A panel says of known items what its members say together, as it does of answers of production: so its own word is watched, which may
move where no member's moves much, or stay where one member's does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.clock import naive_utc
from monitor.judges.judge import Told
from monitor.judges.known import KnownItem
from monitor.judges.panel import together
from monitor.judges.probes import Variant
from monitor.judges.question import Item


@dataclass(frozen=True)
class Check:
    """What `members` are asked for `judge`: the judge itself, or all of a panel; `versions` are those of the known items of each."""

    judge: str
    members: tuple[str, ...]
    known: KnownItem
    item: Item
    versions: Mapping[str, str]
    variant: Variant | None = None

    def calls(self, told: Sequence[Told]) -> list[dict[str, Any]]:
        """Return the calls as they are stored, told apart from those of production; `told` is what each member said."""
        made = [call.row() for one in told for call in one.calls]
        panel = self._panel(told)
        if made and panel is not None and panel.word is not None:
            said = panel.word.judgement
            nothing = {"tokens": 0, "cost_usd": 0.0, "latency_ms": None, "found_from": None, "found_to": None}
            of_panel = {"judge": self.judge, "state": "cached", "verdict": said.verdict.value, "score": said.score}
            made.append(made[-1] | nothing | of_panel | {"reason": said.reason})
        about = {"known": self.known.label, "words": None, "variant": self.variant}
        return [row | about | {"key": self.versions[row["judge"]]} for row in made]

    def said(self, told: Sequence[Told], at: datetime) -> list[dict[str, Any]]:
        """Return what was said, for the streams; nothing of who did not say anything, or was asked in another form."""
        panel = self._panel(told)
        words = {one.judge: one.word for one in (*told, *([panel] if panel else []))}
        about = {"unit_id": self.known.unit_id, "time": naive_utc(at), "rule_id": self.known.rule.id}
        return [
            {**about, "judge": judge, "verdict": word.judgement.verdict.value}
            | {"known": self.known.label, "version": self.versions[judge], "part": None}
            for judge, word in words.items()
            if word is not None and self.variant is None
        ]

    def _panel(self, told: Sequence[Told]) -> Told | None:
        """What a panel makes of what its members said; None: it is no panel."""
        return together(self.judge, told) if self.members != (self.judge,) else None
