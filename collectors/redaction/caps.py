"""No text field grows beyond its cap: a longer one is cut, and the span says so.

Messages are cut part by part, so that they stay JSON that can be read; a marker stands where the rest was.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import polars as pl

MARKER: Final = " [cut]"
PLAIN: Final = ("system_text", "input_value", "output_value")
MESSAGES: Final = ("input_messages", "output_messages")


def capped(content: pl.DataFrame, limit: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the content rows with no field above `limit` bytes, and (trace_id, span_id) of the rows that were cut."""
    if content.estimated_size() <= limit:  # all texts together are not longer: most groups are told apart by that
        return content, content[["trace_id", "span_id"]].clear()
    long = content.select((pl.col(*PLAIN, *MESSAGES).str.len_bytes() > limit).fill_null(value=False))
    cut = [name for name in long.columns if long[name].any()]
    if not cut:
        return content, content[["trace_id", "span_id"]].clear()
    keys = content.filter(long.select(pl.any_horizontal(cut)).to_series()).select("trace_id", "span_id")
    return content.with_columns(_cut_column(content[name], long[name], limit) for name in cut), keys


def _cut_column(column: pl.Series, long: pl.Series, limit: int) -> pl.Series:
    at = long.arg_true()
    shorten = messages_within if column.name in MESSAGES else text_within
    return column.scatter(at, pl.Series([shorten(text, limit) for text in column[at]], dtype=pl.String))


def text_within(text: str, limit: int) -> str:
    """Return `text` in at most `limit` bytes of UTF-8.

    >>> text_within("a" * 100, 20)
    'aaaaaaaaaaaaaa [cut]'
    """
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= limit else raw[: max(0, limit - len(MARKER))].decode("utf-8", "ignore") + MARKER


def messages_within(text: str, limit: int) -> str | None:
    """Return JSON messages whose contents share `limit` bytes; None when they cannot be read or made to fit."""
    try:
        messages: list[dict[str, Any]] = msgspec.json.decode(text, type=list[dict[str, Any]])
    except msgspec.MsgspecError:
        return None
    parts = [part for message in messages for part in message.get("parts", [])]
    texts = [(part, key) for part in parts for key, value in part.items() if isinstance(value, str) and len(value) > 64]
    share = max(64, (limit - 128 * len(parts)) // max(1, 2 * len(texts)))  # JSON escapes may double a text
    for part, key in texts:
        part[key] = text_within(part[key], share)
    shortened = msgspec.json.encode(messages).decode()
    return shortened if len(shortened.encode()) <= limit else None


def flagged(spans: pl.DataFrame, which: pl.DataFrame, flag: str = "truncated") -> pl.DataFrame:
    """Return the spans with `flag` on those whose (trace_id, span_id) is among `which`."""
    if which.is_empty():
        return spans
    marks = which.unique().with_columns(is_meant=pl.lit(value=True))
    joined = spans.join(marks, on=["trace_id", "span_id"], how="left", maintain_order="left")
    note = pl.concat_str([pl.col("flags"), pl.lit(flag)], separator=",", ignore_nulls=True)
    return joined.with_columns(flags=pl.when("is_meant").then(note).otherwise("flags")).drop("is_meant")
