"""Dimensions that users of the SDK may fill with anything have few values: of each app the first so many, and one name for the rest.

A tenant or a channel that is an id of a person would make a group of every turn, and a list that nobody can read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from monitor.model.dimensions import OF_AUDIENCE, OTHERS
from monitor.store.opening import Transaction

_NAMES: Final = ", ".join(OF_AUDIENCE)
_SAID: Final = (
    f"(UNPIVOT (SELECT coalesce(app, '') AS app, time, {_NAMES} FROM {{0}}) ON {_NAMES} INTO NAME name VALUE value)"
)
"""What the turns of a table say of their audience: app, time, name, value."""


def keep_few_values(txn: Transaction, now: datetime, most: int) -> None:
    """Give the dimensions of the turns in temp.fresh `OTHERS` instead of values beyond the first `most` of an app."""
    txn.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE strange AS
        SELECT app, name, value, min(time) AS first
        FROM {_SAID.format("temp.fresh")} ANTI JOIN base.dimension_values USING (app, name, value) GROUP BY ALL"""
    )
    if not txn.read("SELECT 1 AS n FROM temp.strange LIMIT 1").num_rows:
        return
    txn.execute(
        """
        INSERT INTO base.dimension_values
        WITH room AS (SELECT app, name, count(*) AS n FROM base.dimension_values GROUP BY ALL),
        ranked AS (SELECT *, row_number() OVER (PARTITION BY app, name ORDER BY first, value) AS place FROM temp.strange)
        SELECT r.app, r.name, r.value, ? FROM ranked r LEFT JOIN room USING (app, name) WHERE r.place + coalesce(room.n, 0) <= ?""",
        [now, most],
    )
    beyond = "SELECT s.value FROM temp.strange s ANTI JOIN base.dimension_values USING (app, name, value) WHERE s.name = '{0}' AND s.app = coalesce(f.app, '')"
    changes = ", ".join(
        f"{name} = CASE WHEN {name} IN ({beyond.format(name)}) THEN '{OTHERS}' ELSE {name} END" for name in OF_AUDIENCE
    )
    txn.execute(f"UPDATE temp.fresh f SET {changes}")


def forget_values(txn: Transaction) -> int:
    """Drop the values that no turn has any more, since one may name a person who was erased; return how many. Others get their room."""
    unused = txn.read(
        f"SELECT v.rowid AS id FROM base.dimension_values v ANTI JOIN {_SAID.format('base.turns')} USING (app, name, value)"
    )
    if unused.num_rows:
        with txn.registered("unused", unused):
            txn.execute("DELETE FROM base.dimension_values WHERE rowid IN (SELECT id FROM unused)")
    return unused.num_rows
