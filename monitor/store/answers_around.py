"""What an application answered, before a change and since: to say which words it uses more and less often."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.clock import naive_utc
from monitor.store.reads import Reader

AROUND: Final = timedelta(days=7)
"""How long before a change, and since, answers are looked at."""

MOST: Final = 500
"""Answers on each side: of more, so many are drawn."""


def answers_around(
    reader: Reader, app: str, low: datetime, high: datetime, now: datetime, letters: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return who and text of answers of `app` before `low`, and of those from `high` to `now`: their first `letters`.

    Answers to nobody known are left out: ten sessions may be one person.
    """
    first, last, at = naive_utc(low), naive_utc(high), naive_utc(now)
    return (
        _answers(reader, app, first - AROUND, first, letters),
        _answers(reader, app, last, min(at, last + AROUND) + timedelta(microseconds=1), letters),
    )


def _answers(reader: Reader, app: str, start: datetime, end: datetime, letters: int) -> pl.DataFrame:
    return reader.frame(
        f"""
        WITH picked AS (SELECT t.* FROM base.turns t WHERE t.app = ? AND t.time >= ? AND t.time < ?
                        ORDER BY hash(t.trace_id) LIMIT {MOST})
        SELECT p.user_id AS who,
               left(coalesce(o.output_value, answer_text(o.output_messages)), {letters}) AS text
        FROM picked p
        JOIN (SELECT * FROM base.content WHERE time >= ?) o ON o.trace_id = p.trace_id AND o.span_id = p.output_span_id""",
        [app, start, end, start],
    ).drop_nulls()
