"""Cheap facts about texts, computed once when they come in: lengths, questions, markup, links, what was redacted.

They are what drift is looked for in when nobody has graded anything yet, so each is a plain count or share that a person can
check by eye. Vectorised in polars; only the messages themselves are taken apart in Python, since they are JSON.
"""

from __future__ import annotations

from typing import Final

import msgspec
import polars as pl

from monitor.model.rows import FEATURES
from monitor.privacy.patterns import PLACEHOLDER


class _Part(msgspec.Struct):
    type: str = ""
    content: object = None


class _Message(msgspec.Struct):
    role: str = ""
    parts: list[_Part] = []


_messages: Final = msgspec.json.Decoder(list[_Message])


def question_of(messages: str | None) -> str | None:
    """Return the text of the last user message, one line a part."""
    users = [message for message in _read(messages) if message.role == "user"]
    return _text(users[-1]) if users else None


def answer_of(messages: str | None) -> str | None:
    """Return the text of the first output message that has any: of several choices, the one the user saw."""
    return next((text for message in _read(messages) if (text := _text(message))), None)


def _read(messages: str | None) -> list[_Message]:
    try:
        return _messages.decode(messages) if messages else []
    except msgspec.MsgspecError:
        return []


def _text(message: _Message) -> str | None:
    parts = (part.content for part in message.parts if part.type == "text")
    return "\n".join(part for part in parts if isinstance(part, str)) or None


def features(content: pl.DataFrame) -> pl.LazyFrame:
    """Return the feature rows of content rows that hold an input or an answer, as one plan."""
    answers = [answer_of(m) or v for m, v in content[["output_messages", "output_value"]].iter_rows()]
    questions = [question_of(m) or v for m, v in content[["input_messages", "input_value"]].iter_rows()]
    texts = content[["trace_id", "span_id", "time"]].lazy()
    texts = texts.with_columns(
        question=pl.Series(questions, dtype=pl.String), answer=pl.Series(answers, dtype=pl.String)
    )
    rows = texts.filter(pl.col("question").is_not_null() | pl.col("answer").is_not_null())
    return rows.with_columns(**_COUNTS).with_columns(**_SHARES).select(list(FEATURES))


_A: Final = pl.col("answer")
_COUNTS: Final = {
    "input_chars": pl.col("question").str.len_chars(),
    "output_chars": _A.str.len_chars(),
    "output_words": _A.str.count_matches(r"\S+"),
    "output_lines": _A.str.count_matches("\n", literal=True) + 1,
    "output_questions": _A.str.count_matches("?", literal=True),
    "output_markup": _A.str.count_matches(r"\*\*|(?m:^#{1,6} |^\s{0,4}[-*] |^```)"),
    "output_code_fences": _A.str.count_matches("```", literal=True),
    "output_urls": _A.str.count_matches("https?://"),
    "output_placeholders": _A.str.count_matches(PLACEHOLDER.pattern),
    "digits": _A.str.count_matches(r"[0-9]"),
    "uppers": _A.str.count_matches(r"[A-Z]"),
    "bytes": _A.str.len_bytes(),
}
_LENGTH: Final = pl.col("output_chars").cast(pl.Float64)
_SHARES: Final = {
    "output_digits_share": pl.when(_LENGTH > 0).then(pl.col("digits") / _LENGTH),
    "output_upper_share": pl.when(_LENGTH > 0).then(pl.col("uppers") / _LENGTH),
    # UTF-8 spends one byte on ASCII and two or more on everything else; two is the common case.
    "output_non_ascii_share": pl.when(_LENGTH > 0).then(((pl.col("bytes") - _LENGTH) / _LENGTH).clip(0, 1)),
}
