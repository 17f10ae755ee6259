"""Arms without code: declared ones reach the session, others count only while two run side by side; contamination is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.store.rows import Home, Row, a_call, frame, texts

MINUTE = 60.0


def a_turn(number: int, at: float, **fields: Any) -> Row:
    return a_call("c1", at, trace_id=f"{number:032x}", **fields)


def arms(home: Home, view: str = "turns") -> dict[int, tuple[str | None, str | None]]:
    rows = home.rows(f"SELECT trace_id, experiment, variant FROM {view}")
    return {int(row["trace_id"], 16): (row["experiment"], row["variant"]) for row in rows}


def run(home: Home, *groups: list[Row]) -> dict[int, tuple[str | None, str | None]]:
    """Each group is finished on its own, an hour or more after the one before."""
    for spans in groups:
        home.take(frame(spans=spans))
        home.finish()
        home.clock.advance(timedelta(hours=2))
    return arms(home)


def test_an_arm_that_was_told_holds_for_the_rest_of_the_session(home: Home) -> None:
    told = {"experiment": "tone", "variant": "B"}
    found = run(
        home,
        [a_turn(1, 0, session_id="s"), a_turn(2, 10, session_id="s", **told)],
        [a_turn(3, 20, session_id="s"), a_turn(4, 20, session_id="other")],
    )
    assert found == {1: (None, None), 2: ("tone", "B"), 3: ("tone", "B"), 4: (None, None)}
    assert arms(home, "calls")[3] == ("tone", "B")


def test_a_session_of_two_arms_hands_on_none_and_is_reported(home: Home) -> None:
    first, second = ({"experiment": "tone", "variant": arm} for arm in "AB")
    found = run(
        home,
        [
            a_turn(1, 0, session_id="s", user_id="u", **first),
            a_turn(2, 10, session_id="s", user_id="u", **second),
            a_turn(3, 20, session_id="s", user_id="u"),
            a_turn(4, 30, session_id="clean", user_id="v", **second),
        ],
    )
    assert found[3] == (None, None)
    told = home.rows("SELECT experiment, unit_kind, unit, arms, first_seen FROM contamination ORDER BY unit_kind")
    assert [(row["unit_kind"], row["unit"], row["arms"]) for row in told] == [
        ("session", "s", ["A", "B"]),
        ("user", "u", ["A", "B"]),
    ]
    assert {(row["experiment"], row["first_seen"].second) for row in told} == {("tone", 10)}


def prompts(version: str, first: int, at: float, **fields: Any) -> list[Row]:
    """Twenty-four turns, one in five minutes: two hours of a prompt version."""
    shown = {"prompt_name": "support", "prompt_version": version, "user_id": None} | fields
    return [a_turn(first + n, at + n * 5 * MINUTE, **shown) for n in range(24)]


def test_prompt_versions_that_run_side_by_side_are_arms(home: Home) -> None:
    found = run(home, [*prompts("1", 0, 0), *prompts("2", 100, MINUTE)], prompts("2", 200, 7300))
    assert found[3] == ("prompt:shop/support", "1")
    assert found[103] == ("prompt:shop/support", "2")
    assert found[203] == ("prompt:shop/support", "2")
    assert set(arms(home, "calls").values()) == {(None, None)}


def test_a_new_version_that_replaces_the_old_one_is_no_experiment(home: Home) -> None:
    found = run(home, prompts("1", 0, 0), prompts("2", 100, 115 * MINUTE))
    assert set(found.values()) == {(None, None)}


def test_a_handful_of_turns_is_no_arm(home: Home) -> None:
    found = run(home, [*prompts("1", 0, 0), *prompts("2", 100, MINUTE)[:19]])
    assert set(found.values()) == {(None, None)}


def test_many_values_are_no_arms(home: Home) -> None:
    found = run(home, [span for n in range(6) for span in prompts(str(n), n * 100, n * MINUTE)])
    assert set(found.values()) == {(None, None)}


def models(stay: bool) -> list[Row]:
    """Forty users with two turns each; they keep their model, or it is drawn per turn."""
    spans = []
    for user in range(40):
        for turn in range(2):
            model = f"m-{(user if stay else user + turn) % 2}"
            number = 1 + user * 2 + turn
            spans.append(a_turn(number, number * 2 * MINUTE, user_id=f"u{user}", response_model=model, release="7"))
    return spans


def test_models_that_users_stay_with_are_arms(home: Home) -> None:
    found = run(home, models(stay=True))
    assert {found[1], found[3]} == {("model:shop", "m-0"), ("model:shop", "m-1")}
    assert home.rows("SELECT * FROM contamination") == []


def test_routing_by_request_is_no_experiment(home: Home) -> None:
    assert set(run(home, models(stay=False)).values()) == {(None, None)}


def test_system_prompts_side_by_side_are_told_apart_without_their_text(home: Home) -> None:
    spans = models(stay=True)
    content = [
        texts("c1", trace_id=span["trace_id"], system_text=f"Be kind. {span['response_model']}")
        | {"time": span["time"]}
        for span in spans
    ]
    home.take(frame(spans=[span | {"response_model": "m"} for span in spans], content=content))
    home.finish()
    found = set(arms(home).values())
    assert {name for name, _ in found} == {"system prompt:shop"}
    assert len({value for _, value in found}) == 2


@pytest.mark.parametrize("late", [False, True])
def test_a_declared_arm_wins_over_one_that_nobody_declared(home: Home, late: bool) -> None:
    run(home, [*prompts("1", 0, 0), *prompts("2", 100, MINUTE)])
    call = a_turn(500, 7000, prompt_name="support", prompt_version="2", parent_id="r")
    root = call | {"span_id": "r", "parent_id": None, "kind": "other", "experiment": "tone", "variant": "B"}
    if late:
        assert run(home, [call])[500] == ("prompt:shop/support", "2")
        assert run(home, [root])[500] == ("tone", "B")
    else:
        assert run(home, [call, root])[500] == ("tone", "B")
