"""A dimension that somebody fills with ids has the first so many values of an app, and one name for all later ones."""

from __future__ import annotations

import pytest

from monitor.store.finishing import finish as finishing
from monitor.store.finishing.few_values import forget_values
from tests.store.rows import Home, a_call, frame


def values(home: Home, app: str) -> list[str | None]:
    rows = home.rows(f"SELECT tenant FROM base.turns WHERE app = '{app}' ORDER BY time")
    return [row["tenant"] for row in rows]


def test_later_values_go_by_one_name_also_after_a_while(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "MOST_VALUES", 2)

    def arrive(*tenants: str | None, begin: int, app: str = "shop") -> None:
        spans = [
            a_call("c", begin + n, trace_id=f"{begin + n + 1:032x}", app=app, tenant=tenant, region="EU")
            for n, tenant in enumerate(tenants)
        ]
        home.take(frame(spans=spans))
        home.finish()

    arrive("a", None, "b", "c", begin=0)
    arrive("d", "a", begin=10)
    arrive("d", begin=20, app="bank")
    assert values(home, "shop") == ["a", None, "b", "(others)", "(others)", "a"]
    assert values(home, "bank") == ["d"]
    assert home.rows("SELECT DISTINCT region FROM base.turns") == [{"region": "EU"}]


def test_a_value_that_no_turn_has_any_more_is_forgotten_and_leaves_room(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finishing, "MOST_VALUES", 1)
    home.take(frame(spans=[a_call("c", 1, trace_id="1" * 32, app="shop", tenant="a", region="EU")]))
    home.finish()
    with home.store.transaction() as txn:
        assert forget_values(txn) == 0
        txn.execute("UPDATE base.turns SET tenant = NULL")
        assert forget_values(txn) == 1
    home.take(frame(spans=[a_call("c", 2, trace_id="2" * 32, app="shop", tenant="b")]))
    home.finish()
    assert values(home, "shop") == [None, "b"]
