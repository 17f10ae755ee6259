"""The traces that are being finished, and their spans: what every step of finishing looks at.

temp.settled (trace_id, lo, hi) names them; temp.touched holds their spans as they are now. Counting once may change a span
of a trace that was finished before: that trace then joins the settled ones, so that its turn is written again.
"""

from __future__ import annotations

from monitor.store.opening import Transaction


def take_spans(txn: Transaction, bounds: str) -> None:
    """Fill temp.touched anew; `bounds` is a condition on `time`."""
    txn.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE touched AS
        SELECT s.* FROM base.spans s SEMI JOIN temp.settled t ON t.trace_id = s.trace_id
        WHERE {bounds.replace("time", "s.time")}"""
    )


def also_settle(txn: Transaction, traces: str, bounds: str) -> None:
    """Add the traces that the query `traces` (one column) names, and take all spans again."""
    txn.execute(
        f"""
        INSERT INTO temp.settled SELECT more.*, NULL, NULL FROM ({traces}) AS more(trace_id)
        WHERE more.trace_id NOT IN (SELECT trace_id FROM temp.settled)"""
    )
    take_spans(txn, bounds)
