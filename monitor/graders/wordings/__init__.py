"""How people and models decline, one language a file, as data: `wordings` makes patterns of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import msgspec

from monitor.plain_yaml import plain


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. All patterns are for folded text; `{name}` in one stands for a part."""

    language: str
    declines: dict[str, str]  # the author declines; found anywhere in the opening
    opens: dict[str, str]  # the same, at the very beginning only
    needles: dict[str, tuple[str, ...]]  # one of these stands in every match of the pattern of that name
    idioms: tuple[str, ...]  # where one of these overlaps a find, nothing is declined
    leads: str  # how a sentence begins that helps with nothing: thanks, apologies
    contrast: str  # after it may come help
    gives: str  # here help comes
    parts: dict[str, str] = {}


@dataclass(frozen=True)
class Wording:
    """One way to decline. To look for its needles first makes most answers cost next to nothing."""

    name: str
    look: re.Pattern[str]
    needles: tuple[str, ...]
    opens: bool


@dataclass(frozen=True)
class Wordings:
    """The patterns of one language."""

    language: str
    ways: tuple[Wording, ...]
    idiom: re.Pattern[str]
    lead: re.Pattern[str]
    contrast: re.Pattern[str]
    gives: re.Pattern[str]


@lru_cache(maxsize=1)
def wordings() -> tuple[Wordings, ...]:
    """Return the wordings of all languages, by name of file."""
    found = sorted(path for path in files(__name__).iterdir() if path.name.endswith(".yaml"))  # type: ignore[type-var]
    return tuple(_ready(msgspec.convert(plain(path.read_text(encoding="utf-8")), Told)) for path in found)


def languages() -> frozenset[str]:
    """Return the languages there are wordings for."""
    return frozenset(by.language for by in wordings())


def _ready(told: Told) -> Wordings:
    def look(pattern: str) -> re.Pattern[str]:
        return re.compile(pattern.format(**told.parts))

    ways = tuple(
        Wording(name, look(pattern), told.needles[name], opens=patterns is told.opens)
        for patterns in (told.declines, told.opens)
        for name, pattern in patterns.items()
    )
    idiom = look("|".join(told.idioms))
    return Wordings(told.language, ways, idiom, look(told.leads), look(told.contrast), look(told.gives))
