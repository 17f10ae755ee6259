"""Scores by every door they have: what becomes a row, what is refused and why, and that a repeat changes nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.batch import Batch
from collectors.decode import BadBody
from collectors.scores import langfuse, ours, phoenix
from monitor.clock import SystemClock
from monitor.store.load import pump
from monitor.store.opening import Store
from tests.collectors.door import Open, opened
from tests.support.shared import FIXTURES, needs_shared

JSON = {"Content-Type": "application/json"}
TRACE, SPAN = "ab" * 16, "cd" * 8
RECEIVED = 1_800_000_000_000_000


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Open]:
    with opened(tmp_path / "spool") as found:
        yield found


def send(door: Open, said: Any, path: str = "/v1/scores") -> httpx.Response:
    return door.post(json.dumps(said).encode(), path, **JSON)


def row_of(item: dict[str, Any]) -> dict[str, Any]:
    batch = Batch()
    outcome = ours.decode_scores(json.dumps(item).encode(), "json", batch, RECEIVED)
    assert outcome.rejected == 0, outcome.message
    (row,) = batch.dicts("scores")
    return row


def reason_of(item: Any) -> str:
    outcome = ours.decode_scores(json.dumps([item]).encode(), "json", Batch(), RECEIVED)
    assert outcome.items[0].reason is not None
    return outcome.items[0].reason


# -- our own JSON


def test_everything_a_score_can_say_is_kept(door: Open) -> None:
    said = {
        "id": "s-1",
        "name": "helpful",
        "value": 0.5,
        "label": "so-so",
        "comment": "mail me at kim@example.org",
        "source": "human",
        "trace_id": TRACE.upper(),
        "span_id": SPAN,
        "response_id": "resp-1",
        "session_id": "chat-7",
        "message_id": "m-9",
        "environment": "production",
        "time": "2026-11-20T10:00:00+01:00",
        "metadata": {"page": 3, "by": "kim@example.org"},
    }
    answer = send(door, said)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "rejected": []})
    (row,) = door.rows("scores")
    assert {name: row[name] for name in ("name", "value", "label", "origin", "source")} == {
        "name": "helpful",
        "value": 0.5,
        "label": "so-so",
        "origin": "human",
        "source": "scores",
    }
    assert (row["trace_id"], row["span_id"], row["response_id"]) == (TRACE, SPAN, "resp-1")
    assert (row["session_id"], row["message_id"], row["environment"]) == ("chat-7", "m-9", "production")
    assert str(row["time"]) == "2026-11-20 09:00:00"
    assert "kim@" not in str(row)
    assert "<EMAIL_" in str(row["comment"])
    assert "<EMAIL_" in str(row["metadata"])


@pytest.mark.parametrize("wrap", [lambda item: item, lambda item: [item], lambda item: {"scores": [item]}])
def test_one_object_a_list_and_a_batch_are_the_same(door: Open, wrap: Any) -> None:
    answer = send(door, wrap({"name": "thumb", "value": 1, "message_id": "m-1"}))
    assert answer.json() == {"accepted": 1, "rejected": []}
    assert [row["message_id"] for row in door.rows("scores")] == ["m-1"]


def test_bad_items_cost_only_themselves_and_are_in_the_ledger(door: Open) -> None:
    good = {"name": "thumb", "value": True, "session_id": "s"}
    answer = send(door, [good, {"value": 1, "session_id": "s"}, good | {"id": "x"}, good | {"value": "yes"}, 7])
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 2,
        "rejected": [
            {"index": 1, "reason": "a score needs a name"},
            {"index": 3, "reason": "value must be a number (text goes into label)"},
            {"index": 4, "reason": "a score must be an object"},
        ],
    }
    assert sum(int(str(row["received"])) for row in door.rows("refusals")) == 3
    assert {row["source"] for row in door.rows("refusals")} == {"scores"}


GOOD = {"name": "n", "value": 1, "trace_id": TRACE}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "n" * 201}, "name is longer than 200"),
        ({"name": 7}, "name must be text"),
        ({"value": None}, "needs a value or a label"),
        ({"value": []}, "value must be a number"),
        ({"value": 10**400}, "value must be a number"),
        ({"label": 1}, "label must be text"),
        ({"source": "robot"}, "source must be one of user, human, llm, code"),
        ({"trace_id": None}, "needs a target"),
        ({"trace_id": "xyz"}, "trace_id must be 32 hex digits"),
        ({"trace_id": "0" * 32}, "trace_id must be 32 hex digits"),
        ({"trace_id": 5}, "trace_id must be 32 hex digits"),
        ({"span_id": "12"}, "span_id must be 16 hex digits"),
        ({"trace_id": None, "span_id": SPAN}, "span_id needs its trace_id"),
        ({"message_id": "m" * 501}, "message_id is longer than 500"),
        ({"id": 3}, "id must be text"),
        ({"time": "yesterday"}, "time must be ISO 8601 or Unix seconds"),
        ({"time": True}, "time must be ISO 8601 or Unix seconds"),
        ({"time": 1e300}, "time must be ISO 8601 or Unix seconds"),
        ({"time": "1800-01-01"}, "time must lie between 1970 and 2100"),
        ({"metadata": []}, "metadata must be an object"),
        ({"coment": "typo"}, "unknown field"),
    ],
)
def test_what_cannot_be_a_score_says_why(change: dict[str, Any], says: str) -> None:
    assert says in reason_of(GOOD | change)


def test_the_reason_never_repeats_what_the_sender_wrote() -> None:
    assert "<script>" not in reason_of(GOOD | {"<script>": 1})
    assert "<script>" not in reason_of(GOOD | {"source": "<script>"})


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-11-20T10:00:00Z", 1_795_168_800_000_000),
        ("2026-11-20T10:00:00", 1_795_168_800_000_000),
        ("2026-11-20T10:00:00.25+00:00", 1_795_168_800_250_000),
        (1_795_168_800, 1_795_168_800_000_000),
        (1_795_168_800.5, 1_795_168_800_500_000),
    ],
)
def test_times_are_iso_or_unix_seconds_and_utc(time: Any, at: int) -> None:
    row = row_of(GOOD | {"time": time})
    assert (row["time"], row["flags"]) == (at, None)


def test_long_texts_are_cut_and_flagged() -> None:
    row = row_of(GOOD | {"comment": "x" * 9000, "metadata": {"a": "y" * 9000}, "time": 1_795_168_800})
    assert (len(row["comment"]), row["metadata"], row["flags"]) == (8000, None, "truncated")


def test_an_id_makes_the_row_and_without_one_the_content_does() -> None:
    with_id = GOOD | {"id": "a"}
    assert row_of(with_id)["key"] == row_of(with_id | {"value": 2, "time": 1_795_168_800})["key"]
    assert row_of(with_id)["key"] != row_of(with_id | {"id": "b"})["key"]
    assert row_of(GOOD)["key"] == row_of(GOOD)["key"] != row_of(GOOD | {"value": 2})["key"]
    assert row_of(GOOD)["key"] != row_of(GOOD | {"name": "m"})["key"]


@pytest.mark.parametrize("body", [b"", b"{", b"7", b'"\\ud800"', b"\xff", b'{"scores": 7}', b"[" * 100_000])
def test_a_body_that_is_no_list_of_scores_is_refused(door: Open, body: bytes) -> None:
    answer = door.post(body, "/v1/scores", **JSON)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["message"]


def test_only_json_is_understood(door: Open) -> None:
    assert door.post(b"", "/v1/scores").status_code == 415


@pytest.fixture
def store() -> Iterator[Store]:
    found = Store.scratch(SystemClock())
    yield found
    found.close()


def test_a_repeat_is_one_row_and_the_ledger_balances(door: Open, store: Store) -> None:
    with_id = {"id": "once", "name": "n", "value": 1, "session_id": "s"}
    for time in (None, None, 1_695_168_800, 1_695_168_800 + 86_400):
        send(door, with_id | ({} if time is None else {"time": time}))
        pump(store, door.folder)
    send(door, [{"name": "n", "value": 1, "session_id": "s", "time": 1_795_168_800}] * 2 + [{"name": "no target"}])
    door.intake.close()
    pump(store, door.folder)
    told = store.read(
        "SELECT sum(received) AS r, sum(stored) AS s, sum(duplicate) AS d, sum(refused) AS f FROM main.ledger"
    ).to_pylist()[0]
    assert [int(told[name]) for name in "rsdf"] == [7, told["s"], told["d"], 1]
    assert told["r"] == told["s"] + told["d"] + told["f"]
    same_id = store.read("SELECT count(*) AS n FROM base.scores WHERE flags IS NOT NULL").to_pylist()
    assert same_id == [{"n": 2}], "within two days an id is one row; this one came back with a time years away"
    assert store.read("SELECT count(*) AS n FROM base.scores WHERE flags IS NULL").to_pylist() == [{"n": 1}]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "name", "value", "scores", "data", "batch", "type", "body", "result", "time", "traceId"]
            )
            | st.text(max_size=5),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(
    json_values,
    st.sampled_from([ours.decode_scores, langfuse.decode_scores, langfuse.decode_events, phoenix.decode_annotations]),
)
def test_no_json_breaks_a_decoder_and_every_item_is_counted(value: Any, decode: Any) -> None:
    batch = Batch()
    try:
        outcome = decode(json.dumps(value).encode(), "json", batch, RECEIVED)
    except BadBody:
        assert len(batch) == 0
        return
    assert outcome.accepted + outcome.rejected == len(outcome.items)
    assert len(batch.rows["scores"]) == outcome.accepted
    assert sum(row["received"] for row in batch.dicts("refusals")) == outcome.rejected


# -- Langfuse


@needs_shared
def test_the_scores_that_a_real_langfuse_client_sent(door: Open) -> None:
    body = (FIXTURES / "langfuse-openai" / "x_scores.02.other.json").read_bytes()
    answer = door.post(body, "/api/public/scores", **JSON)
    assert answer.status_code == 200
    assert [success["status"] for success in answer.json()["successes"]] == [201] * 4
    rows = {str(row["name"]): row for row in door.rows("scores")}
    assert rows["relevance"]["value"] == 0.92
    assert rows["relevance"]["span_id"] == "a6db2a022440e838"
    assert rows["user_feedback"]["value"] == 1.0
    assert (rows["tone"]["value"], rows["tone"]["label"]) == (None, "polite")
    assert (rows["nps"]["session_id"], rows["nps"]["trace_id"]) == ("sess-9", None)
    assert {row["environment"] for row in rows.values()} == {"production"}


LANGFUSE = {"id": "a", "traceId": TRACE, "name": "n", "value": 1}


def test_a_single_langfuse_score_is_answered_with_its_id(door: Open) -> None:
    answer = send(door, LANGFUSE, "/api/public/scores")
    assert (answer.status_code, answer.json()) == (200, {"id": "a"})
    without = send(door, {"traceId": TRACE, "name": "n", "value": 1}, "/api/public/scores")
    assert without.json()["id"] == door.rows("scores")[1]["key"]


def test_a_bad_langfuse_score_says_why(door: Open) -> None:
    single = send(door, LANGFUSE | {"traceId": "my-own-id"}, "/api/public/scores")
    assert (single.status_code, single.json()["message"]) == (400, "trace_id must be 32 hex digits")
    several = send(door, [LANGFUSE, LANGFUSE | {"id": "b", "name": None}], "/api/public/scores")
    assert several.status_code == 207
    assert several.json()["successes"] == [{"id": "a", "status": 201}]
    assert several.json()["errors"][0]["id"] == "b"


def test_of_the_older_ingestion_scores_are_kept_and_the_rest_is_told(door: Open) -> None:
    events = [
        {"id": "e1", "type": "score-create", "timestamp": "2026-11-20T10:00:00Z", "body": LANGFUSE},
        {"id": "e2", "type": "trace-create", "timestamp": "2026-11-20T10:00:00Z", "body": {}},
        {"id": "e3", "type": "<script>", "body": {}},
    ]
    answer = send(door, {"batch": events, "metadata": {}}, "/api/public/ingestion")
    assert answer.status_code == 207
    told = answer.json()
    assert told["successes"] == [{"id": "e1", "status": 201}]
    assert [(error["id"], error["status"]) for error in told["errors"]] == [("e2", 400), ("e3", 400)]
    assert "trace-create is not supported" in told["errors"][0]["message"]
    assert "<script>" not in answer.text
    assert len(door.rows("scores")) == 1


def test_the_same_score_by_both_langfuse_paths_is_one_row(door: Open, store: Store) -> None:
    send(door, LANGFUSE, "/api/public/scores")
    send(door, {"batch": [{"id": "e", "type": "score-create", "body": LANGFUSE}]}, "/api/public/ingestion")
    pump(store, door.folder)
    assert store.read("SELECT count(*) AS n FROM main.scores").to_pylist() == [{"n": 1}]


def test_media_are_answered_without_a_place_to_upload_to(door: Open) -> None:
    asked = {"traceId": TRACE, "contentType": "image/png", "sha256Hash": "a+b/" + "c" * 40, "contentLength": 3}
    answer = send(door, asked, "/api/public/media")
    assert (answer.status_code, answer.json()) == (200, {"mediaId": "a-b_" + "c" * 18, "uploadUrl": None})
    patched = door.client.patch(f"{door.url}/api/public/media/x", json={"uploadHttpStatus": 200})
    assert (patched.status_code, patched.content) == (204, b"")
    assert door.post(b"{", "/api/public/media", **JSON).status_code == 400


def test_what_langfuse_clients_ask_before_they_start(door: Open) -> None:
    basic = {"Authorization": "Basic " + base64.b64encode(b"pk-lf-x:sk-lf-y").decode()}
    assert door.client.get(door.url + "/api/public/health").json()["status"] == "OK"
    projects = door.client.get(door.url + "/api/public/projects", headers=basic).json()
    assert [project["name"] for project in projects["data"]] == ["plumbline"]
    assert door.post(b"", "/api/public/otel/v1/traces", **basic).status_code == 200


# -- Phoenix


def test_phoenix_annotations_become_scores(door: Open) -> None:
    said = {
        "span_id": SPAN,
        "name": "correct",
        "annotator_kind": "LLM",
        "result": {"label": "yes", "score": 0.9, "explanation": "it is"},
        "identifier": "run-1",
    }
    answer = send(door, {"data": [said, said | {"name": ""}]}, "/v1/span_annotations?sync=true")
    assert answer.status_code == 200
    (row,) = door.rows("scores")
    assert answer.json() == {"data": [{"id": row["key"]}]}
    assert (row["span_id"], row["origin"], row["value"], row["label"], row["comment"]) == (
        SPAN,
        "llm",
        0.9,
        "yes",
        "it is",
    )
    about = {"trace_id": TRACE, "name": "ok", "annotator_kind": "HUMAN", "result": {"score": 1}}
    assert send(door, {"data": [about]}, "/v1/trace_annotations").status_code == 200
    assert door.rows("scores")[1]["trace_id"] == TRACE
    assert send(door, {"data": [{"name": "x"}]}, "/v1/span_annotations").status_code == 422
