"""All captured cases over the wire they were captured on: the wire changes nothing.

Every request goes to a real collector with its own path, content type, encoding and headers. What the store then holds is compared,
cell by cell, with what the same bodies give when they are decoded in this process, and the calls of each case are counted.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import httpx
import pytest

from collectors.batch import Batch
from collectors.decode import BadBody, decode_logs, decode_traces, propagate
from collectors.doors.bodies import TooLarge, Unsupported, unpacked
from collectors.frames import to_tables
from monitor.spool_writer import SpoolWriter
from tests.support.house import PATIENCE_S, House, a_house
from tests.support.settled import settled_store
from tests.support.shared import needs_shared
from tests.wire.captured import Request, call, post, requests

pytestmark = needs_shared
DECODE = {"traces": decode_traces, "logs": decode_logs}
RECEIPT = {"received_at"}
"""What tells when a row was received, which differs by nature."""

Row = dict[str, Any]


class Sent(NamedTuple):
    """What was answered over the wire, and both stores' rows."""

    answers: dict[str, list[Any]]
    wire: dict[str, list[Row]]
    here: dict[str, list[Row]]
    ledger: dict[str, int]
    traces: dict[str, set[str]]


def wanted() -> list[Request]:
    """Return the OTLP requests; one case also uploads an image to a path of its vendor, which is none."""
    return [one for one in requests() if one.path.endswith(TAILS)]


@pytest.mark.slow
def test_the_wire_changes_nothing(tmp_path: Path) -> None:
    sent = both_ways(tmp_path)
    requests_are_answered_as_the_protocol_asks(sent)
    calls_of_each_case_are_those_of_its_bodies(sent)
    for table in ("spans", "calls"):
        every_cell_is_what_the_bodies_say(sent, table)
    scores_and_turns_are_the_same(sent)
    the_ledger_adds_up(sent)


def both_ways(folder: Path) -> Sent:
    here, traces = in_this_process(folder / "here")
    settings = {"redaction": {"enabled": False}, "max_body_mb": 32}
    agent = {"settle": "1s", "settle_without_root": "1s", "cycle_every": "1s"}
    with a_house(folder / "wire" / "data", "collector", collector=settings, agent=agent, list_prices=False) as house:
        answers = over_the_wire(house)
        house.start("agent")  # only now: arms pass on in a session, so what settles before all is there may get others
        wire = settled(house, here)
        ledger = house.ledger()
    return Sent(answers, wire, here, ledger, traces)


def over_the_wire(house: House) -> dict[str, list[Any]]:
    answers: dict[str, list[Any]] = defaultdict(list)
    with httpx.Client(timeout=PATIENCE_S) as client, grpc.insecure_channel(house.grpc) as channel:
        for request in wanted():
            if request.transport == "http":
                answers[request.case].append(post(client, house, request))
            else:
                call(channel, request)
                answers[request.case].append("OK")
    return answers


def in_this_process(folder: Path) -> tuple[dict[str, list[Row]], dict[str, set[str]]]:
    """The rows that the same bodies give without a wire, and the traces of each case."""
    now = datetime.now(UTC)
    writer = SpoolWriter(folder / "spool")
    traces: dict[str, set[str]] = defaultdict(set)
    for request in wanted():
        batch = decoded(request, now)
        traces[request.case] |= {row["trace_id"] for row in batch.dicts("spans")}
        if len(batch):
            writer.append(to_tables(batch, None))
    writer.sync()
    writer.close()
    with settled_store(folder, now) as store:
        return {name: store.read(text).to_pylist() for name, text in QUERIES.items()}, traces


def decoded(request: Request, now: datetime) -> Batch:
    batch = Batch()
    media = request.media.partition(";")[0]
    known = {"application/x-protobuf": "protobuf", "application/json": "json", "application/grpc": "protobuf"}
    if request.signal == "metrics" or media not in known:
        return batch
    try:
        body = unpacked(request.body, request.encoding or "identity", 32_000_000)
        DECODE[request.signal](body, known[media], batch, int(now.timestamp() * 1_000_000))  # type: ignore[arg-type]
    except (BadBody, TooLarge, Unsupported):
        return Batch()
    propagate(batch)
    return batch


