"""A conversation as a person reads it: who said what, tools and retrievals folded. Everything is shown as plain text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import streamlit as st

from dashboards.client import Row
from dashboards.text import Place, code, label, marked, parsed, plain, pretty_json

FACES: Final = {
    "user": ("User", ":material/person:"),
    "assistant": ("Assistant", ":material/smart_toy:"),
    "system": ("System", ":material/settings:"),
    "tool": ("Tool", ":material/build:"),
}


@dataclass(frozen=True)
class Part:
    """One piece of a message: plain text, or something folded under a name."""

    role: str
    text: str
    folded: str | None = None
    marks: tuple[Place, ...] = ()


def parts_of(messages: str | None) -> list[Part]:
    """Return the parts of JSON messages in order; what is no list of messages is one part of text as it stands."""
    if messages is None:
        return []
    value = parsed(messages, None)
    if not isinstance(value, list):
        return [Part("other", messages)]
    return [part for message in value if isinstance(message, dict) for part in _parts(message)]


def _parts(message: Row) -> list[Part]:
    role = str(message.get("role") or "other")
    parts = message.get("parts")
    if not isinstance(parts, list):
        content = message.get("content")
        return [] if content is None else [Part(role, content if isinstance(content, str) else json.dumps(content))]
    return [_part(role, part) for part in parts if isinstance(part, dict)]


def _part(role: str, part: Row) -> Part:
    kind, content = part.get("type"), part.get("content")
    if kind == "text" and isinstance(content, str):
        return Part(role, content, "System prompt" if role == "system" else None)
    if kind == "tool_call":
        return Part(role, _shown(part.get("arguments")), f"calls {part.get('name') or 'a tool'}")
    if kind == "tool_call_response":
        return Part(role, _shown(part.get("response", part.get("result"))), "result of the tool")
    return Part(role, _shown(content if content is not None else part), str(kind or "part"))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def conversation(content: Row, answer: str | None = None, places: Sequence[Place] = ()) -> list[Part]:
    """Return what was said in one span, in order; plain input and output stand in where there are no messages.

    `places` are those of the graded `answer` (`dashboards.verdicts.answer_of`) in which something was found.
    """
    said = parts_of(content.get("input_messages")) or _whole("user", content.get("input_value"))
    saw = parts_of(content.get("output_messages")) or _whole("assistant", content.get("output_value"))
    system = content.get("system_text")
    told = any(part.role == "system" for part in said)
    return [
        *([Part("system", system, "System prompt")] if system and not told else []),
        *said,
        *_found_in(saw, answer or "", places),
    ]


def _found_in(saw: Sequence[Part], answer: str, places: Sequence[Place]) -> list[Part]:
    """Mark the places of the answer in the texts that it is made of, in their order; what is no part of it has none."""
    begin, parts = 0, []
    for part in saw:
        at = answer.find(part.text, begin) if part.folded is None and part.text else -1
        if at < 0:
            parts.append(part)
            continue
        begin = at + len(part.text)
        inside = [(max(a, at) - at, min(b, begin) - at) for a, b in places if a < begin and b > at]
        parts.append(replace(part, marks=tuple(inside)))
    return parts


def _whole(role: str, text: str | None) -> list[Part]:
    return [] if text is None else [Part(role, text)]


NOT_SENT: Final = "No text was sent with this span. OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT turns it on."
BY_RULE: Final = "A rule of yours (collector.fields) drops texts of this trace before they are stored."
NOT_KEPT: Final = "Texts as old as this are no longer kept."


def show_chat(parts: Sequence[Part], without: str = NOT_SENT, *, whole: bool = True) -> None:
    """Draw a conversation, or a piece of one (not `whole`); neighbours of one role share a bubble. `without`: where there is none."""
    if not parts:
        st.caption(without)
    run: list[Part] = []
    for part in parts:
        if run and run[-1].role != part.role:
            _bubble(run)
            run = []
        run.append(part)
    if run:
        _bubble(run)
    if whole and parts and not answered(parts):
        st.caption("No answer is stored with this span.")


def answered(parts: Sequence[Part]) -> bool:
    """Whether somebody answered the last thing that was said."""
    last_asked = max((n for n, part in enumerate(parts) if part.role == "user"), default=-1)
    return any(part.role not in ("user", "system") for part in parts[last_asked + 1 :])


def _bubble(parts: Sequence[Part]) -> None:
    name, face = FACES.get(parts[0].role, ("Other", ":material/notes:"))
    with st.chat_message(name, avatar=face):
        for part in parts:
            if part.marks:
                marked(part.text, part.marks)
            elif part.folded is None:
                plain(part.text)
            else:
                with st.expander(label(part.folded), type="compact"):
                    code(pretty_json(part.text))
