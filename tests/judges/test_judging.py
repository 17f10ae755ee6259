"""A rule that only a judge can decide: asked beside the cycle, within its budget, and never a pass where nobody answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.backfill import grade_now
from monitor.config.schema import JudgeBudget, JudgeSettings, Price
from monitor.graders.grader import Connected
from plumbline.answers import house_of
from plumbline.demo.stubs.judge import JudgeStub, Mode, a_judge
from tests.judges.support import PADDED, PLAIN, POLICY, a_house, judge, judge_waiting, later, rows, standing, states

TRANSPORTS = ("openai", "anthropic", "systemone")


def two_rules() -> str:
    """The rule of the house, and another one."""
    head, rule = POLICY.split("  - id: PAD-01", 1)
    return f"{head}  - id: PAD-01{rule}  - id: PAD-02{rule.replace('general remarks.', 'remarks.')}"


@pytest.fixture
def stub() -> Iterator[JudgeStub]:
    with a_judge() as found:
        yield found


def three_rules() -> str:
    """The rule of the house three times, each asked of a judge of another kind."""
    head, rule = POLICY.split("  - id: PAD-01", 1)
    said = (f"  - id: PAD-0{n}{rule.replace('judge: small', f'judge: {t}')}" for n, t in enumerate(TRANSPORTS, 1))
    return head + "".join(said)


def test_judges_of_every_kind_decide_what_waits_and_rates_follow(stub: JudgeStub, tmp_path: Path) -> None:
    judges = {name: judge(stub, transport=name, key="k") for name in TRANSPORTS}
    outputs = [f"{PADDED}\u200b It complies.", *[PADDED] * 2, *[PLAIN] * 7]
    with a_house(tmp_path, judges, outputs, three_rules()) as agent:
        assert standing(agent) == {"not_graded": 10}
        assert judge_waiting(agent) == 30
        assert stub.problems == []
        agent.cycle()
        rates = rows(agent, "SELECT value, n_graded FROM estimates WHERE rule_id LIKE 'PAD-%' AND segment = 'all'")
        assert rates == [{"value": 0.3, "n_graded": 10}] * 3
        bad = rows(agent, "SELECT * FROM grades WHERE verdict = 'violates' AND rule_id LIKE 'PAD-%' ORDER BY grader")
        assert {row["grader"] for row in bad} == {f"judge:{name}" for name in TRANSPORTS}
        assert min(row["score"] for row in bad) > 0.7
        places = {PADDED[row["found_from"] : row["found_to"]] for row in bad if row["grader"] != "judge:systemone"}
        assert places == {"As a general remark, all is well."}
        assert states(agent) == {"ok": 30}
        assert min(row["tokens"] for row in rows(agent, "SELECT tokens FROM judge_calls")) > 100
        assert judge_waiting(agent) == 0
        prompts = [asked["messages"] for asked in stub.asked if "response_format" in asked]
        said = [user["content"] for _, user in prompts]
        assert all("Do not pad an answer with general remarks." in user for user in said)
        assert all("Two general remarks are padding." in user for user in said)
        [odd] = [user for user in said if "(1 invisible characters were left out)" in user]
        assert f'"{PADDED} It complies."' in odd
        assert not any("complies" in system["content"] for system, _ in prompts)
        assert any("judge:openai" in line for line in agent.explain(str(bad[0]["unit_id"])))


def test_no_text_leaves_of_an_application_that_is_not_named(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PLAIN] * 3, apps=()) as agent:
        assert judge_waiting(agent) == 0
        assert stub.served == 0
        [said] = rows(agent, "SELECT DISTINCT verdict, reason FROM grades WHERE rule_id = 'PAD-01'")
        assert said == {"verdict": "not_graded", "reason": "texts of shop may not leave to a judge (judge_texts)"}


def test_without_judges_nothing_changes() -> None:
    assert Connected().word("small", "shop") == "no judge is connected"
    assert Connected({"other"}, {"shop"}).word("small", "shop") == "no judge named small is connected"
    assert Connected({"small"}, {"*"}).word("small", "shop") == "waits for the judge small"


FAULTS: dict[Mode, str] = {
    "400": "it does not take what it is asked (HTTP 400)",
    "429": "it is asked too often (HTTP 429)",
    "500": "it fails (HTTP 500)",
    "401": "its key is refused (HTTP 401)",
    "404": "its model, or its address, is gone (HTTP 404)",
    "quota": "its quota is used up (HTTP 429)",
    "hang": "it does not answer within 0.2 s",
    "cut": "its answers are not in the agreed form (no JSON)",
    "empty": "its answers are not in the agreed form (no JSON)",
    "garbage": "its answers are not in the agreed form (no JSON)",
    "schema": "its answers are not in the agreed form (no message)",
    "huge": "its answer is larger than 256 KB",
    "error200": "it is overloaded (an error inside a good answer)",
}


@pytest.mark.slow
def test_a_judge_that_fails_is_told_with_its_cause_and_nothing_passes(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub, concurrency=4)}, [PLAIN] * 4) as agent:
        for mode, cause in FAULTS.items():
            stub.mode = mode
            asked = agent.judges.judges["small"]
            asked.breaker.worked()
            asked.settings = replace(asked.settings, timeout="0.2s" if mode == "hang" else "60s")
            judge_waiting(agent)
            assert (standing(agent), set(states(agent))) == ({"not_graded": 4}, {"error"}), mode
            told = agent.watch.unwell()["judge small"]
            assert cause in told
            assert "4 answers wait for it and are ungraded (No padding)" in told
            later(agent, 60)
        agent.cycle()
        assert "grading of shop" not in " ".join(agent.watch.unwell()), "its queue is no dead grader"
        stub.mode = "ok"
        for _ in range(2):
            later(agent, 700)
            judge_waiting(agent)
        assert standing(agent) == {"complies": 4}
        assert "judge small" not in agent.watch.unwell()


def test_what_is_no_verdict_is_asked_twice_then_a_person_must_look_and_nonsense_is_the_judges_fault(
    stub: JudgeStub, tmp_path: Path
) -> None:
    stub.mode = "invents"
    with a_house(tmp_path, {"small": judge(stub, concurrency=1)}, [PADDED] * 12) as agent:
        judge_waiting(agent)
        assert states(agent) == {"retried": 3, "refused": 3}
        assert standing(agent) == {"cannot_judge": 2, "not_graded": 10}
        [said] = rows(agent, "SELECT DISTINCT reason FROM grades WHERE rule_id = 'PAD-01' AND standing = 3")
        assert said["reason"] == "a person must look: asked of small, it quotes what is not there"
        assert "its replies are no verdicts: it quotes what is not there" in agent.watch.unwell()["judge small"]


def test_a_budget_of_calls_holds_and_its_end_is_told(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub, budget=JudgeBudget(calls_per_day=3))}, [PLAIN] * 6) as agent:
        for _ in range(3):
            judge_waiting(agent)
            assert stub.served == 3
            assert states(agent) == {"ok": 3, "budget": 1}
            told = agent.watch.unwell()["judge small"]
            assert "its budget of the day is used up (3 calls); 3 answers wait" in told
        later(agent, 86_400)
        judge_waiting(agent)
        assert stub.served == 6
        assert "judge small" not in agent.watch.unwell()


def test_a_rule_has_a_budget_of_its_own_within_that_of_the_judge(stub: JudgeStub, tmp_path: Path) -> None:
    budget = JudgeBudget(calls_per_day=9, rules={"PAD-01": 2})
    with a_house(tmp_path, {"small": judge(stub, budget=budget)}, [PLAIN] * 5, two_rules()) as agent:
        for _ in range(3):
            judge_waiting(agent)
        asked = rows(agent, "SELECT rule_id, state, count(*) AS n FROM judge_calls GROUP BY ALL ORDER BY ALL")
        assert [tuple(row.values()) for row in asked] == [
            ("PAD-01", "budget", 1),
            ("PAD-01", "ok", 2),
            ("PAD-02", "ok", 5),
        ]
        assert stub.served == 7
        assert (
            "its budget of the day for PAD-01 is used up (2 calls); 3 answers wait"
            in agent.watch.unwell()["judge small"]
        )
        later(agent, 86_400)
        judge_waiting(agent)
        assert stub.served == 9


def test_a_budget_in_dollars_holds(stub: JudgeStub, tmp_path: Path) -> None:
    budget = JudgeBudget(usd_per_day=0.006)
    prices = {"stub-1": Price(input=1.0, output=4.0)}
    judges = {"small": judge(stub, budget=budget), "unknown": judge(stub, budget=budget, model="nobody knows")}
    with a_house(tmp_path, judges, [PLAIN] * 12, prices=prices) as agent:
        for _ in range(5):  # what is reserved and not taken is there for the next
            judge_waiting(agent)
        [spent] = rows(agent, "SELECT sum(cost_usd) AS usd FROM judge_calls")
        assert 1 <= stub.served < 12
        assert 0 < spent["usd"] <= budget.usd_per_day
        assert "0.006 US dollars" in agent.watch.unwell()["judge small"]
        assert (
            "the price of its model is not known"
            in agent.judges.judges["unknown"].purse.refusal("PAD-01", agent.clock.now())[0]
        )


def test_a_panel_is_one_grader_and_the_same_question_is_not_paid_for_twice(stub: JudgeStub, tmp_path: Path) -> None:
    with a_judge() as other, a_judge() as third:
        judges = {"a": judge(stub), "b": judge(other), "c": judge(third), "small": JudgeSettings(panel=("a", "b", "c"))}
        other.mode = "believes"
        with a_house(tmp_path, judges, [PADDED, f"{PADDED} It complies."]) as agent:
            judge_waiting(agent)
            assert standing(agent) == {"violates": 2}
            found = {row["grader"] for row in rows(agent, "SELECT grader FROM grades WHERE standing = 3")}
            assert found == {"judge:small"}
            assert states(agent) == {"ok": 6}
            later(agent, 60)
            grade_now(house_of(agent), rows(agent, "SELECT trace_id FROM turns LIMIT 1")[0]["trace_id"])
            assert judge_waiting(agent) == 1
            assert (states(agent), stub.served) == ({"ok": 6, "cached": 3}, 2)
            agent.erase("trace", rows(agent, "SELECT trace_id FROM turns LIMIT 1")[0]["trace_id"])
            assert len(rows(agent, "SELECT DISTINCT unit_id FROM judge_calls")) == 1


def test_recorded_verdicts_are_replayed(tmp_path: Path) -> None:
    said = [
        {"rule_id": "PAD-01", "output": PADDED, "verdict": "violates", "quotes": ["As a general remark"]},
        {"rule_id": "PAD-01", "output": PLAIN, "verdict": "complies"},
    ]
    file = tmp_path / "said.jsonl"
    file.write_text("\n".join(json.dumps(one) for one in said))
    judges = {"small": JudgeSettings(transport="recorded", file=str(file))}
    with a_house(tmp_path, judges, [PADDED, PLAIN, "Never recorded."]) as agent:
        judge_waiting(agent)
        assert standing(agent) == {"violates": 1, "complies": 1, "not_graded": 1}
