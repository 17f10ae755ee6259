"""Verdicts on one turn: each in words, colour and a mark, with the place in the answer; why others are missing, and a button for now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import AgentReads, Row, where_told
from dashboards.judges import calls_behind
from dashboards.rules import Rule
from dashboards.text import label, parsed, plain

SHOWN: Final[dict[str, tuple[str, str, str]]] = {
    "violates": ("breaks it", ":material/close:", "red"),
    "borderline": ("on the border", ":material/change_history:", "orange"),
    "cannot_judge": ("cannot tell", ":material/help:", "gray"),
    "not_graded": ("not graded", ":material/remove:", "gray"),
    "complies": ("is fine", ":material/check:", "green"),
}
"""What a verdict is called, its mark, and its colour: nobody has to see colours to tell them apart."""

AROUND: Final = 60
"""Characters that are shown before and behind what was found."""


def answer_of(content: Row) -> str | None:
    """Return the text that was graded: the plain value, else the first output message that has text."""
    if content.get("output_value") is not None:
        return str(content["output_value"])
    messages = parsed(content.get("output_messages"), [])
    spoken = (_text(message) for message in messages if isinstance(message, dict)) if isinstance(messages, list) else ()
    return next((text for text in spoken if text), None)


def _text(message: Row) -> str:
    parts = message.get("parts")
    texts = (
        [part for part in parts if isinstance(part, dict) and part.get("type") == "text"]
        if isinstance(parts, list)
        else []
    )
    return "\n".join(str(part.get("content") or "") for part in texts)


def excerpt(answer: str | None, start: int | None, end: int | None) -> tuple[str, str, str] | None:
    """Return what stands before, at and behind a place of the answer, None where it has no such place."""
    if answer is None or start is None or end is None or not 0 <= start < end <= len(answer):
        return None
    before, behind = answer[max(0, start - AROUND) : start], answer[end : end + AROUND]
    return (
        ("…" if start > AROUND else "") + before,
        answer[start:end],
        behind + ("…" if end + AROUND < len(answer) else ""),
    )


def places(grades: Sequence[Row], answer: str | None) -> list[tuple[int, int]]:
    """Return where in the answer the newest words of machines found something, each place once."""
    found: dict[str, tuple[Any, Any]] = {}
    for row in grades:
        if not row["grader"].startswith("human:"):
            bad = row["verdict"] in ("violates", "borderline")
            found.setdefault(row["rule_id"], (row.get("found_from"), row.get("found_to")) if bad else (None, None))
    return sorted({(a, b) for a, b in found.values() if excerpt(answer, a, b) is not None})


def verdicts(grades: Sequence[Row], rules: dict[str, Rule], answer: str | None, calls: Sequence[Row] = ()) -> None:
    """Draw what was said of a turn, violations first; of a rule that was judged again the newest word. `calls` are those of judges."""
    newest: dict[tuple[str, str], Row] = {}
    for row in grades:
        newest.setdefault((row["rule_id"], "person" if row["grader"].startswith("human:") else "machine"), row)
    order = list(SHOWN)
    for number, row in enumerate(
        sorted(newest.values(), key=lambda row: order.index(row["verdict"]) if row["verdict"] in order else 9)
    ):
        _one(row, rules.get(row["rule_id"]), answer, number, calls)


def _one(row: Row, rule: Rule | None, answer: str | None, number: int, calls: Sequence[Row]) -> None:
    words, icon, color = SHOWN.get(row["verdict"], (row["verdict"], ":material/help:", "gray"))
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(label(words), icon=icon, color=color)  # type: ignore[arg-type]  # one of ours
            plain(rule.title if rule else row["rule_id"])
        place = excerpt(answer, row.get("found_from"), row.get("found_to"))
        if place is not None:
            _marked(place)
        with st.container(key=f"muted-verdict-{number}"):
            plain(f"{row['reason']}. {row['rule_id']}, by {row['grader']} ({row['policy']} {row['policy_version']})")
        if not row["grader"].startswith("human:"):
            calls_behind(calls, row["rule_id"])


def _marked(place: tuple[str, str, str]) -> None:
    """The place in the answer: plain text around it, and between it a badge with a mark of its own."""
    before, found, behind = place
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if before.strip():
            plain(" ".join(before.split()))
        st.badge(label(found, 200), icon=":material/flag:", color="red")
        if behind.strip():
            plain(" ".join(behind.split()))


def missing(agent: AgentReads, trace_id: str) -> None:
    """Say what was drawn and why a rule has no verdict, and offer to grade the turn now."""
    why = _why(agent, trace_id)
    for line in why["draws"]:
        with st.container(key=f"muted-draw-{abs(hash(line))}"):
            plain(f"{line[0].upper()}{line[1:]}.")
    if not why["rules"]:
        return
    what = "a rule has" if len(why["rules"]) == 1 else f"{len(why['rules'])} rules have"
    with st.expander(f"Why {what} no verdict"):
        plain("\n".join(f"{one['title']} ({one['rule_id']}): {one['why']}." for one in why["rules"]))
    control = f"grade-{trace_id}"
    if may(agent, "operate") and _asked_for(agent, control, trace_id):
        st.rerun()
    told(control)


def _asked_for(agent: AgentReads, control: str, trace_id: str) -> bool:
    """Draw the button; return whether it was pressed and the turn was graded."""
    pressed = st.button("Grade it now", icon=":material/gavel:", help="By the policies in force; it enters no rate.")
    return pressed and act(agent, control, "gradenow", "It was graded.", id=trace_id)


def _why(agent: AgentReads, trace_id: str) -> dict[str, list[Any]]:
    nothing: dict[str, list[Any]] = {"draws": [], "rules": []}
    return where_told(agent, "whyungraded", nothing, id=trace_id)
