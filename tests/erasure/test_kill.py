"""`kill -9` in the middle of an erasure, at moments nobody chose: the store opens, the erasure ends, and nothing else is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.erasure.case import Case
from tests.store.rows import a_call, a_span, frame, texts
from tests.support.gone import killed_while

RUN = """
import sys
from datetime import datetime
from pathlib import Path
from plumbline.opening import open_agent
from monitor.clock import FakeClock
from monitor.config.schema import Settings
agent = open_agent(Settings(), Path(sys.argv[1]), FakeClock(datetime.fromisoformat(sys.argv[2])))
print("open", flush=True)
agent.erase("user", sys.argv[3])
print("done", flush=True)
"""
TRACES, FRAMES = 200, 8


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    found = Case(tmp_path / "data")
    for number in range(FRAMES):
        ids = [f"{number:02x}{n:030x}" for n in range(TRACES)]
        spans = [a_span("r", n, trace_id=t, user_id=found.user if n % 2 else "kept") for n, t in enumerate(ids)]
        calls = [a_call("c", n, trace_id=t, parent_id="r") for n, t in enumerate(ids)]
        said = [
            texts("c", found.mark if n % 2 else found.other, None, n, trace_id=t, system_text=f"{n} {t}")
            for n, t in enumerate(ids)
        ]
        found.send(frame(spans=spans + calls, content=said))
    found.agent.store.checkpoint()
    yield found
    found.close()


@pytest.mark.parametrize("share", [0.4, *(pytest.param(share, marks=pytest.mark.faults) for share in (0.1, 0.7, 1.0))])
@pytest.mark.slow
def test_a_kill_at_any_moment_ends_well(case: Case, share: float) -> None:
    kept = case.rows("SELECT trace_id, count(*) AS n FROM spans WHERE user_id = 'kept' GROUP BY ALL ORDER BY ALL")
    said = case.rows("SELECT trace_id, system_text FROM calls WHERE user_id = 'kept' ORDER BY ALL")
    case.agent.close()
    killed_while(RUN, str(case.folder), case.clock.now().isoformat(), case.user, after_s=share)
    case.agent = case.open()
    begun = case.rows("SELECT finished_at FROM erasures")
    assert all(row["finished_at"] is not None for row in begun)
    if not begun:  # killed before the first transaction: nothing was promised yet
        case.agent.erase("user", case.user)
    assert case.holding(case.mark) == []
    assert case.holding(case.user) == []
    assert (
        case.rows("SELECT trace_id, count(*) AS n FROM spans WHERE user_id = 'kept' GROUP BY ALL ORDER BY ALL") == kept
    )
    assert case.rows("SELECT trace_id, system_text FROM calls WHERE user_id = 'kept' ORDER BY ALL") == said
    assert case.agent.check() == []
    assert not list(case.folder.glob("*.unreadable-*"))
