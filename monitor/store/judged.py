"""What judges said, on its way to the streams: verdicts that came after their turn, and words on known items.

Judges are asked beside the cycle, so what they say is new when it is written, not when its turn is. A row waits in `base.judged` until
the streams have been fed with it; a stream that failed leaves rows of its own (`part`) behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from monitor.model import dimensions
from monitor.store.opening import Transaction
from monitor.store.reads import Reader, widen

_DIMS: Final = ", ".join(f"t.{name}" for name in dimensions.NAMES)
_ROWS: Final = "known IS NULL AND part IS NOT DISTINCT FROM ?::VARCHAR"


def to_feed(grade: Mapping[str, Any]) -> dict[str, Any]:
    """Return a judge's verdict on an answer as a row that streams are yet to be fed with."""
    same = {name: grade[name] for name in ("unit_id", "time", "rule_id", "verdict")}
    return {
        **same,
        "version": grade["policy_hash"],
        "judge": str(grade["grader"]).partition(":")[2],
        "known": None,
        "part": None,
    }


def parts(reader: Reader) -> list[str | None]:
    """Return what is to be fed: the streams that failed, each by itself, and None for all the others together."""
    found = reader.frame("SELECT DISTINCT part FROM base.judged WHERE known IS NULL ORDER BY part NULLS LAST")["part"]
    return found.to_list()


def late_metrics(reader: Reader, policies: Sequence[str], part: str | None) -> pl.DataFrame:
    """Return one row a turn that judges said something of: its dimensions, `rule:<id>` and `undecided:<id>`, NULL where unknown.

    Of what borders on a violation neither is known; verdicts of other `policies` (hashes) do not count.
    """
    rows = [part, list(policies)]
    turns = reader.frame(
        f"""SELECT DISTINCT t.trace_id AS unit_id, t.time, {_DIMS} FROM base.judged j JOIN base.turns t ON t.trace_id = j.unit_id
            WHERE {_ROWS} AND list_contains(?, j.version) ORDER BY t.time, t.trace_id""",
        rows,
    )
    long = reader.frame(
        f"""SELECT unit_id, metric, max(value) AS value FROM (
                SELECT unit_id, 'rule:' || rule_id AS metric, (verdict = 'violates')::DOUBLE AS value FROM base.judged
                WHERE {_ROWS} AND list_contains(?, version) AND verdict IN ('violates', 'complies')
                UNION ALL
                SELECT unit_id, 'undecided:' || rule_id, (verdict IN ('cannot_judge', 'not_graded'))::DOUBLE FROM base.judged
                WHERE {_ROWS} AND list_contains(?, version))
            GROUP BY ALL""",
        [*rows, *rows],
    )
    return widen(turns, long)


def leave_behind(txn: Transaction, part: str | None, streams: Sequence[str]) -> None:
    """Say that all streams (or the one, `part`) have been fed, but for `streams`, which will be by themselves."""
    for stream in streams:
        txn.execute(
            f"INSERT INTO base.judged SELECT * REPLACE (? AS part) FROM base.judged WHERE {_ROWS}", [stream, None]
        )
    if part not in streams:
        txn.execute(f"DELETE FROM base.judged WHERE {_ROWS}", [part])


def said_of_known(reader: Reader) -> pl.DataFrame:
    """Return judge, known (the label), version, time and bad (1: it says `violates`) of what was said of known items, in order."""
    return reader.frame(
        """SELECT judge, known, version, time, (verdict = 'violates')::DOUBLE AS bad FROM base.judged
           WHERE known IS NOT NULL ORDER BY time"""
    )


def forget_known(txn: Transaction) -> None:
    """Say that the streams of judges have been fed with what they said of known items."""
    txn.execute("DELETE FROM base.judged WHERE known IS NOT NULL")
