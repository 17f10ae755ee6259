"""Keys nobody understood: counted once per stored span, shown by day and source, never without bound."""

from __future__ import annotations

from tests.store.rows import Home, a_call, frame

SEEN = "SELECT source, dialect, key, n FROM unknown_keys ORDER BY key, source"


def test_a_key_is_counted_once_per_span_however_often_it_is_delivered(home: Home) -> None:
    one = frame(spans=[a_call("c1", dialect="openlit", unknown_keys="gen_ai.new\nllm.N.x")])
    home.take(one)
    home.take(one, frame(spans=[a_call("c2", dialect="openlit", unknown_keys="gen_ai.new")]))
    assert home.rows(SEEN) == [
        {"source": "shop", "dialect": "openlit", "key": "gen_ai.new", "n": 2},
        {"source": "shop", "dialect": "openlit", "key": "llm.N.x", "n": 1},
    ]
    assert home.rows("SELECT day FROM unknown_keys LIMIT 1")[0]["day"].isoformat() == "2026-11-20"


def test_spans_that_are_understood_leave_no_row(home: Home) -> None:
    home.take(frame(spans=[a_call("c1")]))
    assert home.rows(SEEN) == []


def test_a_sender_who_invents_keys_fills_one_row_more_than_the_room(home: Home) -> None:
    for start in (0, 200, 400):
        keys = "\n".join(f"gen_ai.k{number:03}" for number in range(start, start + 200))
        home.take(frame(spans=[a_call(f"c{start}", unknown_keys=keys)]))
    assert home.rows("SELECT count(*) AS n, sum(n)::BIGINT AS keys FROM unknown_keys") == [{"n": 301, "keys": 600}]
    assert home.rows("SELECT n FROM unknown_keys WHERE key = '(more)'") == [{"n": 300}]
    home.take(frame(spans=[a_call("again", unknown_keys="gen_ai.k000")], refusals=[]))
    assert home.rows("SELECT n FROM unknown_keys WHERE key = 'gen_ai.k000'") == [{"n": 2}]
