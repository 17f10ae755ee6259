"""Ten thousand fuzzed bodies at one real collector: it answers every one, lives, stays small, and goes on as before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pyarrow as pa
import pytest
from google.protobuf.json_format import MessageToJson

from collectors.scores import phoenix
from monitor.model.rows import KEYS, LEDGER_TABLES
from monitor.spool import families, read_frames
from tests.collectors_decode.encoding import logs_json, traces_json
from tests.fuzz import shapes
from tests.fuzz.shapes import SERVICES, Rng
from tests.fuzz.storm import Storm, shots
from tests.support.house import PATIENCE_S, House, a_house, export_bytes
from tests.support.waiting import becomes

SEED = 20261125
SETTINGS = {"max_body_mb": 2, "max_queue_mb": 32}
ALLOWED = {"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "UNIMPLEMENTED", "closed", "503"}
"""What may be answered besides 2xx and 4xx."""

DOORS = ("protobuf", "json", "grpc")
GROWTH_MB = 40
"""How much larger the collector may be in the last quarter than in the second; the first fills caches. What is in the air at a
moment is bounded by two groups of bodies and their rows; a leak of 10 KB a body would be 50 MB between those quarters."""


@pytest.mark.parametrize(
    "bodies", [pytest.param(150, id="quick"), pytest.param(10_000, id="long", marks=pytest.mark.fuzz)]
)
@pytest.mark.slow
def test_whatever_comes_is_answered(tmp_path: Path, bodies: int) -> None:
    with a_house(tmp_path / "data", fresh=True, collector=SETTINGS) as house:
        collector, storm = house.running["collector"], Storm(house)
        storm.rage(SEED, bodies)
        print(f"\nseed {SEED}, {bodies} bodies\n{storm.table()}\nmemory by quarter, MB: {storm.quarters()}")
        assert collector.poll() is None, house.log("collector")
        assert {status for _, status in storm.answers if not (status in ALLOWED or "200" <= status < "500")} == set()
        assert storm.quarters()[3] - storm.quarters()[1] < GROWTH_MB
        assert storm.answers.total() == bodies
        assert "Traceback" not in house.log("collector")
        good_bodies_are_stored_once(house)
        the_ledger_adds_up(house, storm)


def the_ledger_adds_up(house: House, storm: Storm) -> None:
    """The ledger against two things that know nothing of it: the frames on the disk, and what the clients heard.

    Left out is what no client hears of: single annotations (Phoenix has no place for them in its answer), and log records that
    are taken but not kept, since they are not about model calls.
    """
    spooled = what_is_spooled(house.root / "spool")
    becomes(
        lambda: house.ledger() == spooled, PATIENCE_S, 0.2
    )  # a good body's second copy is loaded after its first was seen
    ledger = house.ledger()
    unheard = f"source = '{phoenix.SOURCE}' OR coalesce(reason, '') LIKE 'not kept: %'"
    told = int(house.sql(f"SELECT coalesce(sum(refused), 0) FROM ledger WHERE NOT ({unheard})")[0][0])
    print(f"ledger {ledger}\nspool  {spooled}\nrefused, as clients heard: {storm.lost}")
    assert ledger == spooled
    assert ledger["received"] == ledger["stored"] + ledger["duplicate"] + ledger["refused"]
    assert told == storm.lost
    assert house.doubled() == 0


def what_is_spooled(folder: Path) -> dict[str, int]:
    """Count what was sent by what lies in the spool, without the loader."""
    seen: dict[str, list[tuple[object, ...]]] = {name: [] for name in LEDGER_TABLES}
    refused = 0
    for tables in frames_in(folder):
        for name in LEDGER_TABLES:
            if name in tables:
                seen[name] += zip(*(table_of(tables[name])[key].to_pylist() for key in KEYS[name]), strict=True)
        if "refusals" in tables:
            refused += sum(row["received"] for row in table_of(tables["refusals"]).to_pylist())
    rows, distinct = (sum(len(kind(keys)) for keys in seen.values()) for kind in (list, set))
    return {"received": rows + refused, "stored": distinct, "duplicate": rows - distinct, "refused": refused}


def table_of(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def meters_of(folder: Path, model: str) -> set[tuple[object, ...]]:
    """The points of a model; no view shows them, so they are looked for where they are durable."""
    tables = [table_of(frame["meters"]).to_pylist() for frame in frames_in(folder) if "meters" in frame]
    return {tuple(row[key] for key in KEYS["meters"]) for rows in tables for row in rows if row["model"] == model}


def frames_in(folder: Path) -> Iterator[dict[str, bytes]]:
    for family in families(folder):
        place = (0, 0)
        while True:
            stretch = read_frames(folder, family, *place)
            assert not stretch.damage
            yield from (frame.tables for frame in stretch.frames)
            if (stretch.segment, stretch.byte) == place:
                break
            place = (stretch.segment, stretch.byte)


@dataclass(frozen=True)
class Good:
    """A body as it should be: how to send it, and the query that must find one row of it."""

    door: str
    send: Callable[[House], None]
    query: str


def good_bodies_are_stored_once(house: House) -> None:
    """Each is sent twice, as a client does that has not heard the answer."""
    bodies = [*good_bodies(Rng(f"{SEED}/good"))]
    for _ in range(2):
        for good in bodies:
            good.send(house)
    for good in bodies:
        assert house.settled(good.query, {1}) == {1}, good.door
    for door in DOORS:
        assert len(meters_of(house.root / "spool", f"storm-{door}")) == 1


def good_bodies(rng: Rng) -> list[Good]:
    return [
        *(good_span(door, rng) for door in DOORS),
        *(good_meter(door, f"storm-{door}", rng) for door in DOORS),
        *(good_log(door, f"storm-{door}", rng) for door in DOORS),
        good_score("/v1/scores", shapes.score, rng),
        good_score("/api/public/scores", shapes.langfuse_score, rng),
        good_score("/api/public/ingestion", shapes.langfuse_events, rng),
    ]


def good_span(door: str, rng: Rng) -> Good:
    request = shapes.traces(rng)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    bodies = (request.SerializeToString(), traces_json(request))
    return Good(
        f"traces {door}",
        sender(door, "traces", *bodies),
        f"SELECT count(*) FROM spans WHERE span_id = '{span.span_id.hex()}'",
    )


def good_log(door: str, name: str, rng: Rng) -> Good:
    request = shapes.logs(rng, name)
    bodies = (request.SerializeToString(), logs_json(request))
    return Good(f"logs {door}", sender(door, "logs", *bodies), f"SELECT count(*) FROM scores WHERE name = '{name}'")


def good_meter(door: str, model: str, rng: Rng) -> Good:
    request = shapes.metrics(rng, model)
    bodies = (request.SerializeToString(), MessageToJson(request).encode())
    return Good(f"metrics {door}", sender(door, "metrics", *bodies), "SELECT 1")


def good_score(path: str, make: Callable[[Rng, str], Any], rng: Rng) -> Good:
    body = json.dumps(make(rng, f"storm{path}")).encode()
    return Good(
        path, lambda house: posted(house, path, body, "json"), f"SELECT count(*) FROM scores WHERE name = 'storm{path}'"
    )


def sender(door: str, signal: str, protobuf: bytes, text: bytes) -> Callable[[House], None]:
    if door == "grpc":
        return lambda house: exported(house, SERVICES[signal], protobuf)
    return lambda house: posted(house, f"/v1/{signal}", protobuf if door == "protobuf" else text, door)


def posted(house: House, path: str, body: bytes, media: str) -> None:
    headers = {"content-type": "application/json" if media == "json" else "application/x-protobuf"}
    assert httpx.post(house.url + path, content=body, headers=headers, timeout=PATIENCE_S).status_code in {200, 207}


def exported(house: House, path: str, body: bytes) -> None:
    with grpc.insecure_channel(house.grpc) as channel:
        export_bytes(channel, path, body)


def test_a_storm_can_be_made_again() -> None:
    numbers = range(200)
    assert [*shots(1, numbers)] == [*shots(1, numbers)]
    assert [*shots(1, numbers)] != [*shots(2, numbers)]
    assert {one.door.partition(" ")[0] for one in shots(1, numbers)} == {"http", "grpc", "raw"}
