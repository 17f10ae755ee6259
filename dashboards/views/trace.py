"""One trace: the facts, the tree with its times, the conversation, verdicts with reasons, scores, raw attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import streamlit as st

from dashboards.charts.timeline import branch, timeline
from dashboards.client import Given, Row
from dashboards.erasures import ask_erasure
from dashboards.markup import draw
from dashboards.notes import notes
from dashboards.numbers import count, money, percent, took, utc, when
from dashboards.review_request import want
from dashboards.rules import rules_of
from dashboards.scope import Context
from dashboards.tables import facts, still
from dashboards.text import code, label, one_line, plain, pretty_json
from dashboards.verdicts import answer_of, missing, places, verdicts
from dashboards.views.chat import BY_RULE, NOT_KEPT, NOT_SENT, Part, conversation, show_chat

DEEPEST: Final = 40
ERASE: Final = "It holds what should not be kept, as somebody found on its page."

_text = st.column_config.TextColumn


def tree(spans: Sequence[Row]) -> list[Row]:
    """Return the spans parent before child, siblings by start, each with its `depth`. Orphans and cycles become roots."""
    ids = {row["span_id"] for row in spans}
    children: dict[str | None, list[Row]] = {}
    for row in spans:
        parent = row["parent_id"] if row["parent_id"] in ids and row["parent_id"] != row["span_id"] else None
        children.setdefault(parent, []).append(row)
    out = list(_below(children, None, 0, set()))
    seen = {row["span_id"] for row in out}
    return out + [{**row, "depth": 0} for row in spans if row["span_id"] not in seen]


def _below(children: dict[str | None, list[Row]], parent: str | None, depth: int, seen: set[str]) -> Iterator[Row]:
    for row in children.get(parent, ()):
        if row["span_id"] in seen:
            continue
        seen.add(row["span_id"])
        yield {**row, "depth": depth}
        yield from _below(children, row["span_id"], min(depth + 1, DEEPEST), seen)


def bars(spans: Sequence[Row]) -> list[Row]:
    """Return tree rows as the bars of a timeline, in milliseconds from the start of the trace."""
    begin = min(utc(row["time"]) for row in spans)
    return [_bar(row, 1000 * (utc(row["time"]) - begin).total_seconds()) for row in spans]


def _bar(row: Row, start: float) -> Row:
    known = row["duration_ms"] is not None
    return {
        "span_id": row["span_id"],
        "name": row["name"] or row["kind"],
        "depth": row["depth"],
        "kind": row["kind"],
        "error": row["error_type"],
        "start_ms": start,
        "end_ms": start + max(row["duration_ms"] or 0.0, 0.0),
        "duration_ms": row["duration_ms"] if known else None,
    }


def show(context: Context, trace_id: str, filters: dict[str, Given]) -> None:
    """Draw the page of one trace."""
    ask = context.agent.read
    turn = next(iter(ask("trace", trace_id=trace_id)), None)
    spans = tree(ask("trace_spans", trace_id=trace_id))
    _head(context, trace_id, filters)
    st.title(_name(turn or spans[0]) if spans else "Not found", anchor=False)
    if not spans:
        st.info("Nothing is stored under this trace id. It was never sent, was erased, or is no longer kept.")
        return
    if turn is None:
        st.info("This trace is not finished yet: it becomes a turn a few seconds after its last span has arrived.")
    _facts(turn or spans[0])
    content = {row["span_id"]: row for row in ask("trace_content", trace_id=trace_id)}
    left, right = st.columns([5, 6], gap="large")
    with left:
        chosen = _tree(spans)
        grades, answer = ask("trace_grades", trace_id=trace_id), answer_of(_spoken(turn, spans, content))
        _verdicts(context, trace_id, grades, answer)
        notes(context.agent, trace_id)
        want(context.agent, trace_id)
        ask_erasure(context.agent, trace_id, ERASE)
        st.caption("Trace id, to copy")
        code(trace_id)
    with right:
        found = conversation(_spoken(turn, spans, content), answer, places(grades, answer))
        _talk(found, spans, content, chosen, _without(context, spans))


def _without(context: Context, spans: Sequence[Row]) -> str:
    """What to say where a text is missing: whether a rule took it, it is too old to be kept, or was never sent."""
    kept = next(iter(context.agent.read("kept_since")), {})
    if kept.get("content") and utc(spans[0]["time"]) < utc(kept["content"]):
        return NOT_KEPT
    return BY_RULE if any("by_rule:" in (span["flags"] or "") for span in spans) else NOT_SENT


def _head(context: Context, trace_id: str, filters: dict[str, Given]) -> None:
    near = next(iter(context.agent.read("neighbours", trace_id=trace_id, **filters)), {})
    with st.container(horizontal=True, vertical_alignment="center", key="row-near"):
        context.link("traces", {}, "All traces")
        for name, icon, shortcut in (
            ("newer", ":material/chevron_left:", "K"),
            ("older", ":material/chevron_right:", "J"),
        ):
            target = near.get(name)
            if st.button(name.capitalize(), icon=icon, disabled=target is None, shortcut=shortcut) and target:
                context.go("traces", {"trace": target})


def _name(row: Row) -> str:
    """What one answer is called: the application, and when it was given."""
    return label(f"An answer of {row['app'] or 'an application without a name'}, {when(row['time'])}", 200)


def _facts(row: Row) -> None:
    prompt = " ".join(str(row[key]) for key in ("prompt_name", "prompt_version") if row.get(key))
    tokens = (row.get("input_tokens"), row.get("output_tokens"))
    arm = " / ".join(str(row[key]) for key in ("experiment", "variant") if row.get(key))
    with st.container(border=True):
        facts(
            {
                "Time": when(row["time"]),
                "App": row["app"],
                "Environment": row["environment"],
                "Release": row["release"],
                "Model": row.get("model") or row.get("request_model"),
                "Prompt": prompt or None,
                "Experiment / arm": arm or None,
                "User": row["user_id"],
                "Session": row["session_id"],
                "Took": took(row["duration_ms"]),
                "Tokens in / out": None if None in tokens else f"{count(tokens[0])} / {count(tokens[1])}",
                "Cost": money(row["cost_usd"]),
                "Error": row["error_type"],
            },
        )


def _tree(spans: Sequence[Row]) -> str | None:
    st.subheader("Spans")
    drawn = bars(spans)
    draw(timeline(drawn))
    # numbered, since a list tells equal names not apart
    named = {row["span_id"]: f"{number}. {branch(row)}" for number, row in enumerate(drawn, 1)}
    picked: str | None = st.selectbox(
        "Times are from the start of the trace. Look at one span:",
        list(named),
        index=None,
        format_func=lambda span: named.get(span, span),
        placeholder="the whole conversation",
        key=f"span-{spans[0]['trace_id']}",
    )
    return picked


def _talk(
    shown: Sequence[Part], spans: Sequence[Row], content: dict[str, Row], chosen: str | None, without: str
) -> None:
    span = next((row for row in spans if row["span_id"] == chosen), None)
    if span is not None:
        _one_span(span, content.get(span["span_id"], {}), without)
        return
    st.subheader("Conversation")
    if any(part.marks for part in shown):
        st.caption("A flag marks where a verdict found something.")
    show_chat(shown, without)
    for row in spans:
        if row["kind"] in {"tool", "retriever"} and row["span_id"] in content:
            _folded(row, content[row["span_id"]])


def _spoken(turn: Row | None, spans: Sequence[Row], content: dict[str, Row]) -> Row:
    """The texts of what the user said and saw; they may stand on two spans."""
    if turn is None:
        return next((content[row["span_id"]] for row in spans if row["span_id"] in content), {})
    said, saw = content.get(turn["input_span_id"], {}), content.get(turn["output_span_id"], {})
    if turn["input_span_id"] == turn["output_span_id"]:
        return saw
    inputs = {key: said.get(key) for key in ("input_messages", "input_value")}
    outputs = {key: saw.get(key) for key in ("output_messages", "output_value")}
    return {**inputs, **outputs, "system_text": saw.get("system_text") or said.get("system_text")}


def _folded(row: Row, content: Row) -> None:
    what = "Tool" if row["kind"] == "tool" else "Retrieval"
    with st.expander(f"{what}: {label(row['tool_name'] or row['name'] or '')}", icon=_ICONS[row["kind"]]):
        for name, key in (("asked", "input_value"), ("got", "output_value")):
            if content.get(key) is not None:
                st.caption(name)
                code(pretty_json(content[key]))


_ICONS: Final = {"tool": ":material/build:", "retriever": ":material/search:"}


def _one_span(span: Row, content: Row, without: str) -> None:
    st.subheader("Span")
    facts(
        {
            "Name": span["name"],
            "Kind": span["kind"],
            "Operation": span["operation"],
            "Provider": span["provider"],
            "Model asked / answered": " / ".join(str(span[k]) for k in ("request_model", "response_model") if span[k])
            or None,
            "Took": took(span["duration_ms"]),
            "First token after": None if span["ttft_ms"] is None else took(span["ttft_ms"]),
            "Tokens in / out": None
            if span["input_tokens"] is None and span["output_tokens"] is None
            else f"{count(span['input_tokens'])} / {count(span['output_tokens'])} ({span['usage_source'] or 'source not known'})",
            "Finish reason": span["finish_reason"],
            "Error": span["error_type"],
            "Error message": span["error_message"],
            "Understood as": span["dialect"],
            "Notes on the data": span["flags"],
        },
    )
    show_chat(conversation(content), without)
    if span["attrs"]:
        with st.expander("Attributes no rule understood"):
            code(pretty_json(span["attrs"]), "json")


def _verdicts(context: Context, trace_id: str, grades: Sequence[Row], answer: str | None) -> None:
    ask = context.agent.read
    st.subheader("Verdicts")
    asked = any(row["grader"].startswith("judge:") or "judge" in row["grader"].split("+") for row in grades)
    calls = ask("trace_judge_calls", trace_id=trace_id) if asked else []
    verdicts(grades, rules_of(context.agent), answer, calls)
    sample = next(iter(ask("trace_sample", trace_id=trace_id)), None)
    if sample is None:
        st.caption("Not sampled: it enters no rate.")
    else:
        plain(_picked(sample["inclusion_probability"]))
        with st.expander("How we know", icon=":material/info:"):
            plain(f"Sampled with probability {sample['inclusion_probability']:g}: {sample['reason']}")
    missing(context.agent, trace_id)
    _scores(ask("trace_scores", trace_id=trace_id))


def _picked(probability: float) -> str:
    """How it came to be graded."""
    return (
        "Every answer like this is graded."
        if probability >= 1
        else f"One of the {percent(probability)} that are graded."
    )


def _scores(scores: Sequence[Row]) -> None:
    if not scores:
        return
    st.subheader("Scores")
    columns = {
        "name": _text("Score", width=120),
        "value": st.column_config.NumberColumn("Value", width=70),
        "label": _text("Label", width=90),
        "comment": _text("Comment", width=260),
        "origin": _text("From", width=80),
    }
    still(
        [{**row, **{k: one_line(row[k], 300) for k in ("name", "label", "comment", "origin")}} for row in scores],
        columns,
    )
