"""Judges on the pages: spend against budget, what waits, what is wrong; and the calls behind one verdict, hostile words included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from dashboards.canary import asked, change, found, leanings, standing
from dashboards.client import AgentReads, Trouble, Unknown
from dashboards.four_weeks import four_weeks
from dashboards.judge_cards import agrees, cards, curve, terms, worth
from dashboards.judge_cards import standing as stands
from dashboards.judges import budget, judges, spent
from dashboards.scope import Context, Scope
from tests.dashboards.conftest import Served
from tests.dashboards.one_view import run, texts
from tests.support.generated_texts import HOSTILE

TRACE = "e" * 32
SMALL: dict[str, Any] = {
    "name": "small", "transport": "openai", "model": "stub-1", "panel": [], "calls": 150, "open": 2, "tokens": 90_000, "usd": 0.5,
    "calls_per_day": 200, "usd_per_day": 4.0, "waits": 31, "apps": ["shop"],
    "trouble": "judge small: its key is refused (HTTP 401); 31 answers wait for it and are ungraded (No *padding*)",
    "canary": {
        "items": {"violates": 12, "complies": 9}, "said": {"violates": {"bad": 150, "n": 200}, "complies": {"bad": 4, "n": 100}}, "first": 60,
        "share": 0.2, "within_days": 9.6, "wanted": "7d", "calls": 31, "usd": 0.02, "changed_at": None, "changed": "",
        "bias": {"order violates": {"moved": -0.12, "low": -0.2, "high": -0.05, "n": 60}, "style complies": {"moved": 0.01, "low": -0.02, "high": 0.04, "n": 40}, "length complies": None},
    },
}  # fmt: skip
CARD: dict[str, Any] = {
    "rule": "PAD-01", "title": HOSTILE[0], "policy": "padding", "judge": "small", "version": "v2", "language": "de", "current": True,
    "recall": {"value": 0.9, "low": 0.78, "high": 0.96}, "n_violate": 50, "found": 45,
    "alarms": {"value": 0.02, "low": 0.003, "high": 0.07}, "n_comply": 100, "false": 2, "weighted": True, "newest": "2026-03-01T12:00:00",
    "last_at": "2026-03-01T12:00:00", "chosen": 7, "seen": 3, "before": 0, "changed_at": None, "demands": {"min_recall": 0.9}, "decides": False, "veiled": False,
    "why": "people's labels show that it finds at least 78.0 % of violations, and 90 % is asked",
    "curve": [{"low": 0.8, "high": 1.0, "n": 41, "belief": 0.97, "violates": 0.76}],
    "agreement": {"pairs": 150, "both": 45, "splits": 7, "positive": 0.93, "low": 0.8, "high": 0.97, "kappa": 0.89, "ac1": 0.93},
}  # fmt: skip
PANEL: dict[str, Any] = {
    "name": "both",
    "panel": ["small", "other"],
    "waits": 0,
    "trouble": "",
    "canary": None,
    "apps": ["*"],
}


@pytest.fixture
def judged(empty: Served) -> Served:
    """A trace that a judge found bad at the second try."""
    store = empty.agent.store
    about = {"time": store.now, "unit_id": TRACE, "rule_id": "PAD-01"}
    call = about | {"judge": "small", "tokens": 700, "cost_usd": 0.002, "latency_ms": 812.0}
    store.insert("turns", [{"trace_id": TRACE, "seq": 1, "time": store.now, "app": "shop"}])
    store.insert(
        "spans",
        [
            {
                "trace_id": TRACE,
                "span_id": "d" * 16,
                "time": store.now,
                "received_at": store.now,
                "kind": "llm",
                "name": "chat",
            }
        ],
    )
    store.insert(
        "grades",
        [
            about
            | {
                "verdict": "violates",
                "grader": "judge:small",
                "reason": "small says violates",
                "standing": 3,
                "graded_at": store.now,
            }
        ],
    )
    store.insert(
        "judge_calls",
        [
            call | {"state": "retried", "reason": "it quotes what is not there"},
            call | {"state": "ok", "reason": "small says violates", "verdict": "violates", "words": HOSTILE[0]},
        ],
    )
    empty.agent.judges = [SMALL, PANEL]
    empty.agent.cards = [CARD, CARD | {"version": "v1", "current": False, "decides": True, "why": ""}]
    return empty


def test_quality_shows_spend_queue_trouble_and_what_came_of_calls(judged: Served) -> None:
    page = run("quality", judged.url, judged.token)
    assert not page.exception
    said = texts(page)
    assert "small: stub-1 by openai" in said
    assert "its key is refused (HTTP 401); 31 answers wait" in said
    assert "both: a panel of small, other, which is one grader" in said
    assert any("sent texts of every application" in str(one.value) for one in page.caption)
    cells = page.dataframe[-1].value
    assert set(cells["state"]) == {"a verdict", "no verdict, asked once more"}
    assert "it quotes what is not there" in set(cells["reason"])


def test_a_verdict_opens_the_calls_behind_it(judged: Served) -> None:
    page = run("traces", judged.url, judged.token, {"trace": TRACE})
    assert not page.exception
    said = texts(page)
    assert "no verdict, asked once more (812 ms, 700 tokens, $0.002): it quotes what is not there" in said
    assert "In its own words: " in said


def test_a_budget_is_told_in_words_and_as_a_share() -> None:
    assert budget(SMALL) == "Today 150 of 200 calls, $0.50 of $4.00; of 2 nobody knows what they took"
    assert spent(SMALL) == 0.75
    assert spent(SMALL | {"calls_per_day": 0}) == 1.0


def test_what_known_items_say_of_a_judge_is_told_in_words() -> None:
    told = SMALL["canary"]
    assert standing(told) == "judges as before"
    assert found(told) == (
        "In the last 7 days it finds 75 % of known violations (200 asked) and calls 4 % of answers that keep the rule violations (100 asked)."
    )
    assert asked(told) == (
        "Known items: 12 that violate and 9 that do not. 20 % of its calls ask about them, today 31 calls and $0.02 out of its budget; so one "
        "that misses a tenth more is noticed within about 10 days (7d was asked for)."
    )
    assert leanings(told["bias"]) == (
        "Bias: with the verdicts in reverse order it calls -12 points of known violations violations (-20 to -5, 60 asked)."
    )
    assert leanings({"style complies": told["bias"]["style complies"]}) == (
        "Bias: neither the order of verdicts nor length nor style of answers is seen to move it (40 or more asked of each)."
    )
    assert leanings({"length complies": None}).startswith("Bias: not known yet")
    nothing = {label: {"bad": 0, "n": 0} for label in ("violates", "complies")}
    fresh = told | {"said": nothing}
    assert (standing(fresh), found(fresh)) == (
        "not known yet whether it changes",
        "It was not asked about known items in the last 7 days.",
    )
    changed = told | {"changed": "The judge small changed. How we know: e-value 9", "changed_at": "2026-03-02T08:00:00"}
    assert standing(changed) == "changed"
    assert change(changed) == "2 Mar 2026, 08:00 UTC: The judge small changed."
    assert ", of which its members are asked each; so" in asked(told | {"calls": None, "usd": None})


def test_a_card_says_whether_a_judge_decides_and_what_it_is_worth(judged: Served) -> None:
    page = run("quality", judged.url, judged.token)
    assert not page.exception
    said = texts(page)
    assert "How far judges can be trusted" in [one.value for one in page.subheader]
    assert "It finds 90 % (78 % to 96 %) of what people call a violation (45 of 50)" in said
    assert any(one.label == "Versions of before (1)" for one in page.expander)
    assert any("no rate or alert counts what it says" in str(one.value) for one in page.caption)


def test_a_card_is_told_in_words() -> None:
    assert worth(CARD) == (
        "It finds 90 % (78 % to 96 %) of what people call a violation (45 of 50) and calls 2 % (0 % to 7 %) of good answers a violation "
        "(2 of 100). 150 answers that people judged, the newest on 1 Mar 2026, 12:00 UTC; 3 labels are older than this version of it and 7 "
        "labels are on answers that somebody chose, which do not count."
    )
    assert terms(CARD) == (
        "The rule demands that it surely finds at least 90 %; so it only proposes, and no rate or alert counts what it says: people's labels show that it finds at least "
        "78.0 % of violations, and 90 % is asked. Answers weigh as many as they stand for, since they were not drawn alike."
    )
    open_ = CARD | {"decides": True, "weighted": False}
    assert terms(open_) == "The rule demands that it surely finds at least 90 %; so it decides."
    assert [stands(one)[0] for one in (CARD, open_, open_ | {"demands": {}})] == [
        "only proposes",
        "decides",
        "decides, nothing is asked of it",
    ]
    changed = open_ | {"demands": {}, "before": 150, "changed_at": "2026-03-02T08:00:00"}
    assert "150 labels are on what it said before it changed" in worth(changed)
    assert "so it goes on deciding though it changed by 2 Mar 2026, 08:00 UTC" in terms(changed)
    assert worth(CARD | {"veiled": True}) == "Its numbers are of answers of applications that you may not see."
    blank = CARD | {
        "recall": None,
        "alarms": None,
        "n_violate": 0,
        "n_comply": 0,
        "seen": 0,
        "chosen": 0,
        "demands": {},
        "decides": True,
    }
    assert worth(blank) == "Nobody has checked it yet."
    assert stands(blank)[0] == "decides, not checked by people"
    assert "kappa 0.89, AC1 0.93" in agrees(CARD["agreement"])
    assert "kappa not defined" in agrees(CARD["agreement"] | {"kappa": None})
    assert curve(CARD["curve"]) == [
        "80 % to 100 % sure that it is a violation (97 % on average): people call 76 % of 41 answers one."
    ]
    assert curve([]) == ["It does not say how sure it is."]
    assert agrees({"pairs": 29}) == "Kappa and AC1 are told from 30 answers on; there are 29."


def test_the_rate_of_four_weeks_stands_beside_that_of_the_day(judged: Served) -> None:
    store = judged.agent.store
    rate = {
        "rule_id": "PAD-01",
        "app": "shop",
        "segment": "all",
        "window_start": store.now - timedelta(hours=2),
        "confidence": 0.95,
    }
    rate |= {
        "window_end": store.now + timedelta(hours=22),
        "n_units": 40,
        "n_graded": 40,
        "n_human": 3,
        "value": 0.0,
        "low": 0.0,
        "high": 0.1,
    }
    store.insert(
        "estimates", [rate | {"method": "hajek-exact, clustered by user; graded by a judge, not yet checked by people"}]
    )
    told = rate | {
        "value": 0.123,
        "low": 0.1,
        "high": 0.15,
        "n_human": 83,
        "method": "difference; graded by a judge, corrected by 83 human labels",
    }
    judged.agent.four_weeks = [{name: value for name, value in told.items() if not name.startswith("window")}]
    page = run("quality", judged.url, judged.token)
    assert not page.exception
    said = "In the last four weeks 12.3 % (10.0 to 15.0 %) of 40 answers, 83 of them judged by people."
    assert said in texts(page)


class Answering:
    """An agent that answers every question with a trouble."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    def ask(self, _question: str, /, **_: Any) -> Any:
        raise self.trouble


