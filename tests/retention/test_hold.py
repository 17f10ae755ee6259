"""Evidence on hold stays in every byte, whatever is erased and however old it is; once it is let go it goes as all else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.errors import NotFound, OnHold, UsageError
from plumbline.answers import Answers
from plumbline.api.call import Call, token_owner
from plumbline.api.hold_questions import AddHold, Holds, ReleaseHold
from plumbline.api.questions import Erase
from tests.retention.keeping import NEW, OLD, Keeping, Make

SUBJECTS = (("trace", OLD), ("user", "user-a1"))
ANY = (*SUBJECTS, ("session", "s"), ("app", "shop"))


def ask(house: Keeping, question: AddHold | ReleaseHold | Holds | Erase) -> object:
    return Answers(house.agent).answer(question, Call(token_owner()))


def hold(house: Keeping, kind: str, given: str, **more: str) -> int:
    until = house.clock.now() + timedelta(days=30)
    asked = AddHold(kind, given, more.get("owner", token_owner().name), more.get("reason", "case 7"), until)  # type: ignore[arg-type]  # the kinds there are
    told = ask(house, asked)
    assert isinstance(told, dict)
    return int(told["number"])


def everything(house: Keeping, trace: str) -> dict[str, int]:
    tables = ("spans", "content", "events", "scores", "features", "turns")
    return {name: house.count(name, trace) for name in tables} | {"grades": house.count("grades", trace, "unit_id")}


@pytest.mark.parametrize(("kind", "given"), SUBJECTS)
def test_retention_spares_it_in_store_and_spool_until_it_is_let_go(make: Make, kind: str, given: str) -> None:
    house = make(content="10d", spans="12d")
    before = everything(house, OLD)
    number = hold(house, kind, given)
    house.agent.retain()
    assert everything(house, OLD) == before
    assert {"plumbline.duckdb", "spool/c0-00000001.seg"} <= set(house.holding(house.old))
    (score,) = house.rows(f"SELECT comment FROM base.scores WHERE trace_id = '{OLD}'")
    assert score["comment"] == house.old
    ask(house, ReleaseHold(number))
    house.later(days=1)
    house.agent.retain()
    assert set(everything(house, OLD).values()) == {0}
    assert house.holding(house.old) == []
    assert house.exact()


@pytest.mark.parametrize(("kind", "given"), [("user", "user-c3"), ("session", "s"), ("app", "shop")])
@pytest.mark.parametrize("apart", [False, True])
def test_what_comes_late_of_a_held_subject_is_kept_at_once(make: Make, kind: str, given: str, apart: bool) -> None:
    house = make(content="10d", spans="12d")
    hold(house, kind, given)
    house.agent.load()  # what is held was looked up now, and is not again for a minute
    late, mark = "c3" * 16, "said long ago"
    batch = house.batch(late, mark, 0)
    for part in ({"spans"}, batch.keys() - {"spans"}) if apart else (batch.keys(),):
        house.send({name: batch[name] for name in part})
    assert house.count("spans", late) == 2
    assert house.rows(f"SELECT input_messages FROM base.content WHERE trace_id = '{late}'")
    house.agent.retain()
    assert house.count("content", late) == 1
    house.send(house.batch("d4" * 16, mark, 0))
    kept = 1 if kind != "user" else 0
    assert house.count("content", "d4" * 16) == kept
    assert house.exact()


def test_what_is_not_held_goes_beside_it(make: Make) -> None:
    house = make(content="10d")
    hold(house, "trace", NEW)
    house.later(days=11)
    house.agent.retain()
    assert house.count("content", OLD) == 0
    assert house.count("content", NEW) == 1
    assert house.holding(house.old) == []
    assert {"plumbline.duckdb", "spool/c0-00000001.seg"} <= set(house.holding(house.new))


@pytest.mark.parametrize(("kind", "given"), ANY)
def test_an_erasure_that_would_reach_it_is_refused_by_name_and_changes_nothing(
    make: Make, kind: str, given: str
) -> None:
    house = make()
    before = everything(house, OLD)
    for held, subject in ANY:
        number = hold(house, held, subject, reason="case 7 of the regulator")
        with pytest.raises(OnHold, match=f"hold {number} until .*, owner .*: case 7 of the regulator"):
            ask(house, Erase(kind, given))  # type: ignore[arg-type]  # the kinds there are
        assert everything(house, OLD) == before, held
        assert house.count("tombstones") == 0, held
        ask(house, ReleaseHold(number))
    ask(house, Erase(kind, given))  # type: ignore[arg-type]  # as above
    assert house.count("spans", OLD) == 0


def test_what_a_hold_does_not_reach_is_erased(make: Make) -> None:
    house = make()
    hold(house, "trace", NEW)
    ask(house, Erase("user", "user-a1"))
    assert house.count("spans", OLD) == 0
    assert house.count("spans", NEW) > 0


def test_a_hold_survives_a_restart_and_a_store_that_is_filled_again(make: Make) -> None:
    house = make(content="10d", spans="12d")
    hold(house, "trace", OLD)
    house.agent.close()
    (house.folder / "plumbline.duckdb").unlink()
    house.agent = house.open()
    house.agent.load(flush=True)
    house.agent.retain()
    assert house.count("content", OLD) == 1


def test_one_past_due_still_holds_and_is_counted_until_somebody_decides(make: Make) -> None:
    house = make(content="10d")
    number = hold(house, "trace", OLD)
    assert house.agent.status()["holds"] == {"standing": 1, "past_due": 0}
    house.later(days=31)
    assert house.agent.status()["holds"] == {"standing": 1, "past_due": 1}
    house.agent.retain()
    assert house.count("content", OLD) == 1
    [told] = house.agent.access.holds.listed()
    assert told["past_due"]
    assert "forms" not in told
    ask(house, ReleaseHold(number))
    assert house.agent.status()["holds"] == {"standing": 0, "past_due": 0}
    with pytest.raises(NotFound):
        ask(house, ReleaseHold(number))


def test_a_hold_names_an_owner_there_is_and_a_day_to_come(make: Make) -> None:
    house = make()
    with pytest.raises(UsageError, match="nobody of this name to own a hold"):
        hold(house, "trace", OLD, owner="nobody")
    with pytest.raises(UsageError, match="later date"):
        ask(house, AddHold("trace", OLD, token_owner().name, "case", house.clock.now()))
    house.agent.access.register.add("lea", "viewer")
    hold(house, "trace", OLD, owner="lea")
    told = house.agent.access.record.table().to_pylist()
    assert [(row["act"], row["reason"]) for row in told] == [("addhold", "case 7")]
    assert OLD not in str(told)
