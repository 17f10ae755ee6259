"""Whatever signals come and wherever the process is killed: no fire and no resolve is lost, doubled or out of order."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.outbox import known_alerts, record_within
from alerts.states import evaluate
from monitor.clock import SystemClock
from monitor.errors import RetryLater, Undeliverable
from monitor.state import ControlState, alerts
from plumbline.demo.stubs.kit import Mode, Stub, a_stub
from tests.alerts.builders import BAD, GOOD, RATE_RULE, UNSURE, Day, Recorder, a_book, a_day, a_rate


class Killed(BaseException):
    """The process is gone: nothing that comes after happens."""


looks = st.tuples(*[st.sampled_from([BAD, GOOD, UNSURE, None, "missing"])] * 2)
conditions = st.sampled_from(["up", "down", "slow down", "killed before", "killed after", "killed while recording"])
steps = st.lists(st.tuples(looks, conditions, st.sampled_from([1, 30, 90, 3600])), max_size=25)


def kill_while_recording(day: Day, signals: list[Any]) -> None:
    state, outgoing = day.desk.state, day.desk.post.outgoing
    with pytest.raises(Killed), state.transaction() as txn:  # noqa: PT012 - the kill comes before the commit
        found = evaluate(outgoing.book.rules, signals, known_alerts(txn), day.clock.now())
        record_within(txn, found, outgoing)
        raise Killed


def deliver_or_die(day: Day, receiver: Recorder, condition: str) -> None:
    receiver.raising = {
        "down": RetryLater("down"),
        "slow down": RetryLater("later", 45.0),
        "killed before": Killed(),
    }.get(condition)
    receiver.raising_after = Killed() if condition == "killed after" else None
    with contextlib.suppress(Killed):
        day.desk.deliver_due()
    receiver.raising = receiver.raising_after = None


def history(state: ControlState) -> dict[tuple[str, int], list[str]]:
    """What happened, by episode: fires and resolves in order."""
    told: dict[tuple[str, int], list[str]] = {}
    with state.transaction() as txn:
        for fingerprint in alerts.matching_fingerprints(txn, ""):
            for event in alerts.events_of(txn, fingerprint):
                if event["kind"] in {"firing", "resolved"}:
                    told.setdefault((fingerprint, event["episode"]), []).append(event["kind"])
    return told


def received(keys: list[str]) -> dict[tuple[str, int], list[str]]:
    """What one receiver got, by episode, each key once, in the order of first receipt."""
    got: dict[tuple[str, int], list[str]] = {}
    for key in dict.fromkeys(keys):
        fingerprint, _, episode, kind, _ = key.split(":")
        if kind in {"firing", "resolved"}:
            got.setdefault((fingerprint, int(episode)), []).append(kind)
    return got


@settings(max_examples=120)
@given(steps)
@pytest.mark.slow
def test_no_sequence_of_signals_and_kills_loses_a_fire_or_a_resolve(steps: list[Any]) -> None:
    receiver = Recorder("one")
    day = a_day(a_book(RATE_RULE | {"fire_after": {"bad": 1, "of": 2}}, remind_every="1h"), receiver)
    for values, condition, seconds in steps:
        day.clock.advance(timedelta(seconds=seconds))
        signals = [a_rate(value, app=app) for app, value in zip("ab", values, strict=True) if value != "missing"]
        if condition == "killed while recording":
            before = day.desk.state.alerts_table(), day.desk.state.notifications_table()
            kill_while_recording(day, signals)
            assert (day.desk.state.alerts_table(), day.desk.state.notifications_table()) == before
        else:
            day.look(*signals)
            deliver_or_die(day, receiver, condition)
        firing = [row["fingerprint"] for row in day.desk.state.alerts_table() if row["state"] == "firing"]
        assert len(firing) == len(set(firing))
    day.deliver(after=timedelta(hours=2))
    own = [key for key, message in receiver.got if message.rule_id != "rate"]
    assert own == []  # there is no other receiver to tell
    wanted = {episode: kinds for episode, kinds in history(day.desk.state).items() if not is_own(day, episode[0])}
    assert received(receiver.keys()) == wanted
    assert list(wanted.values()) == [
        kinds for kinds in wanted.values() if kinds in (["firing"], ["firing", "resolved"])
    ]
    assert all(same == dict(receiver.got)[key] for key, same in receiver.got)
    assert in_episode_order(receiver.keys())


def is_own(day: Day, fingerprint: str) -> bool:
    rows = {row["fingerprint"]: row["rule_id"] for row in day.desk.state.alerts_table()}
    return str(rows[fingerprint]).startswith("plumbline.")


def in_episode_order(keys: list[str]) -> bool:
    """Whether no later episode of an alert came before an earlier one, repeats aside."""
    last: dict[str, int] = {}
    for key in dict.fromkeys(keys):
        fingerprint, _, episode, *_ = key.split(":")
        if int(episode) < last.get(fingerprint, 0):
            return False
        last[fingerprint] = int(episode)
    return True


@settings(max_examples=40)
@given(steps, st.integers(0, 24))
def test_a_receiver_that_refuses_for_good_hands_over_to_the_other(steps: list[Any], breaks_at: int) -> None:
    one, two = Recorder("one"), Recorder("two")
    day = a_day(a_book(to=["one", "two"]), one, two)
    for i, (values, _, seconds) in enumerate(steps):
        one.raising = Undeliverable("HTTP 410") if i >= breaks_at else None
        signals = [a_rate(value, app=app) for app, value in zip("ab", values, strict=True) if value != "missing"]
        day.tick(*signals, minutes=seconds / 60)
    wanted = {episode: kinds for episode, kinds in history(day.desk.state).items() if not is_own(day, episode[0])}
    mine = {episode: kinds for episode, kinds in received(two.keys()).items() if not is_own(day, episode[0])}
    assert mine == wanted


CHILD = [sys.executable, "-m", "tests.alerts.killed_desk"]
ROUNDS = 34
"""Rounds are two hours apart: beyond 36 of them a message about an alert that has ended is given up, as it should be (`GIVE_UP`)."""


def wreck(hook: Stub, pager: Stub, state: Path, rng: random.Random) -> None:
    """Start the desk again and again, let the receivers misbehave, kill -9 at random moments."""
    modes: list[Mode] = ["ok", "ok", "500", "429", "lost", "reset"]
    for n in range(ROUNDS):
        command = [*CHILD, str(state), hook.webhook_url, pager.pagerduty_url, str(n)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        try:
            assert child.stdout.readline() == "ready\n"
            until = time.monotonic() + rng.uniform(0.05, 0.8)
            while time.monotonic() < until:
                hook.mode = rng.choice(modes)
                pager.mode = rng.choice([*modes, "false"])  # to a webhook every 2xx is a yes
                time.sleep(0.02)
        finally:
            child.kill()
            child.wait()
            child.stdout.close()


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(20260301, 20260307))
def test_kill_9_during_delivery_loses_nothing_and_repeats_carry_the_same_key(tmp_path: Path, seed: int) -> None:
    state = tmp_path / "c.sqlite"
    with a_stub(None) as hook, a_stub(None) as pager:
        wreck(hook, pager, state, random.Random(seed))
        hook.mode = pager.mode = "ok"
        command = [*CHILD, str(state), hook.webhook_url, pager.pagerduty_url, str(ROUNDS), "finish"]
        subprocess.run(command, check=True, timeout=1200)
        control = ControlState.open(state, SystemClock())
        wanted = history(control)
        told = control.notifications_table()
        labels = {row["fingerprint"]: json.loads(row["labels"]) for row in control.alerts_table()}
        control.close()
    model = hook.model
    print(
        f"\nseed {seed}: {ROUNDS} kills, {len(wanted)} episodes, {len(model.keys)} messages, {len(model.repeats)} repeats, "
        f"{sum(row['attempts'] for row in told)} attempts; pages opened {len(pager.model.opened)}, open {len(pager.model.pages)}"
    )
    assert len(wanted) > 2 * ROUNDS
    owed = {tuple(row["key"].split(":")[:3:2]) for row in told if row["receiver"] == "hook"}
    assert received(model.keys) == {
        (fingerprint, episode): kinds
        for (fingerprint, episode), kinds in wanted.items()
        if "app" in labels[fingerprint] or (fingerprint, str(episode)) in owed  # the house's own: that the pager fails
    }
    assert model.early_resolves == model.changed_repeats == model.refusals == pager.model.refusals == []
    assert in_episode_order(model.keys)
    assert model.firing == set()
    assert pager.model.pages == {}
    assert {row["state"] for row in told} == {"sent"}
