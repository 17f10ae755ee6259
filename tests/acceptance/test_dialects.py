"""One small body per dialect, of our own making, through the collector into the store: what must come out, and once.

The bodies follow the SDKs' sources and documents, so that versions nobody captured are held too. Every dialect file has one.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_logs, decode_traces, propagate
from collectors.dialects.table import shipped
from collectors.frames import to_tables
from monitor.clock import FakeClock
from monitor.spool_writer import SpoolWriter
from monitor.store.opening import Store
from tests.acceptance.fixtures import NOW, RECEIVED_US
from tests.support.settled import settle

GOLDEN = Path(__file__).parent.parent / "golden" / "dialects"
FILES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob("*.json"))}
SPLITTABLE = sorted(set(FILES) - {"langfuse"})  # facts beside a call are found within a batch only
SHARED_TRACE = "000000000000000000000000000000a"
SHARED_ANSWER = re.compile(r"\b(r-|msg_|resp_)(?=\d)")
VIEWS = ("calls", "tool_calls", "turns", "retrievals")

Row = dict[str, Any]


def batches(golden: Row, *, one_by_one: bool) -> list[Batch]:
    """The spans and logs of a file as they may come: together, or each in a body of its own."""
    found = []
    for body in _bodies(golden, one_by_one=one_by_one):
        batch = Batch()
        decode = decode_logs if "resourceLogs" in body else decode_traces
        decode(json.dumps(body).encode(), "json", batch, RECEIVED_US)
        propagate(batch)
        found.append(batch)
    return found


def _bodies(golden: Row, *, one_by_one: bool) -> list[Row]:
    whole = [golden[name] for name in ("traces", "logs") if name in golden]
    if not one_by_one:
        return whole
    parts = (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords"))
    return [
        {outer: [block | {middle: [scoped | {inner: [item]}]}]}
        for body in whole
        for outer, middle, inner in parts
        for block in body.get(outer, ())
        for scoped in block[middle]
        for item in scoped[inner]
    ]


def apart(name: str) -> Row:
    """A file with ids of its own for traces and answers: all files use the same few, and one store takes all of them."""
    ours = of_file(name)
    text = json.dumps(FILES[name]).replace(SHARED_TRACE, ours + SHARED_TRACE[4:])
    moved: Row = json.loads(SHARED_ANSWER.sub(rf"\g<1>{ours}", text))
    return moved


def of_file(name: str) -> str:
    """What the trace ids of a file begin with."""
    return f"{list(FILES).index(name) + 1:04x}"


def stored(rounds: Iterable[list[Batch]], folder: Path) -> dict[str, list[Row]]:
    """What the views say once all `rounds` have come, each finished before the next."""
    store = Store.open(folder, clock=FakeClock(NOW))
    for batches_at_once in rounds:
        writer = SpoolWriter(folder / "spool")
        for batch in batches_at_once:
            writer.append(to_tables(batch, None))
        writer.close()
        settle(store, folder, NOW)
    rows = {view: store.read(f"SELECT * FROM {view} ORDER BY time").to_pylist() for view in VIEWS}
    store.close()
    return rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """All files, each in one piece."""
    at_once = [batch for name in FILES for batch in batches(apart(name), one_by_one=False)]
    return stored([at_once], tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module", params=[False, True], ids=["forwards", "backwards"])
def in_pieces(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """All files span by span, in order or backwards, everything twice; a piece of each file between two looks of the store."""
    pieces = [batches(apart(name), one_by_one=True) for name in SPLITTABLE]
    turned = [(of_one[::-1] if request.param else of_one) * 2 for of_one in pieces]
    rounds = ([piece for piece in at_once if piece is not None] for at_once in itertools.zip_longest(*turned))
    return stored(rounds, tmp_path_factory.mktemp("pieces"))


def of(name: str, rows: list[Row]) -> list[Row]:
    """The rows of a file."""
    return [row for row in rows if row["trace_id"].startswith(of_file(name))]


def picked(rows: list[Row], wanted: list[Row]) -> list[Row]:
    """The columns that `wanted` names, row by row; a row too many or too few stays visible."""
    pairs = itertools.zip_longest(rows, wanted)
    return [{name: row.get(name) for name in want or row} if row is not None else {} for row, want in pairs]


@pytest.mark.parametrize("name", FILES)
def test_what_a_dialect_says_is_understood(name: str, whole: dict[str, list[Row]]) -> None:
    for view, wanted in apart(name)["expected"].items():
        assert picked(of(name, whole[view]), wanted) == wanted, view


@pytest.mark.parametrize("name", SPLITTABLE)
def test_and_counted_once_in_any_split_and_order(name: str, in_pieces: dict[str, list[Row]]) -> None:
    for view, wanted in apart(name)["expected"].items():
        assert picked(of(name, in_pieces[view]), wanted) == wanted, view


HELD_BY_REPORTS = {
    "azure-ai",
    "claude-code",
    "cloudflare",
    "codex",
    "gemini-cli",
    "livekit",
    "loongsuite",
    "mastra",
    "spring-ai",
    "vllm",
}
"""Dialects whose bodies are rows of the public reports: `test_reports` and `test_log_only` hold them to what people expect."""


def test_every_dialect_has_a_golden_body() -> None:
    spoken = {one.dialect for one in shipped()} - {"common"}
    held = {
        row["dialect"]
        for file in FILES.values()
        for rows in file["expected"].values()
        for row in rows
        if "dialect" in row
    }
    assert held | HELD_BY_REPORTS == spoken
