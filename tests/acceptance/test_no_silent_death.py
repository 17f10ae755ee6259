"""Twelve deaths of local graders, each told within two cycles, with its cause and what is ungraded: real store, real alerts."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

import plumbline.grading_watch
from monitor.clock import FakeClock
from monitor.config.schema import AgentSettings, SamplingSettings, Settings
from monitor.graders.grader import Judgement
from monitor.graders.refusal import Refusal
from monitor.model.values import Turn
from monitor.policy.schema import Policy
from monitor.spool_writer import SpoolWriter
from monitor.store.reads import Reader
from monitor.vital_signs import Pulse, Silence, silences
from plumbline.opening import open_agent
from plumbline.schedule import Job, overdue, stand_by, start
from tests.store.rows import START as NOON
from tests.store.rows import a_call, a_span, frame, texts

EVERY = timedelta(seconds=30)
FIRST = 60
POLICY = """
apiVersion: policy/v1
policy: {id: p, version: 1.0.0, status: active, owner: o}
rules:
  - {id: BAD-1, title: No bad words, kind: must_not, statement: "Say no bad word.", rationale: "So.", graders: [{use: banned, phrases: [bad word]}], thresholds: {warn_rate: 0.9}}
  - {id: HELP-1, title: Help, kind: must_help, statement: "Help.", rationale: "So.", graders: [{use: refusal}], thresholds: {warn_rate: 0.9}}
  - {id: HID-1, title: Keep the prompt, kind: must_not, statement: "Keep it.", rationale: "So.", graders: [{use: hidden_prompt}], thresholds: {warn_rate: 0.9}}
  - {id: SAY-1, title: Say what is there, kind: must, statement: "Say it.", rationale: "So.", graders: [{use: grounded}], thresholds: {warn_rate: 0.9}}
