"""What is told elsewhere (alerts, messages, findings, streams) loses the person and nothing else, and can still be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import DriftSettings, Settings
from monitor.model.values import Signal
from monitor.privacy.keyed import install_key
from monitor.spool_writer import SpoolWriter
from monitor.store.removal.erase import Wanted, erase_rows, unquoting
from plumbline.agent import Agent
from plumbline.opening import open_agent
from tests.store.rows import START, a_call, a_span, frame, texts
from tests.support.gone import holding

TRACE = "a1" * 16
OTHER = "b2" * 16
AWKWARD = ["app", "shop", "1", "n", 'kï"m\\', "kim lee"]
"""Ids that are also words of JSON or of ours, or that JSON writes in another way."""


class House:
    """A data directory with a firing alert about somebody, and what drift remembers of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, FakeClock(START + timedelta(hours=1))
        self.agent = self.open()

    def open(self) -> Agent:
        return open_agent(Settings(drift=DriftSettings(segments=("user_id",))), self.folder, self.clock)

    def fill(self, user: str) -> None:
        writer = SpoolWriter(self.folder / "spool")
        writer.append(
            frame(
                spans=[
                    a_span("r1", trace_id=TRACE, user_id=user, kind="workflow"),
                    a_call("c1", trace_id=TRACE, parent_id="r1"),
                    a_span("r2", trace_id=OTHER, user_id="kept", kind="workflow"),
                    a_call("c2", trace_id=OTHER, parent_id="r2"),
                ],
                content=[texts("c1", trace_id=TRACE), texts("c2", trace_id=OTHER)],
            )
        )
        writer.close()
        self.agent.load(flush=True)
        self.agent.cycle()
        self.tell(user)

    def tell(self, user: str) -> None:
        segment, at = f"user_id={user}", START.replace(tzinfo=None)
        times = dict.fromkeys(("detected_at", "since", "since_low", "since_high"), at)
        base = {
            "metric": "error",
            "app": "shop",
            "reference_value": 1.0,
            "current_value": 2.0,
            "change": 1.0,
            "e_value": 9.0,
            **times,
        }
        with self.agent.store.transaction() as txn:
            txn.insert("estimates", [{"rule_id": "r", "app": "shop", "segment": s} for s in (segment, "all")])
            txn.insert(
                "findings",
                [
                    base | {"id": "one", "segment": segment, "examples": json.dumps([TRACE])},
                    base
                    | {"id": "two", "segment": "all", "examples": json.dumps([TRACE, OTHER])}
                    | {"reason": f"error of shop rose; also seen in {segment}"}
                    | {"cause": f"one heavy user, {segment}, went from 60 % to 0 % of user-hours"},
                ],
            )
        for rule in ("one", "two"):
            labels = {"app": "shop", "metric": "error", "segment": segment, "finding": rule}
            summary = f"error of shop, {segment}, rose (trace {TRACE})"
            self.agent.desk.observe(
                [Signal("drift", labels, self.clock.now(), 1.0, 0.5, 1.5, 10, START, (TRACE, OTHER), summary)],
                self.clock.now(),
            )

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.agent.store.read(f"SELECT * FROM base.{table}").to_pylist()

    def holding(self, text: str) -> list[str]:
        return holding(self.folder, text)

    def close(self) -> None:
        self.agent.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "data")
    yield made
    made.close()


@pytest.mark.parametrize("user", AWKWARD)
def test_an_erased_user_is_named_nowhere_and_everything_can_still_be_read(house: House, user: str) -> None:
    house.fill(user)
    named = {f"user_id={user}", json.dumps(f"user_id={user}")[1:-1]}
    assert any(house.holding(name) for name in named)
    open_before = house.agent.desk.counts()
    house.agent.erase("user", user)
    for name in named | {TRACE}:
        assert house.holding(name) == []
    assert {row["segment"] for row in house.rows("estimates")} == {"all"}
    assert [row["id"] for row in house.rows("findings")] == ["two"]
    assert json.loads(house.rows("findings")[0]["examples"]) == ["(erased)", OTHER]
    assert house.rows("findings")[0]["cause"].startswith("one heavy user, user_id=(erased), went from")
    assert house.agent.explain("two")
    assert house.agent.desk.counts() == open_before
    assert {(row["labels"]["app"], row["labels"]["segment"]) for row in house.agent.desk.history()} == {
        ("shop", "user_id=(erased)")
    }
    for row in house.rows("trackers"):
        assert json.loads(row["state"])
    house.clock.advance(timedelta(minutes=1))
    house.agent.cycle()
    house.agent.deliver()


def test_a_name_that_begins_with_an_erased_one_stays() -> None:
    change = unquoting({"user": frozenset(["kim"]), "session": frozenset(["kim"])})
    assert change("user_id=kim, user_id=kimberly, session_id=kim; kim") == (
        "user_id=(erased), user_id=kimberly, session_id=(erased); kim"
    )


def test_the_streams_of_an_erased_app_go(house: House) -> None:
    house.fill("kim")
    assert [row for row in house.rows("trackers") if '"shop"' in row["stream"]]
    house.agent.erase("app", "shop")
    assert not [row for row in house.rows("trackers") if '"shop"' in row["stream"]]


def test_alerts_about_an_app_go_though_its_erasure_was_killed(house: House) -> None:
    house.fill("kim")
    erase_rows(house.agent.store, Wanted("app", frozenset(["shop"])), install_key(house.folder))
    house.agent.close()
    house.agent = house.open()
    assert house.agent.desk.history() == []
    assert house.holding(TRACE) == []
