"""Cards of judges by people's labels, and gates: a judge that has not shown what its rule demands only proposes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.clock import naive_utc
from monitor.errors import ConfigError
from monitor.judges.card import BINS, Card, cards
from monitor.judges.gates import shut
from monitor.policy.load import load_policies
from monitor.policy.reminders import waiting
from monitor.policy.schema import Decision
from monitor.stats.erring import Often
from monitor.store import verdicts
from monitor.store.review_units import Stretch, review_units
from monitor.vital_signs import silences
from plumbline.agent import Agent
from plumbline.api.call import Actor
from plumbline.cli import judges as command
from plumbline.cli.typed import Form
from plumbline.demo.stubs.judge import JudgeStub, a_judge
from plumbline.judging import cards_of
from tests.acceptance.traffic import spooled
from tests.judges.support import (
    PADDED,
    PLAIN,
    POLICY,
    RULE,
    a_house,
    judge,
    judge_waiting,
    later,
    rows,
    standing,
    turns,
)
from tests.judges.test_judged_streams import more

DEMANDS = "decision: {min_recall: 0.5, max_false_alarm: 0.4}"
GUARDED = POLICY.replace("    graders:\n", f"    {DEMANDS}\n    thresholds: {{zero_tolerance: true}}\n    graders:\n")
AT = datetime(2026, 11, 1)  # noqa: DTZ001 naive UTC
PAIR: dict[str, Any] = {
    "rule_id": RULE, "judge": "small", "version": "v1", "language": None, "said": "complies", "belief": None, "label": "complies",
    "labelled_at": AT, "judged_at": AT, "began": AT, "last_at": AT, "unseen": True, "probability": 1.0, "unit": "u", "app": "shop",
}  # fmt: skip
SCHEMA = dict.fromkeys(("rule_id", "judge", "version", "language", "said", "label", "unit", "app"), pl.String) | {
    "belief": pl.Float64, "probability": pl.Float64, **dict.fromkeys(("labelled_at", "judged_at", "began", "last_at"), pl.Datetime), "unseen": pl.Boolean,
}  # fmt: skip


def made(pairs: Sequence[dict[str, Any]], changed_at: datetime | None = None) -> list[Card]:
    told = [{**PAIR, "unit": f"u{number}", **pair} for number, pair in enumerate(pairs)]
    return list(cards(pl.DataFrame(told, SCHEMA), {"small": changed_at} if changed_at else {}))


@pytest.fixture
def stub() -> Iterator[JudgeStub]:
    with a_judge() as found:
        yield found


def test_what_it_finds_and_its_false_alarms_have_intervals_and_counts() -> None:
    bad = [{"label": "violates", "said": said} for said in ["violates"] * 45 + ["complies"] * 3 + ["cannot_judge"] * 2]
    [card] = made([*bad, *({"said": said} for said in ["violates"] * 2 + ["complies"] * 98)])
    assert (card.found, card.n_violate, card.false, card.n_comply) == (45, 50, 2, 100)
    assert card.recall is not None
    assert card.alarms is not None
    assert [round(x, 2) for x in (card.recall.value, card.recall.low)] == [0.9, 0.78], (
        "45 of 50 show so much and no more"
    )
    assert (card.alarms.value, round(card.alarms.high, 2)) == (0.02, 0.07)
    assert not card.weighted
    assert card.agreement.kappa is not None


def test_each_answer_weighs_as_many_as_it_stands_for() -> None:
    """Half of the labels are of what the judge flags, which is a tenth of the answers: unweighed it would seem to miss next to nothing."""
    flagged = [{"label": "violates", "said": "violates", "probability": 1.0}] * 50
    missed = [{"label": "violates", "said": "complies", "probability": 0.1}] * 5
    [card] = made([*flagged, *missed, *[{"probability": 0.1}] * 45])
    assert card.recall is not None
    assert card.recall.value == pytest.approx(50 / 100)
    assert card.recall.high - card.recall.low > 0.25, "five answers stand for half of all violations"
    assert card.weighted


def test_answers_of_one_user_count_as_one_look() -> None:
    bad = [{"label": "violates", "said": "violates"}] * 40
    [many], [one] = made(bad), made([pair | {"unit": "same"} for pair in bad])
    assert many.recall is not None
    assert one.recall is not None
    assert many.recall.low > 0.9
    assert one.recall.low < 0.1


def test_labels_that_chose_a_judge_or_that_somebody_chose_certify_nobody() -> None:
    [card] = made([{"unseen": False}] * 3 + [{"probability": None}] * 2 + [{"probability": 0.0}])
    assert (card.seen, card.chosen, card.n_comply, card.newest) == (3, 3, 0, None)
    assert (card.recall, card.alarms, card.curve) == (None, None, ())


def test_its_beliefs_are_held_against_people_bin_by_bin() -> None:
    sure = [{"belief": 0.97, "said": "violates", "label": "violates" if n % 4 else "complies"} for n in range(40)]
    [card] = made([*sure, *[{"belief": 0.03}] * 30, *[{"belief": 1.0, "label": "violates", "said": "violates"}], {}])
    assert [(one.low, one.n) for one in card.curve] == [(0.0, 30), (0.8, 41)]
    assert card.curve[1].violates == pytest.approx(31 / 41)
    assert card.curve[1].belief == pytest.approx((40 * 0.97 + 1) / 41)


words = st.fixed_dictionaries(
    {
        "said": st.sampled_from(["violates", "complies", "borderline", "cannot_judge"]),
        "label": st.sampled_from(["violates", "complies"]),
        "language": st.sampled_from([None, "", "de", "ja"]),
        "belief": st.none() | st.floats(0, 1),
        "probability": st.none() | st.floats(1e-6, 1),
        "unseen": st.booleans(),
        "unit": st.sampled_from(["a", "b", "c"]),
        "version": st.sampled_from(["v1", "v2"]),
        "judged_at": st.sampled_from([AT, AT + timedelta(days=2)]),
    }
)


@given(st.lists(words, max_size=60), st.sampled_from([None, AT, AT + timedelta(days=1)]))
def test_whatever_was_said_a_card_holds_true_shares_and_loses_no_label(
    pairs: list[dict[str, Any]], changed_at: datetime | None
) -> None:
    found = made(pairs, changed_at)
    assert sum(one.n_violate + one.n_comply + one.chosen + one.seen + one.before for one in found) == len(pairs)
    assert len({one.key for one in found}) == len(found)
    for one in found:
        for often, n in ((one.recall, one.n_violate), (one.alarms, one.n_comply)):
            assert (often is None) == (n == 0)
            assert often is None or 0 <= often.low <= often.value + 1e-12 <= often.high + 2e-12 <= 1 + 3e-12
        assert all(BINS[0] <= bin_.violates <= 1 for bin_ in one.curve)
        assert sum(bin_.n for bin_ in one.curve) <= one.n_violate + one.n_comply
        assert one.agreement.pairs == one.n_violate + one.n_comply
        assert one.agreement.pairs >= 30 or one.agreement.kappa is one.agreement.ac1 is None
        json.dumps(one.told())
        assert bool(shut(Decision(min_recall=0.9), one)) == (one.recall is None or one.recall.low < 0.9)


@pytest.mark.parametrize("houses", [40, pytest.param(2_000, marks=pytest.mark.statistics)])
def test_the_lower_bound_holds_under_a_panel_that_looks_at_flags_more_often(houses: int) -> None:
    """Recall .8; of 60 labels half are of what the judge flags: the bound lies above the truth in few houses, not in many."""
    above = 0
    for seed in range(houses):
        rng = np.random.default_rng(seed)
        bad = rng.random(2_000) < 0.3
        said = np.where(bad, rng.random(2_000) < 0.8, rng.random(2_000) < 0.1)
        p = np.where(said, 60 / said.sum(), 60 / (~said).sum())
        drawn = rng.random(2_000) < p
        word = np.where(said, "violates", "complies")[drawn].tolist()
        label = np.where(bad, "violates", "complies")[drawn].tolist()
        [card] = made(
            [{"said": s, "label": t, "probability": float(q)} for s, t, q in zip(word, label, p[drawn], strict=True)]
        )
        above += card.recall is not None and card.recall.low > 0.8
    print(f"\n{houses} houses: the lower bound of recall lies above the true .8 in {above}")
    assert above <= 0.035 * houses + 1


def test_labels_on_what_a_judge_said_before_it_changed_certify_nobody() -> None:
    changed = AT + timedelta(days=1)
    old, new = {"label": "violates", "said": "violates"}, {"judged_at": changed, "began": AT}
    [card] = made([old] * 50 + [new] * 4, changed)
    assert (card.before, card.recall, card.n_comply, card.changed_at) == (50, None, 4, changed)
    assert shut(Decision(min_recall=0.5), card) == (
        "it changed under its name by 2026-11-02 00:00 UTC, so that labels on what it said before do not count, and since then "
        "people have found no violation yet on which it could show that it finds 50 %"
    )
    [later_version] = made([{"began": changed, "judged_at": changed, "label": "violates", "said": "violates"}], changed)
    assert (later_version.n_violate, later_version.changed_at) == (1, None), "it began after the change"


OFTEN = Often(0.95, 0.91, 0.97)
GOOD = Card(RULE, "small", "v1", "", recall=OFTEN, n_violate=200, alarms=Often(0.01, 0.0, 0.03), n_comply=200)


def test_a_gate_asks_for_the_sure_side() -> None:
    assert shut(Decision(min_recall=0.9, max_false_alarm=0.05), GOOD) == ""
    assert shut(Decision(), None) == ""
    assert shut(Decision(min_recall=0.93), GOOD) == (
        "people's labels show that it finds at least 91.0 % of violations, and 93 % is asked"
    )
    assert shut(Decision(max_false_alarm=0.02), GOOD) == (
        "by people's labels it may blame up to 3.0 % of good answers, and at most 2 % is allowed"
    )
    assert "no violation yet" in shut(Decision(min_recall=0.9), None)
    assert "no good answer yet" in shut(Decision(max_false_alarm=0.1), None)


def label(agent: Agent, bad: Sequence[str], p: float | None = 1.0) -> None:
    """A person says of each answer that a judge was asked about whether it is bad; it was drawn with this probability."""
    known = rows(agent, f"SELECT DISTINCT unit_id, time FROM grades WHERE rule_id = '{RULE}' AND standing = 3")
    [policy] = [one for one in agent.policies if one.id == "padding"]
    about = {"policy": policy.id, "policy_version": policy.version, "policy_hash": policy.hash, "rule_id": RULE}
    said = {"person": "ana", "adjudicated": False, "at": naive_utc(agent.clock.now()), "inclusion_probability": p}
    told = [
        {**about, **said, **row, "verdict": "violates" if row["unit_id"] in bad else "complies", "plan": "review"}
        for row in known
    ]
    with agent.store.transaction() as txn:
        verdicts.add_labels(txn, told)


def padded(agent: Agent) -> list[str]:
    found = rows(agent, "SELECT trace_id FROM turns WHERE output_text LIKE '%general remark%'")
    return [row["trace_id"] for row in found]


def test_below_its_gate_a_judge_only_proposes_and_people_open_it(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED) as agent:
        assert judge_waiting(agent) == 24
        agent.cycle()
        assert standing(agent) == {"not_graded": 24}
        said = rows(
            agent,
            f"SELECT proposed, any_value(reason) AS reason, count(*) AS n FROM grades WHERE rule_id = '{RULE}' AND standing = 3 GROUP BY 1 ORDER BY 1",
        )
        assert [(row["proposed"], row["n"]) for row in said] == [("complies", 12), ("violates", 12)]
        assert said[1]["reason"].startswith("only proposed by the judge small: it breaks the rule (small says")
        assert "people have found no violation yet" in said[1]["reason"]
        rates = rows(agent, f"SELECT value FROM estimates WHERE rule_id = '{RULE}' AND segment = 'all'")
        assert rates == [{"value": None}]
        assert rows(agent, "SELECT * FROM alerts WHERE title LIKE '%padding%'") == []
        assert judge_waiting(agent) == 0, "what was proposed is not asked again"
        [blank] = cards_of(agent, Actor("ana"))
        assert (blank["decides"], blank["n_violate"], blank["current"]) == (False, 0, True)

        later(agent, 60)
        label(agent, padded(agent))
        [card] = cards_of(agent, Actor("ana"))
        assert (card["found"], card["n_violate"], card["false"], card["n_comply"]) == (12, 12, 0, 12)
        assert card["decides"]
        agent.cycle()
        rates = rows(agent, f"SELECT value, method FROM estimates WHERE rule_id = '{RULE}' AND segment = 'all'")
        assert [(row["value"], "human labels" in row["method"]) for row in rates] == [(0.5, True)], "people alone count"

        more(agent, [PADDED] * 3 + [PLAIN] * 3, "b")
        assert judge_waiting(agent) == 6
        new = rows(
            agent,
            f"SELECT verdict, proposed FROM grades WHERE rule_id = '{RULE}' AND standing = 3 AND unit_id NOT IN (SELECT unit_id FROM grades WHERE grader = 'human:ana')",
        )
        assert sorted(row["verdict"] for row in new) == ["complies"] * 3 + ["violates"] * 3
        assert {row["proposed"] for row in new} == {None}
        agent.cycle()
        assert rows(agent, "SELECT title FROM alerts WHERE title LIKE '%padding%'"), (
            "now that it decides, a case is told"
        )


def test_another_model_begins_with_no_labels_even_on_the_same_answers(stub: JudgeStub, tmp_path: Path) -> None:
    """Labels may have been what the new one was chosen by, so they do not certify it, and its gate is shut."""
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED) as agent:
        judge_waiting(agent)
        later(agent, 60)
        label(agent, padded(agent))
        assert [card["decides"] for card in cards_of(agent, Actor("ana"))] == [True]
        asked = agent.judges.judges["small"]
        asked.settings = replace(asked.settings, model="stub-2")
        with agent.store.transaction() as txn:  # all of it is asked of the new model, as after a backfill
            txn.execute(
                "UPDATE base.grades SET graded_at = graded_at + INTERVAL 2 MINUTE WHERE reason LIKE 'waits for%'"
            )
        later(agent, 700)
        assert judge_waiting(agent) == 24
        later(agent, 60)
        new, old = cards_of(agent, Actor("ana"))
        assert (new["current"], new["decides"], new["seen"], new["n_violate"]) == (True, False, 24, 0)
        assert (old["current"], old["n_violate"]) == (False, 12)
        said = rows(agent, "SELECT count(*) AS n FROM grades WHERE proposed IS NOT NULL")
        assert said == [{"n": 48}]


def test_a_version_that_judged_and_has_no_label_yet_is_the_current_one_and_decides_nothing(
    stub: JudgeStub, tmp_path: Path
) -> None:
    """As in life: the new model judges new answers, which nobody has labelled."""
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED) as agent:
        judge_waiting(agent)
        later(agent, 60)
        label(agent, padded(agent))
        assert [card["decides"] for card in cards_of(agent, Actor("ana"))] == [True]
        asked = agent.judges.judges["small"]
        asked.settings = replace(asked.settings, model="stub-2")
        later(agent, 700)
        more(agent, [PADDED] * 2, "b")
        assert judge_waiting(agent) == 2
        later(agent, 60)
        new, old = cards_of(agent, Actor("ana"))
        assert (new["current"], new["decides"], new["n_violate"]) == (True, False, 0)
        assert (old["current"], old["n_violate"]) == (False, 12)


def test_each_language_has_a_card_of_its_own(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED) as agent:
        judge_waiting(agent)
        later(agent, 60)
        label(agent, padded(agent))
        with agent.store.transaction() as txn:
            txn.execute("UPDATE base.turns SET language = 'de' WHERE trace_id = ?", [padded(agent)[0]])
        assert {(card["language"], card["decides"]) for card in cards_of(agent, Actor("ana"))} == {
            ("", True),
            ("de", False),
        }
        later(agent, 700)
        spooled(agent.places.spool, ({**turn, "language": "de"} for turn in turns([PADDED], agent.clock.now(), "g")))
        agent.settle()
        agent.cycle()
        judge_waiting(agent)
        [said] = rows(
            agent,
            "SELECT g.proposed FROM grades g JOIN turns t ON t.trace_id = g.unit_id WHERE t.language = 'de' AND g.standing = 3 ORDER BY g.graded_at DESC LIMIT 1",
        )
        assert said["proposed"] == "violates", "one German answer shows nothing"


def test_a_card_is_read_once_a_minute_by_the_gate_and_whoever_looks(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED) as agent:
        judge_waiting(agent)
        label(agent, padded(agent))
        later(agent, 59)
        assert [card["n_violate"] for card in cards_of(agent, Actor("ana"))] == [0], "as the gate read it"
        later(agent, 1)
        assert [card["n_violate"] for card in cards_of(agent, Actor("ana"))] == [12]


def test_who_may_not_see_an_application_is_told_no_number_of_it(stub: JudgeStub, tmp_path: Path) -> None:
    of_shop = GUARDED.replace("rules:", "scope: {apps: [shop]}\nrules:")
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED) as agent:
        judge_waiting(agent)
        label(agent, padded(agent)[:6])
        later(agent, 60)
        [whole] = cards_of(agent, Actor("ana", apps=frozenset({"shop", "bank"})))
        assert (whole["n_violate"], whole["veiled"]) == (6, False)
        [other] = cards_of(agent, Actor("ben", apps=frozenset({"bank"})))
        assert (other["version"], other["last_at"], other["n_comply"]) == ("", None, 0), "as if it had judged nothing"
        spooled(agent.places.spool, ({**turn, "app": "bank"} for turn in turns([PLAIN], agent.clock.now(), "k")))
        agent.settle()
        with agent.store.transaction() as txn:
            txn.execute("UPDATE base.turns SET app = 'bank' WHERE trace_id = ?", [padded(agent)[0]])
        later(agent, 60)
        [part] = cards_of(agent, Actor("ben", apps=frozenset({"bank"})))
        told = json.dumps([part["recall"], part["alarms"], part["curve"], part["newest"], part["why"]])
        assert (part["veiled"], part["n_violate"], part["agreement"]["pairs"]) == (True, 0, 0)
        assert not any(sign.isdigit() for sign in told), "neither a rate nor a count"
        (tmp_path / "policies" / "policy.yaml").write_text(of_shop)
        agent.policies = load_policies(tmp_path / "policies")
        assert cards_of(agent, Actor("ben", apps=frozenset({"bank"}))) == []


def test_who_sees_one_application_is_told_of_a_judge_that_works_there_with_no_label(
    stub: JudgeStub, tmp_path: Path
) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 3, GUARDED) as agent:
        judge_waiting(agent)
        bank = padded(agent)[0]
        spooled(agent.places.spool, ({**turn, "app": "bank"} for turn in turns([PLAIN], agent.clock.now(), "k")))
        agent.settle()
        with agent.store.transaction() as txn:
            txn.execute("UPDATE base.turns SET app = 'bank' WHERE trace_id = ?", [bank])
        later(agent, 60)
        ben, ana = (Actor(name, apps=frozenset({app})) for name, app in (("ben", "bank"), ("ana", "shop")))
        assert not any(card["veiled"] for who in (ben, ana) for card in cards_of(agent, who)), (
            "no label, nothing to veil"
        )
        label(agent, padded(agent)[1:])
        with agent.store.transaction() as txn:
            txn.execute("DELETE FROM base.grades WHERE unit_id = ? AND starts_with(grader, 'human')", [bank])
        later(agent, 60)
        [told] = cards_of(agent, ben)
        assert (told["version"] != "", told["veiled"], told["n_violate"]) == (True, True, 0), (
            "it works there, unlabelled"
        )


def test_labels_of_picks_show_nothing(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED) as agent:
        judge_waiting(agent)
        later(agent, 60)
        label(agent, padded(agent), p=None)
        [card] = cards_of(agent, Actor("ana"))
        assert (card["decides"], card["chosen"], card["n_violate"]) == (False, 24, 0)


def test_the_next_review_looks_at_what_was_proposed(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 2 + [PLAIN] * 4, GUARDED) as agent:
        judge_waiting(agent)
        now = naive_utc(agent.clock.now())
        units = review_units(agent.store, Stretch(now - timedelta(days=1), now, 10_000, now), [], [])
        bad = units.filter(pl.col("unit_id").is_in(padded(agent)))
        assert set(bad["band"]) == {"flagged"}
        assert bad["disputed"].all()
        rest = units.filter(~pl.col("unit_id").is_in(padded(agent)))
        assert set(rest["band"]) == {"not flagged"}
        assert not rest["disputed"].any()


def test_a_gate_that_shuts_is_no_silent_death(stub: JudgeStub, tmp_path: Path) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 15 + [PLAIN] * 15, POLICY) as agent:
        judge_waiting(agent)
        agent.cycle()
        (tmp_path / "policies" / "policy.yaml").write_text(GUARDED)
        agent.policies = load_policies(tmp_path / "policies")
        more(agent, [PLAIN] * 25, "b")
        judge_waiting(agent)
        [silent] = [
            one for one in silences(agent.store, agent.policies, agent.clock.now()) if "No padding" in one.rules
        ]
        assert silent.cause.startswith("its judge may only propose, since the labels of people do not show yet")
        assert silent.answers == 25


def test_the_api_and_the_command_tell_cards(
    stub: JudgeStub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_house(tmp_path, {"small": judge(stub)}, [PADDED] * 12 + [PLAIN] * 12, GUARDED) as agent:
        judge_waiting(agent)
        later(agent, 60)
        label(agent, padded(agent))
        told = cards_of(agent, Actor("ana"))
    config = tmp_path / "plumbline.yaml"
    config.write_text(
        "policies: policies\njudges: {small: {transport: openai, url: 'http://127.0.0.1:9/v1', model: stub-1}}\njudge_texts: {apps: [shop]}\n"
    )
    ask = partial(command.run, config=config, data_dir=tmp_path / "data")
    assert ask(form=Form.JSON) == 0
    [card] = json.loads(capsys.readouterr().out)
    assert (card["rule"], card["judge"], card["n_violate"], card["recall"]) == (
        RULE, "small", 12, pytest.approx(told[0]["recall"]))  # fmt: skip
    assert ask(rule=RULE) == 0
    assert "100% (7" in capsys.readouterr().out
    assert ask(rule="OTHER-1") == 0
    assert "no rule in force" in capsys.readouterr().err


def test_a_demand_that_no_label_can_show_is_refused_with_its_line(tmp_path: Path) -> None:
    for wrong in ("min_recall: 1.0", "max_false_alarm: 5", "min_recall: 0"):
        (tmp_path / "policy.yaml").write_text(GUARDED.replace(DEMANDS, f"decision: {{{wrong}}}"))
        with pytest.raises(ConfigError, match="is not between 0 and 1"):
            load_policies(tmp_path)


def test_a_demand_says_in_check_what_it_does(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(GUARDED)
    (policy,) = load_policies(tmp_path)
    connected = [one.warning for one in waiting(policy, GUARDED, ["small"])]
    assert any("min_recall 0.5 lets the judge decide once the labels of people show it" in one for one in connected)
    assert any("min_recall 0.5 waits for judges" in one.warning for one in waiting(policy, GUARDED))
