"""Which words came and went: only what many users were told, as plain text, from the store to the sentence of the finding."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config.schema import DriftSettings, Settings
from monitor.cycle import STEPS, run_cycle
from monitor.drift.finding_sentences import HOW, sentence_of
from monitor.drift.words import MANY, with_words
from monitor.steps import House
from tests.drift.test_served import FINDING
from tests.drift.test_wording import answers
from tests.store.rows import START, Home, a_call, frame, texts

TOLD = replace(FINDING, reason=f"Answers are worded otherwise{HOW}e-value 2e+06")
EVERY_S = 600
PLAIN = [(f"u{n}", "your order is on its way") for n in range(100)]


def said(text: str, users: int) -> list[tuple[str, str]]:
    """Answers of which so many users were told `text`."""
    return [
        (f"u{n}", f"{text} your order is on its way" if n < users else "your order is on its way") for n in range(100)
    ]


def test_words_that_came_and_went_stand_behind_the_sentence_which_messages_tell_alone() -> None:
    found = with_words(TOLD, said("certainly", 60), said("unfortunately", 60))
    assert found.reason.partition(HOW)[2] == "more often “unfortunately”; less often “certainly”; e-value 2e+06"
    assert sentence_of(found.reason) == "Answers are worded otherwise"


@pytest.mark.parametrize(("users", "named"), [(MANY - 1, False), (3 * MANY, True)])
def test_a_word_that_few_users_were_told_is_not_named(users: int, *, named: bool) -> None:
    assert ("“mallory”" in with_words(TOLD, PLAIN, said("mallory", users)).reason) is named


def test_one_user_who_is_told_a_word_a_hundred_times_is_one() -> None:
    assert with_words(TOLD, PLAIN, [*PLAIN, *[("u1", f"mallory {n}") for n in range(500)]]) == TOLD


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script> [x](https://evil.example) 4711\n# ", "\x1bmallory \u202emallory"]
)
def test_hostile_texts_are_words_without_signs_or_numbers(hostile: str) -> None:
    reason = with_words(TOLD, PLAIN, said(hostile, 80)).reason
    assert "more often" in reason
    assert not any(sign in reason for sign in ("<script>", "](", "://", "\x1b", "\u202e", "\n", "4711"))


def test_nothing_is_named_where_nothing_is_known() -> None:
    assert with_words(TOLD, [], PLAIN) == with_words(TOLD, PLAIN, []) == TOLD


def test_the_cycle_tells_a_change_of_wording_with_its_words(tmp_path: Path) -> None:
    """From spans to the finding: answers keep their length, and no other stream moves."""
    found = wording_found(tmp_path, known=True)
    assert found["metric"] == "text:answers"
    assert "more often “" in found["reason"].partition(HOW)[2]
    assert any(f"“{word}" in found["reason"] for word in ("kind", "lyit", "seems"))
    began = (START + timedelta(seconds=EVERY_S * 900)).replace(tzinfo=None)
    assert found["since_low"] <= began <= found["since_high"]


def test_words_told_to_nobody_known_are_not_named(tmp_path: Path) -> None:
    """Ten sessions may be one person."""
    found = wording_found(tmp_path, known=False)
    assert found["metric"] == "text:answers"
    assert "“" not in found["reason"]


def wording_found(folder: Path, *, known: bool) -> dict[str, Any]:
    """The finding of a house in which one application begins to answer in other words."""
    home = Home(folder)
    house = House(home.store, Settings(drift=DriftSettings(timezone="none")), [], home.clock, None)
    spoken = [*answers(1, 900), *answers(2, 300, polite=0.7)]
    for start in range(0, len(spoken), 300):
        ids = [(f"{n + 1:016x}", n) for n in range(start, start + 300)]
        spans = [a_call(id_, at=EVERY_S * n, trace_id=id_ * 2, user_id=f"u{n}" if known else None) for id_, n in ids]
        said_ = [texts(id_, saw=spoken[n], at=EVERY_S * n, trace_id=id_ * 2) for id_, n in ids]
        home.clock.move_to(START + timedelta(seconds=EVERY_S * (start + 301)))
        home.take(frame(spans=spans, content=said_))
        home.finish()
        run_cycle(house, [step for step in STEPS if step.name in {"sample", "grade", "drift"}])
    [found] = home.rows("SELECT metric, reason, since_low, since_high FROM base.findings")
    home.store.close()
    return found
