"""A new dimension is one line: an older store grows its column, reads carry it, pages filter by it, drift splits by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

OLD = """
import sys
from pathlib import Path
from monitor.clock import SystemClock
from monitor.store.opening import Store

store = Store.open(Path(sys.argv[1]), clock=SystemClock())
with store.transaction() as txn:
    txn.insert("turns", [{"trace_id": "0" * 32, "seq": 1, "time": SystemClock().now(), "app": "old"}])
store.close()
"""

NEW = """
import importlib.util, sys
from datetime import timedelta
from pathlib import Path

name = "monitor.model.dimensions"
spec = importlib.util.find_spec(name)
text = Path(spec.origin).read_text()
line = '    Dimension("region", "Region", shared="root", cause=5),\\n'
assert text.count("DIMENSIONS: Final = (\\n") == 1
text = text.replace("DIMENSIONS: Final = (\\n", "DIMENSIONS: Final = (\\n" + line)
module = importlib.util.module_from_spec(spec)
sys.modules[name] = module
exec(compile(text, spec.origin, "exec"), module.__dict__)

from monitor.clock import SystemClock, naive_utc
from monitor.drift.batch import read_batch
from monitor.store import reads
from monitor.store.finishing.finish import finish
from monitor.store.opening import Store
from monitor.store.pages import read_page
from monitor.store.turn_measures import turn_metrics

now = SystemClock().now()
store = Store.open(Path(sys.argv[1]), clock=SystemClock())
root = {"trace_id": "1" * 32, "span_id": "a" * 16, "time": now, "received_at": now, "kind": "chain", "app": "shop",
        "duration_ms": 10.0, "region": "eu"}
call = {**root, "span_id": "b" * 16, "parent_id": "a" * 16, "kind": "llm", "region": None, "response_model": "m"}
with store.transaction() as txn:
    txn.insert("spans", [root, call])
    txn.insert("arrivals", [{"trace_id": "1" * 32, "time": now, "received_at": now, "has_root": True}])
assert finish(store, now, timedelta(0), timedelta(0), flush=True) == 1
assert store.read("SELECT region FROM turns ORDER BY time").to_pylist() == [{"region": None}, {"region": "eu"}]
assert store.read("SELECT DISTINCT region FROM base.spans").to_pylist() == [{"region": "eu"}], "shared from the root"
window = reads.window(store, 0, 10)
metrics = turn_metrics(store, window)
assert metrics["region"].to_list() == [None, "eu"]
bounds = {"start": str(naive_utc(now) - timedelta(hours=1)), "end": str(naive_utc(now) + timedelta(hours=1))}
shown = read_page(store, "traces", {**bounds, "region": "eu"}, {}).to_pylist()
assert [row["trace_id"] for row in shown] == ["1" * 32]
assert ("shop", "region=eu") in read_batch(metrics, ["region"], []).segments
assert module.CAUSES[-1] == "region"
print("ok")
"""


def test_one_line_is_enough(tmp_path: Path) -> None:
    for code in (OLD, NEW):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "ok\n"
