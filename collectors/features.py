"""Cheap facts about texts, computed once when they come in: lengths, questions, markup, links, what was redacted.

They are what drift is looked for in when nobody has graded anything yet, so each is a plain count or share that a person can
check by eye. Vectorised in polars; only the messages themselves are taken apart in Python, since they are JSON. Of a few rows the same is
counted in Python (`counted`): what a plan with ten patterns costs, before it has looked at a text, is what twenty texts cost there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

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
    texts = list(_spoken(content))
    rows = content[["trace_id", "span_id", "time"]].lazy()
    rows = rows.with_columns(
        question=pl.Series([question for question, _ in texts], dtype=pl.String),
        answer=pl.Series([answer for _, answer in texts], dtype=pl.String),
    )
    rows = rows.filter(pl.col("question").is_not_null() | pl.col("answer").is_not_null())
    return rows.with_columns(**_COUNTS).with_columns(**_SHARES).select(list(FEATURES))


def counted(content: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `features`, each counted by itself: cheaper for a few, and dearer for many."""
    where = content[["trace_id", "span_id", "time"]].iter_rows(named=True)
    return [
        {**row, "input_chars": None if question is None else len(question), **_facts(answer)}
        for row, (question, answer) in zip(where, _spoken(content), strict=True)
        if question is not None or answer is not None
    ]


def _spoken(content: pl.DataFrame) -> Iterator[tuple[str | None, str | None]]:
    """Yield what was asked and what was answered in each row."""
    texts = content[["input_messages", "input_value", "output_messages", "output_value"]]
    for asked, asked_plainly, told, told_plainly in texts.iter_rows():
        yield question_of(asked) or asked_plainly, answer_of(told) or told_plainly


def _facts(answer: str | None) -> dict[str, float | None]:
    if answer is None:
        return {}
    counts = {name: len(pattern.findall(answer)) for name, pattern in _PATTERNS.items()}
    length = len(answer)
    digits, uppers, wide = counts.pop("digits"), counts.pop("uppers"), len(answer.encode()) - length
    return {
        "output_chars": length,
        "output_lines": answer.count("\n") + 1,
        "output_questions": answer.count("?"),
        "output_code_fences": answer.count("```"),
        "output_digits_share": digits / length if length else None,
        "output_upper_share": uppers / length if length else None,
        "output_non_ascii_share": min(1.0, wide / length) if length else None,
        **counts,
    }


_SPACE: Final = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""White space of Unicode, which is `\\s` to polars; that of Python has four characters more."""

_MARKUP: Final = r"\*\*|(?m:^#{1,6} |^[SPACE]{0,4}[-*] |^```)".replace("SPACE", _SPACE)

_PATTERNS: Final = {
    "output_words": re.compile(f"[^{_SPACE}]+"),
    "output_markup": re.compile(_MARKUP),
    "output_urls": re.compile("https?://"),
    "output_placeholders": re.compile(PLACEHOLDER.pattern),
    "digits": re.compile("[0-9]"),
    "uppers": re.compile("[A-Z]"),
}

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