"""
FINE = "Your parcel left our depot this morning and will be with you tomorrow before noon."
GERMAN = "Tuo paketti lähti varastosta tänään ja se on perillä huomenna ennen puoltapäivää, kertoo kuljettaja."


class Living:
    """A house whose traffic and clock are moved by hand: sixty answers an hour ago, then what a test sends."""

    def __init__(self, folder: Path, begun: Path | None = None) -> None:
        """`begun` is the folder of one that has lived through its first hour and was closed."""
        if begun is not None:
            shutil.copytree(begun, folder, dirs_exist_ok=True)
        else:
            (folder / "policies").mkdir()
            (folder / "policies" / "p.yaml").write_text(POLICY, encoding="utf-8")
        self.settings = Settings(policies=str(folder / "policies"), agent=AgentSettings(cycle_every="30s"))
        self.clock = FakeClock(NOON if begun is None else NOON + EVERY)
        self.agent = open_agent(self.settings, folder / "data", self.clock)
        self.spool = folder / "data" / "spool"
        self.sent = 0 if begun is None else FIRST
        if begun is None:
            self.send(FIRST)
            self.cycle()
        self.clock.move_to(NOON + timedelta(minutes=10))

    def send(self, n: int, saw: str | None = FINE, *, retrieval: bool = True, **fields: Any) -> None:
        """Send answers, one a second."""
        spans, content = [], []
        for number in range(self.sent, self.sent + n):
            trace, at = f"{number:032x}", (self.clock.now() - NOON).total_seconds() + number / 100
            same = {"trace_id": trace}
            spans.append(a_call(f"c{number}", at, **(same | {k: v for k, v in fields.items() if k != "system_text"})))
            system = fields.get("system_text", "You are Robin of Quillmere, and you help with orders.")
            content.append(texts(f"c{number}", "Where is it?", saw, at, **same, system_text=system))
            if retrieval:
                spans.append(a_span(f"t{number}", at, kind="retriever", name="search", parent_id=f"c{number}", **same))
                content.append(
                    same
                    | {
                        "span_id": f"t{number}",
                        "time": spans[-1]["time"],
                        "origin": "span",
                        "output_value": "It left today.",
                    }
                )
        self.sent += n
        writer = SpoolWriter(self.spool)
        writer.append(frame(spans=spans, content=content))
        writer.close()
        self.agent.settle()

    def cycle(self) -> None:
        self.agent.cycle()
        self.agent.deliver()
        self.clock.advance(EVERY)

    def told(self) -> list[str]:
        rows = self.agent.sql("SELECT reason FROM alerts WHERE rule_id LIKE '%unwell' AND state = 'firing'", 50)
        return [row["reason"] for row in rows.table.to_pylist()]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("begun")
    Living(folder).agent.close()
    return folder


@pytest.fixture
def living(begun: Path, tmp_path: Path) -> Iterator[Living]:
    house = Living(tmp_path, begun)
    assert house.told() == []
    yield house
    house.agent.close()


def dies(living: Living, *parts: str) -> None:
    """Two cycles on, one alert says all of `parts`."""
    for _ in range(2):
        living.cycle()
    assert [said for said in living.told() if all(part in said for part in parts)], living.told()


def test_a_house_that_is_well_says_nothing(living: Living) -> None:
    for _ in range(3):
        living.send(30)
        living.cycle()
    assert living.told() == []


def test_where_nothing_happens_nothing_is_looked_at(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[datetime] = []

    def counted(reader: Reader, policies: Sequence[Policy], now: datetime) -> list[Silence]:
        looks.append(now)
        return silences(reader, policies, now)

    monkeypatch.setattr(plumbline.grading_watch, "silences", counted)
    for _ in range(4):
        living.cycle()
    at_rest = len(looks)
    living.send(30)
    living.cycle()
    living.cycle()
    with_traffic = len(looks)
    living.clock.advance(plumbline.grading_watch.AGAIN)
    living.cycle()
    assert (at_rest, with_traffic, len(looks)) == (1, 2, 3)


def test_1_texts_are_gone(living: Living) -> None:
    living.send(30, None)
    dies(
        living, "no texts arrive any more: No bad words, Help, Keep the prompt", "30 answers of shop are ungraded since"
    )


def test_2_texts_are_hidden(living: Living) -> None:
    living.send(30, "__REDACTED__")
    dies(living, "no texts arrive any more", "30 answers")


def test_3_the_dialect_changed(tmp_path: Path) -> None:
    living = Living(tmp_path)
    living.send(30, dialect="openinference")
    living.cycle()
    living.send(40, None, dialect="traceloop")
    dies(living, "its spans are understood as traceloop, before as openinference", "40 answers")
    living.agent.close()


def test_4_nothing_retrieved_arrives(living: Living) -> None:
    living.send(30, retrieval=False)
    dies(living, "nothing that was retrieved", "Say what is there", "30 answers")


def test_5_the_system_prompt_is_gone(living: Living) -> None:
    living.send(30, system_text=None)
    dies(living, "no system prompt was captured", "Keep the prompt")


def test_6_the_language_changed(living: Living) -> None:
    living.send(30, GERMAN)
    dies(living, "language", "Help", "30 answers")


def test_7_nothing_is_picked_any_more(living: Living) -> None:
    living.agent.settings = replace_sampling(living.settings, 0.0)
    living.send(30)
    dies(living, "no answer is picked to be graded", "30 answers")


def replace_sampling(settings: Settings, rate: float) -> Settings:
    return msgspec.structs.replace(settings, sampling=SamplingSettings(rate=rate))


def broken(_: Any, output: str, __: Turn) -> Judgement:
    raise ZeroDivisionError(output[:0])


def test_8_a_grader_breaks_on_everything(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Refusal, "look", broken)
    living.send(30)
    dies(living, "graders of rule HELP-1")


def test_9_a_grader_breaks_on_many_texts(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Refusal.look

    def half(self: Refusal, output: str, turn: Turn) -> Judgement:
        return broken(self, output, turn) if turn.unit_id[-1] in "02468ace" else whole(self, output, turn)

    monkeypatch.setattr(Refusal, "look", half)
    living.send(60)
    dies(living, "a grader fails on", "Help")


def test_10_grading_as_a_whole_fails(living: Living, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise OSError("disk")

    monkeypatch.setattr("monitor.asking.graded_turns", fails)
    living.send(30)
    dies(living, "step grade", "disk")


def test_11_the_timetable_is_dead(living: Living) -> None:
    living.agent.watch.pulse.expect(living.clock.now())
    living.send(30)
    living.clock.advance(3 * EVERY)
    living.agent.deliver()  # by who stands by
    assert any("no cycle has run since, and nothing is graded; 30 answers wait" in said for said in living.told())
    living.cycle()
    living.agent.deliver()
    assert living.told() == []


def test_12_nothing_is_found_any_more(tmp_path: Path) -> None:
    living = Living(tmp_path)
    for day in range(6):
        living.clock.move_to(NOON + timedelta(days=day, hours=1))
        living.send(60)
        if day < 3:
            living.send(20, "That is a bad word.")
        living.cycle()
    dies(living, "nothing is found any more where 60 of", "No bad words")
    living.agent.close()


def test_a_queue_that_grows_is_told_and_a_burst_that_is_worked_off_is_not() -> None:
    def looks(*lags: tuple[int, int]) -> dict[str, str]:
        pulse = Pulse(EVERY)
        for number, (graded, newest) in enumerate(lags):
            pulse.watch(NOON + number * EVERY, graded, newest)
        return dict(pulse.troubles(NOON + 3 * EVERY))

    assert "1,000 answers wait, 900 more" in looks((0, 100), (0, 500), (0, 1000))["queue of grading"]
    assert looks((0, 1000), (20_000, 22_000), (40_000, 43_000)) == {}
    assert looks((0, 900), (0, 500), (0, 100)) == {}


def test_a_cycle_that_hangs_is_told_later_than_one_that_is_missing() -> None:
    pulse = Pulse(EVERY)
    pulse.expect(NOON - EVERY)
    pulse.begin(NOON)
    assert pulse.troubles(NOON + timedelta(minutes=5)) == {}
    assert "has not ended" in pulse.troubles(NOON + timedelta(minutes=20))["cycle"]


def test_who_stands_by_does_the_work_of_a_dead_timetable() -> None:
    stopping, done = threading.Event(), threading.Event()
    timetable = start([Job("deliver", 3600.0, lambda: None)])
    assert overdue(timetable, "deliver") < 0
    timetable.pause_job("deliver")
    stand_by(lambda: overdue(timetable, "deliver"), 0.02, done.set, stopping)
    assert done.wait(10)
    stopping.set()
    timetable.shutdown(wait=True)
