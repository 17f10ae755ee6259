"""Whatever arrives, decoding either refuses the body or yields rows that a columnar frame can hold."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.batch import Batch
from collectors.decode import BadBody, Media, decode_logs, decode_traces, propagate
from collectors.dialects.table import MAX_KEY, MAX_KEYS, Table, shipped
from monitor.model.rows import TABLES
from tests.collectors_decode.cases import RECEIVED, Body, all_cases
from tests.collectors_decode.encoding import request_of, span_of, traces_json
from tests.support.shared import needs_shared

POLARS = {
    "str": pl.String,
    "text": pl.String,
    "int": pl.Int64,
    "float": pl.Float64,
    "bool": pl.Boolean,
    "time": pl.Int64,
}
MEDIA = st.sampled_from(["protobuf", "json"])
BROKEN = {"malformed", "gzip_bomb"}  # their gzip is broken, on purpose
CALM = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


def fits(batch: Batch) -> None:
    """Every value is of its column's type and every text is UTF-8; JSON columns parse."""
    for table, columns in batch.columns().items():
        schema = {name: POLARS[TABLES[table][name]] for name in columns}
        pl.DataFrame(columns, schema=schema, strict=True)
    for span in batch.dicts("spans"):
        json.loads(span["attrs"] or "{}")
        assert len(span["attrs"] or "") < 60_000
        assert span["duration_ms"] is None or span["duration_ms"] >= 0
    for row in batch.dicts("content"):
        assert isinstance(json.loads(row["input_messages"] or "[]"), list)
        assert isinstance(json.loads(row["output_messages"] or "[]"), list)
    for event in batch.dicts("events"):
        json.loads(event["body"])


def survives(data: bytes, media: Media) -> None:
    for decode in (decode_traces, decode_logs):
        batch = Batch()
        try:
            decode(data, media, batch, RECEIVED)
        except BadBody:
            assert len(batch) == 0
        propagate(batch)
        fits(batch)


@cache
def small_bodies() -> list[Body]:
    cases = [body for case in all_cases() if case.name.split("/")[1] not in BROKEN for body in case.bodies()]
    return [body for body in cases if body.signal in {"traces", "logs"} and 0 < len(body.data) < 30_000]


@given(st.binary(max_size=300), MEDIA)
@CALM
def test_random_bytes(data: bytes, media: Media) -> None:
    survives(data, media)


@needs_shared
@given(st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_bodies(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(small_bodies()))
    changed = bytearray(body.data)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(changed)))
    survives(bytes(changed if data.draw(st.booleans()) else changed[:cut]), body.media)


