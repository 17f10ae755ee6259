"""A panel is watched by its own word on known items: its members are asked together, each counted for itself as well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config.schema import CanarySettings, JudgeSettings
from plumbline.demo.stubs.judge import JudgeStub, a_judge
from tests.judges.support import PADDED, PLAIN, a_house, judge, judge_waiting, rows
from tests.judges.test_judged_streams import HALF_OF_ITS_CALLS, SOON, WITH_EXAMPLES, findings, more


@pytest.fixture
def stubs() -> Iterator[list[JudgeStub]]:
    with a_judge() as first, a_judge() as second, a_judge() as third:
        yield [first, second, third]


def a_panel(stubs: list[JudgeStub], **changes: object) -> dict[str, JudgeSettings]:
    members = {name: judge(stub, **changes) for name, stub in zip("abc", stubs, strict=True)}
    return {**members, "small": JudgeSettings(panel=("a", "b", "c"))}


def test_members_are_asked_together_and_the_word_of_the_panel_is_kept_beside_theirs(
    stubs: list[JudgeStub], tmp_path: Path
) -> None:
    stubs[2].mode = "lenient"
    judges = a_panel(stubs, canary=HALF_OF_ITS_CALLS)
    with a_house(tmp_path, judges, [PLAIN] * 10, WITH_EXAMPLES) as agent:
        assert judge_waiting(agent) == 10
        asked = rows(
            agent, "SELECT judge, count(*) AS n FROM judge_calls WHERE known IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        assert asked == [{"judge": name, "n": 10} for name in ("a", "b", "c", "small")], (
            "once each, not once more alone"
        )
        bad = rows(agent, "SELECT judge, verdict, state FROM judge_calls WHERE known = 'violates' AND variant IS NULL")
        assert {row["verdict"] for row in bad if row["judge"] == "c"} == {"complies"}
        assert {(row["verdict"], row["state"]) for row in bad if row["judge"] == "small"} == {("violates", "cached")}
        [panel] = [one for one in agent.judges.told() if one["panel"]]
        assert panel["canary"]["calls"] is None
        assert panel["canary"]["said"]["violates"]["bad"] == panel["canary"]["said"]["violates"]["n"] > 0
        assert agent.judges.judges["a"].told()["calls"] == stubs[0].served == 20, "one budget, each call taken off once"


def test_where_a_member_forbids_known_items_the_others_are_watched_alone(
    stubs: list[JudgeStub], tmp_path: Path
) -> None:
    judges = a_panel(stubs, canary=HALF_OF_ITS_CALLS)
    judges["b"] = judge(stubs[1], canary=CanarySettings("never"))
    with a_house(tmp_path, judges, [PLAIN] * 10, WITH_EXAMPLES) as agent:
        judge_waiting(agent)
        asked = rows(
            agent, "SELECT judge, count(*) AS n FROM judge_calls WHERE known IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        assert asked == [{"judge": name, "n": 10} for name in "ac"], "no word of the panel, and none of who wants none"
        shares = {one["name"]: one["canary"]["share"] for one in agent.judges.told() if one["canary"] is not None}
        assert {name: shares[name] for name in "abc" if name in shares} == {"a": 0.5, "b": 0.0, "c": 0.5}


def test_a_member_that_is_asked_through_its_panel_alone_is_told_the_odds_of_that(
    stubs: list[JudgeStub], tmp_path: Path
) -> None:
    judges = a_panel(stubs, canary=HALF_OF_ITS_CALLS)
    judges["b"] = judge(stubs[1], canary=CanarySettings(at_most=0.2))
    with a_house(tmp_path, judges, [PLAIN] * 12, WITH_EXAMPLES) as agent:
        judge_waiting(agent)
        asked = rows(agent, "SELECT count(*) AS n FROM judge_calls WHERE known IS NOT NULL AND judge = 'a'")
        assert asked == [{"n": 3}], "one known item for four others, as its most reluctant member allows"
        shares = {one["name"]: one["canary"]["share"] for one in agent.judges.told()}
        assert shares == {
            "a": pytest.approx(0.2),
            "b": pytest.approx(0.2),
            "c": pytest.approx(0.2),
            "small": pytest.approx(0.2),
        }


@pytest.mark.statistics  # twelve hundred calls
def test_most_of_a_panel_changed_in_silence_and_the_panel_is_found(stubs: list[JudgeStub], tmp_path: Path) -> None:
    judges = a_panel(stubs, canary=HALF_OF_ITS_CALLS)
    with a_house(tmp_path, judges, [PLAIN] * 160, WITH_EXAMPLES, drift=SOON) as agent:
        judge_waiting(agent)
        agent.cycle()
        stubs[0].mode = stubs[1].mode = "lenient"
        more(agent, [PADDED] * 60 + [PLAIN] * 60, "b")
        judge_waiting(agent)
        agent.cycle()
        changed = {row["app"]: row for row in findings(agent, "judge")}
        assert set(changed) == {"judge a", "judge b", "judge small"}, "not the one that stayed as it was"
        assert changed["judge small"]["metric"] == "judge:hits"
