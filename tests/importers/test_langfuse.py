"""Langfuse exports: enriched and legacy rows, snake_case and camelCase, traces and scores."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from collectors.importers.record import BadRecord
from tests.importers.importing import ORIGIN, imported, lines, span, texts, told

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOT: dict[str, Any] = {
    "id": "aaaaaaaaaaaaaaaa",
    "trace_id": TRACE,
    "parent_observation_id": None,
    "type": "SPAN",
    "name": "answer",
    "start_time": "2026-11-20 10:00:00.000000",
    "end_time": "2026-11-20 10:00:03.000000",
    "input": json.dumps({"question": "where is my parcel?"}),
    "output": json.dumps("on its way"),
    "user_id": "u-1",
    "session_id": "s-1",
    "environment": "production",
    "release": "v7",
    "tags": ["variant:B"],
    "metadata": {"experiment": "tone"},
    "level": "DEFAULT",
}
GENERATION: dict[str, Any] = {
    "id": "bbbbbbbbbbbbbbbb",
    "trace_id": TRACE,
    "parent_observation_id": "aaaaaaaaaaaaaaaa",
    "type": "GENERATION",
    "name": "chat",
    "start_time": "2026-11-20 10:00:01.000000",
    "end_time": "2026-11-20 10:00:02.500000",
    "completion_start_time": "2026-11-20 10:00:01.250000",
    "provided_model_name": "gpt-x",
    "model_parameters": {"temperature": 0},
    "input": [{"role": "system", "content": "be kind"}, {"role": "user", "content": "where is my parcel?"}],
    "output": {"role": "assistant", "content": "on its way"},
    "usage_details": {"input": 20, "output": 4, "input_cached_tokens": 8, "total": 24},
    "cost_details": {"input": 0.1, "output": 0.2, "total": 0.3},
    "prompt_name": "greet",
    "prompt_version": 3,
    "environment": "production",
    "level": "DEFAULT",
}
TOOL: dict[str, Any] = {
    **{key: GENERATION[key] for key in ("trace_id", "parent_observation_id", "start_time", "end_time")},
    "id": "not an otel id",
    "type": "TOOL",
    "name": "track",
    "input": {"parcel": 7},
    "output": "no such parcel",
    "level": "ERROR",
    "status_message": "404",
}
SCORE: dict[str, Any] = {
    "id": "sc-1",
    "timestamp": "2026-11-20 11:00:00.000000",
    "trace_id": TRACE,
    "observation_id": "bbbbbbbbbbbbbbbb",
    "session_id": None,
    "name": "helpful",
    "value": 1,
    "source": "ANNOTATION",
    "comment": "good",
    "data_type": "NUMERIC",
    "string_value": None,
}


def camel(row: dict[str, Any]) -> dict[str, Any]:
    def hump(key: str) -> str:
        head, *rest = key.split("_")
        return head + "".join(part.title() for part in rest)

    return {hump(key): value for key, value in row.items()}


def test_a_trace_keeps_its_tree_its_ids_and_its_story(tmp_path: Path) -> None:
    path = lines(tmp_path / "observations.jsonl", GENERATION, TOOL, ROOT)
    with imported(tmp_path, path, lines(tmp_path / "scores.jsonl", SCORE)) as done:
        assert done.complaints == []
        assert dict(done.report.formats) == {"langfuse": 2}
        turn = done.row("SELECT * FROM turns")
        call = done.row("SELECT * FROM calls")
        tool = done.row("SELECT * FROM tool_calls")
        score = done.row("SELECT * FROM scores")
        parents = {r["name"]: r["parent_id"] for r in done.rows("SELECT name, parent_id FROM spans")}
    assert (turn["trace_id"], turn["input_text"], turn["output_text"]) == (TRACE, "where is my parcel?", "on its way")
    assert (turn["user_id"], turn["session_id"], turn["experiment"], turn["variant"]) == ("u-1", "s-1", "tone", "B")
    assert (turn["environment"], turn["release"], turn["n_calls"], turn["n_tools"]) == ("production", "v7", 1, 1)
    assert parents == {"answer": None, "chat": "aaaaaaaaaaaaaaaa", "track": "aaaaaaaaaaaaaaaa"}
    assert (call["span_id"], call["request_model"], call["system_text"]) == ("bbbbbbbbbbbbbbbb", "gpt-x", "be kind")
    assert (call["input_tokens"], call["output_tokens"], call["cached_input_tokens"]) == (20, 4, 8)
    assert (call["cost_usd"], call["ttft_ms"], call["duration_ms"]) == (0.3, 250.0, 1500.0)
    assert (call["prompt_name"], call["prompt_version"], call["user_id"]) == ("greet", "3", "u-1")
    assert (tool["name"], tool["error_type"] is not None, tool["result"]) == ("track", True, "no such parcel")
    assert (score["span_id"], score["value"], score["source"], score["comment"]) == (
        *("bbbbbbbbbbbbbbbb", 1.0),
        *("human", "good"),
    )


@pytest.mark.parametrize("row", [ROOT, GENERATION, TOOL])
def test_the_api_says_the_same_in_camel_case(row: dict[str, Any]) -> None:
    assert span("langfuse", camel(row)) == span("langfuse", row)


def test_csv_has_nested_values_as_text(tmp_path: Path) -> None:
    path = tmp_path / "observations.csv"
    with path.open("w", newline="") as file:
        rows = csv.DictWriter(file, list(ROOT | GENERATION))
        rows.writeheader()
        for row in (ROOT, GENERATION):
            rows.writerow({k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in row.items()})
    with imported(tmp_path, path) as done:
        call = done.row("SELECT * FROM calls")
        assert texts(call["output_messages"]) == [("assistant", "on its way")]
        assert (call["input_tokens"], call["cost_usd"], call["variant"]) == (20, 0.3, "B")


def test_legacy_traces_lend_their_observations_who_it_was(tmp_path: Path) -> None:
    trace = {"id": TRACE, "timestamp": ROOT["start_time"], "name": "answer", "user_id": "u-9", "session_id": "s-9"}
    trace |= {"tags": [], "metadata": {}, "input": "hello?", "output": "yes", "release": None}
    orphan = {**GENERATION, "parent_observation_id": None}
    with imported(tmp_path, lines(tmp_path / "t.jsonl", trace), lines(tmp_path / "o.jsonl", orphan)) as done:
        call = done.row("SELECT user_id, session_id FROM calls")
        turn = done.row("SELECT input_text, output_text, user_id FROM turns")
    assert call == {"user_id": "u-9", "session_id": "s-9"}
    assert turn == {"input_text": "hello?", "output_text": "yes", "user_id": "u-9"}


@pytest.mark.parametrize(
    ("fields", "value", "label", "origin"),
    [
        ({"source": "API", "data_type": "BOOLEAN", "value": 1, "string_value": "True"}, 1.0, "True", "user"),
        ({"source": "EVAL", "data_type": "CATEGORICAL", "value": 0, "string_value": "bad"}, None, "bad", "llm"),
        ({"source": "?", "data_type": "CATEGORICAL", "value": "bad"}, None, "bad", "code"),
    ],
)
def test_scores(fields: dict[str, Any], value: float | None, label: str | None, origin: str) -> None:
    (one,) = told("langfuse", {**SCORE, **fields})["scores"]
    assert (one["value"], one["label"], one["origin"], one["trace_id"]) == (value, label, origin, TRACE)


def test_what_names_no_trace_or_time_is_refused() -> None:
    for bad, says in (({**ROOT, "trace_id": ""}, "`trace_id` is missing"), ({**SCORE, "timestamp": "?"}, "is no time")):
        with pytest.raises(BadRecord, match=says):
            told("langfuse", bad)


@pytest.mark.parametrize("time", ["2101-01-01", 4133980799999999233, "9999-12-31"])
def test_a_score_of_the_future_gets_the_time_of_its_file(time: Any) -> None:
    (one,) = told("langfuse", {**SCORE, "timestamp": time})["scores"]
    assert one["time"] == ORIGIN.changed_us
