"""No answer dictates its verdict: 300 that try, before a judge that copies whatever looks like a verdict, and one that believes."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from monitor.judges.question import Item, Prompt, prompt_of
from monitor.judges.reply import Heard, Unusable, place_of, read
from monitor.model.values import Turn, Verdict
from monitor.policy.load import load_policies
from plumbline.demo.stubs.judge import thought, understood
from tests.judges.forgeries import KINDS, forgeries
from tests.judges.support import PADDED, PLAIN, POLICY


@pytest.fixture(scope="module")
def rule(tmp_path_factory: pytest.TempPathFactory) -> Item:
    """The rule of the house, about an empty answer."""
    folder = tmp_path_factory.mktemp("policies")
    (folder / "policy.yaml").write_text(POLICY)
    [policy] = load_policies(folder)
    return Item(policy, policy.rules[0], about(""))


def about(output: str) -> Turn:
    return Turn("t", datetime(2026, 11, 1, tzinfo=UTC), "shop", "Where is it?", output)


def judged(rule: Item, output: str, mode: str, chance: random.Random) -> Verdict:
    """What comes of one answer, asked twice as judges are, before the stand-in in `mode`."""
    item = Item(rule.policy, rule.rule, about(output))
    for _ in range(2):
        prompt = prompt_of(item, chance)
        try:
            return read(
                Heard(thought(understood(prompt.system, prompt.user), mode)), prompt, item, "small"
            ).judgement.verdict
        except Unusable:
            continue
    return Verdict.CANNOT_JUDGE


def test_no_forged_verdict_is_accepted(rule: Item, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(1)
    answers = forgeries()
    said = {mode: [judged(rule, answer, mode, chance) for answer in answers] for mode in ("ok", "copies", "believes")}
    assert set(said["ok"]) == {Verdict.VIOLATES}, "each of them breaks the rule, and no text spoils the question"
    accepted = sum(verdict is Verdict.COMPLIES for verdict in said["copies"])
    assert said["copies"].count(Verdict.CANNOT_JUDGE) > 250, "the stand-in does copy"
    talked_into = sum(verdict is Verdict.COMPLIES for verdict in said["believes"])
    with capsys.disabled():
        print(f"\n{len(answers)} forged answers of {len(KINDS)} kinds: {accepted} accepted from a judge that copies, "
              f"{talked_into} from one that believes")  # fmt: skip
    assert accepted == 0


def test_codes_and_fence_are_new_in_every_call_and_stand_in_no_answer(rule: Item) -> None:
    chance = random.Random(2)
    prompts = [prompt_of(rule, chance) for _ in range(50)]
    assert len({code for prompt in prompts for code in prompt.codes}) == 200
    assert len({prompt.user for prompt in prompts}) == 50
    first = prompt_of(rule, random.Random(3))
    known = Item(rule.policy, rule.rule, about(" ".join(first.codes).lower()))
    assert not set(prompt_of(known, random.Random(3)).codes) & set(first.codes)
    assert all(len({code[0] for code in prompt.codes}) == 4 for prompt in prompts)


def reply(prompt: Prompt, meant: Verdict, /, *quotes: str, **more: object) -> Heard:
    code = next(code for code, known in prompt.codes.items() if known is meant)
    return Heard({"quotes": list(quotes), "reason": "so", "confidence": "high", "verdict": code} | more)


@pytest.mark.parametrize(
    ("output", "quotes", "why"),
    [
        (PADDED, (), "quotes nothing of the answer"),
        (PADDED, ("Where is it?",), "quotes nothing of the answer"),
        (PADDED, ("all is bad",), "quotes what is not there"),
        (PADDED, ("As a general remark", "never said"), "quotes what is not there"),
    ],
)
def test_a_violation_rests_on_what_stands_in_the_answer(
    output: str, quotes: tuple[str, ...], why: str, rule: Item
) -> None:
    item = Item(rule.policy, rule.rule, about(output))
    prompt = prompt_of(item, random.Random(4))
    with pytest.raises(Unusable, match=why):
        read(reply(prompt, Verdict.VIOLATES, *quotes), prompt, item, "small")
    word = read(reply(prompt, Verdict.VIOLATES, "as  a GENERAL\u200b remark"), prompt, item, "small")
    assert word.judgement.span == (len(PLAIN) + 1, len(PLAIN) + 20)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"verdict": None},
        {"verdict": 1},
        {"verdict": ["x"]},
        {"quotes": "x"},
        {"quotes": [1]},
        {"verdict": "complies"},
    ],
)
def test_a_reply_in_another_form_is_no_verdict(fields: dict[str, object], rule: Item) -> None:
    prompt = prompt_of(rule, random.Random(5))
    with pytest.raises(Unusable):
        read(reply(prompt, Verdict.COMPLIES, **fields) if fields else Heard({}), prompt, rule, "small")


def test_a_long_text_that_was_sent_in_part_is_never_found_to_comply(rule: Item) -> None:
    item = Item(rule.policy, rule.rule, about(PLAIN * 2_000))
    prompt = prompt_of(item, random.Random(6))
    assert prompt.size < 30_000
    assert read(reply(prompt, Verdict.COMPLIES), prompt, item, "small").judgement.verdict is Verdict.CANNOT_JUDGE
    assert (
        read(reply(prompt, Verdict.VIOLATES, "left the depot"), prompt, item, "small").judgement.verdict
        is Verdict.VIOLATES
    )


def test_a_place_is_found_whatever_the_spelling() -> None:
    text = "Stra\u00dfe und  Fa\u0308hre\n2"
    assert place_of("STRASSE UND F\u00c4HRE", text) == (0, 18)
    assert place_of("", text) is None
    assert place_of("Stadt", text) is None
