"""Exposures: uploaded before or after the turns, joined on the user, first one wins, contamination shown."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.config.schema import ExperimentSettings, Settings
from plumbline.opening import open_agent
from tests.importers.importing import NOW, imported, lines

DAY = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = Settings(experiments=ExperimentSettings(min_users=2))


def at(hours: float) -> str:
    return (DAY + timedelta(hours=hours)).isoformat()


def turn(user: str, hours: float, **more: Any) -> dict[str, Any]:
    said = f"answer of {user} at {hours} " + "x" * (len(user) + round(hours))
    return {
        "id": f"{user}-{hours}",
        "time": at(hours),
        "user": user,
        "input": "q",
        "output": said,
        "app": "shop",
        **more,
    }


def exposure(user: str, variant: str, hours: float, experiment: str = "tone") -> dict[str, Any]:
    return {"user_id": user, "experiment": experiment, "variant": variant, "time": at(hours)}


def arms(done: Any) -> dict[str, tuple[str | None, str | None]]:
    rows = done.rows("SELECT user_id, hour(time) AS h, experiment, variant FROM turns")
    return {f"{r['user_id']}-{r['h']}": (r["experiment"], r["variant"]) for r in rows}


TURNS = [turn("ann", 1), turn("ann", 3), turn("bob", 3), turn("cat", 3, experiment="own", variant="Z"), turn("dan", 3)]
EXPOSURES = [exposure("ann", "B", 2), exposure("bob", "A", 1), exposure("cat", "B", 1)]
JOINED = {
    "ann-1": (None, None),  # before she was exposed
    "ann-3": ("tone", "B"),
    "bob-3": ("tone", "A"),
    "cat-3": ("own", "Z"),  # an arm of its own stays
    "dan-3": (None, None),
}


@pytest.mark.parametrize("order", [("t", "e"), ("e", "t"), ("both",)])
def test_first_or_late_the_arms_are_the_same(tmp_path: Path, order: tuple[str, ...]) -> None:
    turns = lines(tmp_path / "t.jsonl", *TURNS)
    exposures = lines(tmp_path / "e.jsonl", *EXPOSURES)
    steps = {"t": [turns], "e": [exposures], "both": [exposures, turns]}
    for step in order:
        with imported(tmp_path / "home", *steps[step]) as done:
            assert done.complaints == []
            found = arms(done)
            ledger = done.row("SELECT sum(received) - sum(stored) - sum(duplicate) - sum(refused) AS lost FROM ledger")
    assert found == JOINED
    assert ledger["lost"] == 0


def test_the_first_exposure_wins_even_when_it_is_uploaded_last(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with imported(home, lines(tmp_path / "t.jsonl", *TURNS), lines(tmp_path / "e.jsonl", exposure("ann", "B", 2))):
        pass
    earlier = lines(tmp_path / "f.jsonl", exposure("ann", "A", 0.5))
    with imported(home, earlier) as done:
        assert (arms(done)["ann-1"], arms(done)["ann-3"]) == (("tone", "A"), ("tone", "A"))
        shown = done.rows("SELECT variant, counts, contaminated FROM exposures ORDER BY variant")
    assert shown == [
        {"variant": "A", "counts": True, "contaminated": True},
        {"variant": "B", "counts": False, "contaminated": True},
    ]


def test_of_two_experiments_a_turn_has_the_one_entered_last(tmp_path: Path) -> None:
    both = lines(tmp_path / "e.jsonl", exposure("ann", "B", 0), exposure("ann", "x", 2, "font"))
    with imported(tmp_path / "home", lines(tmp_path / "t.jsonl", *TURNS), both) as done:
        assert (arms(done)["ann-1"], arms(done)["ann-3"]) == (("tone", "B"), ("font", "x"))


def test_uploading_twice_adds_nothing(tmp_path: Path) -> None:
    path = lines(tmp_path / "e.jsonl", *EXPOSURES, *EXPOSURES)
    with imported(tmp_path / "home", path) as done:
        assert done.row("SELECT count(*) AS n FROM exposures")["n"] == 3
    with imported(tmp_path / "home", path) as done:
        assert done.row("SELECT count(*) AS n FROM exposures")["n"] == 3


def test_a_table_with_columns_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["distinct_id", "flag", "arm", "ts", "kim"])
        rows.writerow(["bob", "tone", "A", at(1), ""])
        rows.writerow(["bob", "tone", "A", "yesterday", ""])
        rows.writerow(["", "tone", "A", at(1), ""])
    names = {"user": "distinct_id", "experiment": "flag", "variant": "arm", "time": "ts"}
    with imported(tmp_path / "home", lines(tmp_path / "t.jsonl", *TURNS), names={}) as _:
        pass
    with imported(tmp_path / "home", path, names=names) as done:
        assert arms(done)["bob-3"] == ("tone", "A")
        assert [line.rsplit("/", 1)[-1] for line in done.complaints] == [
            "warehouse.csv:3: `time` 'yesterday' is neither ISO 8601 nor seconds since 1970",
            "warehouse.csv:4: `user` is missing",
        ]
        assert done.report.refused == 2
        assert done.row("SELECT sum(refused) AS n FROM ledger")["n"] == 2


def test_users_are_redacted_the_same_way_on_both_sides(tmp_path: Path) -> None:
    mail = "ann@example.com"
    paths = lines(tmp_path / "t.jsonl", turn(mail, 3)), lines(tmp_path / "e.jsonl", exposure(mail, "B", 1))
    with imported(tmp_path / "home", *paths) as done:
        only = done.row("SELECT user_id, variant FROM turns")
    assert only["variant"] == "B"
    assert mail not in only["user_id"]


def crowd() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    users = [f"user{'y' * (n % 5)}{n}" for n in range(24)]
    turns = [turn(user, hours, scores={"liked": (n % 4) / 2}) for n, user in enumerate(users) for hours in (3, 5)]
    return turns, [exposure(user, "AB"[n % 2], 1) for n, user in enumerate(users)]


def compared(home: Path, *rounds: list[Path]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Import, settle and run the cycle after each round; return the sums and the comparisons of the end."""
    for paths in rounds:
        with imported(home, *paths):
            pass
        agent = open_agent(SETTINGS, home, FakeClock(NOW))
        agent.settle()
        agent.cycle()
        agent.cycle()
        sums = agent.store.read("SELECT * FROM base.arm_units ORDER BY ALL").to_pylist()
        read = "SELECT experiment, metric, arm, effect, low, high, n_arm, decision FROM comparisons ORDER BY ALL"
        comparisons = agent.store.read(read).to_pylist()
        assert agent.store.read("SELECT count(*) AS n FROM base.rereads")["n"][0].as_py() == 0
        agent.close()
    return sums, comparisons


