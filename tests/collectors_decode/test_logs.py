"""Log records: messages, details, scores, flags and exceptions; the rest is counted and not kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from collectors.batch import Batch
from collectors.decode import Outcome, decode_logs, decode_traces, propagate
from tests.collectors_decode.cases import Row
from tests.collectors_decode.encoding import RECEIVED, SPAN, START, TRACE, any_value, pairs, request_of, span_of


def record(name: str, body: Any = None, attributes: dict[str, Any] | None = None, **fields: Any) -> LogRecord:
    given: dict[str, Any] = {"trace_id": TRACE, "span_id": SPAN, "event_name": name, "time_unix_nano": START} | fields
    return LogRecord(body=any_value(body), attributes=pairs(attributes or {}), **given)


def logged(*records: LogRecord, received: int = RECEIVED) -> tuple[Batch, Outcome]:
    resource = Resource(attributes=pairs({"service.name": "shop", "deployment.environment.name": "prod"}))
    request = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=resource, scope_logs=[ScopeLogs(log_records=records)])]
    )
    batch = Batch()
    return batch, decode_logs(request.SerializeToString(), "protobuf", batch, received)


def event(one: LogRecord) -> Row:
    batch, _ = logged(one)
    (row,) = batch.dicts("events")
    return row


@pytest.mark.parametrize(
    ("name", "body", "part", "message"),
    [
        (
            "gen_ai.system.message",
            {"content": "S"},
            "system",
            {"role": "system", "parts": [{"type": "text", "content": "S"}]},
        ),
        (
            "gen_ai.user.message",
            {"content": "Q"},
            "input",
            {"role": "user", "parts": [{"type": "text", "content": "Q"}]},
        ),
        (
            "gen_ai.user.message",
            '{"content": "Q"}',
            "input",
            {"role": "user", "parts": [{"type": "text", "content": "Q"}]},
        ),
        (
            "gen_ai.tool.message",
            {"content": "18C", "id": "c1"},
            "input",
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "result": "18C"}]},
        ),
        (
            "gen_ai.choice",
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A"}},
            "output",
            {"role": "assistant", "parts": [{"type": "text", "content": "A"}], "finish_reason": "stop"},
        ),
    ],
)
def test_messages(name: str, body: Any, part: str, message: Row) -> None:
    row = event(record(name, body))
    assert (row["part"], json.loads(row["body"]), row["app"], row["environment"]) == (part, message, "shop", "prod")


def test_details_hold_the_whole_exchange() -> None:
    row = event(
        record(
            "gen_ai.client.inference.operation.details",
            attributes={
                "gen_ai.system_instructions": [{"type": "text", "content": "S"}],
                "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Q"}]}],
                "gen_ai.output.messages": '[{"role":"assistant","parts":[{"type":"text","content":"A"}]}]',
                "user.id": "u",
                "gen_ai.conversation.id": "c",
            },
        )
    )
    assert json.loads(row["body"]) == {
        "system_text": "S",
        "input_messages": [{"role": "user", "parts": [{"type": "text", "content": "Q"}]}],
        "output_messages": [{"role": "assistant", "parts": [{"type": "text", "content": "A"}]}],
    }
    assert (row["part"], row["user_id"], row["session_id"]) == ("details", "u", "c")


def test_why_the_model_stopped_is_kept_where_content_is_off() -> None:
    batch, _ = logged(record("gen_ai.choice", {"finish_reason": "length", "message": {"role": "assistant"}}))
    (event,) = batch.dicts("events")
    assert json.loads(event["body"]) == {"role": "assistant", "parts": [], "finish_reason": "length"}


def test_events_without_content_and_foreign_logs_are_counted_not_kept() -> None:
    batch, outcome = logged(
        record("gen_ai.choice", {"index": 0, "message": {"role": "assistant"}}),
        record("gen_ai.client.inference.operation.details", attributes={"gen_ai.request.model": "m"}),
        record("", "GET /health 200"),
        record("user.signup", {"plan": "pro"}),
    )
    assert outcome == Outcome(4, 0, "")
    assert not batch.rows["events"]
    assert sorted((row["received"], row["reason"]) for row in batch.dicts("refusals")) == [
        (2, "not kept: event carries no content"),
        (2, "not kept: log record is not about a model call"),
    ]


def test_an_evaluation_without_a_name_is_refused() -> None:
    batch, outcome = logged(record("gen_ai.evaluation.result", attributes={"gen_ai.evaluation.score.value": 1}))
    assert (outcome.accepted, outcome.rejected) == (0, 1)
    assert "gen_ai.evaluation.name" in outcome.message
    assert not batch.rows["scores"]


def test_an_evaluator_that_failed_gives_no_value() -> None:
    batch, _ = logged(
        record("gen_ai.evaluation.result", attributes={"gen_ai.evaluation.name": "tone", "error.type": "timeout"})
    )
    (score,) = batch.dicts("scores")
    assert (score["value"], score["label"], score["comment"]) == (None, None, "evaluator failed: timeout")


def test_exceptions() -> None:
    row = event(
        record(
            "gen_ai.client.operation.exception",
            attributes={"exception.type": "TimeoutError", "exception.message": "late"},
        )
    )
    assert (row["part"], json.loads(row["body"])) == ("exception", {"type": "TimeoutError", "message": "late"})
    batch, _ = logged(record("", attributes={"exception.type": "ValueError"}, trace_id=b"", span_id=b""))
    assert not batch.rows["events"]  # of the application at large, not of a trace


@pytest.mark.parametrize(
    ("time", "observed", "expected"),
    [(START, START + 5_000, START // 1000), (0, START + 5_000, START // 1000 + 5), (0, 0, RECEIVED)],
)
def test_time_is_sent_else_observed_else_received(time: int, observed: int, expected: int) -> None:
    row = event(record("gen_ai.user.message", "Q", time_unix_nano=time, observed_time_unix_nano=observed))
    assert row["time"] == expected


def test_the_same_record_has_the_same_key_whenever_it_arrives() -> None:
    score = record("gen_ai.evaluation.result", attributes={"gen_ai.evaluation.name": "tone"}, time_unix_nano=0)
    both = [
        logged(record("gen_ai.user.message", "Q", time_unix_nano=0), score, received=RECEIVED + late)[0]
        for late in (0, 9)
    ]
    for table in ("events", "scores"):
        assert both[0].dicts(table)[0]["key"] == both[1].dicts(table)[0]["key"]
    assert event(record("gen_ai.user.message", "Q"))["key"] != event(record("gen_ai.user.message", "R"))["key"]


def test_a_flag_event_puts_its_span_and_all_below_into_an_arm() -> None:
    told = {
        "feature_flag.key": "tone",
        "feature_flag.result.variant": "B",
        "feature_flag.result.reason": "split",
        "feature_flag.context.id": "u-1",
    }
    batch, _ = logged(record("feature_flag.evaluation", attributes=told))
    (row,) = batch.dicts("events")
    assert json.loads(row["body"]) == {"experiment": "tone", "variant": "B", "context_id": "u-1"}
    spans = request_of(span_of(), span_of(span_id=b"\2" * 8, parent_span_id=SPAN))
    decode_traces(spans.SerializeToString(), "protobuf", batch, RECEIVED)
    propagate(batch)
    found = [(span["experiment"], span["variant"], span["user_id"]) for span in batch.dicts("spans")]
    assert found == [("tone", "B", "u-1")] * 2


@pytest.mark.parametrize(("reason", "exposed"), [("split", 1), ("targeting_match", 0), (None, 0)])
def test_a_flag_that_splits_users_is_an_exposure_wherever_it_was_evaluated(reason: str | None, exposed: int) -> None:
    """A row a user, arm and day: a flag is asked at each request."""
    told = {"feature_flag.key": "tone", "feature_flag.result.variant": "B", "feature_flag.context.id": "u-1"}
    said = told | ({"feature_flag.result.reason": reason} if reason else {})
    batch, _ = logged(*[record("feature_flag.evaluation", attributes=said, trace_id=b"", span_id=b"")] * 3)
    rows = batch.dicts("exposures")
    assert {(row["user_id"], row["experiment"], row["variant"]) for row in rows} == set(
        [("u-1", "tone", "B")] * exposed
    )
    assert len({row["key"] for row in rows}) == exposed


def test_a_change_that_an_application_tells_is_one() -> None:
    said = {"plumbline.change.kind": "prompt", "plumbline.change.what": "refunds 7\nis live"}
    batch, outcome = logged(record("plumbline.change", attributes=said))
    (row,) = batch.dicts("changes")
    assert (row["kind"], row["app"], row["what"], outcome.rejected) == ("prompt", "shop", "refunds 7 is live", 0)
    _, refused = logged(record("plumbline.change", attributes=said | {"plumbline.change.kind": "mood"}))
    assert refused.rejected == 1
    assert "must be one of release, prompt" in refused.message


def test_ids_that_are_none_are_unknown() -> None:
    row = event(record("gen_ai.user.message", "Q", trace_id=b"", span_id=b"\0" * 8))
    assert (row["trace_id"], row["span_id"]) == (None, None)
