"""Pseudonyms: an id is in no byte of any file, still joins what belongs together, and erasure finds it by its plain form."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.batch import Batch
from collectors.frames import to_tables
from collectors.process import make_intake
from collectors.redaction.pseudonyms import People, who_at
from collectors.redaction.redact import Redactor, redactor_for
from monitor.clock import SystemClock
from monitor.config.read import parse_yaml
from monitor.config.schema import CollectorSettings, RedactionSettings, Settings
from monitor.errors import ConfigError
from monitor.privacy.keyed import PSEUDONYM, install_key, pseudonym
from monitor.privacy.patterns import KINDS
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.cli.plumbline import plumbline
from tests.support.gone import holding

KEY = b"k" * 32
USER, SESSION = "cust-7741-kim", "visit/2026#9"
TOLD, MET = pseudonym(KEY, "user", USER), pseudonym(KEY, "session", SESSION)
BOTH = Redactor(KEY, KINDS, people=People(KEY, ("user", "session")))


def stored(using: Redactor = BOTH, **fields: Any) -> dict[str, Any]:
    """One span as it is stored."""
    batch = Batch()
    batch.add(
        "spans",
        **{"trace_id": "ab" * 16, "span_id": "cd" * 8, "time": 1, "user_id": USER, "session_id": SESSION, **fields},
    )
    (row,) = pl.read_ipc_stream(to_tables(batch, using)["spans"]).to_dicts()
    return row


def test_ids_are_pseudonyms_in_their_columns_and_the_same_everywhere() -> None:
    assert (stored()["user_id"], stored()["session_id"]) == (TOLD, MET)
    assert PSEUDONYM.fullmatch(TOLD)
    assert pseudonym(b"other", "user", USER) != TOLD
    assert pseudonym(KEY, "session", USER) != TOLD.replace("user", "session")


@pytest.mark.parametrize(
    ("attrs", "wanted"),
    [
        ({"who": USER}, {"who": TOLD}),
        ({"deep": {"list": [1, USER]}}, {"deep": {"list": [1, TOLD]}}),
        ({"metadata": json.dumps({"a": USER})}, {"metadata": f'{{"a":"{TOLD}"}}'}),
        ({"note": f"asked by {USER}, twice"}, {"note": f"asked by {TOLD}, twice"}),
        ({"note": f"x{USER} {USER}7"}, {"note": f"x{USER} {USER}7"}),  # other words
        ({"userId": "stranger"}, {"userId": pseudonym(KEY, "user", "stranger")}),
        ({"app.user.id": 42}, {"app.user.id": pseudonym(KEY, "user", "42")}),
        ({"conversation_id": "c9"}, {"conversation_id": pseudonym(KEY, "session", "c9")}),
        (
            {"user_agent": "curl", "retries": 3, "fine": True, "user": None},
            {"user_agent": "curl", "retries": 3, "fine": True, "user": None},
        ),
        ({USER: 1}, {TOLD: 1}),
    ],
)
def test_attributes(attrs: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    assert json.loads(stored(attrs=json.dumps(attrs))["attrs"]) == wanted


def test_escapes_hide_no_id() -> None:
    hidden = json.dumps({"text": json.dumps({"a": f"hi\n{USER}"})}).replace(USER, USER.replace("k", "\\u006b"))
    assert json.loads(json.loads(stored(attrs=hidden)["attrs"])["text"]) == {"a": f"hi\n{TOLD}"}


def test_halves_of_escaped_characters_stop_nothing() -> None:
    attrs = '{"a": "\\ud83d\\ude00 and \\ud83d, KIM"}'
    assert stored(attrs=attrs.replace("KIM", USER))["attrs"] == attrs.replace("KIM", TOLD)


def test_a_bare_number_stays_json() -> None:
    told = json.loads(stored(user_id="774112345", attrs='{"n": 774112345, "m": [774112345.5]}')["attrs"])
    assert told == {"n": pseudonym(KEY, "user", "774112345"), "m": [774112345.5]}


def test_a_short_id_or_a_plain_word_changes_no_text() -> None:
    assert stored(user_id="1", name="step 1", attrs='{"retries": 1, "n": "1"}')["attrs"] == '{"retries": 1, "n": "1"}'
    told = stored(user_id="default", name="the default route", attrs='{"who": "default"}')
    assert told["name"] == "the default route"
    assert json.loads(told["attrs"]) == {"who": pseudonym(KEY, "user", "default")}


def test_texts_of_one_request_are_searched_for_its_people() -> None:
    batch = Batch()
    batch.add(
        "spans",
        trace_id="ab" * 16,
        span_id="cd" * 8,
        time=1,
        user_id="kim@example.org",
        error_message="no kim@example.org",
    )
    said = json.dumps([{"role": "user", "parts": [{"type": "text", "content": 'I am "kim@example.org"\nhello'}]}])
    batch.add("content", trace_id="ab" * 16, span_id="cd" * 8, time=1, origin="span", input_messages=said)
    tables = {name: pl.read_ipc_stream(data).to_dicts()[0] for name, data in to_tables(batch, BOTH).items()}
    told = pseudonym(KEY, "user", "kim@example.org")
    assert tables["spans"]["error_message"] == f"no {told}"
    assert json.loads(tables["content"]["input_messages"])[0]["parts"][0]["content"] == f'I am "{told}"\nhello'


def test_users_alone() -> None:
    told = stored(Redactor(KEY, (), people=People(KEY, ("user",))), attrs='{"session_id": "s-1", "user_id": "u"}')
    assert (told["user_id"], told["session_id"]) == (TOLD, SESSION)
    assert json.loads(told["attrs"]) == {"session_id": "s-1", "user_id": pseudonym(KEY, "user", "u")}


def test_what_is_a_pseudonym_stays_one() -> None:
    assert stored(user_id=TOLD)["user_id"] == TOLD


def test_keys_that_are_hashes_of_ids_cannot_be_tested_without_the_key() -> None:
    batch = Batch()
    batch.add("exposures", key="0" * 16, time=1, user_id=USER, experiment="x", variant="a")
    (row,) = pl.read_ipc_stream(to_tables(batch, BOTH)["exposures"]).to_dicts()
    (again,) = pl.read_ipc_stream(to_tables(batch, BOTH)["exposures"]).to_dicts()
    assert row["key"] != "0" * 16
    assert row == again


def test_a_field_that_cannot_be_searched_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> str:
        raise RecursionError

    monkeypatch.setattr("collectors.redaction.pseudonyms.Known._tree", fails)
    using = Redactor(KEY, (), people=People(KEY, ("user",)))
    told = stored(using, attrs='{"a": "b"}')
    assert (told["attrs"], told["flags"], using.failed) == (None, "redaction_failed", 1)


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=5), st.text(max_size=60))
def test_no_text_breaks_it_and_attributes_stay_json(ids: list[str], text: str) -> None:
    batch = Batch()
    for at, one in enumerate(ids):
        attrs = json.dumps({"a": text, "b": [one, {one: text}], "user_id": one})
        batch.add("spans", trace_id="ab" * 16, span_id=f"{at:016x}", time=1, user_id=one, attrs=attrs)
    rows = pl.read_ipc_stream(to_tables(batch, Redactor(KEY, (), people=People(KEY, ("user",))))["spans"]).to_dicts()
    for one, row in zip(ids, rows, strict=True):
        assert row["user_id"] == pseudonym(KEY, "user", one)
        assert json.loads(row["attrs"])["user_id"] == row["user_id"]


def test_keys_that_name_somebody() -> None:
    named = (
        "user",
        "user.id",
        "enduser.id",
        "endUserId",
        "metadata.user_id",
        "user_email",
        "context_id",
        "session.id",
        "threadId",
    )
    assert [key for key in named if who_at(key) is None] == []
    other = (
        "user_agent.original",
        "thread.id",
        "users",
        "n_users",
        "superuser_count",
        "sessions",
        "max_session_age",
        "fluid",
    )
    assert [key for key in other if who_at(key) is not None] == []


def test_the_setting_works_with_redaction_off_and_a_wrong_value_is_one_line() -> None:
    settings = CollectorSettings(redaction=RedactionSettings(enabled=False, pseudonyms="users"))
    assert stored(redactor_for(settings, KEY))["user_id"] == TOLD
    assert stored(redactor_for(CollectorSettings(), KEY))["user_id"] == USER
    with pytest.raises(ConfigError, match=r"p.yaml:3: collector.redaction.pseudonyms: invalid enum value 'all'"):
        parse_yaml("collector:\n  redaction:\n    pseudonyms: all\n", Settings, "p.yaml")


# -- the whole way: door, spool, store, upload, erasure

PLAIN, VISIT = "plain-user-90125", "plain-visit-31337"
YAML = "collector: {redaction: {pseudonyms: users_and_sessions}}\n"


def a_body(user: str, visit: str, trace: str) -> bytes:
    def told(key: str, value: str) -> dict[str, Any]:
        return {"key": key, "value": {"stringValue": value}}

    said = json.dumps([{"role": "user", "content": f"I am {user}, see\n{visit}"}])
    call = {"traceId": trace, "spanId": trace[:16], "name": f"chat {user}", "startTimeUnixNano": "1793000000000000000",
            "endTimeUnixNano": "1793000001000000000", "status": {"code": 2, "message": f"{user} is blocked"},
            "attributes": [told("gen_ai.operation.name", "chat"), told("user.id", user), told("session.id", visit),
                           told("customer", user), told("metadata", json.dumps({"deep": {"userId": user, "v": visit}})),
                           told("gen_ai.input.messages", said), told("gen_ai.output.messages", said)]}  # fmt: skip
    resource = {"attributes": [told("service.name", "shop"), told("owner.user.id", user), told("tenant", f"t/{user}")]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [call]}]}]}).encode()


def a_score(user: str, visit: str) -> bytes:
    return json.dumps(
        {
            "session_id": visit,
            "name": "liked",
            "value": 1,
            "comment": f"{visit} was fine",
            "metadata": {"user_id": user},
        }
    ).encode()


class Home:
    """A data directory with pseudonyms on."""

    def __init__(self, folder: Path) -> None:
        self.root, self.config = folder / "data", folder / "plumbline.yaml"
        self.config.write_text(YAML)
        self.settings = parse_yaml(YAML, Settings, "plumbline.yaml")
        intake = make_intake(self.settings.collector, self.root)
        for user, visit, trace in ((PLAIN, VISIT, "a1" * 16), ("somebody-else-5", "elsewhere-6", "b2" * 16)):
            intake.submit("traces", "json", a_body(user, visit, trace)).result(20)
            intake.submit("scores", "json", a_score(user, visit)).result(20)
        intake.close()
        self.upload(folder / "arms.csv")

    def upload(self, path: Path) -> None:
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["user_id", "experiment", "variant", "time"])
            rows.writerow([PLAIN, "tone", "B", "2026-01-01T00:00:00Z"])
        done = plumbline("import", path, "--data-dir", self.root, "--config", self.config, cwd=path.parent)
        assert done.code == 0, done.error

    def agent(self) -> Agent:
        return open_agent(self.settings, self.root, SystemClock())

    def holding(self, text: str) -> list[str]:
        return holding(self.root, text)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("people"))


def everything(agent: Agent) -> list[str]:
    """Each value of each text column of the store, decompressed."""
    columns = agent.store.read(
        "SELECT table_name AS t, column_name AS c FROM information_schema.columns "
        "WHERE table_schema = 'base' AND data_type = 'VARCHAR'"
    ).to_pylist()
    return [
        f"{at['t']}.{at['c']}: {value}"
        for at in columns
        for value in agent.store.read(f"SELECT DISTINCT {at['c']} AS v FROM base.{at['t']}")["v"].to_pylist()
    ]


@pytest.mark.slow
def test_the_plain_id_is_in_no_file_and_erasure_finds_it(home: Home) -> None:
    """One story in order: stored, joined, erased by the plain id, and refused when it is sent again."""
    agent = home.agent()
    try:
        agent.load(flush=True)
        agent.store.checkpoint()
        told = everything(agent)
        assert [line for line in told if PLAIN in line or VISIT in line] == []
        assert home.holding(PLAIN) == home.holding(VISIT) == []
        key = install_key(home.root)
        user, visit = pseudonym(key, "user", PLAIN), pseudonym(key, "session", VISIT)
        assert {line.partition(":")[0] for line in told if user in line} >= {
            *(
                "spans.user_id",
                "spans.name",
                "spans.error_message",
                "spans.attrs",
                "turns.user_id",
                "exposures.user_id",
            ),
            *("content.input_messages", "content.output_messages", "scores.metadata"),
        }
        (turn,) = agent.sql(
            f"SELECT experiment, variant, session_id FROM turns WHERE user_id = '{user}'", 10
        ).table.to_pylist()
        assert turn == {"experiment": "tone", "variant": "B", "session_id": visit}
        assert agent.sql(f"SELECT count(*) AS n FROM scores WHERE session_id = '{visit}'", 10).table.to_pylist() == [
            {"n": 1}
        ]
        removed = agent.erase("user", PLAIN)
        assert (removed["spans"], removed["exposures"]) == (1, 1)
        agent.store.checkpoint()
        assert [line for line in everything(agent) if user in line or visit in line] == []
        assert home.holding(user) == home.holding(visit) == []
        assert agent.sql("SELECT count(*) AS n FROM spans", 10).table.to_pylist() == [{"n": 1}]
        intake = make_intake(home.settings.collector, home.root)
        intake.submit("traces", "json", a_body(PLAIN, VISIT, "c3" * 16)).result(20)
        intake.close()
        assert agent.load(flush=True)["stored"] == 0
        removed = agent.erase("session", "elsewhere-6")
        assert (removed["spans"], removed["scores"]) == (1, 1)
    finally:
        agent.close()
