"""Fields above the cap are cut, stay readable, and the span says so."""

from __future__ import annotations

import msgspec
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from collectors.batch import Batch
from collectors.features import answer_of
from collectors.frames import to_frame, to_tables
from collectors.redaction.caps import capped, messages_within, text_within
from monitor.model.rows import CONTENT
from tests.store.rows import ANSWER, a_call, texts


def content(**fields: object) -> pl.DataFrame:
    row = texts("c1") | fields
    return to_frame({name: [row.get(name)] for name in CONTENT}, CONTENT)


def test_what_fits_is_left_alone() -> None:
    rows, cut = capped(content(), 1_000)
    assert rows.equals(content())
    assert cut.is_empty()
    assert capped(content().clear(), 10)[1].is_empty()


def test_long_messages_are_cut_and_stay_messages() -> None:
    rows, cut = capped(content(output_messages=ANSWER % ("word " * 10_000)), 2_000)
    text = rows["output_messages"][0]
    assert len(text.encode()) <= 2_000
    assert str(answer_of(text)).endswith("[cut]")
    assert cut.rows() == [("ab" * 16, "c1")]


def test_the_span_is_flagged() -> None:
    batch = Batch()
    batch.add("spans", **a_call("c1", flags="time_future"))
    batch.add("content", **texts("c1", saw="x" * 5_000))
    batch.add("spans", **a_call("c2"))
    flags = pl.read_ipc_stream(to_tables(batch, None, 1_000)["spans"])["flags"].to_list()
    assert flags == ["time_future,truncated", None]


@given(st.text(max_size=300), st.integers(10, 200))
def test_any_text_fits(text: str, limit: int) -> None:
    assert len(text_within(text, limit).encode("utf-8", "replace")) <= max(limit, 6)


@given(st.lists(st.text(max_size=400), max_size=6), st.integers(200, 2_000))
def test_any_messages_fit_or_are_dropped(said: list[str], limit: int) -> None:
    messages = [{"role": "user", "parts": [{"type": "text", "content": text}]} for text in said]
    clean = msgspec.json.encode(messages, enc_hook=str).decode() if all(t.isprintable() for t in said) else "[]"
    shortened = messages_within(clean, limit)
    assert shortened is None or len(shortened.encode()) <= limit
    assert messages_within("not json", limit) is None