TAILS = ("/v1/traces", "/v1/logs", "/Export")
QUERIES = {
    "spans": "SELECT * FROM spans",
    "calls": "SELECT * FROM calls",
    "scores": "SELECT * FROM scores",
    "turns": "SELECT trace_id, input_text, output_text FROM turns",
}


def settled(house: House, here: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The same queries of the house, once it has as many calls and turns, and they have not changed between two looks."""
    until, last = time.monotonic() + PATIENCE_S, None
    while time.monotonic() < until:
        [counts] = house.sql("SELECT " + ", ".join(f"(SELECT count(*) FROM ({text}))" for text in QUERIES.values()))
        if counts == [len(here[name]) for name in QUERIES] and counts == last:
            break
        last = counts
        time.sleep(2)
    return {name: rows_of(house, text) for name, text in QUERIES.items()}


def rows_of(house: House, text: str) -> list[Row]:
    names = [str(row[0]) for row in house.sql(f"SELECT column_name FROM (DESCRIBE {text})")]
    return [dict(zip(names, row, strict=True)) for row in house.sql(text)]


def by_span(rows: list[Row]) -> dict[tuple[str, str], Row]:
    return {(row["trace_id"], row["span_id"]): row for row in rows}


def requests_are_answered_as_the_protocol_asks(sent: Sent) -> None:
    unusual = {case: answers for case, answers in sent.answers.items() if set(answers) - {200, "OK"}}
    assert set(unusual) == {f"protocol-edge/{name}" for name in ("malformed", "wrong_content_type", "gzip_bomb")}
    assert set(unusual["protocol-edge/malformed"]) == {400}
    assert set(unusual["protocol-edge/wrong_content_type"]) == {415}
    assert unusual["protocol-edge/gzip_bomb"] == [413]


def calls_of_each_case_are_those_of_its_bodies(sent: Sent) -> None:
    differing = {}
    for case, traces in sent.traces.items():
        wire, here = (Counter(r["trace_id"] for r in rows["calls"] if r["trace_id"] in traces) for rows in sent[1:3])
        if wire != here:
            differing[case] = (wire.total(), here.total())
    assert differing == {}
    assert len(sent.wire["calls"]) > 500


def every_cell_is_what_the_bodies_say(sent: Sent, table: str) -> None:
    wire, here = by_span(sent.wire[table]), by_span(sent.here[table])
    assert set(wire) == set(here)
    differing = Counter(
        (column, str(row[column])[:60], str(here[key][column])[:60])
        for key, row in wire.items()
        for column in row.keys() - RECEIPT
        if not same(row[column], here[key][column])
        and not (column == "time" and "time_" in str(row.get("flags", "time_")))
    )
    assert dict(differing) == {}


def same(one: Any, other: Any) -> bool:
    if isinstance(other, datetime):
        return datetime.fromisoformat(str(one)).replace(tzinfo=UTC) == other.replace(tzinfo=UTC)
    return bool(one == other)


def scores_and_turns_are_the_same(sent: Sent) -> None:
    for table, columns in (
        ("scores", ("trace_id", "span_id", "name", "value", "label")),
        ("turns", ("trace_id", "input_text", "output_text")),
    ):
        wire, here = (Counter(tuple(row[c] for c in columns) for row in rows[table]) for rows in sent[1:3])
        assert wire == here


def the_ledger_adds_up(sent: Sent) -> None:
    assert sent.ledger["received"] == sent.ledger["stored"] + sent.ledger["duplicate"] + sent.ledger["refused"]
    assert sent.ledger["stored"] >= len(sent.wire["spans"]) + len(sent.wire["scores"])
    assert sent.ledger["refused"] > 0  # the bodies at the edge of the protocol