def test_a_late_upload_is_compared_as_one_that_came_in_time(tmp_path: Path) -> None:
    turns, shown = crowd()
    told = lines(tmp_path / "t.jsonl", *turns)
    exposures = lines(tmp_path / "e.jsonl", *shown)
    in_time, late = compared(tmp_path / "a", [told, exposures]), compared(tmp_path / "b", [told], [exposures])
    assert in_time == late
    metrics = {row["metric"] for row in late[1]}
    assert {"output_chars", "score:liked"} <= metrics
    (liked,) = (row for row in late[1] if row["metric"] == "score:liked")
    assert (liked["n_arm"], liked["effect"]) == (12, 0.5)


def test_a_name_that_two_apps_have_is_two_experiments_and_the_past_of_users_is_known(tmp_path: Path) -> None:
    """One user had two turns before; each app reads its own users, of whom none is in two arms."""
    turns, shown = crowd()
    other = [{**row, "id": f"b{row['id']}", "app": "bank", "output": row["output"] * 2} for row in turns]
    before = [{**turn("user0", -hours), "output": "x" * 100} for hours in (30, 40)]
    told = lines(tmp_path / "t.jsonl", *turns, *other, *before), lines(tmp_path / "e.jsonl", *shown)
    sums, _ = compared(tmp_path / "home", [*told])
    assert {(row["app"], row["arm"]) for row in sums} == {(app, arm) for app in ("shop", "bank") for arm in "AB"}
    agent = open_agent(SETTINGS, tmp_path / "home", FakeClock(NOW))
    read = agent.store.read("SELECT app, n_arm FROM comparisons WHERE metric = 'output_chars' ORDER BY app").to_pylist()
    agent.close()
    assert read == [{"app": "bank", "n_arm": 12}, {"app": "shop", "n_arm": 12}]
    own = {(row["app"], row["unit"]): row["past_total"] for row in sums if row["metric"] == "output_chars"}
    assert (own["shop", "user0"], own["bank", "user0"], own["shop", "user5"]) == (200.0, 0.0, 0.0)


