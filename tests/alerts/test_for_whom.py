"""For whom a change is: turns, users and their share with its range, of what was looked at since it began."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from alerts.sentence import affected
from monitor.affected import Whom, last_violations, reached
from monitor.model.values import About
from monitor.verdict_columns import Told, told
from tests.alerts.test_sentence import a_change

BEGAN = datetime(2026, 3, 2, 9)  # noqa: DTZ001 - rows hold naive UTC


def a_day(of_rule: str = "R1") -> Told:
    """Forty answers to twenty users, half of them before it began; after it every second one breaks the rule, all of mobile."""
    rows = [
        {
            "unit_id": f"t{n}",
            "time": BEGAN + timedelta(minutes=n - 20),
            "app": "shop",
            "rule_id": of_rule,
            "verdict": "violates" if n >= 20 and n % 2 else "complies",
            "inclusion_probability": 1.0,
            "user_id": f"u{n // 2}",
            "session_id": None,
            "channel": "mobile" if n % 2 else "web",
        }
        for n in range(40)
    ]
    return told(pl.DataFrame(rows, schema_overrides={"session_id": pl.String}), ["channel"])


@pytest.mark.parametrize(
    ("metric", "segment", "seen", "turns", "users"),
    [
        ("rule:R1", "all", 20, 10, 10),
        ("rule:R1", "channel=mobile", 10, 10, 10),
        ("output_chars", "all", 20, 20, 10),
        ("output_chars", "channel=web", 20, 10, 10),
    ],
)
def test_a_change_reaches_those_who_got_such_an_answer_since(
    metric: str, segment: str, seen: int, turns: int, users: int
) -> None:
    whom = reached(a_day(), metric, "shop", segment, BEGAN)
    assert whom is not None
    assert (whom.seen, whom.turns, whom.users) == (seen, turns, users)
    if turns < seen:
        assert whom.share is not None
        assert whom.share[0] < turns / seen < whom.share[1]
    else:
        assert whom.share is None  # all of them is no estimate


@pytest.mark.parametrize(
    ("metric", "app", "segment"),
    [
        ("rule:R2", "shop", "all"),  # nothing was said under it
        ("rule:R1", "bank", "all"),
        ("output_chars", "shop", "region=eu"),  # rates are not kept by it
        ("rule:R1", "shop", "channel=web"),  # nobody there got one that breaks it
        ("output_chars", "shop", "channel=fax"),
    ],
)
def test_where_nothing_tells_whom_it_reached_nothing_is_said(metric: str, app: str, segment: str) -> None:
    assert reached(a_day(), metric, app, segment, BEGAN) is None


@pytest.mark.parametrize(
    ("whom", "said"),
    [
        (Whom(400, 120, 84, (0.26, 0.34)), "84 users got such an answer, in 120 of 400 answers that were looked at (26 to 34 %)"),
        (Whom(400, 400, 84), "Everybody: 84 users, all of 400 answers that were looked at"),
        (Whom(400, 400, 0), "All of 400 answers that were looked at"),
    ],
)  # fmt: skip
def test_the_sentence_says_so(whom: Whom, said: str) -> None:
    counts: dict[str, Any] = {"turns": whom.turns, "seen": whom.seen, "users": whom.users, "share": whom.share}
    assert affected(a_change(about=About("length of answers", "characters", before=420.0, **counts))) == said


def test_turns_that_are_in_no_order_are_reached_as_if_they_were() -> None:
    said = a_day()
    mixed = Told(said.turns.sample(fraction=1, shuffle=True, seed=3), said.labels)
    for metric, segment in (("rule:R1", "all"), ("rule:R1", "channel=mobile"), ("output_chars", "all")):
        assert reached(mixed, metric, "shop", segment, BEGAN) == reached(said, metric, "shop", segment, BEGAN)


@pytest.mark.parametrize(("n", "since"), [(1, 19), (3, 15), (10, 1), (11, None)])
def test_since_when_a_rule_was_violated_so_often(n: int, since: int | None) -> None:
    wanted = {} if since is None else {("shop", "R1"): BEGAN + timedelta(minutes=since)}
    assert last_violations(a_day(), n) == wanted
