"""Exposures: who was shown which arm, uploaded as a table, joined on the user to turns that carry no arm of their own.

The first exposure of a user to an experiment counts from its time on. A turn before it stays without an arm; a user whose
exposures name two arms is contaminated, which the view `exposures` shows. Uploads come late: turns that are finished and
compared already get their arm then, and `base.rereads` asks the cycle to sum up their experiments again from all turns.
"""

from __future__ import annotations

from typing import Final

from monitor.store.marks import set_mark
from monitor.store.opening import Transaction

MARK: Final = "exposures"
"""Step under which the number of exposures that are joined is kept, and when the last of them was received."""

_USERS_SINCE: Final = """
    SELECT user_id, count(*) FILTER (received_at > ?) AS n FROM base.exposures GROUP BY user_id HAVING n > 0"""
"""Users with an exposure that was received after those that are joined; where the counts do not add up, some went as well."""


def join_new_exposures(txn: Transaction) -> None:
    """When exposures came, join the turns of their users anew; when some went, take every joined arm back and join all turns."""
    known, upto, joined, since = txn.frame(
        f"""SELECT (SELECT count(*) FROM base.exposures), (SELECT max(received_at) FROM base.exposures),
                   (SELECT coalesce(max(seq), 0) FROM base.marks WHERE step = '{MARK}'),
                   (SELECT max(time) FROM base.marks WHERE step = '{MARK}')"""
    ).row(0)
    if known == joined:
        return
    txn.execute(f"CREATE OR REPLACE TEMP TABLE newly AS {_USERS_SINCE}", [since])
    fresh = txn.frame("SELECT coalesce(sum(n), 0)::BIGINT AS n FROM temp.newly")["n"][0]
    turns = "true" if since is None or joined + fresh != known else "t.user_id IN (SELECT user_id FROM temp.newly)"
    txn.execute(
        "CREATE OR REPLACE TEMP TABLE were AS SELECT e.* FROM base.exposed e "
        f"SEMI JOIN (SELECT t.trace_id FROM base.turns t WHERE {turns}) a ON a.trace_id = e.trace_id"
    )
    txn.execute(
        "UPDATE base.turns t SET experiment = w.own_experiment, variant = NULL FROM temp.were w "
        "WHERE w.trace_id = t.trace_id"
    )
    txn.execute("DELETE FROM base.exposed WHERE trace_id IN (SELECT trace_id FROM temp.were)")
    _join(txn, turns)
    _ask_again(txn, "true")
    set_mark(txn, MARK, known, upto)


def join_fresh_turns(txn: Transaction) -> None:
    """Give the turns that were just written their arms; those that were finished before keep the one they had."""
    if not txn.frame("SELECT count(*) AS n FROM base.exposures")["n"][0]:
        return
    fresh = "trace_id IN (SELECT trace_id FROM temp.fresh)"
    txn.execute(f"CREATE OR REPLACE TEMP TABLE were AS SELECT * FROM base.exposed WHERE {fresh}")
    txn.execute(f"DELETE FROM base.exposed WHERE {fresh}")
    _join(txn, f"t.{fresh}")
    _ask_again(txn, "trace_id IN (SELECT trace_id FROM temp.known)")


def _join(txn: Transaction, turns: str) -> None:
    """Of several experiments a turn gets the one its user entered last: a turn has one arm. Nobody declared those side by side."""
    txn.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE met AS
        WITH entered AS (
            SELECT user_id, experiment, min(time) AS since, arg_min(variant, (time, variant)) AS variant
            FROM base.exposures GROUP BY user_id, experiment)
        SELECT t.trace_id, any_value(t.time) AS time,
               any_value(CASE WHEN t.variant IS NULL THEN t.experiment END) AS own_experiment,
               arg_max(e.experiment, (e.since, e.experiment)) AS experiment,
               arg_max(e.variant, (e.since, e.experiment)) AS variant
        FROM base.turns t JOIN entered e ON e.user_id = t.user_id AND e.since <= t.time
        WHERE {turns} AND (t.variant IS NULL AND (t.experiment IS NULL OR t.experiment = e.experiment)
                           OR t.experiment IN (SELECT experiment FROM base.side_by_side))
        GROUP BY t.trace_id"""
    )
    txn.execute(
        "UPDATE base.turns t SET experiment = m.experiment, variant = m.variant FROM temp.met m "
        "WHERE m.trace_id = t.trace_id"
    )
    txn.execute("INSERT INTO base.exposed BY NAME SELECT * FROM temp.met")


def _ask_again(txn: Transaction, compared: str) -> None:
    """Note the experiments whose turns changed their arm after they may have been compared (`compared` says which those are)."""
    txn.execute(
        f"""
        INSERT INTO base.rereads
        SELECT DISTINCT unnest([m.experiment, w.experiment]) AS experiment
        FROM (FROM temp.met WHERE {compared}) m FULL JOIN (FROM temp.were WHERE {compared}) w ON w.trace_id = m.trace_id
        WHERE m.experiment IS DISTINCT FROM w.experiment OR m.variant IS DISTINCT FROM w.variant"""
    )
    txn.execute("DELETE FROM base.rereads WHERE experiment IS NULL")
