"""Changing a policy on its page: edit the file, see what that would change on stored traffic, put it in force, take it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from dashboards.acting import act, may, told
from dashboards.client import Row, Trouble, where_told
from dashboards.numbers import count, share, share_interval
from dashboards.scope import Context
from dashboards.tables import EXAMPLES, still, turn_table
from dashboards.text import label, one_line, plain

FIRST: Final = 2_000
"""Answers of a first word; all of them are graded on request."""

SHOWN: Final = 20
LASTS: Final = {"last day": "1d", "last 7 days": "7d", "last 30 days": "30d"}
ALERTS: Final = frozenset({"case", "incident", "warn"})


def change(context: Context, policy: str) -> None:
    """Draw the file of a policy with what can be done about it; nothing where the agent keeps no file of it."""
    file = _file(context, policy)
    if file is None or not may(context.agent, "operate"):
        return
    text = st.text_area("The file", file["text"], height=360, key=f"file-{policy}-{file['version']}")
    _preview(context, policy, file["file"], text)
    if may(context.agent, "govern"):
        _put(context, policy, file["file"], text)
    told(f"policy-{policy}")


def _file(context: Context, policy: str) -> Row | None:
    return where_told(context.agent, "policytext", None, policy=policy)


def _preview(context: Context, policy: str, name: str, text: str) -> None:
    first, second, third = st.columns([2, 2, 2], vertical_alignment="bottom")
    with first:
        last = LASTS[st.selectbox("Of which traffic", list(LASTS), index=1, key=f"last-{policy}")]
    with second:
        quick = st.button(
            "See what it would change", icon=":material/difference:", key=f"preview-{policy}", type="primary"
        )
    with third:
        whole = st.button("The same on all of it", key=f"preview-all-{policy}")
    kept = f"previewed-{policy}"
    if quick or whole:
        st.session_state[kept] = _previewed(context, name=name, text=text, last=last, most=None if whole else FIRST)
    if kept in st.session_state:
        _outcomes(context, st.session_state[kept])


def _previewed(context: Context, **asked: Any) -> Row | str:
    """Return what the preview says, or why there is none; it is watched while it works."""
    bar = st.progress(0.0, "reading the file")
    try:
        for view in context.agent.work("previewpolicy", **asked):  # type: ignore[attr-defined]  # of the running api only
            bar.progress(min(1.0, float(view["share"])), label(view["note"] or "grading"))
            if view["state"] == "done":
                return dict(view["result"])
            if view["state"] != "running":
                return str(view["error"])
    except Trouble as trouble:
        return str(trouble)
    finally:
        bar.empty()
    return "the preview ended without a word"


def _outcomes(context: Context, found: Row | str) -> None:
    if isinstance(found, str):
        st.error(label(found, 400), icon=":material/block:")
        return
    moved = [rule for rule in found["rules"] if rule["newly_flagged"] or rule["no_longer_flagged"]]
    of = f"{count(found['turns'])} of {count(found['of'])} answers graded; nothing was stored."
    if not moved:
        st.info(label(f"No verdict changes. {of}", 200))
        return
    st.caption(label(of, 200))
    columns: dict[str, Any] = {
        name: st.column_config.TextColumn(title, width=width)
        for name, title, width in (
            ("title", "Rule", 260),
            ("app", "App", 120),
            ("before", "Broken before", 170),
            ("after", "Broken after", 170),
            ("newly", "Newly flagged", 100),
            ("no_longer", "No longer", 90),
            ("alert", "Would alert", 90),
        )
    }
    still([_cell(rule) for rule in moved], columns)
    for rule in moved:
        _items(context, rule, "newly_flagged", "newly flagged")
        _items(context, rule, "no_longer_flagged", "no longer flagged")


def _cell(rule: Row) -> Row:
    return {
        "title": one_line(rule["title"]),
        "app": one_line(rule["app"]),
        "before": _rate(rule, "before"),
        "after": _rate(rule, "after"),
        "newly": count(len(rule["newly_flagged"])),
        "no_longer": count(len(rule["no_longer_flagged"])),
        "alert": rule["level_after"] if rule["level_after"] in ALERTS else "no",
    }


def _rate(rule: Row, when: str) -> str:
    if rule[f"rate_{when}"] is None:
        return "not graded"
    return f"{share(rule[f'rate_{when}'])} ({share_interval(*rule[f'interval_{when}'])})"


def _items(context: Context, rule: Row, key: str, words: str) -> None:
    """The answers themselves."""
    units: Sequence[str] = rule[key]
    if not units:
        return
    with st.expander(label(f"{rule['title']}, {rule['app']}: {len(units)} {words}", 120)):
        rows = context.agent.read("turns_by_id", ids=",".join(units[:SHOWN]))
        turn_table(context, rows, EXAMPLES, key=f"{key}-{rule['rule_id']}-{rule['app']}")
        if len(units) > SHOWN:
            st.caption(f"The first {SHOWN} of {count(len(units))}.")


def _put(context: Context, policy: str, name: str, text: str) -> None:
    control = f"policy-{policy}"
    with st.form(f"put-{policy}", border=False):
        first, second = st.columns(2)
        with first:
            status = st.selectbox("As", ["active", "shadow", "retired"], key=f"status-{policy}")
        with second:
            approved = st.text_input(
                "Approved by", max_chars=80, placeholder="where the file names approvers", key=f"approved-{policy}"
            )
        if st.form_submit_button("Put it in force", icon=":material/gavel:"):
            asked = {"name": name, "text": text, "status": status, "approved_by": approved}
            act(context.agent, control, "activatepolicy", f"It is {status} now.", **asked)
    plain("Taking it back puts the version in force that was before.")
    if st.button("Take the last change back", icon=":material/undo:", key=f"rollback-{policy}"):
        act(context.agent, control, "rollbackpolicy", "The version before is in force again.", policy=policy)
