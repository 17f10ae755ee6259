"""A judge that known items found to have changed: labels of before certify it no more, and people open its gate again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.backfill import grade_now
from monitor.clock import FakeClock, naive_utc
from monitor.store.cards import pairs
from monitor.store.judging import known
from monitor.store.known import JUDGE as JUDGE_NAMED
from monitor.store.opening import Store
from plumbline.agent import Agent
from plumbline.answers import house_of
from plumbline.api.call import Actor
from plumbline.demo.stubs.judge import a_judge
from plumbline.judging import cards_of
from tests.judges.support import PADDED, PLAIN, RULE, a_house, judge, judge_waiting, later, rows
from tests.judges.test_cards import GUARDED, label, padded
from tests.judges.test_judged_streams import SOON, findings, more, say


def test_a_judge_that_changed_only_proposes_until_people_checked_what_it_says_now(tmp_path: Path) -> None:
    with (
        a_judge() as stub,
        a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED, drift=SOON) as agent,
    ):
        judge_waiting(agent)
        label(agent, padded(agent))
        later(agent, 60)
        say(agent, [], [True] * 90, [False] * 90)
        assert [card["decides"] for card in cards_of(agent, Actor("ana"))] == [True]
        say(agent, [], [True] * 10, [True] * 30)
        [changed] = findings(agent, "judge")
        assert "it only proposes until people have checked enough of what it says now" in changed["reason"]
        later(agent, 60)
        [card] = cards_of(agent, Actor("ana"))
        assert (card["decides"], card["before"], card["n_violate"]) == (False, 24, 0)
        assert card["why"].startswith("it changed under its name by 2026-")
        served = stub.served
        grade_now(house_of(agent), padded(agent)[0])
        assert (judge_waiting(agent), stub.served) == (1, served + 1), (
            "what it said before it changed is no answer any more"
        )
        more(agent, [PADDED] * 12 + [PLAIN] * 12, "b")
        assert judge_waiting(agent) == 24
        assert {row["verdict"] for row in said_lately(agent)} == {"not_graded"}, "it only proposes"
        label(agent, padded(agent))
        later(agent, 60)
        [card] = cards_of(agent, Actor("ana"))
        assert (card["decides"], card["before"], card["n_violate"], card["n_comply"]) == (True, 23, 13, 12)
        more(agent, [PADDED] * 2, "c")
        judge_waiting(agent)
        assert [row["verdict"] for row in said_lately(agent)] == ["violates"] * 2, "people opened its gate again"


def said_lately(agent: Agent) -> list[dict[str, Any]]:
    """What the judge said of answers in the last ten seconds of the clock."""
    since = naive_utc(agent.clock.now()) - timedelta(seconds=10)
    return rows(agent, f"SELECT verdict FROM grades WHERE standing = 3 AND graded_at >= TIMESTAMP '{since}'")


@pytest.mark.parametrize(
    ("changed", "left"),
    [(None, {"a", "b"}), ("small", {"b"}), ("panel", set()), ("nobody else", set())],
    ids=["nobody", "a member", "a panel", "a judge that made no call"],
)
def test_what_was_said_before_a_change_answers_no_question(tmp_path: Path, changed: str | None, left: set[str]) -> None:
    """A panel makes no calls of its own: which of its members changed nobody knows, so that none of their words holds."""
    at = datetime(2026, 3, 2)  # noqa: DTZ001 the store keeps naive UTC
    said = {"state": "ok", "verdict": "complies", "time": at, "rule_id": RULE, "unit_id": "u"}
    store = Store.open(tmp_path, clock=FakeClock(at.replace(tzinfo=UTC) + timedelta(hours=2)))
    with store.transaction() as txn:
        txn.insert(
            "judge_calls", [{**said, "key": key, "judge": judge} for key, judge in (("a", "small"), ("b", "large"))]
        )
        if changed:
            moved = {
                "id": "f",
                "metric": "judge:hits",
                "app": f"{JUDGE_NAMED}{changed}",
                "since_high": at + timedelta(hours=1),
            }
            txn.insert("findings", [moved])
    assert set(known(store, ["a", "b"])) == left
    store.close()


def test_a_word_from_the_cache_was_said_when_its_question_was_answered(tmp_path: Path) -> None:
    """Between the change and its finding the cache still answers with words of before: labels on those tell of the judge that it was."""
    with a_judge() as stub, a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 2, GUARDED) as agent:
        judge_waiting(agent)
        label(agent, padded(agent))
        long_ago = naive_utc(agent.clock.now()) - timedelta(days=3)
        [first, second] = agent.store.frame(
            "SELECT unit_id, key FROM base.judge_calls WHERE state = 'ok' ORDER BY 1"
        ).rows()
        with agent.store.transaction() as txn:
            txn.execute("UPDATE base.judge_calls SET state = 'cached', key = 'k' WHERE unit_id = ?", [first[0]])
            txn.insert(
                "judge_calls",
                [
                    {
                        "time": long_ago,
                        "key": "k",
                        "state": "ok",
                        "judge": "small",
                        "rule_id": RULE,
                        "unit_id": "gone",
                        "verdict": "violates",
                    }
                ],
            )
        told = {
            row["unit_id"]: row["judged_at"] for row in pairs(agent.store, long_ago - timedelta(days=30)).to_dicts()
        }
        assert told[first[0]] == long_ago
        assert told[second[0]] > long_ago
