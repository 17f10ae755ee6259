"""A judge that known items found to have changed: labels of before certify it no more, and people open its gate again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor.backfill import grade_now
from monitor.clock import naive_utc
from plumbline.agent import Agent
from plumbline.answers import house_of
from plumbline.api.call import Actor
from plumbline.demo.stubs.judge import a_judge
from plumbline.judging import cards_of
from tests.judges.support import PADDED, PLAIN, a_house, judge, judge_waiting, later, rows
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
