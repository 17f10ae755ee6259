"""What messages say in Python is what the macros of SQL say."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.clock import FakeClock
from monitor.store.message_texts import answer_text, user_text, users_texts
from monitor.store.opening import Store
from tests.store.rows import START

WORDS = st.one_of(st.text("ab \n'\"\\é\u2028😀", max_size=6), st.none(), st.integers(0, 9), st.just({"a": [1, "b"]}))
PARTS = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["text", "tool_call", None]), "content": WORDS}),
    st.fixed_dictionaries({"type": st.just("text")}),
    st.just("no part"),
)
MESSAGES = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", None]), "parts": st.lists(PARTS, max_size=3) | st.none()}
    ),
    st.just({"role": "user"}),
    st.none(),
)
BODIES = st.lists(MESSAGES, max_size=4) | st.just({"role": "user"}) | st.just("text")


@settings(max_examples=200, deadline=None)
@given(BODIES)
def test_python_says_what_the_macros_say(body: Any) -> None:
    text = json.dumps(body)
    asked = "SELECT user_text($m), users_texts($m), answer_text($m)"
    assert STORE.rows(asked, {"m": text}) == [(user_text(text), users_texts(text), answer_text(text))]


def test_nothing_says_nothing() -> None:
    assert [read(None) for read in (user_text, users_texts, answer_text)] == [None] * 3
    assert [read("[{") for read in (user_text, users_texts, answer_text)] == [None] * 3
    deep = "[" * 100_000 + "]" * 100_000
    assert [read(deep) for read in (user_text, users_texts, answer_text)] == [None] * 3


STORE = Store.scratch(FakeClock(START))