def told_by(trouble: Trouble) -> Context:
    return Context(cast("AgentReads", Answering(trouble)), cast("Scope", None), datetime.now(UTC), lambda _, __: None)


def test_an_agent_that_is_gone_does_not_look_like_one_without_judges() -> None:
    gone = told_by(Trouble("The agent does not answer."))
    for read in (cards, four_weeks, lambda context: judges(context, {})):
        with pytest.raises(Trouble, match="does not answer"):
            read(gone)
    assert four_weeks(told_by(Unknown("Not found: this agent answers no question judgedrates"))) == {}


def test_a_change_of_a_judge_is_a_page_without_turns_of_an_app(served: Served) -> None:
    """Nothing of it is drawn over time, and it can be accepted all the same."""
    store = served.agent.store.store
    row = store.frame("SELECT * FROM base.findings WHERE id = 'f1refusal0000001'").row(0, named=True)
    moved = {"id": "f3judge000000003", "metric": "judge:hits", "app": "judge small", "cause": "the judge small changed", "examples": "[]"}  # fmt: skip
    with store.transaction() as txn:
        txn.insert("findings", [row | moved])
    page = run("drift", served.url, served.token, {"finding": "f3judge000000003"})
    said = texts(page)
    assert not page.exception
    assert "is not one of" not in said
    assert "Quality shows what it finds now" in said
    buttons = {button.label for button in page.button}
    assert "Accept as the new normal" in buttons
    assert not {"Prepare the report", "Put into the next review"} & buttons
