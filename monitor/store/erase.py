"""Remove everything of one application: used to take the demo away again."""

from __future__ import annotations

from typing import Final

from monitor.store.opening import Store

BY_TRACE: Final = ("content", "features", "arrivals")
BY_UNIT: Final = ("samples", "grades")
BY_APP: Final = ("spans", "events", "turns", "meters", "estimates", "findings", "rollup")


def erase_app(store: Store, app: str) -> dict[str, int]:
    """Delete every row of `app` in one transaction; return the number of rows per table.

    The ledger keeps its counts: it says what was received, and it was. Freed blocks are reused, the file does not shrink.
    """
    with store.transaction() as txn:
        txn.execute(
            "CREATE OR REPLACE TEMP TABLE leaving AS SELECT DISTINCT trace_id FROM base.spans WHERE app = ?", [app]
        )
        conditions = {
            **dict.fromkeys(BY_TRACE, "trace_id IN (FROM temp.leaving)"),
            **dict.fromkeys(BY_UNIT, "unit_id IN (FROM temp.leaving)"),
            **dict.fromkeys(BY_APP, "app = $app"),
            "scores": "trace_id IN (FROM temp.leaving) OR source = $app",
            "comparisons": "experiment IN (SELECT experiment FROM base.turns WHERE app = $app)",
            "arm_units": "experiment IN (SELECT experiment FROM base.turns WHERE app = $app)",
            "trackers": "json_extract_string(state, '$.app') = $app",
        }
        order = ["comparisons", "arm_units", "trackers", "scores", *BY_TRACE, *BY_UNIT, *BY_APP]
        removed = {}
        for name in order:
            condition = conditions[name]
            params = {"app": app} if "$app" in condition else None
            removed[name] = int(
                txn.read(f"SELECT count(*) AS n FROM base.{name} WHERE {condition}", params)["n"][0].as_py()
            )
            txn.execute(f"DELETE FROM base.{name} WHERE {condition}", params)
    store.checkpoint()
    return removed
