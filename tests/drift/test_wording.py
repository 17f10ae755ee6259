"""How answers are worded: a stream of its own that finds other words at the same length, and is quiet where words are the same."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from monitor.config.schema import DriftSettings
from monitor.drift.finding_sentences import HOW
from monitor.drift.kinds import TEXT
from monitor.drift.ngrams import PLACES, hashed
from monitor.drift.wording_state import HALF, OWN, Wording, read_wording
from tests.drift.traffic import START, STEP, Watch, at, turns

ANSWERS = f"{TEXT}answers"
QUIET = DriftSettings(timezone="none")
WORDS = np.array([f"{a}{b}" for a in ("bel", "kor", "tun", "sal", "mir", "dap") for b in ("a", "en", "is", "o", "ut")])


def answers(seed: int, n: int, polite: float = 0.0) -> list[str]:
    """Answers of twelve words; of a share `polite` the first three are replaced by three others, of the same length."""
    rng = np.random.default_rng(seed)
    said = WORDS[(rng.random((n, 12)) ** 2 * len(WORDS)).astype(int)].astype("U8")
    said[rng.random(n) < polite, :3] = ["kind", "lyit", "seems"]
    return [" ".join(words) for words in said.tolist()]


def worded(*parts: tuple[int, float], seed: int = 1) -> pl.DataFrame:
    said = [text for i, (n, polite) in enumerate(parts) for text in answers(100 * seed + i, n, polite)]
    return turns({ANSWERS: said})


@pytest.mark.parametrize("batch", [50, 100_000])
def test_other_words_are_found_with_their_start(batch: int) -> None:
    watch = Watch(QUIET)
    watch.feed(worded((1500, 0.0), (500, 0.6)), batch)
    [found] = watch.findings
    assert (found.metric, found.app, found.segment) == (ANSWERS, "support", "all")
    assert found.since_low <= at(1500) <= found.since_high
    assert found.current_value > found.reference_value + 0.3
    sentence, _, evidence = found.reason.partition(HOW)
    assert sentence.startswith("Answers in support are worded otherwise since ")
    assert "e-value" in evidence
    assert len(found.examples) == 3


@pytest.mark.parametrize("seed", range(5))
def test_the_same_words_raise_nothing(seed: int) -> None:
    watch = Watch(QUIET)
    watch.feed(worded((4000, 0.3), seed=seed), 500)
    assert watch.findings == []


def test_a_batch_more_or_less_makes_no_difference() -> None:
    rows = worded((900, 0.0))
    one, many = Watch(QUIET), Watch(QUIET)
    one.feed(rows)
    many.feed(rows, 7)
    [key] = [key for key in one.states if ANSWERS in key]
    first, second = (read_wording(watch.states[key]) for watch in (one, many))
    assert first.counts == second.counts
    assert (first.halves() == second.halves()).all()
    assert first.scored == second.scored > 300
    np.testing.assert_allclose(first.learner().lead, second.learner().lead, atol=1e-5)
    np.testing.assert_allclose(first.evidence, second.evidence, rtol=0.1)  # packed to single precision between batches


def test_a_change_that_goes_back_returns_and_one_that_stays_does_not() -> None:
    back, stays = Watch(QUIET), Watch(QUIET)
    back.feed(worded((1500, 0.0), (400, 0.6), (600, 0.0)), 100)
    stays.feed(worded((1500, 0.0), (1400, 0.6)), 100)
    assert back.returned == [back.findings[0].id]
    assert (len(stays.findings), stays.returned) == (1, [])


def test_an_accepted_change_is_the_reference_of_the_next() -> None:
    watch = Watch(QUIET)
    watch.feed(worded((1500, 0.0), (300, 0.6)), 100)
    watch.accepted = [watch.findings[0].id]
    later = worded((1500, 0.0), (300, 0.6), (1500, 0.6), (400, 0.0))
    watch.feed(later[1800:], 100)
    assert len(watch.findings) == 2
    assert watch.returned == []


def test_weekends_with_words_of_their_own_raise_nothing_and_a_change_is_found_all_the_same() -> None:
    rows = turns({ANSWERS: answers(5, 3 * 7 * 288)})
    weekend = rows["time"].dt.weekday() >= 6
    rows = rows.with_columns(
        pl.when(weekend).then(pl.Series(answers(6, rows.height, 0.6))).otherwise(pl.col(ANSWERS)).alias(ANSWERS)
    )
    watch = Watch(DriftSettings())
    watch.feed(rows, 576)
    assert watch.findings == []
    changed = turns({ANSWERS: answers(7, 600, 0.6)}, start=rows.height)
    watch.feed(changed, 576)
    assert [found.metric for found in watch.findings] == [ANSWERS]


def test_a_state_is_small_and_holds_no_word() -> None:
    watch = Watch(QUIET)
    watch.feed(worded((1500, 0.0), (500, 0.6)))
    [state] = [state for key, state in watch.states.items() if ANSWERS in key]
    assert len(state) < 40_000
    assert not any(word in state for word in ("kind", "lyit", "seems"))


def test_one_user_is_one_voice_an_hour() -> None:
    """Two hundred answers of one user within an hour are one, and no change of anybody else's."""
    rows = worded((1500, 0.0), (200, 1.0)).with_columns(user_id=pl.col("unit_id"))
    many = rows.with_columns(
        user_id=pl.when(pl.int_range(rows.height) >= 1500).then(pl.lit("u")).otherwise("user_id"),
        time=pl.when(pl.int_range(rows.height) >= 1500)
        .then(pl.lit(START + 1500 * STEP) + pl.duration(seconds=pl.int_range(rows.height) - 1500))
        .otherwise("time"),
    )
    watch = Watch(QUIET)
    watch.feed(many.with_columns(pl.col("time").cast(pl.Datetime("us"))), 100)
    assert watch.findings == []


def test_hashed_texts_say_equally_much_whatever_their_length() -> None:
    rows = hashed(["", "a", " ".join(WORDS), "the same <b>again</b> " * 300])
    assert rows.shape == (4, PLACES)
    sizes = np.square(rows).sum(axis=1)
    assert sizes[0] == 0
    assert np.allclose(sizes[1:], 1.0, atol=0.15)


def test_numbers_of_nobody_are_words() -> None:
    assert (hashed(["call 4711 now"]) == hashed(["call 815 now"])).all()


def test_an_ignored_stream_of_texts_is_none() -> None:
    watch = Watch(DriftSettings(ignore=(ANSWERS,)))
    watch.feed(worded((300, 0.0)))
    assert not any(ANSWERS in key for key in watch.states)


def test_a_part_of_the_week_that_comes_after_the_reference_is_full_gets_one_of_its_own() -> None:
    state = Wording(counts=[[0, HALF, 0, 0], [0, HALF, 0, 0]])
    assert not state.takes(0, 1)
    assert state.takes(0, 2)
    state.counts[0][2] = state.counts[1][2] = OWN
    assert not state.takes(0, 2)
    assert state.watched_against(2)