SHIPPED = [row[0] for one in shipped() for row in (*one.rows, *one.bag_rows) if not row[0].startswith("re:")]
FLATTENED = [
    "llm.input_messages.0.message.content",
    "llm.input_messages.0.message",
    "llm.input_messages.0.message.contents.1.message_content.text",
    "llm.output_messages.x.y",
    "gen_ai.prompt.0.content",
    "gen_ai.completion.3.tool_calls.0.arguments",
    "retrieval.documents.0.document.content",
    "embedding.embeddings.0.embedding.text",
    "traceloop.association.properties.ab_variant",
    "metadata.variant",
    "own.key",
]
KEYS = st.sampled_from(sorted({*SHIPPED, *FLATTENED}))
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["user", "text", "tool_call"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "parts",
                    "content",
                    "type",
                    "messages",
                    "message",
                    "tool_calls",
                    "id",
                    "choices",
                    "function",
                    "update",
                    "arguments",
                    "text",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FLOATS = st.floats(allow_infinity=False).map(lambda number: number + 0.0)  # JSON knows no infinity and no -0.0
VALUES = TEXTS | INT64 | FLOATS | st.booleans() | st.none() | JSON_VALUES.map(json.dumps) | st.lists(TEXTS, max_size=3)
KINDS = st.sampled_from(["chat", "embeddings", "execute_tool", "retrieval", "invoke_agent", "nonsense", ""])


@given(st.dictionaries(KEYS, VALUES, max_size=8), KINDS, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_under_any_known_key(attributes: dict[str, Any], operation: str, start: int, end: int) -> None:
    span = span_of(
        attributes | {"gen_ai.operation.name": operation}, start_time_unix_nano=start, end_time_unix_nano=end
    )
    request = request_of(span)
    batches = [Batch(), Batch()]
    assert decode_traces(request.SerializeToString(), "protobuf", batches[0], RECEIVED).accepted == 1
    fits(batches[0])
    if not any(isinstance(value, float) and value != value for value in attributes.values()):  # noqa: PLR0124 - NaN
        decode_traces(traces_json(request), "json", batches[1], RECEIVED)
        assert batches[0].rows == batches[1].rows


@pytest.mark.parametrize("depth", [30, 90, 200, 5000])
@pytest.mark.parametrize(
    "key", ["gen_ai.input.messages", "input.value", "metadata", "own.key", "traceloop.entity.input"]
)
@pytest.mark.parametrize("pair", ['{"messages":[%s]}', '{"message":%s}', '{"update":%s}', "[%s]", '{"inputs":%s}'])
def test_nesting_bombs_in_text(key: str, pair: str, depth: int) -> None:
    before, after = pair.split("%s")
    bomb = before * depth + '"x"' + after * depth
    for operation in ("chat", "invoke_agent"):
        batch = Batch()
        span = span_of({"gen_ai.operation.name": operation, key: bomb})
        assert decode_traces(request_of(span).SerializeToString(), "protobuf", batch, RECEIVED).accepted == 1
        fits(batch)


@pytest.mark.parametrize("depth", [20, 90, 400, 100_000])
def test_nesting_bombs_on_the_wire(depth: int) -> None:
    value = '{"arrayValue":{"values":[' * depth + '{"intValue":1}' + "]}}" * depth
    key = '{"key":"own.key","value":' + value + "}"
    ids = '"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331"'
    survives(f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{ids},"attributes":[{key}]}}]}}]}}]}}'.encode(), "json")


def test_lone_surrogates_are_refused_on_the_wire_and_replaced_in_text() -> None:
    with pytest.raises(BadBody):
        decode_traces(b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"\\ud800"}]}]}]}', "json", Batch(), RECEIVED)
    batch = Batch()
    span = span_of(
        {"gen_ai.operation.name": "chat", "gen_ai.prompt": '["a\\ud800b"]', "metadata": '{"user_id":"\\udc00"}'}
    )
    decode_traces(request_of(span).SerializeToString(), "protobuf", batch, RECEIVED)
    fits(batch)
    assert batch.dicts("content")[0]["input_messages"].count("a�b") == 1
    assert batch.dicts("spans")[0]["user_id"] == "�"


def test_the_memory_of_keys_is_bounded() -> None:
    table = Table(shipped())
    for index in range(MAX_KEYS * 2):
        table[f"key.{index}"]
    assert len(table) <= MAX_KEYS
    assert table["x" * (MAX_KEY + 1)].field is None
    assert "x" * (MAX_KEY + 1) not in table
    assert table["gen_ai.request.model"].field == "request_model"


def test_a_long_chain_of_spans_is_walked_once() -> None:
    ids = [index.to_bytes(8, "big") for index in range(1, 20_001)]
    spans = [span_of(span_id=one, parent_span_id=above) for above, one in zip([b"", *ids], ids, strict=False)]
    spans[5_000].attributes.extend(span_of({"user.id": "u"}).attributes)
    batch = Batch()
    decode_traces(request_of(*spans).SerializeToString(), "protobuf", batch, RECEIVED)
    propagate(batch)
    assert {row["user_id"] for row in batch.dicts("spans")} == {"u"}


def test_spans_that_are_their_own_ancestors() -> None:
    one, two = b"\1" * 8, b"\2" * 8
    batch = Batch()
    request = request_of(
        span_of(span_id=one, parent_span_id=two), span_of({"user.id": "u"}, span_id=two, parent_span_id=one)
    )
    decode_traces(request.SerializeToString(), "protobuf", batch, RECEIVED)
    propagate(batch)
    assert [row["user_id"] for row in batch.dicts("spans")] == ["u", "u"]
