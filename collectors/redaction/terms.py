"""What only you know to be private: patterns of your own, and dictionaries of names that are kept as keyed hashes.

Patterns run in the Rust regex engine alone, which is linear whatever they say. A dictionary file holds one keyed hash a term, so
that neither it nor the config tells a name to whoever has no key; words of a text, alone and in a row, are hashed and looked up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from monitor.errors import ConfigError
from monitor.privacy.keyed import digest
from monitor.privacy.pattern import Found

HEADER: Final = "# plumbline terms 1: words and keyed hash of each term; made by `plumbline terms`"
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
MAX_WORDS: Final = 8
_WORD: Final = re.compile(r"[^\W_]{1,64}")
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"  # no characters: Unicode promises that no text holds them
_MARKS: Final = str.maketrans({_OPEN: " ", _CLOSE: " "})
_REMEMBERED: Final = 100_000


@dataclass
class Dictionary:
    """Keyed hashes of terms, by their number of words."""

    key: bytes
    terms: Mapping[int, frozenset[str]]
    known: dict[str, str] = field(default_factory=dict)

    def find(self, text: str, kind: str) -> Iterator[Found]:
        """Yield the terms in `text`; longer ones first where they begin together."""
        words = [(match.start(), match.end()) for match in _WORD.finditer(text)]
        said = [text[start:end].casefold() for start, end in words]
        for count in sorted(self.terms, reverse=True):
            for first in range(len(words) - count + 1):
                if self._digest(" ".join(said[first : first + count])) in self.terms[count]:
                    yield Found(words[first][0], words[first + count - 1][1], kind)

    def _digest(self, said: str) -> str:
        told = self.known.get(said)
        if told is None:
            if len(self.known) >= _REMEMBERED:  # words repeat, so starting again now and then costs little
                self.known.clear()
            told = self.known[said] = hashed_term(self.key, said)
        return told


@dataclass(frozen=True)
class Terms:
    """Your own patterns and dictionaries, by the name their placeholders carry."""

    patterns: Mapping[str, str] = field(default_factory=dict)
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.patterns or self.dictionaries)

    def find(self, text: str) -> list[Found]:
        """Return what `text` holds of them, overlaps included."""
        found = [hit for name, pattern in self.patterns.items() for hit in _matches(text, pattern, name)]
        for name, dictionary in self.dictionaries.items():
            found += sorted(dictionary.find(text, name), key=lambda hit: (hit.start, -hit.end))
        return found


def _matches(text: str, pattern: str, kind: str) -> Iterator[Found]:
    """Rust tells no places, so it puts marks around what it finds."""
    plain = text.translate(_MARKS)
    marked = pl.Series([plain]).str.replace_all(pattern, f"{_OPEN}${{0}}{_CLOSE}")[0]
    at = 0
    for before, value in _parts(marked):
        at += len(before)
        if value:
            yield Found(at, at + len(value), kind)
        at += len(value)


def _parts(marked: str) -> Iterator[tuple[str, str]]:
    first, *rest = marked.split(_OPEN)
    yield first, ""
    for piece in rest:
        value, _, after = piece.partition(_CLOSE)
        yield "", value
        yield after, ""


def words_of(term: str) -> str:
    """Return a term as it is compared: its words in lower case.

    >>> words_of("  ACME Corp. ")
    'acme corp'
    """
    return " ".join(match.group().casefold() for match in _WORD.finditer(term))


def hashed_term(key: bytes, words: str) -> str:
    """Return what stands for a term in a dictionary file."""
    return digest(key, "term", words)[:24]


def hashed(key: bytes, terms: Iterable[str]) -> list[str]:
    """Return the lines of a dictionary file. A term without words, or with more than eight, is a ValueError."""
    lines = set()
    for number, term in enumerate(terms, 1):
        words = words_of(term)
        if not term.strip():
            continue
        count = len(words.split())
        if not 1 <= count <= MAX_WORDS:
            raise ValueError(f"line {number}: a term has 1 to {MAX_WORDS} words, this one {count}")
        lines.add(f"{count} {hashed_term(key, words)}")
    return [HEADER, *sorted(lines)]


def read_terms(patterns: Mapping[str, str], dictionaries: Mapping[str, str], key: bytes, where: str) -> Terms:
    """Return the terms of the settings. Raises `ConfigError` for what cannot work, before anything is taken in."""
    for name, pattern in patterns.items():
        problem = pattern_problem(name, pattern)
        if problem:
            raise ConfigError(where, None, f"collector.redaction.patterns.{name}: {problem}")
    read = {name: Dictionary(key, _dictionary(Path(path), name, where)) for name, path in dictionaries.items()}
    return Terms(dict(patterns), read)


def pattern_problem(name: str, pattern: str) -> str | None:
    """Return what is wrong with a pattern of your own, or None."""
    if not NAME.fullmatch(name):
        return "the name must be letters, digits and _ (it stands in the placeholder)"
    try:
        empty = pl.Series([""]).str.contains(pattern, strict=True)[0]
    except pl.exceptions.ComputeError as error:
        return f"not a regex of the Rust engine: {_reason(str(error))}"
    return "matches the empty text, so it would match everywhere" if empty else None


def _reason(told: str) -> str:
    """Return the one line of a refusal that says why; what surrounds it shows the pattern, and where it was asked."""
    named = [line.removeprefix("error: ") for line in told.splitlines() if line.startswith("error: ")]
    return (named or [told.splitlines()[0].removeprefix("regex error: ")])[0].strip(" .")


def _dictionary(path: Path, name: str, where: str) -> dict[int, frozenset[str]]:
    named = f"collector.redaction.dictionaries.{name}"
    if not NAME.fullmatch(name):
        raise ConfigError(
            where, None, f"{named}: the name must be letters, digits and _ (it stands in the placeholder)"
        )
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(where, None, f"{named}: {path} cannot be read: {error}", "check the path") from None
    if not lines or lines[0] != HEADER:
        raise ConfigError(where, None, f"{named}: {path} holds plain terms", f"run `plumbline terms {path}` first")
    terms: dict[int, set[str]] = {}
    for line in lines[1:]:
        count, _, hashed_one = line.partition(" ")
        if count.isdigit() and hashed_one:
            terms.setdefault(int(count), set()).add(hashed_one)
    return {count: frozenset(found) for count, found in terms.items()}
