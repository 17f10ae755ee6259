"""Ids under pseudonyms: in no byte of any file, by whatever door they came; still joined, still found by `plumbline erase`."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, Literal

import pytest

from collectors.process import make_intake
from monitor.clock import SystemClock
from monitor.config.schema import CollectorSettings, RedactionSettings, Settings
from monitor.privacy.keyed import install_key, pseudonym
from plumbline.agent import Agent
from plumbline.cli.main import run
from plumbline.opening import open_agent
from tests.support.gone import holding, told_by_sql

Setting = Literal["none", "users", "users_and_sessions"]
T1, T2 = "a1" * 16, "b2" * 16
NS = 1_763_700_000_000_000_000
AT = "2025-11-21T04:40:00Z"


def attributes(**said: str) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in said.items()]


class House:
    """A collector's intake, importers and an agent over one data directory; one user whose ids are searched for."""

    def __init__(self, folder: Path, setting: Setting) -> None:
        self.folder, self.setting = folder / "data", setting
        self.user = f"kim-{secrets.token_hex(6)}@example.org" if setting == "users" else f"Kim/{secrets.token_hex(6)}"
        self.session = f"sess-{secrets.token_hex(6)}"
        self.config = folder / "plumbline.yaml"
        self.config.write_text(f"data_dir: data\ncollector: {{redaction: {{enabled: false, pseudonyms: {setting}}}}}\n")
        self.given = folder / "given"
        self.given.mkdir()

    def send(self) -> None:
        redaction = RedactionSettings(enabled=False, pseudonyms=self.setting)
        intake = make_intake(CollectorSettings(redaction=redaction), self.folder)
        try:
            for signal, body in self.bodies():
                intake.submit(signal, "json", json.dumps(body).encode()).result(20)
        finally:
            intake.close()

    def bodies(self) -> list[tuple[Any, Any]]:
        user, session = self.user, self.session
        told = json.dumps({"userId": user, "deep": {"user": {"id": user}, "conversation_id": session}})
        words = attributes(
            user__id=user,
            session__id=session,
            enduser__id=user,
            gen_ai__operation__name="chat",
            gen_ai__request__model="m",
            gen_ai__input__messages=json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": f"I am {user}: {session}"}]}]
            ),
            gen_ai__output__messages=json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": f'Hi "{user}"'}]}]
            ),
            http__url=f"https://x.test/u/{user.replace('@', '%40').replace('/', '%2F')}?s={session}",
            billing__user_id=user,
            app__note=told,
        )
        here = {"startTimeUnixNano": str(NS), "endTimeUnixNano": str(NS + 10**9)}
        spans = [
            {"traceId": T1, "spanId": "01" * 8, "name": f"chat for {user}", **here, "attributes": words},
            {"traceId": T2, "spanId": "02" * 8, "name": "n", **here, "attributes": []},
        ]
        resource = {"attributes": attributes(service__name="shop", user__id=user, session__id=session)}
        record: dict[str, Any] = {
            "timeUnixNano": str(NS),
            "traceId": T1,
            "spanId": "01" * 8,
            "eventName": "gen_ai.user.message",
        }
        record |= {
            "body": {"stringValue": f"from {user}"},
            "attributes": attributes(user__id=user, session__id=session),
        }
        score = {"name": "good", "value": 1, "comment": f"{session} was fine", "session_id": session}
        ours = score | {"id": f"{user}-1", "metadata": {"user_id": user}}
        return [
            ("traces", {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}),
            ("logs", {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}),
            ("scores", [ours]),
            ("langfuse_scores", {"name": "nice", "value": 1, "sessionId": session, "metadata": {"userId": user}}),
        ]

    def bring(self) -> None:
        said = {"time": AT, "user": self.user, "session": self.session, "app": "shop", "output": "o", "variant": None}
        (self.given / "turns.jsonl").write_text(json.dumps(said | {"id": "i1", "input": f"me: {self.user}"}) + "\n")
        (self.given / "seen.csv").write_text(
            f"user_id,experiment,variant,time\n{self.user},tone,B,2025-11-20T00:00:00Z\n"
        )
        assert run(["import", str(self.given / "turns.jsonl"), "--config", str(self.config)]) == 0
        assert run(["import", str(self.given / "seen.csv"), "--config", str(self.config)]) == 0

    def agent(self) -> Agent:
        return open_agent(Settings(), self.folder, SystemClock())

    def holding(self, *texts: str) -> list[str]:
        return [name for text in texts for name in holding(self.folder, text)]


@pytest.mark.parametrize("setting", ["users", "users_and_sessions"])
def test_no_file_holds_the_plain_id_and_everything_still_joins(tmp_path: Path, setting: Setting) -> None:
    house = House(tmp_path, setting)
    house.send()
    plain: tuple[str, ...] = (house.user,) if setting == "users" else (house.user, house.session)
    plain += (house.user.replace("/", "%2F").replace("@", "%40"),)
    assert house.holding(*plain) == []
    house.bring()
    agent = house.agent()
    try:
        agent.load(flush=True)
        for text in plain:
            assert told_by_sql(agent.store, text) == []
        key = install_key(house.folder)
        name = pseudonym(key, "user", house.user)
        turns = agent.sql(
            "SELECT user_id, session_id, experiment, variant FROM turns WHERE user_id IS NOT NULL", 9
        ).table
        assert {row["user_id"] for row in turns.to_pylist()} == {name}
        assert ("tone", "B") in {(row["experiment"], row["variant"]) for row in turns.to_pylist()}
        session = pseudonym(key, "session", house.session) if setting != "users" else house.session
        assert {row["session_id"] for row in turns.to_pylist()} == {session}
        scores = agent.store.read("SELECT * FROM base.scores")
        assert {row["session_id"] for row in scores.to_pylist()} == {session}
        assert house.holding(*plain) == []
        removed = agent.erase("user", house.user)
        assert removed["spans"] >= 2
        assert removed["exposures"] == 1
        assert house.holding(name) == []
    finally:
        agent.close()


def test_without_the_setting_the_ids_are_there_to_be_found(tmp_path: Path) -> None:
    house = House(tmp_path, "none")
    house.send()
    assert house.holding(house.user)
    assert house.holding(house.session)


def test_what_was_erased_under_a_pseudonym_does_not_come_back(tmp_path: Path) -> None:
    house = House(tmp_path, "users_and_sessions")
    house.send()
    agent = house.agent()
    try:
        agent.load(flush=True)
        assert agent.erase("session", house.session)["spans"] >= 1
        house.send()
        agent.load(flush=True)  # scores without a time may go on; spans come from before
        assert agent.store.read("SELECT 1 AS n FROM base.spans WHERE session_id IS NOT NULL").num_rows == 0
    finally:
        agent.close()
