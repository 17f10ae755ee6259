"""Who sends and is not heard: what arrives of a scope and is not understood, and the rules that would make calls of it.

The rules are a guess from the names of the keys and the kind of their values, ready to paste, and say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from monitor.diagnosis.check import Check
from monitor.diagnosis.facts import Facts, Stranger, Voice
from monitor.diagnosis.fixes import Fix

SHOWN: Final = 6
SIGNALS: Final = {"log": "log records", "span": "spans", "call": "calls"}

Guess = tuple[str, str, str]

GUESSES: Final[dict[str, tuple[Guess, ...]]] = {
    "text": (
        (r"system|instruction", "system", "whole"),
        (r"completion|output|answer|response|reply|result|assistant|generat", "output_messages", "whole"),
        (r"prompt|input|question|request|query|message|user|said|ask|text|content", "input_messages", "whole"),
    ),
    "tokens": (
        (r"cach\w*.*(?:writ|creat)|(?:writ|creat)\w*.*cach", "cache_write_tokens", "integer"),
        (r"cach", "cached_input_tokens", "integer"),
        (r"reason|thought|think", "reasoning_tokens", "integer"),
        (r"total", "-", "whole"),
        (r"out|compl|gener|response|answer|reply", "output_tokens", "integer"),
        (r"in|prompt|request|question", "input_tokens", "integer"),
    ),
    "number": (
        (r"cost|price|usd", "cost_usd", "number"),
        (r"ttft|first[._]?token", "ttft_ms", "milliseconds"),
        (r"duration|latency|elapsed|took", "duration_ms", "milliseconds"),
        (r"status", "status_code", "integer"),
    ),
    "word": (
        (r"conversation|session|thread|chat[._]?id", "session_id", "label"),
        (r"prompt[._]?id|turn[._]?id", "turn_id", "label"),
        (r"user|customer|account|member", "user_id", "label"),
        (r"provider|vendor", "provider", "label"),
        (r"(?:request|response|completion|message)[._]?id", "response_id", "label"),
        (r"model|engine|deployment", "request_model", "label"),
        (r"tool|function", "tool_name", "label"),
        (r"finish|stop", "finish_reason", "label"),
        (r"err", "exception_message", "whole"),
        (r"completion|output|answer|response|reply", "output_messages", "whole"),
        (r"prompt|input|question|query", "input_messages", "whole"),
    ),
}
"""By the kind of value: what a key that holds one of these words may mean, first fit first."""

ONCE: Final = frozenset({"request_model", "session_id", "user_id", "turn_id", "response_id"})
NOT_OF_SPANS: Final = frozenset({"duration_ms", "status_code", "turn_id"})


@dataclass(frozen=True)
class Unheard:
    """What came of one scope and was not understood. `alone`: nothing of the source is kept."""

    app: str | None
    scope: str
    signal: str
    n: int
    strangers: tuple[Stranger, ...]
    alone: bool

    @property
    def keys(self) -> dict[str, str]:
        """The keys seen, with the kind of their values."""
        return {key: kind for stranger in self.strangers for key, kind in stranger.keys}


def unheard(facts: Facts) -> Iterator[Unheard]:
    """Yield what a source that has no model call sends and nobody understands, most first."""
    groups: dict[tuple[str, str], list[Stranger]] = {}
    for stranger in facts.strangers if not facts.n_calls else ():
        if stranger.signal != "call":
            groups.setdefault((stranger.scope, stranger.signal), []).append(stranger)
    alone = facts.ledger is not None and not facts.ledger.stored and not facts.ledger.duplicate
    for (scope, signal), found in sorted(groups.items(), key=lambda group: -sum(one.n for one in group[1])):
        yield Unheard(facts.app, scope, signal, sum(one.n for one in found), tuple(found), alone)


def unread(voice: Voice, facts: Facts) -> Unheard | None:
    """Return the texts of the calls of `voice` that arrive and that no rule reads, if there are any."""
    found = tuple(one for one in facts.strangers if one.signal == "call" and one.scope == (voice.scope or ""))
    return Unheard(facts.app, voice.scope or "", "call", sum(one.n for one in found), found, False) if found else None


def _unread(group: Unheard) -> str:
    keys = list(group.keys)
    return f"texts are there and unread: {group.n:,} calls of {group.scope or 'a scope without a name'} hold some in {', '.join(keys[:SHOWN])}"


def _seen(group: Unheard) -> str:
    keys = list(group.keys)
    shown = ", ".join(keys[:SHOWN]) + (f" and {len(keys) - SHOWN:,} more" if len(keys) > SHOWN else "")
    told = f"{group.n:,} {SIGNALS[group.signal]} from {group.scope or 'a scope without a name'}, none understood"
    return f"{told}; keys seen: {shown}" if keys else f"{told}; they carry no attributes"


def rules(group: Unheard) -> tuple[str, ...]:
    """Return a dialect file that would make calls of it, as lines; empty when no key tells a model, a text or tokens."""
    rows = list(_rows(group))
    if group.signal != "call" and not any(
        field in {"request_model", "input_tokens", "output_tokens", "output_messages"} for _, field, _ in rows
    ):
        return ()
    listed = [f'  - ["{key}", {_quoted(field)}, -1, {reader}]' for key, field, reader in rows]
    scoped = bool(group.scope)
    return (
        f"dialect: {_name(group)}",
        *((f'scopes: ["{group.scope}"]',) if scoped else ()),
        "scope_rows:" if scoped else "rows:",
        *listed,
        *_what_they_are(group, {field for _, field, _ in rows}),
    )


def _rows(group: Unheard) -> Iterator[Guess]:
    taken: set[str] = set()
    for key, kind in group.keys.items():
        field, reader = _guess(key, kind)
        usable = field not in taken or field not in ONCE
        if (
            field
            and usable
            and not (group.signal == "span" and field in NOT_OF_SPANS)
            and '"' not in key
            and "\\" not in key
        ):
            taken.add(field)
            yield key, field, reader


def _guess(key: str, kind: str) -> tuple[str, str]:
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", key).lower()
    tail = words.split(".", 1)[-1]
    for text in (tail, words):
        for pattern, field, reader in GUESSES.get(kind, ()):
            if re.search(rf"(?:^|[._\-]){pattern}" if kind == "tokens" else pattern, text):
                return field, reader
    return "", ""


def _what_they_are(group: Unheard, fields: set[str]) -> Iterator[str]:
    """Log records say by themselves what they tell; spans with a model and tokens or texts are calls, others need a name."""
    if group.signal == "log":
        if group.scope:
            yield 'scope_events: {"*": call}'
        else:
            named = [f'  "{one.name}": call' for one in group.strangers if one.name and '"' not in one.name]
            yield from ("events:", *named) if named else ()
    elif not (
        "request_model" in fields and fields & {"output_tokens", "output_messages", "input_tokens", "input_messages"}
    ):
        names = [one.name for one in group.strangers if one.name and "N" not in one.name and '"' not in one.name][
            :SHOWN
        ]
        if names and group.scope:
            yield "scope_names:"
            yield from (f'  "{name}": llm' for name in names)


def _quoted(field: str) -> str:
    return f'"{field}"' if field == "-" else field


def _name(group: Unheard) -> str:
    return re.sub(r"[^a-z0-9]+", "-", (group.scope or group.app or "house").lower()).strip("-")[:40] or "house"


def _fix(group: Unheard) -> Fix:
    lines = rules(group)
    if not lines:
        return Fix(
            "If this application calls models, instrument their library; these carry no model, no texts and no tokens that "
            "a rule could map"
        )
    return Fix(
        "Check these guesses and put them into a file, name it as collector.dialects in plumbline.yaml, and start again",
        lines,
    )


def _nothing_kept(facts: Facts) -> str | None:
    ledger = facts.ledger
    if ledger is None or not ledger.received or ledger.stored or ledger.duplicate or facts.n_spans or facts.strangers:
        return None
    return (
        f"none of {ledger.received:,} records that arrived is kept: {'; '.join(facts.refusals)}"
        if facts.refusals
        else None
    )


CHECKS: Final[tuple[Check[Unheard], ...]] = (
    Check(
        "not-understood",
        "warn",
        _seen,
        "Something arrives, and no model call is seen in it: every number of this source reads as if nothing happened.",
        _fix,
        bad_if=lambda group: group.alone,
    ),
)

UNREAD: Final = Check[Unheard](
    "unread-texts",
    "warn",
    _unread,
    "Nothing is switched off there: these texts come under keys that no rule names, so nothing can be graded.",
    _fix,
)

NOTHING_KEPT: Final = Check[Facts](
    "nothing-kept",
    "warn",
    _nothing_kept,
    "What is not kept is not watched: this source is as good as silent.",
    Fix("Send spans of model calls, or their log events with a trace id; see the page Sources for what others send"),
)
