"""What arrived and was not understood though it may be about model calls: who sent it, how it is called, which keys it has.

Calls without texts are noted too when attributes that no rule names hold some. Names of keys and what kind of value they hold, never values. Log records that are not kept are strangers all; of spans, those
of no known kind that hold a long text or a number that looks like tokens, whatever their namespace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from collectors.batch import Batch
from collectors.decode.wire import Attributes
from collectors.dialects.table import Table

MAX_GROUPS: Final = 50
"""Names told apart in one body; they are chosen by whoever sends."""

MAX_KEYS: Final = 24
MAX_NAME: Final = 120
LOOKED_AT: Final = 3
"""Spans of one name whose keys are noted: the others have the same."""

LONG: Final = 200
WORDS: Final = 3
DIGITS: Final = re.compile(r"\d+")
TOKEN_LIKE: Final = re.compile(r"[Tt]okens?(?![a-z])|TOKENS?|(?:^|[._-])tok(?:[._-]|$)|(?:^|[._])usage[._]")
PLAIN: Final = (
    *(
        "http.",
        "url.",
        "db.statement",
        "db.query.",
        "net.",
        "network.",
        "server.",
        "client.",
        "user_agent.",
        "exception.",
    ),
    *("code.", "thread.", "process.", "host.", "os.", "k8s.", "cloud.", "container.", "faas.", "messaging.", "rpc."),
    *("peer.", "telemetry.", "service.", "tls.", "dns.", "file.", "graphql.", "otel.", "feature_flag.", "log."),
)
"""Namespaces of plain telemetry, whose long texts are statements, addresses and stack traces."""


class Stranger(NamedTuple):
    """What was not understood: the source, its scope, whether it is spans or log records, and their name."""

    source: str
    scope: str
    signal: str
    name: str


@dataclass
class Strangers:
    """Those of one body."""

    seen: dict[Stranger, int] = field(default_factory=dict)
    keys: dict[Stranger, dict[str, str]] = field(default_factory=dict)

    def note_span(self, source: str, scope: str, name: str, attributes: Attributes) -> None:
        """Note a span of no known kind, if it holds what model calls hold."""
        if any(_promises(key, value) for key, value in attributes.items()):
            self._note(Stranger(source, scope, "span", name), attributes.items())

    def note_call(self, source: str, scope: str, name: str, texts: Iterable[tuple[str, Any]]) -> None:
        """Note a model call without texts, whose attributes hold long ones that no rule reads."""
        self._note(Stranger(source, scope, "call", name), texts)

    def note_log(self, source: str, scope: str, name: str, fields: Attributes) -> None:
        """Note a log record that is not kept."""
        self._note(Stranger(source, scope, "log", name), fields.items())

    def _note(self, told: Stranger, pairs: Iterable[tuple[str, Any]]) -> None:
        named = told._replace(scope=told.scope[:MAX_NAME], name=DIGITS.sub("N", told.name[:MAX_NAME]))
        if named not in self.seen and len(self.seen) >= MAX_GROUPS:
            named = told._replace(scope=told.scope[:MAX_NAME], name="")
        self.seen[named] = count = self.seen.get(named, 0) + 1
        if count <= LOOKED_AT:
            kinds = self.keys.setdefault(named, {})
            for key, value in pairs:
                if len(kinds) < MAX_KEYS and not key.startswith(PLAIN):
                    kinds.setdefault(DIGITS.sub("N", key[:MAX_NAME]), kind_of_value(key, value))

    def flush(self, batch: Batch, received: int) -> None:
        """Append one row for each name."""
        for told, count in self.seen.items():
            keys = "\n".join(f"{key}\t{kind}" for key, kind in sorted(self.keys[told].items()))
            batch.add("strangers", time=received, n=count, keys=keys or None, **told._asdict())


def unread_texts(rest: Attributes, table: Table) -> list[tuple[str, Any]]:
    """Return the attributes of a call that hold texts and that no rule names."""
    return [
        (key, value)
        for key, value in rest.items()
        if table[key].dialect == "" and not key.startswith(PLAIN) and kind_of_value(key, value) == "text"
    ]


def kind_of_value(key: str, value: Any) -> str:
    """Return what a value is, in one word: text, tokens, number, word or other."""
    if isinstance(value, bool) or value is None:
        return "other"
    if isinstance(value, list | dict):
        return "text" if _is_text(str(value)) else "other"
    if isinstance(value, int | float) or (isinstance(value, str) and _is_number(value)):
        return "tokens" if TOKEN_LIKE.search(key) else "number"
    return "text" if _is_text(value) else "word"


def _promises(key: str, value: Any) -> bool:
    if type(value) is str:
        promising = _is_text(value) or (_is_number(value) and TOKEN_LIKE.search(key) is not None)
    else:
        promising = value is not None and kind_of_value(key, value) in {"text", "tokens"}
    return promising and not key.startswith(PLAIN)


def _is_text(value: str) -> bool:
    return len(value) >= LONG or (len(value) > WORDS and value.count(" ") >= WORDS)


def _is_number(text: str) -> bool:
    return len(text) < 20 and text[-1:].isdecimal() and text.replace(".", "", 1).isdecimal()
