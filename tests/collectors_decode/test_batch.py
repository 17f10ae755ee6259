"""The batch: columns in order, marks, and rows built by hand."""

from __future__ import annotations

import pytest

from collectors.batch import BATCH_TABLES, Batch
from collectors.decode import decode_traces
from monitor.model.rows import KINDS
from tests.collectors_decode.cases import RECEIVED, cases_of
from tests.collectors_decode.encoding import request_of, span_of
from tests.support.shared import needs_shared


def test_an_empty_batch_has_every_column() -> None:
    columns = Batch().columns()
    assert {table: list(found) for table, found in columns.items()} == {
        table: list(named) for table, named in BATCH_TABLES.items()
    }
    assert not any(values for found in columns.values() for values in found.values())


def test_rows_built_by_hand_are_unknown_where_nothing_was_said() -> None:
    batch = Batch()
    batch.add("spans", trace_id="t", kind="llm")
    assert batch.columns()["spans"]["kind"] == ["llm"]
    assert batch.columns()["spans"]["user_id"] == [None]
    with pytest.raises(KeyError):
        batch.add("spans", colour="red")


def test_a_rollback_leaves_what_was_there_before() -> None:
    batch = Batch()
    batch.add("spans", trace_id="kept")
    mark = batch.mark()
    batch.add("spans", trace_id="gone")
    batch.add("refusals", received=1)
    batch.rollback(mark)
    assert len(batch) == 1
    assert batch.dicts("spans")[0]["trace_id"] == "kept"


def test_a_decoded_row_has_its_values_under_their_names() -> None:
    batch = Batch()
    span = span_of({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "user.id": "u"}, name="chat m")
    decode_traces(request_of(span, scope="app").SerializeToString(), "protobuf", batch, RECEIVED)
    row = batch.dicts("spans")[0]
    told = {name: value for name, value in row.items() if value is not None}
    assert told == {
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "time": 1_767_225_600_000_000,
        "duration_ms": 1000.0,
        "received_at": RECEIVED,
        "name": "chat m",
        "kind": "llm",
        "status": "unset",
        "app": "shop",
        "scope": "app",
        "dialect": "otel-genai",
        "operation": "chat",
        "request_model": "m",
        "usage_source": "none",
        "user_id": "u",
        "source": "shop",
    }


@needs_shared
def test_every_row_is_as_wide_as_its_table_and_every_kind_is_known() -> None:
    batch = Batch()
    for case in cases_of("openllmetry-langchain", "openinference-openai", "langfuse", "google-adk"):
        for body in case.bodies():
            if body.signal == "traces":
                decode_traces(body.data, body.media, batch, RECEIVED)
    for table, rows in batch.rows.items():
        assert {len(row) for row in rows} <= {len(BATCH_TABLES[table])}
    assert {row["kind"] for row in batch.dicts("spans")} <= set(KINDS)
