"""Give a score the trace it is about, when all it names is a response, the application's own message id, or a session.

Whichever comes first waits for the other: scores are looked at again when the span they are about is finished. A score of
a session belongs to the turn that the user had just seen: the last one of the session that began before the score.
"""

from __future__ import annotations

from typing import Final

from monitor.store.load import BY_OTHER_ID
from monitor.store.opening import Transaction

MODELS_ONLY: Final = {"response_id": "kind IN ('llm', 'embedding')", "message_id": "true"}


def attach_scores(txn: Transaction, bounds: str) -> None:
    """Fill the traces of scores around the settled traces; `bounds` limits the time of spans that are looked at."""
    if not txn.frame("SELECT count(*) AS n FROM base.scores WHERE trace_id IS NULL")["n"][0]:
        return  # most installations have none that wait, and looking for their traces costs more than all the rest
    for name, kinds in MODELS_ONLY.items():
        _attach(txn, name, f"SELECT * FROM base.spans WHERE {kinds} AND {bounds} AND {name} IN ({_asked(name)})")
    _attach_sessions(txn, bounds)


def _asked(name: str) -> str:
    """What the settled spans are called, and what the scores ask for that have just come."""
    mark = BY_OTHER_ID[name]
    return (
        f"SELECT {name} FROM temp.touched WHERE {name} IS NOT NULL "
        f"UNION SELECT substr(trace_id, {len(mark) + 1}) FROM temp.settled WHERE starts_with(trace_id, '{mark}')"
    )


def _attach(txn: Transaction, name: str, spans: str) -> None:
    txn.execute(
        f"""
        UPDATE base.scores s SET trace_id = a.trace_id, span_id = coalesce(s.span_id, a.span_id)
        FROM (SELECT {name}, arg_min(trace_id, time) AS trace_id, arg_min(span_id, time) AS span_id
              FROM ({spans}) GROUP BY {name}) a
        WHERE a.{name} = s.{name} AND s.trace_id IS NULL"""
    )


def _attach_sessions(txn: Transaction, bounds: str) -> None:
    txn.execute(
        f"""
        UPDATE base.scores s SET trace_id = a.trace_id
        FROM (SELECT w.key, t.trace_id
              FROM (SELECT key, session_id, time FROM base.scores
                    WHERE trace_id IS NULL AND response_id IS NULL AND message_id IS NULL
                      AND session_id IN ({_asked("session_id")})) w
              ASOF JOIN (SELECT trace_id, session_id, min(time) AS time FROM base.spans
                         WHERE {bounds} AND session_id IN ({_asked("session_id")}) GROUP BY trace_id, session_id) t
              ON t.session_id = w.session_id AND t.time <= w.time) a
        WHERE a.key = s.key"""
    )
