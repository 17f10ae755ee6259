"""The order in which scores come to have a turn: what "new since the last cycle" means for them.

A score may be received before its turn is finished, or be loaded after one that was received later (two collectors): its time of
receipt says nothing about when it can be used first.
"""

from __future__ import annotations

from typing import Final

from monitor.store.marks import set_mark
from monitor.store.opening import Store

STEP: Final = "scores"
"""The mark that holds the last number: no number is given twice, also after rows have gone."""

_WAITING: Final = "heard IS NULL AND value IS NOT NULL AND name IS NOT NULL AND trace_id IS NOT NULL"
_READY: Final = (
    f"(SELECT rowid AS id, * FROM base.scores WHERE {_WAITING}) s JOIN base.turns t ON t.trace_id = s.trace_id"
)


def hear_scores(store: Store) -> int:
    """Number the scores that have a turn now and had none before; return how many."""
    if not store.rows(f"SELECT 1 FROM base.scores WHERE {_WAITING} LIMIT 1"):
        return 0
    ((count,),) = store.rows(f"SELECT count(*) FROM {_READY}")
    if not count:
        return 0
    with store.transaction() as txn:
        ((last,),) = txn.rows("SELECT coalesce(max(seq), 0) FROM base.marks WHERE step = ?", [STEP])
        txn.execute(
            f"""UPDATE base.scores SET heard = n.number FROM (
                    SELECT s.id, ? + row_number() OVER (ORDER BY s.time, s.trace_id, s.key) AS number FROM {_READY}) n
                WHERE scores.rowid = n.id""",
            [last],
        )
        set_mark(txn, STEP, last + count, None)
    return int(count)
