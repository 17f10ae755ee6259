"""`plumbline doctor`: on a directory at rest, beside a running agent, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from monitor.places import Places, read_run
from plumbline.cli.examine import drift_line
from plumbline.cli.main import main
from tests.cli.plumbline import plumbline
from tests.support.forks import Streams, forked
from tests.support.waiting import eventually

FREE = (
    "--otlp-http",
    "127.0.0.1:0",
    "--otlp-grpc",
    "127.0.0.1:0",
    "--api",
    "127.0.0.1:0",
    "--dashboard",
    "127.0.0.1:0",
)
PERSON = {"user": "u", "session": "s"}


def record(number: int, **fields: object) -> str:
    """One interaction of today, as a line of a log."""
    at = datetime.now(UTC).isoformat()
    base = {"time": at, "trace_id": f"{number:032x}", "input": "where is it?", "output": "on its way", "model": "m"}
    return json.dumps({**base, "app": "shop", "input_tokens": 3, "output_tokens": 4, **fields})


def doctor(data: Path, *more: str) -> tuple[int, list[dict[str, Any]]]:
    ran = plumbline("doctor", "--format", "json", "--data-dir", data, *FREE, *more, cwd=data.parent)
    assert ran.error == ""
    return ran.code, json.loads(ran.out)


def states(found: list[dict[str, Any]], check: str) -> list[str]:
    return [one["state"] for one in found if one["check"].startswith(check)]


def imported(data: Path, *lines: str) -> None:
    file = data.parent / "lines.jsonl"
    file.write_text("\n".join(lines) + "\n")
    plumbline("import", file, "--data-dir", data, cwd=data.parent)


@contextmanager
def agent(data: Path) -> Iterator[None]:
    process = forked(
        main, ["plumbline", "agent", "--data-dir", str(data), "--api", "127.0.0.1:0"], Streams(), cwd=data.parent
    )
    try:
        eventually(lambda: process.poll() is not None or read_run(Places(data), "agent") is not None, within_s=60)
        assert process.poll() is None
        yield
    finally:
        process.terminate()
        process.wait(30)


def test_an_unused_directory_is_fine_and_says_what_to_set(tmp_path: Path) -> None:
    code, found = doctor(tmp_path / "data")
    assert code == 0
    assert states(found, "store") == ["ok"]
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in next(one["do"] for one in found if one["check"] == "store")


def test_warnings_do_not_fail(tmp_path: Path) -> None:
    data = tmp_path / "data"
    imported(data, *[record(n) for n in range(1, 7)])
    code, found = doctor(data)
    assert code == 0
    assert states(found, "source shop") == ["warn"]
    warned = next(one for one in found if one["check"] == "source shop")
    assert warned["found"] == "no call says which user or session it belongs to"
    assert "user.id" in warned["do"]
    assert warned["why"]


def test_a_source_that_lacks_nothing_is_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    imported(data, *[record(n, **PERSON) for n in range(1, 7)])
    _, found = doctor(data)
    assert states(found, "source shop") == ["ok"]


def test_what_is_lost_fails(tmp_path: Path) -> None:
    data = tmp_path / "data"
    imported(data, record(1), '{"output": "an answer to nothing"}')
    code, found = doctor(data)
    assert code == 1
    assert "fail" in states(found, "source ")


def test_a_running_agent_is_asked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    imported(data, *[record(n) for n in range(1, 7)])
    at_rest = [one for one in doctor(data)[1] if one["check"].startswith("source")]
    with agent(data):
        code, found = doctor(data)
    assert code == 0
    assert [one for one in found if one["check"].startswith("source")] == at_rest
    assert next(one["found"] for one in found if one["check"] == "agent").startswith("runs at")


def test_people_get_a_table_with_the_lines_to_copy(tmp_path: Path) -> None:
    data = tmp_path / "data"
    imported(data, *[record(n, app="sh\x1b[31mop") for n in range(1, 7)])
    ran = plumbline("doctor", "--data-dir", data, *FREE, cwd=tmp_path)
    assert ran.code == 0
    assert "what to do" in ran.out
    assert "set_attributes" in ran.out
    assert "\x1b[31m" not in ran.out


def test_what_is_kept_how_long_is_told(tmp_path: Path) -> None:
    (tmp_path / "plumbline.yaml").write_text("agent:\n  retention: {content: 30d}\n")
    data = tmp_path / "data"
    imported(data, record(1, **PERSON))
    _, found = doctor(data)
    (told,) = (one for one in found if one["check"] == "retention")
    assert told["state"] == "ok"
    assert told["found"] == "content 30d, spans for ever, rollups for ever; has not run yet"
    ran = plumbline("status", "--data-dir", data, cwd=tmp_path)
    assert "content 30d, spans for ever, rollups for ever; has not run yet" in ran.out


def test_what_drift_has_no_room_for_is_named_with_what_to_do() -> None:
    lacking = [{"app": f"a{n}", "what": f"a{n}: 2 measures (cost, time to answer)", "why": "no room"} for n in range(7)]
    told: dict[str, Any] = {
        "raised": 1,
        "watched_days": 10,
        "expected_false": 0.03,
        "budget": {"alarms": 1, "per": "365d"},
        "streams": [{"state": "watched"}] * 200,
        "not_watched": [*lacking, {"what": "volume of traffic", "why": "it grows"}],
        "room": {"most": 200, "needed": 214},
    }
    line = drift_line(told)
    assert line.state == "warn"
    assert "200 of 200 streams watched; there is no room for a0: 2 measures (cost, time to answer) | a1: " in line.found
    assert line.found.endswith("; and of 2 applications more")
    assert line.do is not None
    assert "set drift.max_streams: 214" in line.do
    segments = drift_line(told | {"room": {"most": 200, "needed": 200}})
    assert (segments.state, segments.do) == ("ok", "segments find room with a larger drift.max_streams")
    room = drift_line(told | {"not_watched": told["not_watched"][-1:]})
    assert "no room" not in room.found
