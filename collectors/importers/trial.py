"""A dry run: everything an import does but the writing, and what it found: formats, keys, how each is understood, an example.

What a dry run shows ends on terminals and in tickets, and no pattern finds the name in "I am Priya". So an example shows how a value
is built, not what was said: prose becomes its length, what names a person is hidden, and the rest is redacted. Use the same `Import` for it, with `Unwritten` as its spool and its journal.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from collectors.batch import Batch
from collectors.decode.leftovers import DIGITS
from collectors.dialects.table import Table
from collectors.importers.files import ImportSource
from collectors.importers.formats import Format
from collectors.importers.meanings import Meaning, meanings_in
from collectors.importers.readers import ImportItem
from collectors.importers.record import opened

MAX_KEYS: Final = 500
"""Keys of one format that are told apart: a record may have as many as it likes."""

MAX_KEY: Final = 80
EXAMPLE: Final = 60
"""Characters of an example that are shown."""

LOOKED_AT: Final = 65_536
"""Characters of a value that an example is made of: cut first, so that a huge one costs little; longer than any key in PEM."""

DEEP: Final = 20
HIDDEN: Final = "<hidden>"
PERSONAL: Final = re.compile(
    r"(?i)(?:.*[._-])?(?:(?:end_?)?user|person|customer|member|account|session|thread|conversation|visitor|distinct|device|mail|"
    r"e_?mail|phone|first|last|full|nick|display)(?:[._-]?(?:ids?|names?|keys?|address|number|handle|alias))?|author|sender|recipient"
)
"""Keys whose values name somebody."""

WHO: Final = frozenset({"user_id", "session_id", "user", "session"})
SAID: Final = frozenset(
    {
        "input_messages",
        "output_messages",
        "system_text",
        "system",
        "input_value",
        "output_value",
        "input",
        "output",
        "texts",
    }
    | {
        "documents",
        "invocation",
        "answer_text",
        "answer_reasoning",
        "answer_calls",
        "exception_message",
        "error_message",
    }
    | {"error", "score_comment", "comment of a score"}
)
"""Fields that hold what people and models said: there a single word may be a name."""

TALK: Final = re.compile(
    r"(?i)(?:.*[._])?(?:contents?|texts?|messages?|prompts?|completions?|questions?|answers?|quer(?:y|ies)|inputs?|outputs?|arguments|"
    r"args|kwargs|delta|value|page_content|documents?|body|comment|note|summary)"
)
"""Keys under which somebody is likely to have said something, whether or not the format is understood."""

SHAPE: Final = frozenset({"role", "type", "finish_reason", "object", "model"})
"""Keys inside of them whose values are words of a protocol."""


class Unwritten:
    """A spool and a journal that keep nothing."""

    def append(self, tables: Mapping[str, bytes]) -> None:
        """Leave the frame unwritten."""

    def sync(self) -> None:
        """Leave the disk alone."""

    def done(self, _source: ImportSource) -> tuple[int, bool]:
        """A dry run begins at the beginning."""
        return 0, False

    def note(self, source: ImportSource, done: int, *, whole: bool) -> None:
        """Remember nothing."""

    def finish(self) -> None:
        """There is nothing to forget."""


@dataclass
class KeySeen:
    """One key: what it means, how often it came, and one redacted value."""

    meaning: Meaning
    count: int = 0
    example: str | None = None


@dataclass
class FormatSeen:
    """The records of one format and their keys; `more` counts keys beyond those that are told apart."""

    format: Format
    meaning: Callable[[str], Meaning]
    records: int = 0
    keys: dict[str, KeySeen] = field(default_factory=dict)
    more: int = 0


@dataclass
class Trial:
    """What a dry run has seen so far. `redact` must be all the redaction there is, whatever the settings say."""

    redact: Callable[[str], str]
    names: Mapping[str, str]
    rules: Table
    formats: dict[str, FormatSeen] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)

    def count_rows(self, batch: Batch) -> dict[str, bytes]:
        """Count what would be written, and write nothing."""
        self.rows.update({table: len(rows) for table, rows in batch.rows.items() if rows})
        return {}

    def see(self, format_: Format, item: ImportItem) -> None:
        """Note the keys of one item as it stands in its file."""
        seen = self.formats.get(format_.name)
        if seen is None:
            seen = FormatSeen(format_, meanings_in(format_, self.names, self.rules))
            self.formats[format_.name] = seen
        seen.records += 1
        for key, value in format_.pairs(item):
            self._key(seen, key, value)

    def _key(self, seen: FormatSeen, key: str, value: Any) -> None:
        """Positions of flattened lists are one key; absent values say nothing of it."""
        shown = DIGITS.sub("N", key[:MAX_KEY])
        one = seen.keys.get(shown)
        if one is None:
            if len(seen.keys) >= MAX_KEYS:
                seen.more += 1
                return
            one = seen.keys[shown] = KeySeen(seen.meaning(key))
        if value is None or value == "":
            return
        one.count += 1
        if one.example is None:
            one.example = self._example(key, one.meaning, value)

    def _example(self, key: str, meaning: Meaning, value: Any) -> str:
        filled = set((meaning.field or "").split(", "))
        found = opened(value) if isinstance(value, str) and value[:1] in {"{", "["} else value
        if PERSONAL.fullmatch(key) or (filled & WHO and not isinstance(found, dict)):
            return HIDDEN
        bare = outline(found, said=bool(filled & SAID or (meaning.how != "field" and TALK.fullmatch(key))))
        text = bare if isinstance(bare, str) else json.dumps(bare, ensure_ascii=False, default=str)
        told = self.redact(text[:LOOKED_AT])
        return told if len(told) <= EXAMPLE else f"{told[:EXAMPLE]}…"

    def shown_keys(self, seen: FormatSeen) -> list[tuple[str, KeySeen]]:
        """Return the keys, redacted as names, the least understood last."""
        order = {"field": 0, "attribute": 1, "left out": 2, "unknown": 3}
        listed = sorted(seen.keys.items(), key=lambda pair: (order[pair[1].meaning.how], pair[0]))
        return [(self.redact(name), one) for name, one in listed]


def outline(value: Any, *, said: bool, depth: int = 0) -> Any:
    """Return how `value` is built: prose as its length, people hidden; with `said`, every text as its length.

    >>> outline({"user_id": "kim", "plan": "gold", "note": "Kim is here"}, said=False)
    {'user_id': '<hidden>', 'plan': 'gold', 'note': '<11 characters>'}
    """
    if depth > DEEP:
        return "…"
    if isinstance(value, dict):
        return {key: _entry(str(key), inner, said, depth) for key, inner in value.items()}
    if isinstance(value, list):
        return [outline(inner, said=said, depth=depth + 1) for inner in value]
    return _leaf(value, said) if isinstance(value, str) else value


def _entry(key: str, value: Any, said: bool, depth: int) -> Any:
    if PERSONAL.fullmatch(key):
        return HIDDEN
    return outline(value, said=(said or TALK.fullmatch(key) is not None) and key not in SHAPE, depth=depth + 1)


def _leaf(text: str, said: bool) -> str:
    return f"<{len(text)} characters>" if said or len(text.split()) > 1 else text
