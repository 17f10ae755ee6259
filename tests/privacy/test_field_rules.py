"""Rules per field: what is dropped is gone and told apart from what was never sent; a rule that is none is one clear line."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.redaction.field_rules import FieldRules
from collectors.redaction.redact import Redactor, redactor_for
from monitor.config.field_rules import FIELDS, read_rules
from monitor.config.schema import CollectorSettings
from monitor.errors import ConfigError
from monitor.model.rows import TABLES
from monitor.privacy.keyed import pseudonym

KEY = b"k" * 32
SAID = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "tell me a secret " * 40}]}])
PLACE = {"trace_id": "ab" * 16, "span_id": "cd" * 8, "time": 1}


def stored(rules: dict[str, dict[str, str]], batch: Batch | None = None) -> dict[str, list[dict[str, Any]]]:
    using = redactor_for(CollectorSettings(fields=rules), KEY)
    return {name: pl.read_ipc_stream(data).to_dicts() for name, data in to_tables(batch or a_batch(), using).items()}


def a_batch(app: str | None = "shop") -> Batch:
    batch = Batch()
    batch.add("spans", **PLACE, app=app, user_id="kim-1", error_message="x" * 100, kind="llm")
    batch.add("content", **PLACE, origin="span", input_messages=SAID, output_messages=SAID, system_text="be kind")
    batch.add("scores", time=1, key="k", source=app, comment="well done", session_id="s")
    return batch


def test_without_rules_and_with_keep_nothing_changes() -> None:
    assert stored({}) == stored({"*": dict.fromkeys(FIELDS, "keep")})


def test_drop_takes_the_field_of_that_app_only_and_says_so_on_the_span() -> None:
    rules = {"shop": {"input_messages": "drop", "user_id": "drop"}}
    told = stored(rules)
    assert told["content"][0]["input_messages"] is None
    assert json.loads(told["content"][0]["output_messages"]) == json.loads(SAID)
    assert told["spans"][0]["user_id"] is None
    assert set(told["spans"][0]["flags"].split(",")) == {"by_rule:input_messages", "by_rule:user_id"}
    assert told["features"][0]["input_chars"] is None
    other = stored(rules, a_batch("other"))
    assert (other["spans"][0]["user_id"], other["spans"][0]["flags"]) == ("kim-1", None)


def test_the_rules_of_an_app_stand_in_front_of_those_of_all() -> None:
    rules = {"*": {"system_text": "drop", "comment": "drop"}, "shop": {"system_text": "keep"}}
    assert stored(rules)["content"][0]["system_text"] == "be kind"
    assert stored(rules)["scores"][0]["comment"] is None
    assert stored(rules, a_batch(None))["content"][0]["system_text"] is None


def test_what_was_never_there_leaves_no_flag() -> None:
    assert stored({"*": {"input_value": "drop", "session_id": "drop"}})["spans"][0]["flags"] is None


def test_hash_hides_and_still_joins() -> None:
    told = stored({"*": {"user_id": "hash", "input_messages": "hash", "comment": "hash"}})
    assert told["spans"][0]["user_id"] == pseudonym(KEY, "user", "kim-1")  # the form erasure looks for
    (message,) = json.loads(told["content"][0]["input_messages"])
    (part,) = message["parts"]
    assert (message["role"], part["type"]) == ("user", "text")
    assert part["content"].startswith("hash_")
    assert "secret" not in str(part)
    assert told["scores"][0]["comment"].startswith("hash_")


def test_cap_cuts_and_flags() -> None:
    told = stored({"*": {"error_message": "cap 20", "input_messages": "cap 300"}})
    assert len(told["spans"][0]["error_message"]) == 20
    assert "truncated" in told["spans"][0]["flags"]
    assert len(told["content"][0]["input_messages"]) <= 300
    assert json.loads(told["content"][0]["input_messages"])[0]["parts"][0]["content"].endswith("[cut]")


def logged(part: str, body: Any, rules: dict[str, dict[str, str]]) -> dict[str, Any]:
    batch = Batch()
    batch.add("events", **PLACE, key="k", part=part, app="shop", body=json.dumps(body))
    (row,) = stored(rules, batch)["events"]
    return row


def test_texts_of_log_events_obey_too() -> None:
    message = json.loads(SAID)[0]
    rules = {"shop": {"input_messages": "drop", "output_messages": "hash"}}
    gone = logged("input", message, rules)
    assert (gone["part"], gone["body"]) == ("dropped", None)
    hashed = logged("output", message, rules)
    assert json.loads(hashed["body"])["parts"][0]["content"].startswith("hash_")
    assert json.loads(logged("system", message, rules)["body"]) == message
    details = logged("details", {"system_text": "be kind", "input_messages": [message], "output_messages": []}, rules)
    assert json.loads(details["body"]) == {"system_text": "be kind", "input_messages": None, "output_messages": []}
    assert logged("details", {"input_messages": [message]}, rules)["part"] == "dropped"
    assert logged("flag", {"experiment": "x", "variant": "a"}, rules)["part"] == "flag"


def test_what_cannot_be_hashed_is_dropped_and_counted() -> None:
    rules = FieldRules(KEY, read_rules({"*": {"input_messages": "hash"}}, "p"))
    batch = Batch()
    batch.add("spans", **PLACE)
    batch.add("content", **PLACE, origin="span", input_messages="not JSON")
    told = to_tables(batch, Redactor(KEY, (), rules=rules))
    assert pl.read_ipc_stream(told["content"])["input_messages"].to_list() == [None]
    assert rules.failed == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shop": {"input_message": "drop"}}, "collector.fields.shop.input_message: there is no such field.*did you mean `input_messages`"),
        ({"*": {"zzz": "drop"}}, "there is no such field.*fields: system_text, "),
        ({"*": {"comment": "cap"}}, "'cap' is not a rule for it.*write keep, drop or hash, or \"cap N\""),
        ({"*": {"comment": "cap 0"}}, "'cap 0' is not a rule"),
        ({"*": {"comment": "cap -1"}}, "'cap -1' is not a rule"),
        ({"*": {"attrs": "cap 10"}}, "'cap 10' is not a rule for it.*write keep, drop or hash.$"),
        ({"*": {"comment": "DROP"}}, "'DROP' is not a rule"),
    ],
)  # fmt: skip
def test_a_rule_that_is_none_is_one_line(given: dict[str, dict[str, str]], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        redactor_for(CollectorSettings(fields=given), KEY)
    assert "\n" not in str(caught.value)


def test_every_field_is_a_column() -> None:
    assert set(FIELDS) <= {name for columns in TABLES.values() for name in columns}
