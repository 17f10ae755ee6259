"""`kill -9` in the middle of retention, at moments nobody chose: the store opens, and the next run ends what was begun."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.config.schema import RetentionSettings
from tests.retention.keeping import OLD, Keeping
from tests.store.rows import a_span, frame, texts
from tests.support.gone import killed_while

RUN = """
import sys
from datetime import datetime
from pathlib import Path
from plumbline.opening import open_agent
from monitor.clock import FakeClock
from monitor.config.schema import AgentSettings, RetentionSettings, Settings
from monitor.removal.retention import Disk, retain
settings = Settings(agent=AgentSettings(retention=RetentionSettings(content="5d", spans="10d")))
agent = open_agent(settings, Path(sys.argv[1]), FakeClock(datetime.fromisoformat(sys.argv[2])))
print("open", flush=True)
retain(agent.store, agent.places, settings.agent.retention, agent.clock.now(), Disk(lambda _: 1 << 60, 0), "salt")
print("done", flush=True)
"""
ROWS = 3_000


def filled(folder: Path) -> Keeping:
    house = Keeping(folder, RetentionSettings(content="5d", spans="10d"))
    house.fill()
    spans = [a_span(f"s{n}", n, trace_id=f"{n:032x}", attrs=house.old) for n in range(ROWS)]
    house.send(frame(spans=spans, content=[texts(s["span_id"], house.old, trace_id=s["trace_id"]) for s in spans]))
    return house


@pytest.mark.parametrize("share", [0.3, *(pytest.param(share, marks=pytest.mark.faults) for share in (0.05, 0.6, 0.9))])
@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing_that_is_kept(tmp_path: Path, share: float) -> None:
    house = filled(tmp_path / "data")
    spans, now = house.count("spans"), house.clock.now().isoformat()
    kept = house.rows("SELECT trace_id, span_id, kind FROM base.spans WHERE time >= '2026-12-05' ORDER BY ALL")
    house.agent.close()
    killed_while(RUN, str(house.folder), now, after_s=share)
    house.agent = house.open()
    house.agent.retain()
    house.later(hours=25)
    house.agent.retain()
    assert house.rows("SELECT trace_id, span_id, kind FROM base.spans WHERE time >= '2026-12-05' ORDER BY ALL") == kept
    assert house.count("spans", OLD) == 0
    assert house.holding(house.old) == []
    assert house.agent.check() == []
    removed = [json.loads(row["removed"]).get("spans", 0) for row in house.rows("SELECT removed FROM base.retentions")]
    assert sum(removed) == spans - house.count("spans")
    assert house.exact()
    house.close()
