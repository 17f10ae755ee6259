"""Facts that can be looked up letter by letter: numbers, dates, addresses of pages, names and quotations of a text.

Facts are values, not spellings: "1,200.50" and "1200.5" are one number, "3 March 2025" and "2025-03-03" one day. What a fact is read
from is told by its place. Not for what is true: only for what stands where.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from monitor.graders.normal import folded_text, neat_text

Kind = Literal["number", "date", "url", "name", "quote"]
KINDS: Final[tuple[Kind, ...]] = ("number", "date", "url", "name", "quote")

Day = tuple[int | None, int | None, int | None]
"""Year, month, day; None where the text does not say."""


@dataclass(frozen=True)
class Fact:
    """One fact and where it stands. `value` is a number, a `Day`, or text in one spelling; `half` is how far a number was rounded."""

    kind: Kind
    span: tuple[int, int]
    value: float | Day | str
    half: float = 0.0


_DIGIT: Final = re.compile(r"\d")
_GENITIVES: Final = ("'s", "\u2019s", "'", "\u2019")
_URL: Final = re.compile(r"\b(?:https?://|www\.)[^\s<>\"'`)\]}]+", re.IGNORECASE)
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_MONTH: Final = "|".join(rf"{name}|{name[:3]}\.?" for name in _MONTHS)
_DATES: Final = (
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b"),
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)? (?:of )?(?P<n>{_MONTH})(?:,? (?P<y>\d{{4}}))?\b", re.IGNORECASE
    ),
    re.compile(rf"\b(?P<n>{_MONTH}) (?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?:,? (?P<y>\d{{4}}))?\b", re.IGNORECASE),
    re.compile(rf"\b(?P<n>{_MONTH}) (?P<y>\d{{4}})\b", re.IGNORECASE),
)
_NUMBER: Final = re.compile(
    r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?(?!\w*@)(?:(?= ?(?P<scale>thousand|million|billion|k|m|bn)\b))?", re.IGNORECASE
)
_ANY_NUMBER: Final = re.compile(
    r"\d+(?:,\d{3})*(?:\.\d+)?(?:(?= ?(?P<scale>thousand|million|billion|k|m|bn)\b))?", re.IGNORECASE
)
_SCALES: Final = {"thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9}
_WORDED: Final = {
    word: float(value)
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {"thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "seventy": 70.0, "eighty": 80.0, "ninety": 90.0}
_MARKER: Final = re.compile(r"^[ \t]*(?:step +)?\d+[.):](?=\s|$)", re.MULTILINE | re.IGNORECASE)
_QUOTE: Final = re.compile(
    '(?<![\\w.,!?)])"(?=\\S)([^"\n]{12,600}?)(?<=\\S)"(?!\\w)|\u201c([^\u201c\u201d\n]{12,600})\u201d|\u00ab([^\u00ab\u00bb\n]{12,600})\u00bb'
)
_LETTER: Final = (
    r"[\w\u00ad\u200b-\u200d\u2060\ufeff\u0300-\u036f]"  # with the marks and joints that neat_text composes or drops
)
_JOINT: Final = re.compile("['\u2019-]")
_WORD: Final = re.compile(rf"{_LETTER}+(?:['\u2019-]{_LETTER}+)*")
_CAPITAL: Final = rf"[A-Z\u00c0-\u00d6\u00d8-\u00de]{_LETTER}*(?:['\u2019-]{_LETTER}+)*"
_NAME: Final = re.compile(rf"(?<!{_LETTER}){_CAPITAL}(?:[ ](?:(?:of|de|van|von|der|la|the) )?{_CAPITAL})*")
_ENDS: Final = frozenset('.!?:;\n\u2022*#>-\u2014("\u201c|')
_COMMON: Final = frozenset(
    [
        "i",
        "i'm",
        "i'd",
        "i'll",
        "i've",
        "ok",
        "okay",
        "yes",
        "no",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "mr",
        "mrs",
        "ms",
        "dr",
        "sir",
        "madam",
        "ai",
        "faq",
        "pdf",
        "url",
        "id",
        "am",
        "pm",
        "usd",
        "eur",
        "gbp",
        "us",
        "uk",
        "eu",
        "dear",
        "hello",
        "hi",
        "thanks",
        "thank",
        "please",
        "note",
    ]
) | frozenset(_MONTHS)
_TITLED: Final = 0.35
"""A text in which more words are capitals than this is written in title case, or in German: capitals tell no names there."""

_FEW: Final = 6
"""So many capitals say nothing about how a short text is written."""

_LEAST_QUOTE: Final = 4


def facts(text: str, kinds: tuple[Kind, ...] = KINDS) -> Iterator[Fact]:
    """Yield the facts of `text`, kind by kind; what is part of an address or a date is no number of its own."""
    rest = text
    for found in _URL.finditer(text):
        address = found.group().rstrip(".,;:!?")
        rest = _without(rest, found.start(), found.start() + len(address))
        if "url" in kinds:
            yield Fact("url", (found.start(), found.start() + len(address)), address_of(address))
    for look in _DATES if _DIGIT.search(rest) else ():
        for found in look.finditer(rest):
            rest = _without(rest, *found.span())
            if "date" in kinds:
                yield Fact("date", found.span(), _day(found))
    if "number" in kinds:
        yield from _numbers(_unmarked(rest))
    if "quote" in kinds:
        yield from _quotes(text)
    if "name" in kinds:
        yield from _names(rest)


@dataclass(frozen=True)
class Known:
    """What a text holds, made ready for looking facts up."""

    squeezed: str
    words: frozenset[str]
    numbers: tuple[float, ...]
    days: frozenset[Day]

    def holds(self, fact: Fact) -> bool:
        """Return whether the fact stands in the text."""
        if fact.kind == "number":
            return any(abs(number - float(fact.value)) <= fact.half for number in self.numbers)  # type: ignore[arg-type]  # of numbers
        if fact.kind == "date":
            return any(_same_day(day, fact.value) for day in self.days)  # type: ignore[arg-type]  # of dates
        if fact.kind == "name":
            return stand_in(self.words, str(fact.value))
        return str(fact.value) in self.squeezed


@lru_cache(maxsize=512)
def known(text: str) -> Known:
    """Return `text` made ready; the same documents are retrieved again and again."""
    words = frozenset(_bare(word) for word in set(_WORD.findall(neat_text(text))))
    numbers = dict.fromkeys(_value(found) for found in _ANY_NUMBER.finditer(text))
    numbers |= dict.fromkeys(_WORDED[word] for word in words & _WORDED.keys())
    days = frozenset(fact.value for fact in facts(text, ("date",)) if isinstance(fact.value, tuple))
    parts = frozenset(part for word in words if not word.isalnum() for part in _JOINT.split(word))
    return Known(_squeezed(text), words | parts, tuple(numbers), days)


def stand_in(words: frozenset[str], name: str) -> bool:
    """Return whether every word of a name is among `words`, whole or part by part: "Rolls-Royce" is written "Rolls Royce" too."""
    return all(word in words or words.issuperset(_JOINT.split(word)) for word in name.split())


def address_of(text: str) -> str:
    """Return an address of a page in the spelling in which it is looked up."""
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", text.casefold())
    return _squeezed(bare)


def _without(text: str, start: int, end: int) -> str:
    return text[:start] + "\x00" * (end - start) + text[end:]


def _unmarked(text: str) -> str:
    return _MARKER.sub(lambda found: "\x00" * len(found.group()), text)


def _numbers(text: str) -> Iterator[Fact]:
    for found in _NUMBER.finditer(text):
        scale = _SCALES.get((found["scale"] or "").lower(), 1.0)
        decimals = len(found.group().partition(".")[2])
        half = 0.5 * 10**-decimals * scale if scale > 1 or decimals else 1e-9
        yield Fact("number", found.span(), _value(found), half)


def _value(found: re.Match[str]) -> float:
    return float(found.group().replace(",", "")) * _SCALES.get((found["scale"] or "").lower(), 1.0)


def _day(found: re.Match[str]) -> Day:
    said = found.groupdict()
    month = int(said["m"]) if said.get("m") else _month(said["n"])
    return (int(said["y"]) if said.get("y") else None, month, int(said["d"]) if said.get("d") else None)


def _month(name: str) -> int:
    return next(number for number, month in enumerate(_MONTHS, 1) if month.startswith(name.lower().rstrip(".")))


def _same_day(one: Day, other: Day) -> bool:
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _quotes(text: str) -> Iterator[Fact]:
    for found in _QUOTE.finditer(text):
        said = next(group for group in found.groups() if group)
        if len(said.split()) >= _LEAST_QUOTE:
            yield Fact("quote", found.span(), _squeezed(said))


def _names(text: str) -> Iterator[Fact]:
    """Capitals in the middle of a sentence; of one at its beginning only those that more capitals follow."""
    words = _WORD.findall(text)
    if sum(word[0].isupper() for word in words) > max(_FEW, _TITLED * len(words)):
        return
    for found in _NAME.finditer(text):
        said = [_bare(word) for word in found.group().split()]
        begins = _begins(text, found.start())
        named = [word for word in (said[1:] if begins else said) if word not in _COMMON and len(word) > 1]
        if named:
            yield Fact("name", found.span(), " ".join(named))


def _begins(text: str, at: int) -> bool:
    """Whether a sentence, line, quotation or list item begins at `at`."""
    before = text[:at].rstrip(" \t")
    return not before or before[-1] in _ENDS


def _bare(word: str) -> str:
    return _stripped(folded_text(word))


def _stripped(word: str) -> str:
    """Return a folded word without the mark of a genitive."""
    return next((word[: -len(end)] for end in _GENITIVES if word.endswith(end)), word)


def _squeezed(text: str) -> str:
    return " ".join(re.findall(r"\w+", folded_text(text)))
