"""What is cut out of a stretch is what is told of those turns alone."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model.values import Verdict
from monitor.replay.cut import cut
from monitor.rule_verdicts import Said
from monitor.verdict_columns import Told, told

START = datetime(2026, 3, 2)  # noqa: DTZ001 - the store keeps naive UTC
VERDICTS = [str(verdict) for verdict in Verdict]


def stretch(seed: int, turns: int) -> Told:
    """Verdicts of turns of two apps under three rules; some are labelled, some by lot, some contested."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(turns):
        one = {
            "unit_id": f"t{number}",
            "time": START + timedelta(minutes=number),
            "app": str(rng.choice(["shop", "bank"])),
            "user_id": None if rng.random() < 0.2 else f"u{rng.integers(5)}",
            "session_id": None,
            "inclusion_probability": float(rng.choice([1.0, 0.25])),
        }
        for rule in ("A", "B", "C"):
            labelled = rng.random() < 0.2
            rows.append(
                one
                | {
                    "rule_id": rule,
                    "verdict": None if rng.random() < 0.5 else str(rng.choice(VERDICTS)),
                    "belief": float(rng.random()) if rng.random() < 0.3 else None,
                    "label": str(rng.choice(VERDICTS)) if labelled else None,
                    "first_label": str(rng.choice(VERDICTS)) if labelled else None,
                    "label_probability": 0.5 if labelled and rng.random() < 0.5 else None,
                    "contested": bool(rng.random() < 0.05),
                    "stratum": str(rng.choice(["flagged", "clean"])) if rule == "C" and rng.random() < 0.3 else None,
                    "picked_probability": 0.5,
                }
            )
    return told(pl.DataFrame(rows, infer_schema_length=None))


def plain(said: Said) -> list[list[object]]:
    """Every array as a list, NaN as a word; clusters by who is equal to whom."""
    second = b"" if said.second is None else said.second.content
    arrays = (said.verdict, said.probability, said.label, said.first, said.label_probability, said.contested)
    return [
        *(part.tolist() for part in arrays),
        np.nan_to_num(said.belief, nan=-1).tolist(),
        said.cluster.tolist(),
        [second],
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 500), st.integers(1, 60), st.integers(-5, 60), st.integers(0, 70))
def test_a_cut_says_what_its_turns_say(seed: int, turns: int, first: int, length: int) -> None:
    whole = stretch(seed, turns)
    start, end = START + timedelta(minutes=first), START + timedelta(minutes=first + length)
    part, alone = cut(whole, start, end), whole.between(start, end)
    assert part.turns.equals(alone.turns)
    assert part.by_app.keys() == alone.by_app.keys()
    for app, words in alone.by_app.items():
        here = part.by_app[app]
        assert here.turns.equals(words.turns)
        assert {rule: plain(said) for rule, said in here.by_rule.items()} == {
            rule: plain(said) for rule, said in words.by_rule.items()
        }
        assert list(here.by_rule) == list(words.by_rule)
