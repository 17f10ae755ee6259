"""Text from traces on a page: always plain, never Markdown, never HTML.

`plain` is the way to show it. Where Streamlit knows nothing but Markdown (the title of an expander, a button), `label` makes
a short text harmless first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

CAP: Final = 20_000
"""Characters shown of one text; the rest is counted, not sent to the browser."""

_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
"""Control and direction characters: they let a text look like something else than it is."""

_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")


JOINER: Final = "\u2060"
"""Has no width and no meaning."""

_LINKED: Final = re.compile(r"@|:(?=//)|(?i:www)(?=\.)")
"""What Markdown makes a link of, whatever is escaped in it, unless something stands behind these."""


def visible(text: str, cap: int = CAP) -> str:
    """Return `text` with hidden characters shown as U+FFFD, cut at `cap` with a count of what is left out."""
    shown = _HIDDEN.sub("\ufffd", text[:cap])
    return shown if len(text) <= cap else f"{shown}\n[{len(text) - cap:,} more characters]"


def plain(text: object, *, missing: str = "not known") -> None:
    """Show `text` as it is."""
    st.text(missing if text is None else visible(str(text)))


def code(text: object, language: str | None = None, *, height: int | None = None) -> None:
    """Show `text` as it is, in fixed width with a copy button."""
    st.code(visible(str(text)), language=language, wrap_lines=True, height=height or "content")


def label(text: object, cap: int = 80) -> str:
    """Return `text` for a Markdown label: one line, short, no link, every mark escaped so that it stands for itself."""
    line = " ".join(_HIDDEN.sub("\ufffd", str(text)[: 4 * cap]).split())
    short = line if len(line) <= cap else line[: cap - 1] + "…"
    return _PUNCTUATION.sub(r"\\\1", _LINKED.sub(f"\\g<0>{JOINER}", short))


def one_line(text: object, cap: int = 160) -> str | None:
    """Return `text` for a table cell."""
    if text is None:
        return None
    line = " ".join(_HIDDEN.sub("\ufffd", str(text)[: 4 * cap]).split())
    return line if len(line) <= cap else line[: cap - 1] + "…"


Place = tuple[int, int]
"""A part of a text: from which character to before which."""


def marked(text: str, places: Sequence[Place]) -> None:
    """Show `text` as it is, with the parts at `places` marked by a flag and a colour; each line without any is plain."""
    shown = visible(text)
    begin = 0
    for line in shown.splitlines(keepends=True):
        inside = [
            (max(0, a - begin), min(b - begin, len(line))) for a, b in places if a < begin + len(line) and b > begin
        ]
        words = line.rstrip("\n")
        if inside:
            st.markdown(_with_marks(words, sorted(inside)))
        elif words:
            st.text(words)
        begin += len(line)


def _with_marks(line: str, places: Sequence[Place]) -> str:
    """Return one line as Markdown of which nothing is Markdown but our marks."""
    pieces, at = [], 0
    for start, end in places:
        found = line[max(at, start) : end].strip()
        if found:
            first = line.index(found, max(at, start))
            pieces += [_escaped(line[at:first]), f":red-background[:material/flag: {_escaped(found)}]"]
            at = first + len(found)
    return "".join([*pieces, _escaped(line[at:])])


def _escaped(text: str) -> str:
    """Return text for Markdown with every mark escaped and no space lost."""
    whole = re.sub(" (?= )", "\u00a0", text)
    return _PUNCTUATION.sub(r"\\\1", _LINKED.sub(f"\\g<0>{JOINER}", whole))


def as_sentence(text: object) -> str:
    """Return `text` with a capital and a full stop."""
    words = str(text).strip()
    return words and words[0].upper() + words[1:] + ("" if words[-1] in ".!?" else ".")


def pretty_json(text: str) -> str:
    """Return JSON `text` indented, or as it is when it is no JSON."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def parsed(text: str | None, fallback: Any) -> Any:
    """Return JSON `text` as a value, or `fallback` when it is missing or no JSON."""
    try:
        return fallback if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return fallback
