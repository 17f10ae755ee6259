"""Pseudonyms: the ids of users and sessions never reach the disk, only what a key makes of them.

An id is replaced in its column, in the values of keys that name somebody, wherever it is a whole attribute, and as a word in every
text of the requests it came with, escapes undone. The same id has the same pseudonym in every table, so that turns, scores, exposures
and uploads still join. In running text an id counts only where it cannot be a plain word (`default`, `anna`). Names that join rows
(app, release, model, prompt) and the application's message ids are left alone: put no user into them, or drop them by a rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import msgspec
import polars as pl

from collectors.redaction.still_json import still_json
from monitor.model.dimensions import OF_AUDIENCE
from monitor.model.rows import TABLES
from monitor.privacy.escapes import HINT, View, plain_view
from monitor.privacy.keyed import Who, digest, pseudonym

WHO: Final[dict[str, tuple[Who, ...]]] = {"users": ("user",), "users_and_sessions": ("user", "session")}
"""What the setting `pseudonyms` means."""

COLUMNS: Final[dict[str, Who]] = {"user_id": "user", "session_id": "session"}
TREES: Final = ("attrs", "metadata")
"""Columns that hold attributes as a JSON object."""

SEARCHED: Final = (*TREES, "name", "error_message", "tool_name", "unknown_keys", "body", "comment", "reason")
TEXTS: Final = frozenset(
    [*OF_AUDIENCE, *SEARCHED, *(name for kind in TABLES.values() for name, type_ in kind.items() if type_ == "text")]
)
"""Columns in which an id may stand among other words."""

KEYS: Final[dict[Who, re.Pattern[str]]] = {
    "user": re.compile(
        r"(?:.*[._:/ -])?(?:(?:end|app)?[._-]?user(?:[._-]?(?:id|name|e?mail|key))?|customer[._-]?id|distinct[._-]?id|uid"
        r"|context[._-]?id|targeting[._-]?key)"
    ),
    "session": re.compile(r"(?:.*[._:/ -])?(?:session(?:[._-]?(?:id|key))?|conversation[._-]?id|thread_?id)"),
}
"""Keys of attributes whose values name somebody, in lower case and with humps cut apart."""

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HALVES: Final = re.compile("[\ud800-\udfff]")
"""Halves of escaped characters: no text that Rust takes may hold them."""

MIN_WORD: Final = 4


@lru_cache(4096)
def who_at(key: str) -> Who | None:
    """Return whom the value of an attribute names.

    >>> who_at("langfuseUserId"), who_at("user_agent")
    ('user', None)
    """
    told = _HUMP.sub("_", key[:200]).lower()
    return next((who for who, pattern in KEYS.items() if pattern.fullmatch(told)), None)


@dataclass(frozen=True)
class People:
    """Whose ids are replaced, and the key of the installation."""

    key: bytes
    whose: tuple[Who, ...]

    def among(self, frames: Mapping[str, pl.DataFrame]) -> Known:
        """Return the people that these frames name; texts in any of them are searched for all."""
        names: dict[str, str] = {}
        for column, who in COLUMNS.items():
            if who in self.whose:
                for rows in frames.values():
                    for plain in rows[column].unique().drop_nulls() if column in rows.columns else ():
                        names.setdefault(plain, pseudonym(self.key, who, plain))
        return Known(self, names)


@dataclass(frozen=True)
class Known:
    """People of one batch: id -> pseudonym."""

    people: People
    names: Mapping[str, str]

    def nameless(self, table: str, rows: pl.DataFrame) -> tuple[pl.DataFrame, set[int]]:
        """Return `rows` without ids, and the places of rows that lost a field since it could not be searched."""
        failed: set[int] = set()
        changed: list[pl.Series] = []
        for name in rows.columns:
            column = rows[name]
            if column.null_count() == len(column):
                continue
            if name in COLUMNS and COLUMNS[name] in self.people.whose:
                changed.append(self._renamed(column, COLUMNS[name]))
            elif name == "key" and table in {"events", "scores", "exposures"}:
                changed.append(self._rekeyed(table, column))
            elif name in TEXTS or name == "session_id":
                changed.append(self._searched(self._trees(table, rows, column, failed), failed))
        return rows.with_columns(changed), failed

    def _renamed(self, column: pl.Series, who: Who) -> pl.Series:
        plain = column.unique().drop_nulls().to_list()
        return column.replace(plain, [pseudonym(self.people.key, who, one) for one in plain])

    def _rekeyed(self, table: str, column: pl.Series) -> pl.Series:
        """A hash of what can be guessed is a way to test a guess, so it gets the key as well."""
        keyed = [one if one is None else digest(self.people.key, table, one)[:32] for one in column]
        return pl.Series(column.name, keyed, dtype=pl.String)

    # -- attributes: what a key says, and what is an id as a whole

    def _trees(self, table: str, rows: pl.DataFrame, column: pl.Series, failed: set[int]) -> pl.Series:
        if column.name in TREES:
            at = column.is_not_null().arg_true()
        elif table == "events" and column.name == "body":
            at = ((rows["part"] == "flag") & column.is_not_null()).arg_true()
        else:
            return column
        return _changed(
            column, at, [_safely(partial(self._tree, text), i, failed) for i, text in zip(at, column[at], strict=True)]
        )

    def _tree(self, text: str) -> str:
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError):
            return text
        told = self._leaf(value, None)
        return text if told == value else msgspec.json.encode(told).decode()

    def _leaf(self, value: Any, who: Who | None) -> Any:
        if isinstance(value, dict):
            return {key: self._leaf(child, who_at(key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self._leaf(child, who) for child in value]
        if isinstance(value, bool | None) or value == "":
            return value
        shown = str(value)
        if who in self.people.whose:
            return pseudonym(self.people.key, who, shown)
        if isinstance(value, str) and value[:1] in {"{", "["} and value not in self.names:
            return self._tree(value)
        return self.names.get(shown, value) if len(shown) >= MIN_WORD or not shown.isdecimal() else value

    # -- texts: ids among other words

    def _searched(self, column: pl.Series, failed: set[int]) -> pl.Series:
        wanted = sorted((n for n in self.names if len(n) >= MIN_WORD and not n.isalpha()), key=len, reverse=True)
        escaped = column.str.contains(HINT).fill_null(value=False).arg_true()
        views = {at: plain_view(column[at]) for at in escaped} if wanted else {}
        plain = (
            column.clone().scatter(list(views), [_HALVES.sub("\ufffd", view.plain) for view in views.values()])
            if views
            else column
        )
        hits = plain.str.extract_many(wanted, leftmost=True) if wanted else pl.Series(dtype=pl.List(pl.String))
        at = (hits.list.len() > 0).fill_null(value=False).arg_true()
        told = [_safely(partial(self._replaced, column[i], views.get(i), hits[i].to_list()), i, failed) for i in at]
        return _changed(column, at, told)

    def _replaced(self, text: str, view: View | None, hits: Sequence[str]) -> str:
        replaced = "".join(self._pieces(text, view, hits))
        return still_json(text, replaced, self._word) if text[:1] in {"{", "["} else replaced

    def _word(self, leaf: str) -> str:
        return self.names.get(leaf, leaf)

    def _pieces(self, text: str, view: View | None, hits: Sequence[str]) -> Iterator[str]:
        """The hits are in order and apart, so each stands where it is found next."""
        plain, searched, reached = view.plain if view else text, 0, 0
        for hit in hits:
            start = plain.index(hit, searched)
            searched = end = start + len(hit)
            if _is_word(plain, start, end):
                begin, stop = view.original(start, end) if view else (start, end)
                yield text[reached:begin]
                yield self.names[hit]
                reached = stop
        yield text[reached:]


def _is_word(text: str, start: int, end: int) -> bool:
    around = (text[start - 1 : start] if start else "", text[end : end + 1])
    return not any(one.isalnum() or one == "_" for one in around)


def _changed(column: pl.Series, at: pl.Series, values: list[str | None]) -> pl.Series:
    return column.clone().scatter(at, pl.Series(values, dtype=pl.String)) if values else column


def _safely(search: Callable[[], str], at: int, failed: set[int]) -> str | None:
    try:
        told = search()
    except Exception:  # noqa: BLE001 - whatever went wrong, the raw text must not be stored
        failed.add(at)
        return None
    return told