def test_an_arm_that_is_taken_back_leaves_the_sums(tmp_path: Path) -> None:
    turns, shown = crowd()
    told = lines(tmp_path / "t.jsonl", *turns)
    wrong = lines(tmp_path / "e.jsonl", *shown)
    earlier = lines(tmp_path / "f.jsonl", *[{**one, "variant": "C", "time": at(0.5)} for one in shown])
    sums, _ = compared(tmp_path / "home", [told], [wrong], [earlier])
    assert {row["arm"] for row in sums} == {"C"}
    assert sum(row["n"] for row in sums if row["metric"] == "output_chars") == len(turns)


def side_by_side() -> list[dict[str, Any]]:
    """Forty users in two hours; each has one of two versions of a prompt, which nobody declared as arms."""
    return [
        turn(f"user{n}", n / 20, prompt_name="support", prompt_version=f"{n % 2 + 1}", id=f"s{n}") for n in range(40)
    ]


def by_user(done: Any) -> dict[str, tuple[str | None, str | None]]:
    rows = done.rows("SELECT user_id, experiment, variant FROM turns")
    return {row["user_id"]: (row["experiment"], row["variant"]) for row in rows}


@pytest.mark.parametrize("order", [("t", "e"), ("e", "t"), ("both",)])
def test_an_uploaded_exposure_overrides_an_arm_that_nobody_declared(tmp_path: Path, order: tuple[str, ...]) -> None:
    shown = [exposure("user2", "B", -1), exposure("user3", "A", -1), exposure("user5", "A", 99)]
    turns = lines(tmp_path / "t.jsonl", *side_by_side())
    exposures = lines(tmp_path / "e.jsonl", *shown)
    steps = {"t": [turns], "e": [exposures], "both": [exposures, turns]}
    for step in order:
        with imported(tmp_path / "home", *steps[step]) as done:
            found = by_user(done)
    assert {found["user2"], found["user3"]} == {("tone", "B"), ("tone", "A")}
    assert found["user4"] == ("prompt:shop/support", "1")
    assert found["user5"] == ("prompt:shop/support", "2")  # exposed only after the turn
    with imported(tmp_path / "home", lines(tmp_path / "f.jsonl", exposure("user4", "B", -1))) as done:
        again = by_user(done)
    assert again == found | {"user4": ("tone", "B")}


def test_an_uploaded_exposure_leaves_a_declared_arm_alone(tmp_path: Path) -> None:
    own = turn("ann", 3, experiment="prompt:shop/support", variant="7")
    paths = lines(tmp_path / "t.jsonl", own), lines(tmp_path / "e.jsonl", exposure("ann", "B", 1))
    with imported(tmp_path / "home", *paths) as done:
        assert by_user(done)["ann"] == ("prompt:shop/support", "7")
