"""One answer and the rules it is held to, as a person reads them: the answer stands out, what led to it is folded."""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.client import Row
from dashboards.review_keys import WORDS
from dashboards.text import code, label, plain, pretty_json
from dashboards.views.chat import Part, conversation, show_chat

GONE: Final = "No text of this answer is kept. Say that you cannot judge it."
SIGNS: Final = {"violates": "Breaks it", "complies": "Is fine", "borderline": "On the border"}


def answer(item: Row, *, open_severe: bool = False) -> None:
    """Draw the conversation of `item`: earlier messages, tools and retrieved texts folded, the answer marked."""
    parts = conversation(item["texts"])
    before, asked, said = _apart(parts)
    about = label(item["app"] or "an application without a name")
    st.subheader(f"Answer {label(item['number'])} of {about}", anchor=False)
    if before:
        with st.expander(f"What was said before ({len(before)})"):
            show_chat(before, whole=False)
    if session := item["texts"].get("session"):
        with st.expander("The whole session", expanded=True):
            for name in ("asked", "answered"):
                st.caption(name)
                plain(session[name] or GONE)
    for one in item["texts"].get("context") or ():
        _folded(one)
    if asked:
        show_chat(asked, whole=False)
    if item["severe"] and not open_severe:
        st.warning("This answer may be hard to read. Press V to see it, or skip it.", icon=":material/visibility_off:")
    elif said:
        with st.container(key=f"the-answer-{item['number']}"):
            show_chat(said, whole=False)
    else:
        st.info(GONE)


def _apart(parts: list[Part]) -> tuple[list[Part], list[Part], list[Part]]:
    """What was said before, the last question, and the answer to it."""
    asked = max((n for n, part in enumerate(parts) if part.role == "user"), default=-1)
    if asked < 0:
        return [part for part in parts if part.role == "system"], [], [part for part in parts if part.role != "system"]
    return parts[:asked], parts[asked : asked + 1], parts[asked + 1 :]


def _folded(one: Row) -> None:
    what = "Retrieved" if one["kind"] == "retriever" else "Tool"
    with st.expander(f"{what}: {label(one['name'] or '')}"):
        for name in ("asked", "got"):
            if one[name] is not None:
                st.caption(name)
                code(pretty_json(one[name]))


def rule_card(rule: Row, said: str | None, *, chosen: bool, place: str = "") -> None:
    """Draw one rule in plain words, with an example of each verdict, and what was said of it so far; `place` tells cards apart."""
    with st.container(border=True):
        with st.container(key=f"name-{rule['id']}-{place}"):
            plain(rule["title"])
        plain(rule["statement"])
        for number, example in enumerate(rule["examples"]):
            with st.container(key=f"muted-{rule['id']}-{number}-{place}"):
                plain(f"{SIGNS.get(example['label'], example['label'])}: “{example['output'][:300]}”")
        with st.container(key=f"muted-id-{rule['id']}-{place}"):
            about = {"session": " About the whole session.", "trace": " About all of the trace."}.get(
                rule.get("unit") or "", ""
            )
            plain(f"{rule['id']}, {rule.get('policy', '')} {rule.get('version', '')}.{about}")
        if said:
            st.badge(f"You say: {WORDS[said]}", icon=":material/edit:")
        elif chosen:
            st.badge("The next key is for this rule", icon=":material/arrow_forward:")
