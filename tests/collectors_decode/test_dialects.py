"""The dialect files: well-formed, about fields that exist, and open to a user's own rules."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from collectors.batch import Batch
from collectors.decode import decode_traces
from collectors.dialects.fields import FIELDS
from collectors.dialects.table import Table, dialect_of, known_fields, shipped
from monitor.model.rows import KINDS
from tests.collectors_decode.encoding import RECEIVED, request_of, span_of

OWN = """
dialect: house
rank: 90
rows:
  - [acme.model, request_model, -1, label]
  - ['re:acme\\.said\\.(\\d+\\.\\w+)', input_messages, -1, whole]
operations: {converse: [chat, llm]}
"""


def test_rules_fill_fields_that_exist() -> None:
    assert known_fields(shipped()) <= set(FIELDS)


def test_every_kind_a_dialect_names_is_ours() -> None:
    dialects = shipped()
    named = {kind for one in dialects for kind in one.kinds.values()}
    named |= {kind for one in dialects for _, kind in one.operations.values()}
    assert named <= set(KINDS)


def test_no_key_is_ruled_twice() -> None:
    keys = [row[0] for one in shipped() for row in one.rows]
    assert len(keys) == len(set(keys))
    assert len({one.dialect for one in shipped()}) == len(shipped())


def test_a_users_own_rules_stand_in_front() -> None:
    table = Table([dialect_of(OWN), *shipped()])
    batch = Batch()
    span = span_of(
        {
            "gen_ai.request.model": "other",
            "acme.model": "mine",
            "acme.said.0.content": "hi",
            "gen_ai.operation.name": "converse",
        }
    )
    decode_traces(request_of(span).SerializeToString(), "protobuf", batch, RECEIVED, table)
    row = batch.dicts("spans")[0]
    assert (row["request_model"], row["kind"], row["operation"], row["dialect"]) == ("mine", "llm", "chat", "house")
    assert "hi" in batch.dicts("content")[0]["input_messages"]


@pytest.mark.parametrize(
    "text",
    ["rank: 1", "dialect: x\nrank: 1\nrules: []", "dialect: x\nrank: 1\nrows: [[a, b]]", "dialect: x\nrank: high"],
)
def test_a_file_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        dialect_of(text)


def test_decoding_needs_no_heavy_library() -> None:
    heavy = ("pyarrow", "duckdb", "pandas", "streamlit", "sqlalchemy", "rich", "typer", "polars", "numpy")
    code = f"import sys, collectors.decode; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
