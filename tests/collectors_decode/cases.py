"""The captured OTLP cases: their bodies, what the application really did, and logical calls assembled from decoded rows."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from collectors.batch import Batch
from collectors.decode import Media, Outcome, decode_logs, decode_traces, propagate
from tests.support.shared import FIXTURES

RECEIVED = 1_795_600_000_000_000  # after the capture, whose clocks say November 2026
SDK_SCOPE = "com.anthropic.sdk"

Row = dict[str, Any]


class Body(NamedTuple):
    """One captured request."""

    signal: str
    media: Media
    data: bytes


class Case(NamedTuple):
    """One entry of the index."""

    name: str
    files: tuple[str, ...]
    signals: tuple[str, ...]
    expected: Row
    detail_file: str | None
    visible: Row

    @property
    def detail(self) -> Row:
        return dict(json.loads((FIXTURES / str(self.detail_file)).read_text()))

    def bodies(self) -> Iterator[Body]:
        for file, signal in zip(self.files, self.signals, strict=True):
            yield body_of(FIXTURES / file, signal)


def body_of(path: Path, signal: str) -> Body:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    return Body(signal, "json" if ".json" in path.name else "protobuf", data)


@cache
def all_cases() -> tuple[Case, ...]:
    index = json.loads((FIXTURES / "index.json").read_text()) if FIXTURES.is_dir() else {"cases": []}
    return tuple(
        Case(
            f"{case['source']}/{case['case']}",
            tuple(request["file"] for request in case["requests"]),
            tuple(request.get("signal", "traces") for request in case["requests"]),
            case["expected"],
            case.get("expected_detail"),
            case.get("visible_in_payload", {}),
        )
        for case in index["cases"]
    )


def cases_of(*sources: str) -> list[Case]:
    return [case for case in all_cases() if case.name.startswith(sources)]


def case_named(name: str) -> Case:
    return next(case for case in all_cases() if case.name == name)


def decode(body: Body, batch: Batch) -> Outcome | None:
    if body.signal == "metrics":
        return None
    one = decode_logs if body.signal == "logs" else decode_traces
    return one(body.data, body.media, batch, RECEIVED)


def decoded(case: Case) -> Batch:
    batch = Batch()
    for body in case.bodies():
        decode(body, batch)
    propagate(batch)
    return batch


def calls_of(batch: Batch) -> list[Row]:
    """Logical calls with their content: what the store makes of these rows when it finishes traces."""
    content = {(row["trace_id"], row["span_id"]): row for row in batch.dicts("content")}
    spans = {(row["trace_id"], row["span_id"]): row for row in batch.dicts("spans")}
    calls = [span for span in spans.values() if span["kind"] in {"llm", "embedding"}]
    told = _told_by_events(batch)
    full = [span | (content.get(key) or told.get(key) or {}) | {"kind": span["kind"]} for key, span in spans.items()]
    full = [call for call in full if call["kind"] in {"llm", "embedding"}]
    assert len(full) == len(calls)
    return [call for call in full if not any(_repeats(call, other) for other in full)]


def _repeats(call: Row, other: Row) -> bool:
    """Tell the span that the Anthropic SDK emits by itself, beside the one of an instrumentation."""
    if not str(call["scope"]).startswith(SDK_SCOPE) or str(other["scope"]).startswith(SDK_SCOPE):
        return False
    if call["response_id"] is not None:
        return bool(call["response_id"] == other["response_id"])
    inside = other["time"] <= call["time"] and _end(call) <= _end(other) + 1000
    return inside and call["request_model"] == other["request_model"]


def _end(span: Row) -> float:
    return float(span["time"] + span["duration_ms"] * 1000)


def _told_by_events(batch: Batch) -> dict[tuple[str, str], Row]:
    told: dict[tuple[str, str], Row] = {}
    for event in batch.dicts("events"):
        row = told.setdefault((event["trace_id"], event["span_id"]), {})
        body = json.loads(event["body"])
        if event["part"] == "details":
            row.update({name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()})
        elif event["part"] == "system":
            row["system_text"] = body["parts"][0]["content"]
        elif event["part"] in {"input", "output"}:
            column = f"{event['part']}_messages"
            row[column] = json.dumps([*json.loads(row.get(column) or "[]"), body])
    return told


def texts(messages: str | None, role: str | None = None) -> list[str]:
    """The text of each message."""
    return [
        text
        for message in json.loads(messages or "[]")
        if role in {None, message["role"]}
        and (text := "\n".join(part["content"] for part in message["parts"] if part["type"] == "text"))
    ]


def tool_calls(messages: str | None) -> list[str]:
    return [
        part["name"]
        for message in json.loads(messages or "[]")
        for part in message["parts"]
        if part["type"] == "tool_call"
    ]


def counted(rows: list[Row], column: str) -> Counter[str]:
    return Counter(row[column] for row in rows if row.get(column) is not None)
