"""One answer after the other: the conversation, the rules in plain words, and keys; nobody's verdict before one's own.

The next answer is fetched while this one is read, so a key shows it at once. What is begun is kept by the agent: it survives a
reload and signing out.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import Any, Final

import streamlit as st

from dashboards.answer_acts import onward
from dashboards.client import AgentReads, Row, Trouble
from dashboards.numbers import count
from dashboards.review_keys import (
    LETTERS,
    VERDICTS,
    WORDS,
    Marks,
    choose,
    complete,
    minutes_left,
    own_words,
    press,
    reveal,
)
from dashboards.text import label, plain
from dashboards.views.review_answer import answer, rule_card

AHEAD: Final = 2
"""Answers on the desk: the one that is read, and the next."""


def seat(agent: AgentReads, review_id: str) -> None:
    """Draw the answer that is next for whoever looks."""
    desk = _desk(agent, review_id)
    if not desk["items"]:
        _nothing_left(desk)
        return
    item = desk["items"][0]
    _progress(desk)
    _last(agent, review_id, desk)
    if (last := desk.get("last")) is not None:
        onward(agent, last["unit_id"], last["verdicts"])
    left, right = st.columns([3, 2], gap="large")
    with left:
        answer(item, open_severe=st.session_state.get(f"severe-{item['unit_id']}", False))
    with right:
        _controls(agent, review_id, desk, item)
    _fetch_ahead(agent, review_id, desk)


def _desk(agent: AgentReads, review_id: str) -> Row:
    """What lies before whoever looks; asked for here only where nothing does."""
    desk: Row = st.session_state.setdefault(
        f"desk-{review_id}", {"items": [], "left": 0, "done": 0, "began": time.monotonic(), "said": 0, "trouble": ""}
    )
    if not desk["items"]:
        _refill(agent, review_id, desk)
    return desk


def _fetch_ahead(agent: AgentReads, review_id: str, desk: Row) -> None:
    """Ask for the next answer once this one is on the screen: nobody waits for it, and what fails now is asked for again."""
    if len(desk["items"]) < min(AHEAD, desk["left"]):
        with suppress(Trouble):
            _refill(agent, review_id, desk)


def _refill(agent: AgentReads, review_id: str, desk: Row) -> None:
    told = agent.ask("takeitems", id=review_id, most=AHEAD, severe=not st.session_state.get("spare-me", False))
    known = {item["unit_id"]: item for item in desk["items"]}
    desk.update(
        items=[known.get(item["unit_id"], item) for item in told["items"]],
        left=told["left"],
        done=told["done"],
        trial=told.get("trial"),
    )
    for item in desk["items"]:
        item.setdefault("marks", Marks(dict(item["draft"].get("verdicts") or {})))


def _nothing_left(desk: Row) -> None:
    done = count(desk["done"])
    if desk["done"]:
        st.success(f"Nothing is left for you: you have judged {done}.", icon=":material/check:")
    else:
        st.info("Nothing here waits for you: the answers are other people's, or everything is judged.")


def _progress(desk: Row) -> None:
    whole = desk["done"] + desk["left"]
    minutes = minutes_left(desk["left"], desk["said"], time.monotonic() - desk["began"])
    st.progress(desk["done"] / whole, text=f"{desk['done']} of {whole} judged, about {minutes} minutes left")
    if desk.get("trial") is not None:
        with st.container(key="muted-trial"):
            plain("You are new here: your first answers were judged before. After each you see what was decided.")


def _last(agent: AgentReads, review_id: str, desk: Row) -> None:
    """What was said last, what others say of it, and the way back."""
    last = desk.get("last")
    if desk["trouble"]:
        st.error(label(desk["trouble"], 300), icon=":material/block:")
    with st.container(horizontal=True, vertical_alignment="center", key="muted-last"):
        words = "The first answer." if last is None else f"You said: {last['said']}. {reveal(last, last['titles'])}"
        plain(words)
        st.button(
            "Undo",
            icon=":material/undo:",
            shortcut="U",
            key="undo",
            disabled=last is None,
            on_click=_undo,
            args=(agent, review_id, desk),
        )


def _controls(agent: AgentReads, review_id: str, desk: Row, item: Row) -> None:
    rules = [rule["id"] for rule in item["rules"]]
    marks: Marks = item["marks"]
    if marks.hint:
        st.warning(marks.hint)
    with st.container(horizontal=True, key="verdicts"):
        for verdict, key in VERDICTS.items():
            st.button(
                WORDS[verdict].capitalize(),
                shortcut=key,
                key=f"verdict-{verdict}",
                on_click=_say,
                args=(agent, review_id, desk, item, verdict),
            )
    for letter, rule in zip(LETTERS, item["rules"], strict=False):
        rule_card(rule, marks.said.get(rule["id"]), chosen=marks.chosen == rule["id"])
        if len(rules) > 1:
            st.button(
                f"Judge rule {letter} alone",
                shortcut=letter,
                key=f"rule-{letter}",
                on_click=_choose,
                args=(item, rule["id"]),
            )
    _notes(agent, review_id, item)
    with st.container(horizontal=True):
        st.button("Skip", shortcut="S", key="skip", on_click=_skip, args=(agent, review_id, desk, item))
        if item["severe"]:
            st.button("Show the answer", shortcut="V", key="severe", on_click=_open, args=(item,))
        st.toggle("Spare me answers that may be hard to read", key="spare-me", on_change=_forget, args=(review_id,))


def _notes(agent: AgentReads, review_id: str, item: Row) -> None:
    unit = item["unit_id"]
    fields = {
        "evidence": ("Words that break the rule", "copied from the answer"),
        "note": ("Note", "why you say so"),
        "corrected": ("A better answer", "what it should have said"),
    }
    opened = st.session_state.get(f"writing-{unit}", any(item["draft"].get(name) for name in fields))
    st.button(
        "Write a note" if not opened else "Close the note",
        shortcut="N",
        key="note",
        on_click=_write,
        args=(unit, opened),
    )
    if opened:
        for name, (title, hint) in fields.items():
            st.text_area(
                title,
                item["draft"].get(name) or "",
                key=f"{name}-{unit}",
                placeholder=hint,
                height=68,
                max_chars=4000,
                on_change=_keep,
                args=(agent, review_id, item, name),
            )


def _write(unit: str, opened: bool) -> None:
    st.session_state[f"writing-{unit}"] = not opened


def _open(item: Row) -> None:
    st.session_state[f"severe-{item['unit_id']}"] = True


def _forget(review_id: str) -> None:
    st.session_state.pop(f"desk-{review_id}", None)


def _choose(item: Row, rule: str) -> None:
    item["marks"] = choose(item["marks"], rule)


def _keep(agent: AgentReads, review_id: str, item: Row, name: str) -> None:
    item["draft"] = {**item["draft"], name: st.session_state[f"{name}-{item['unit_id']}"]}
    _save(agent, review_id, item)


def _save(agent: AgentReads, review_id: str, item: Row) -> None:
    draft = {**item["draft"], "verdicts": dict(item["marks"].said)}
    agent.ask("savedraft", id=review_id, unit_id=item["unit_id"], draft=draft)


def _say(agent: AgentReads, review_id: str, desk: Row, item: Row, verdict: str) -> None:
    rules = [rule["id"] for rule in item["rules"]]
    item["marks"] = press(item["marks"], rules, verdict)
    desk["trouble"] = ""
    try:
        if complete(item["marks"], rules):
            _commit(agent, review_id, desk, item)
        elif not item["marks"].hint:
            _save(agent, review_id, item)
    except Trouble as trouble:
        desk["trouble"] = str(trouble)


def _commit(agent: AgentReads, review_id: str, desk: Row, item: Row) -> None:
    """Under a key of its own, so that a second press after a broken connection does nothing."""
    key = item.setdefault("key", secrets.token_hex(16))
    said, written = dict(item["marks"].said), _written(item["draft"])
    told: Any = agent.command("commititem", key, id=review_id, unit_id=item["unit_id"], verdicts=said, **written)
    titles = {rule["id"]: rule["title"] for rule in item["rules"]}
    desk["last"] = {**told, "said": own_words(said, titles), "verdicts": said, "titles": titles}
    desk["items"] = [one for one in desk["items"] if one["unit_id"] != item["unit_id"]]
    desk.update(left=max(0, desk["left"] - 1), done=told["done"], said=desk["said"] + 1)


def _written(draft: Row) -> dict[str, str]:
    note = "\n".join(
        part for part in (f"“{draft['evidence']}”" if draft.get("evidence") else "", draft.get("note") or "") if part
    )
    return {name: text for name, text in (("note", note), ("corrected", draft.get("corrected") or "")) if text}


def _skip(agent: AgentReads, review_id: str, desk: Row, item: Row) -> None:
    try:
        agent.ask("skipitem", id=review_id, unit_id=item["unit_id"])
    except Trouble as trouble:
        desk["trouble"] = str(trouble)
        return
    desk["items"] = [one for one in desk["items"] if one["unit_id"] != item["unit_id"]]


def _undo(agent: AgentReads, review_id: str, desk: Row) -> None:
    last = desk.pop("last", None)
    if last is None:
        return
    try:
        agent.command("undoitem", secrets.token_hex(16), id=review_id, unit_id=last["unit_id"])
    except Trouble as trouble:
        desk["trouble"] = str(trouble)
    desk["items"] = []
