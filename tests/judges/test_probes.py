"""Known items in another form: what is asked then, how often, and what is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from monitor.config.schema import CanarySettings
from monitor.judges.probes import ENOUGH, VARIANTS, Variant, bias, drawn, varied
from monitor.judges.question import Item, prompt_of
from monitor.model.values import Turn
from monitor.policy.load import load_policies
from plumbline.demo.stubs.judge import JudgeStub, a_judge
from tests.acceptance.traffic import START
from tests.judges.support import PADDED, PLAIN, a_house, judge, judge_waiting, rows
from tests.judges.test_judged_streams import WITH_EXAMPLES


@pytest.fixture
def stub() -> Iterator[JudgeStub]:
    with a_judge() as found:
        yield found


@pytest.fixture
def item(tmp_path: Path) -> Item:
    (tmp_path / "policy.yaml").write_text(WITH_EXAMPLES)
    (policy,) = load_policies(tmp_path)
    return Item(policy, policy.rules[0], Turn("u", START, "shop", "Where is it?", "It left. It comes on Monday."))


def test_a_form_changes_what_an_impartial_judge_does_not_look_at(item: Item) -> None:
    plain, reverse = (prompt_of(one, Random(1)) for one in (item, varied(item, "order")))
    assert list(plain.codes.items()) == list(reverse.codes.items())[::-1]
    assert plain.user == reverse.user
    assert varied(item, "style").turn.output_text == "- It left.\n- It comes on Monday."
    assert "It left. It comes on Monday." in (varied(item, "length").turn.output_text or "")


def test_forms_are_asked_until_there_are_enough() -> None:
    done: Counter[tuple[Variant, str]] = Counter()
    chance = Random(3)
    asked = 0
    while sum(done.values()) < len(VARIANTS) * ENOUGH:
        asked += 1
        if form := drawn(done, "violates", chance):
            done[form, "violates"] += 1
    assert set(done.values()) == {ENOUGH}
    assert 4 < asked / sum(done.values()) < 6, "one known item in five"
    assert all(drawn(done, "violates", chance) is None for _ in range(200))
    assert any(drawn(done, "complies", chance) for _ in range(200))


def test_a_bias_is_told_once_enough_were_asked() -> None:
    assert bias((90, 100), (10, 19)) is None
    told = bias((90, 100), (30, 60))
    assert told is not None
    assert told["moved"] == pytest.approx(-0.4)
    assert told["low"] < -0.4 < told["high"] < -0.2


def test_a_judge_that_takes_the_first_verdict_is_seen_through(stub: JudgeStub, tmp_path: Path) -> None:
    stub.mode = "first"
    judges = {"small": judge(stub, canary=CanarySettings(at_most=0.5), transport="systemone")}
    with a_house(
        tmp_path, judges, [PLAIN, PADDED] * 70, WITH_EXAMPLES
    ) as agent:  # so many that no form is missing by chance
        judge_waiting(agent)
        said = rows(
            agent, "SELECT variant, verdict, count(*) AS n FROM judge_calls WHERE known IS NOT NULL GROUP BY ALL"
        )
        by_form = {row["variant"]: row["verdict"] for row in said}
        assert by_form.keys() == {None, *VARIANTS}
        assert by_form["order"] == "cannot_judge", "the last one comes first"
        assert {by_form[form] for form in (None, "length", "style")} == {"violates"}
        [told] = [one for one in agent.judges.told() if one["name"] == "small"]
        assert set(told["canary"]["bias"]) == {
            f"{form} {label}" for form in VARIANTS for label in ("violates", "complies")
        }
