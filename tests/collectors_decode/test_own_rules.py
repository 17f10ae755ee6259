"""Rules of one's own: in front of the shipped ones at every door, and refused with line and hint when they are wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_logs, decode_traces
from collectors.dialects.fields import FIELDS
from collectors.dialects.own import own_dialects, table_with
from collectors.dialects.readers import READERS
from collectors.dialects.table import shipped
from monitor.errors import ConfigError
from tests.cli.plumbline import plumbline
from tests.collectors_decode.encoding import RECEIVED, request_of, span_of

DOCS = Path(__file__).parent.parent.parent / "docs" / "dialects.md"

GOOD = r"""
dialect: house
scopes: [acme.llm]
rows:
  - [acme.model, request_model, -1, label]
  - [acme.user, user_id, -1, label]
  - ['re:acme\.said\.(\d+\.\w+)', input_messages, -1, whole]
  - [gen_ai.secret, "-", 0, whole]
  - [gen_ai.known, "+", 0, whole]
bags: [acme.tags.]
kinds: {brain: llm, LLM: chain}
span_names: {acme.think: llm}
operations: {converse: [chat, llm]}
"""


def written(folder: Path, text: str, name: str = "house.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def row_of(own: Path | None, attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    batch = Batch()
    decode_traces(
        request_of(span_of(attributes, **fields)).SerializeToString(), "protobuf", batch, RECEIVED, table_with(own)
    )
    return {**batch.dicts("spans")[0], **(batch.dicts("content") or [{}])[0]}


SENT = {
    "gen_ai.request.model": "theirs",
    "gen_ai.operation.name": "converse",
    "acme.model": "ours",
    "acme.user": "u-1",
    "acme.said.0.content": "hi",
    "acme.tags.variant": "B",
    "gen_ai.secret": "no",
    "gen_ai.known": "yes",
}


def test_they_stand_in_front_of_the_shipped_ones(tmp_path: Path) -> None:
    row = row_of(written(tmp_path, GOOD), SENT)
    assert (row["request_model"], row["user_id"], row["variant"], row["dialect"]) == ("ours", "u-1", "B", "house")
    assert (row["kind"], row["operation"], row["unknown_keys"]) == ("llm", "chat", None)
    assert "hi" in row["input_messages"]
    assert json.loads(row["attrs"]) == {"gen_ai.known": "yes"}


def test_a_name_that_both_rule_means_what_the_own_file_says(tmp_path: Path) -> None:
    own = written(tmp_path, GOOD)
    assert row_of(own, {"openinference.span.kind": "LLM"})["kind"] == "chain"
    assert row_of(None, {"openinference.span.kind": "LLM"})["kind"] == "llm"
    assert row_of(own, {}, name="acme.think")["kind"] == "llm"


def test_without_any_the_shipped_ones_hold() -> None:
    assert own_dialects(None) == []
    assert row_of(None, SENT)["request_model"] == "theirs"


def test_a_folder_is_read_by_name(tmp_path: Path) -> None:
    written(tmp_path, "dialect: b\nrows: [[x, user_id, -1, label]]", "b.yml")
    written(tmp_path, "dialect: a\nrows: [[x, session_id, -1, label]]", "a.yaml")
    written(tmp_path, "not yaml: [", "notes.txt")
    assert [one.dialect for one in own_dialects(tmp_path)] == ["a", "b"]
    assert row_of(tmp_path, {"x": "1"})["session_id"] == "1"


@pytest.mark.parametrize(
    ("text", "line", "told", "hint"),
    [
        ("dialect: x\nrows:\n  - [a, sesion_id, 0, label]", 3, "no field `sesion_id`", "did you mean `session_id`?"),
        ("dialect: x\nrows:\n  - [a, user_id, 0, lable]", 3, "no reader `lable`", "did you mean `label`?"),
        (
            "dialect: x\nrows:\n  - [a, user_id, 0, label]\n  - ['re:(a', user_id, 0, label]",
            4,
            "not a regular",
            "quote",
        ),
        ("dialect: x\nbag_rows:\n  - ['', user_id, 0, label]", 3, "the key is empty", "as it is sent"),
        ("dialect: x\nkinds:\n  BRAIN: lm", 3, "no kind `lm`", "did you mean `llm`?"),
        ("dialect: x\noperations:\n  talk: [chat, lmm]", 3, "no kind `lmm`", "did you mean `llm`?"),
        ("dialect: x\nspan_names: {think: xyz}", 2, "no kind `xyz`", "allowed here: llm"),
        ("dialect: x\nevents:\n  said: outputs", 3, "cannot hold `outputs`", "did you mean `output`?"),
        ("dialect: x\nrow: []", 2, "unknown key `row`", "did you mean `rows`?"),
        ("dialect: x\nrows:\n  - [a, user_id]", 3, "length", ""),
        ("dialect: x\nrank: high", 2, "int", ""),
        ("dialect: [", 1, "not valid YAML", ""),
        ("rank: 3", None, "dialect", ""),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, line: int | None, told: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        own_dialects(written(tmp_path, text))
    error = raised.value
    assert error.path.endswith("house.yaml")
    assert told in error.problem
    assert hint in error.hint
    assert line is None or error.line == line


def test_a_folder_without_files_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(ConfigError):
            own_dialects(path)


def test_plumbline_check_reads_them(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    (tmp_path / "plumbline.yaml").write_text("collector: {dialects: house.yaml}", "utf-8")
    found = plumbline("check", "--config", tmp_path / "plumbline.yaml", cwd=tmp_path)
    assert found.code == 0, found.error
    assert re.search(r"house\s+\S+\s+100\s+\S+\s+5|house.*100.*5", found.out)
    written(tmp_path, GOOD.replace("user_id", "usr_id"))
    found = plumbline("check", "--config", tmp_path / "plumbline.yaml", cwd=tmp_path)
    assert found.code == 2
    assert "house.yaml:6: there is no field `usr_id` (did you mean `user_id`?)" in found.error + found.out
    assert "Traceback" not in found.error


def test_logs_obey_them_too(tmp_path: Path) -> None:
    own = written(tmp_path, "dialect: house\nevents: {acme.asked: input}")
    record = {"traceId": "ab" * 16, "spanId": "cd" * 8, "timeUnixNano": "1", "eventName": "acme.asked"}
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record | {"body": {"stringValue": "hi"}}]}]}]}
    for rules, kept in ((table_with(own), 1), (table_with(None), 0)):
        batch = Batch()
        decode_logs(json.dumps(body).encode(), "json", batch, RECEIVED, rules)
        assert len(batch.rows["events"]) == kept


def test_the_page_names_every_field_reader_and_dialect() -> None:
    page = DOCS.read_text("utf-8")
    for name in (*FIELDS, *READERS, *(one.dialect for one in shipped())):
        assert f"`{name}`" in page, name
