"""The settings that make instrumentations send texts, as data: `switches.yaml`, by scope or dialect and language of the SDK."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from monitor.diagnosis.facts import Voice
from monitor.plain_yaml import plain


class Switch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do for voices whose dialect or scope holds `part`, and whose language begins with `language`."""

    part: str
    do: str
    checked_on: date
    language: str = ""
    lines: tuple[str, ...] = ()

    def fits(self, voice: Voice) -> bool:
        """Whether this is the switch of `voice`; a language that is not known is no other one."""
        named = f"{voice.dialect or ''} {voice.scope or ''}".lower()
        return self.part in named and (not voice.language or voice.language.startswith(self.language))


@cache
def switches() -> tuple[Switch, ...]:
    """Return the table, read once."""
    text = (Path(__file__).parent / "switches.yaml").read_text("utf-8")
    return tuple(msgspec.convert(plain(text), list[Switch]))
