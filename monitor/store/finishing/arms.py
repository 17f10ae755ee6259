"""Give turns the arm they were in, where no span of them says: by their session, else by what ran side by side.

An arm that was declared (a flag, metadata, a tag) wins always, and holds for the session from the turn that told it. Otherwise
a prompt version, model, release or system prompt is an arm only while two of them run at the same time, so that a swap is a
change and no experiment; and, but for prompt versions, only where users stay with one, so that routing by request is none.
See docs/decisions/0020-arms-nobody-declared.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from monitor.store.marks import set_mark
from monitor.store.opening import Transaction

Infer = Literal["none", "declared", "all"]

LOOK_AGAIN: Final = timedelta(hours=1)
TOGETHER: Final = "INTERVAL 1 HOUR"
"""Values must overlap for longer than a rolling deployment takes."""

ENOUGH: Final = 20
"""Turns of a value, and users or sessions with several turns, before anything is called side by side."""

STAYS: Final = 0.95
MOST_VALUES: Final = 5
"""More values than this are no arms: a system prompt with the date in it has a new hash every day."""

DECLARED: Final = ("prompt",)
STEP: Final = "arms"

_NAMED: Final = """
    SELECT trace_id, time, coalesce(user_id, session_id) AS unit, unnest([
        {'place': 1, 'kind': 'prompt', 'name': app || '/' || prompt_name, 'value': prompt_version},
        {'place': 2, 'kind': 'model', 'name': app, 'value': model},
        {'place': 3, 'kind': 'release', 'name': app, 'value': release},
        {'place': 4, 'kind': 'system prompt', 'name': app, 'value': system_hash}], recursive := true)
    FROM """


def give_arms(txn: Transaction, bounds: str, now: datetime, infer: Infer = "all") -> None:
    """Fill experiment and variant of the turns in temp.fresh; `bounds` limits the time of other turns that are looked at.

    `infer` says how far: "none" leaves turns as they came, "declared" asks their sessions, "all" also what ran side by side.
    """
    if infer != "none" and _any(txn, "temp.fresh WHERE experiment IS NULL AND session_id IS NOT NULL"):
        _from_session(txn, bounds)
    if _any(txn, "temp.fresh WHERE experiment IS NOT NULL"):
        _tell_spans(txn, bounds)
    if infer != "all":
        txn.execute("DELETE FROM base.side_by_side")
        return
    if _due(txn, now):
        _find_side_by_side(txn, bounds, now)
    if _any(txn, "base.side_by_side"):
        _from_side_by_side(txn)


def _any(txn: Transaction, rows: str) -> bool:
    """Whether there are such rows: an update that changes nothing costs ten times as much as asking."""
    return txn.read(f"SELECT 1 FROM {rows} LIMIT 1").num_rows > 0


def _tell_spans(txn: Transaction, bounds: str) -> None:
    """A declared arm reaches the calls too. One that nobody declared does not: a declared one may still come, and wins."""
    txn.execute(
        f"""
        UPDATE base.spans s SET experiment = f.experiment, variant = f.variant FROM temp.fresh f
        WHERE f.trace_id = s.trace_id AND f.experiment IS NOT NULL AND s.experiment IS NULL AND s.variant IS NULL
          AND {bounds.replace("time", "s.time")}"""
    )


def _from_session(txn: Transaction, bounds: str) -> None:
    """From the turn on that told it; not in a session that saw two arms."""
    txn.execute(
        f"""
        UPDATE temp.fresh f SET experiment = t.experiment, variant = t.variant
        FROM (SELECT session_id, any_value(experiment) AS experiment, any_value(variant) AS variant, min(time) AS since
              FROM (SELECT session_id, experiment, variant, time FROM base.turns WHERE {bounds}
                    UNION ALL SELECT session_id, experiment, variant, time FROM temp.fresh)
              WHERE session_id IN (SELECT session_id FROM temp.fresh WHERE experiment IS NULL)
                AND experiment IS NOT NULL AND variant IS NOT NULL
                AND experiment NOT IN (SELECT experiment FROM base.side_by_side)
              GROUP BY session_id HAVING count(DISTINCT (experiment, variant)) = 1) t
        WHERE t.session_id = f.session_id AND f.experiment IS NULL AND f.variant IS NULL AND f.time >= t.since"""
    )


def _due(txn: Transaction, now: datetime) -> bool:
    last = txn.frame("SELECT max(time) AS time FROM base.marks WHERE step = ?", [STEP])["time"][0]
    return last is None or now - last >= LOOK_AGAIN


def _find_side_by_side(txn: Transaction, bounds: str, now: datetime) -> None:
    """Look at the turns around for values that overlap; once an hour, since it costs a pass over them."""
    txn.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE overlapping AS
        WITH around AS (
            SELECT * FROM base.turns WHERE {bounds} AND trace_id NOT IN (SELECT trace_id FROM temp.fresh)
            UNION ALL BY NAME SELECT * FROM temp.fresh),
        named AS (SELECT *, kind || ':' || name AS experiment FROM ({_NAMED} around)
                       WHERE name IS NOT NULL AND value IS NOT NULL),
        spans AS (SELECT experiment, any_value(kind) AS kind, value, min(time) AS first, max(time) AS last
                  FROM named GROUP BY experiment, value HAVING count(*) >= {ENOUGH}),
        pairs AS (SELECT DISTINCT a.experiment, a.kind, a.value FROM spans a JOIN spans b
                  ON a.experiment = b.experiment AND a.value <> b.value
                  AND least(a.last, b.last) - greatest(a.first, b.first) >= {TOGETHER}),
        units AS (SELECT experiment, unit, count(DISTINCT value) AS n FROM named SEMI JOIN pairs USING (experiment, value)
                  WHERE unit IS NOT NULL GROUP BY experiment, unit HAVING count(*) > 1),
        steady AS (SELECT experiment FROM units GROUP BY experiment
                   HAVING count(*) >= {ENOUGH} AND avg((n = 1)::INT) >= {STAYS})
        SELECT experiment, value FROM pairs
        WHERE (list_contains({list(DECLARED)}, kind) OR experiment IN (SELECT experiment FROM steady))
        QUALIFY count(*) OVER (PARTITION BY experiment) BETWEEN 2 AND {MOST_VALUES}"""
    )
    txn.execute("DELETE FROM base.side_by_side")
    txn.execute("INSERT INTO base.side_by_side SELECT experiment, value FROM temp.overlapping")
    set_mark(txn, STEP, 0, now)


def _from_side_by_side(txn: Transaction) -> None:
    txn.execute(
        f"""
        UPDATE temp.fresh f SET experiment = n.experiment, variant = n.value
        FROM (SELECT trace_id, arg_min(kind || ':' || name, place) AS experiment, arg_min(value, place) AS value
              FROM ({_NAMED} temp.fresh WHERE experiment IS NULL AND variant IS NULL) v
              WHERE (kind || ':' || name, value) IN (SELECT (experiment, value) FROM base.side_by_side)
              GROUP BY trace_id) n
        WHERE n.trace_id = f.trace_id"""
    )
