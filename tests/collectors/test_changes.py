"""Changes that deploy scripts tell: what becomes a row, what is refused and why, and that a repeat changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from collectors.batch import Batch
from collectors.changes import decode_changes
from monitor.clock import SystemClock
from monitor.store.load import pump
from monitor.store.opening import Store
from tests.collectors.door import Open, opened

RECEIVED = 1_800_000_000_000_000


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool") as found:
        yield found


def send(door: Open, said: Any) -> httpx.Response:
    return door.post(json.dumps(said).encode(), "/v1/changes", **{"Content-Type": "application/json"})


def test_a_change_is_kept_once_however_often_it_is_told(door: Open) -> None:
    said = {
        "kind": "release",
        "app": "shop",
        "what": "v12 is out",
        "source": "deploy.sh",
        "time": "2026-11-20T10:00:00Z",
    }
    assert send(door, said).json() == {"accepted": 1, "rejected": []}
    assert send(door, {"changes": [said, {"kind": "model", "what": "b-2"}]}).json()["accepted"] == 2
    store = Store.scratch(SystemClock())
    pump(store, door.folder)
    rows = store.frame("SELECT kind, app, what, source FROM changes ORDER BY kind").rows()
    assert rows == [("model", None, "b-2", "changes"), ("release", "shop", "v12 is out", "deploy.sh")]
    store.close()


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"kind": "magic", "what": "x"}, "kind must be one of release, prompt"),
        ({"kind": "release"}, "a change needs what was changed"),
        ({"kind": "release", "what": "x", "who": "me"}, "unknown field"),
        ({"kind": "release", "what": "x" * 301}, "what must be text of at most 300 characters"),
        ({"kind": "release", "what": 7}, "what must be text"),
        ({"kind": "release", "what": "x", "time": "soon"}, "time"),
        ("release", "a change must be an object"),
    ],
)
def test_what_is_unfit_is_refused_alone_with_the_reason(item: Any, reason: str) -> None:
    batch = Batch()
    outcome = decode_changes(json.dumps([item, {"kind": "prompt", "what": "v3"}]).encode(), "json", batch, RECEIVED)
    assert (outcome.accepted, outcome.rejected) == (1, 1)
    assert reason in str(outcome.items[0].reason)
    assert len(batch.dicts("changes")) == 1


def test_words_are_one_plain_line() -> None:
    batch = Batch()
    decode_changes(json.dumps({"kind": "other", "what": "a\u001b[31m\n b"}).encode(), "json", batch, RECEIVED)
    assert batch.dicts("changes")[0]["what"] == "a [31m b"
