"""New turns with their texts: whole as graders are given them, and how they begin for what is told of wording and language."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from monitor.model.values import Turn
from monitor.store.message_texts import Messages, answer_text, user_text, users_texts
from monitor.store.reads import NEW_TURNS, Reader, Window

_SAMPLED: Final = """
    SELECT t.* FROM base.turns t WHERE t.trace_id IN (SELECT unit_id FROM base.samples WHERE time >= ?)"""
"""Turns that were sampled, none of them before a time: a sample has the time of its turn."""

HEARD: Final = 1_000
"""Turns of one window whose texts are read for their language; of more, so many are drawn."""


def sampled_turns(reader: Reader, within: Window) -> list[Turn]:
    """Return the new turns that were sampled, with their texts."""
    return _with_texts(reader, f"{_SAMPLED} AND {NEW_TURNS}", [within.start, *within.params], within.start)


def sampled_at(reader: Reader, seqs: Sequence[int], since: datetime) -> list[Turn]:
    """Return those of the turns with these `seq`, none of them before `since`, that were sampled, with their texts."""
    return _with_texts(reader, f"{_SAMPLED} AND list_contains(?, t.seq)", [since, list(seqs)], since)


def turns_at(reader: Reader, seqs: Sequence[int], since: datetime) -> list[Turn]:
    """Return the turns with these `seq`, none of them before `since`, with their texts."""
    return _with_texts(reader, "SELECT * FROM base.turns WHERE list_contains(?, seq)", [list(seqs)], since)


_OF_TURNS: Final = {
    "unit_id": "p.trace_id",
    **{name: f"p.{name}" for name in ("time", "app", "environment", "model", "user_id", "session_id", "error_type")},
    **{name: f"p.{name}" for name in ("region", "channel", "audience", "tenant", "language")},
    "input_text": "i.input_value",
    "output_text": "o.output_value",
    "system_text": "coalesce(o.system_text, i.system_text)",
    "asked": "i.input_messages",
    "answered": "o.output_messages",
}
"""What is read of a turn `p` to give it to graders, and where."""


def _with_texts(reader: Reader, picked: str, params: Sequence[Any], since: datetime) -> list[Turn]:
    rows = reader.rows(
        f"""
        WITH picked AS ({picked})
        SELECT {", ".join(_OF_TURNS.values())}
        FROM picked p
        LEFT JOIN (SELECT * FROM base.content WHERE time >= ?) i
            ON i.trace_id = p.trace_id AND i.span_id = p.input_span_id
        LEFT JOIN (SELECT * FROM base.content WHERE time >= ?) o
            ON o.trace_id = p.trace_id AND o.span_id = p.output_span_id
        ORDER BY p.time""",
        [*params, since, since],
    )
    return [_turn(**dict(zip(_OF_TURNS, row, strict=True))) for row in rows]


def _turn(
    *, time: datetime, input_text: str | None, output_text: str | None, asked: Messages, answered: Messages, **same: Any
) -> Turn:
    """A turn whose texts are what its messages say, unless it has them as they were given."""
    return Turn(
        time=time.replace(tzinfo=UTC),
        input_text=user_text(asked) if input_text is None else input_text,
        output_text=answer_text(answered) if output_text is None else output_text,
        conversation=users_texts(asked),
        **same,
    )


def beginnings(reader: Reader, within: Window, letters: int) -> pl.DataFrame:
    """Return unit_id and the first `letters` of what was said and answered, of at most `HEARD` new turns."""
    rows = reader.rows(
        f"""
        WITH picked AS (SELECT t.* FROM base.turns t WHERE {NEW_TURNS} ORDER BY hash(t.trace_id) LIMIT {HEARD})
        SELECT p.trace_id, i.input_value, i.input_messages, o.output_value, o.output_messages FROM picked p
        LEFT JOIN (SELECT * FROM base.content WHERE time >= ?) i ON i.trace_id = p.trace_id AND i.span_id = p.input_span_id
        LEFT JOIN (SELECT * FROM base.content WHERE time >= ?) o ON o.trace_id = p.trace_id AND o.span_id = p.output_span_id""",
        [*within.params, within.start, within.start],
    )
    texts = [
        (unit, user_text(asked) if said is None else said, answer_text(told) if answer is None else answer)
        for unit, said, asked, answer, told in rows
    ]
    cut = [(unit, *(text and text[:letters] for text in both)) for unit, *both in texts]
    return pl.DataFrame(cut, dict.fromkeys(("unit_id", "input_text", "output_text"), pl.String), orient="row")
