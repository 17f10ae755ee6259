"""How much of what the captured applications really did is in the store: recovered of knowable, fact by fact.

Knowable is what the instrumentation put into the bodies: `visible_in_payload` of the index says which share; for facts it
says nothing of, whether the value stands in the bodies as a word of its own. Run:
`.venv/bin/python -m tests.acceptance.scoring [SOURCE...]` prints the misses and the table.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from collectors.doors.bodies import unpacked
from monitor.store.opening import Store
from tests.acceptance.fixtures import cases, detail, told_together
from tests.support.shared import FIXTURES

Row = dict[str, Any]
Facts = Counter[str]

SAME_REASON = {"tool_use": "tool_calls", "tool_call": "tool_calls", "end_turn": "stop", "completed": "stop"}
SAME_REASON |= {"max_tokens": "length", "incomplete": "length"}

SENTENCES = (
    "Returns are accepted within 30 days with a receipt.",
    "Standard shipping takes 5 to 8 business days.",
    "Tents have a lifetime warranty.",
    "Gift cards never expire.",
)

STREAMED = re.compile(
    rb'gen_ai\.request\.stream|is_streaming|to_first_(chunk|token)|First Token Stream|completion_start_time|"stream": ?true'
)


class Score(NamedTuple):
    """One kind of fact in one case; `missing` names what was not recovered though knowable."""

    case: str
    fact: str
    knowable: int
    recovered: int
    missing: tuple[str, ...]


class Seen(NamedTuple):
    """What the store says of one case."""

    calls: list[Row]
    turns: list[Row]
    tools: list[Row]
    documents: str
    scores: list[Row]
    offered: set[str]


NOTHING = Seen([], [], [], "", [], set())


class Told(NamedTuple):
    """What the application did, and what of it is on the wire. `logical` leaves out attempts that the SDK made on its own."""

    expected: Row
    detail: Row
    visible: Row
    logical: list[Row]
    raw: bytes


def seen_in(store: Store, case_of: dict[str, str]) -> dict[str, Seen]:
    """Read what is asked for, case by case."""

    def rows(sql: str) -> dict[str, list[Row]]:
        found = defaultdict(list)
        for row in store.read(sql).to_pylist():
            found[case_of[row["trace_id"]]].append(row)
        return found

    attrs = rows("SELECT trace_id, attrs FROM spans WHERE attrs IS NOT NULL")
    calls = rows("SELECT * FROM calls WHERE operation IS DISTINCT FROM 'embeddings'")
    turns, tools, scores = (rows(f"SELECT * FROM {view}") for view in ("turns", "tool_calls", "scores"))
    retrieved = rows("SELECT trace_id, documents FROM retrievals")
    return {
        case: Seen(
            calls[case],
            turns[case],
            tools[case],
            "\n".join(str(row.get("documents", row.get("result"))) for row in (*retrieved[case], *tools[case])),
            scores[case],
            {
                name
                for row in attrs[case]
                for name in json.loads(row["attrs"]).get("tools", ())
                if isinstance(name, str)
            },
        )
        for case in set(case_of.values())
    }


def told_by(case: Row) -> Told:
    """Read what the stub saw and what the bodies hold."""
    real, expected = detail(case), case["expected"]
    calls = real["calls"]
    if expected["http_attempts"] > expected["llm_calls"]:
        calls = list({(json.dumps(call["prompt"]), call["request_model"]): call for call in calls}.values())
    raw = b"\n".join(
        unpacked((FIXTURES / request["file"]).read_bytes(), request.get("content_encoding") or "identity", 1 << 27)
        for request in case["requests"]
        if request["signal"] in {"traces", "logs"}
    )
    return Told(expected, real, case["visible_in_payload"], calls, raw)


def done(told: Told) -> list[Row]:
    return [call for call in told.detail["calls"] if call["status"] == 200]


def metered(told: Told) -> list[Row]:
    return [call for call in done(told) if not call["stream"] or call.get("usage_requested_in_stream", True)]


def of(rows: Iterable[Row], *names: str) -> Facts:
    picked = ([row.get(name) for name in names] for row in rows)
    return Counter(" / ".join(map(str, values)) for values in picked if None not in values and "" not in values)


def on_the_wire(told: Told, facts: Facts) -> Facts:
    """Keep of each fact as many as stand in the bodies, not just as the beginning of something longer."""

    def times(text: str) -> int:
        return len(re.findall(rb"(?<![\w.-])" + re.escape(text.encode()) + rb"(?![\w.-])", told.raw))

    return Counter({text: min(count, times(text)) for text, count in facts.items()})


def last_user(call: Row) -> str | None:
    said = [message["text"] for message in call["prompt"] if message["role"] == "user" and message.get("text")]
    return said[-1] if said else None


def system(call: Row) -> str | None:
    return "\n".join(message["text"] for message in call["prompt"] if message["role"] == "system") or None


def arguments(value: Any) -> str:
    return json.dumps(json.loads(value) if isinstance(value, str) else value, sort_keys=True)


def asked_tools(told: Told) -> Facts:
    asked = [tool for call in done(told) for tool in call["tool_calls"]]
    hidden = not told.visible["completions"] or told.visible["completions"] < 1
    return Counter() if hidden else Counter(f"{tool['name']} {arguments(tool['arguments'])}" for tool in asked)


def asked_tools_seen(seen: Seen) -> list[Row]:
    messages = [message for call in seen.calls for message in json.loads(call["output_messages"] or "[]")]
    return [part for message in messages for part in message["parts"] if part["type"] == "tool_call"]


def documents(told: Told) -> Facts:
    listed = [found for one in told.detail["retrievals"] for found in one.get("documents", [])]
    return on_the_wire(told, Counter({found["content"] if isinstance(found, dict) else found for found in listed}))


def reason(call: Row) -> str:
    return SAME_REASON.get(str(call["finish_reason"]), str(call["finish_reason"]))


def reasons(told: Told) -> Facts:
    tells = re.search(rb"finish_?reason|stop_reason", told.raw, re.IGNORECASE)
    return Counter(map(reason, done(told))) if tells else Counter()


def feedback(told: Told) -> Facts:
    return of(told.detail["feedback"], "name") if b"gen_ai.evaluation" in told.raw else Counter()


def either(seen: Seen, name: str) -> Facts:
    """Texts of calls, and of the turn where the call itself holds none."""
    return of(seen.calls, name) | Counter(set(of(seen.turns, name)))


def tagged(name: str) -> Callable[[Told], Facts]:
    return lambda told: of([tag for tag in told.detail["tags"] if tag.get(name)], name)


class Fact(NamedTuple):
    """One kind of fact: the share of the index that says what is visible, what was, what is in the store."""

    share: str | None
    wanted: Callable[[Told], Facts]
    got: Callable[[Seen], Facts]


FACTS: dict[str, Fact] = {
    "request models": Fact(
        None, lambda t: on_the_wire(t, of(t.logical, "request_model")), lambda s: of(s.calls, "request_model")
    ),
    "response models": Fact(
        None, lambda t: on_the_wire(t, of(done(t), "response_model")), lambda s: of(s.calls, "response_model")
    ),
    "response ids": Fact("response_ids", lambda t: of(done(t), "response_id"), lambda s: of(s.calls, "response_id")),
    "tokens": Fact(
        None,
        lambda t: of(metered(t), "input_tokens", "output_tokens"),
        lambda s: of(s.calls, "input_tokens", "output_tokens"),
    ),
    "finish reasons": Fact(None, reasons, lambda s: Counter(map(reason, s.calls))),
    "prompts": Fact(
        "last_user_prompts",
        lambda t: Counter(filter(None, map(last_user, t.logical))),
        lambda s: either(s, "input_text"),
    ),
    "system prompts": Fact(
        "system_prompts", lambda t: Counter(filter(None, map(system, t.logical))), lambda s: of(s.calls, "system_text")
    ),
    "completions": Fact("completions", lambda t: of(done(t), "completion"), lambda s: either(s, "output_text")),
    "failed calls": Fact(
        None,
        lambda t: Counter({"failed": t.expected["failed_calls"]}),
        lambda s: Counter("failed" for call in s.calls if call["error_type"]),
    ),
    "streams": Fact(
        None,
        lambda t: Counter("stream" for call in t.logical if call["stream"] and STREAMED.search(t.raw)),
        lambda s: Counter("stream" for call in s.calls if call["stream"]),
    ),
    "sessions": Fact(
        "session_ids", lambda t: Counter(t.expected["sessions"]), lambda s: Counter(set(of(s.calls, "session_id")))
    ),
    "users": Fact("user_ids", lambda t: Counter(t.expected["users"]), lambda s: Counter(set(of(s.calls, "user_id")))),
    "session of each call": Fact("session_ids", tagged("session"), lambda s: of(s.calls, "session_id")),
    "user of each call": Fact("user_ids", tagged("user"), lambda s: of(s.calls, "user_id")),
    "arm of each call": Fact(None, tagged("variant"), lambda s: of(s.calls, "variant")),
    "tool calls": Fact(
        None,
        asked_tools,
        lambda s: Counter(f"{part['name']} {arguments(part['arguments'])}" for part in asked_tools_seen(s)),
    ),
    "tool names": Fact(
        "tool_names",
        lambda t: Counter({tool["name"] for tool in t.detail["tools_executed"]}),
        lambda s: Counter(set(of(s.tools, "name")) | s.offered | {part["name"] for part in asked_tools_seen(s)}),
    ),
    "documents": Fact(None, documents, lambda s: Counter(text for text in SENTENCES if text in s.documents)),
    "feedback": Fact(None, feedback, lambda s: of(s.scores, "name")),
}


def knowable(fact: str, told: Told) -> int:
    """Return how many facts of this kind are in the bodies."""
    one = FACTS[fact]
    return round(one.wanted(told).total() * ((told.visible.get(one.share) or 0.0) if one.share else 1.0))


def score(name: str, case: Row, seen: Seen) -> list[Score]:
    """Compare one case with what the store says of it."""
    told = told_by(case)
    counted = (str(len(seen.calls)), str(told.expected["llm_calls"]))
    exact = counted[0] == counted[1]
    found = [Score(name, "calls", 1, int(exact), () if exact else (f"{counted[0]} of {counted[1]}",))]
    for fact, one in FACTS.items():
        facts, known = one.wanted(told), knowable(fact, told)
        lacking = facts - one.got(seen)
        recovered = min(known, facts.total() - lacking.total())
        missing = tuple(f"{count} x {text}" for text, count in lacking.items()) if recovered < known else ()
        if known:
            found.append(Score(name, fact, known, recovered, missing))
    return found


def scorable(*sources: str) -> dict[str, Row]:
    """Return the cases with a known truth that came over OTLP."""
    return {
        name: case
        for name, case in cases().items()
        if "expected_detail" in case and case["source"] != "litellm-callback" and name.startswith(sources or ("",))
    }


def scored(name: str) -> list[Score]:
    """Score one case; the cases of its source went through the collector into one store."""
    return score(name, cases()[name], _seen_of(name.partition("/")[0])[name])


@cache
def _seen_of(source: str) -> dict[str, Seen]:
    told = scorable(f"{source}/")
    with tempfile.TemporaryDirectory() as folder, told_together(told, Path(folder)) as (store, case_of):
        return defaultdict(lambda: NOTHING, seen_in(store, case_of))


def table(scores: list[Score]) -> str:
    by_fact: dict[str, list[Score]] = defaultdict(list)
    for one in scores:
        by_fact[one.fact].append(one)
    lines = [f"{'fact':24}{'knowable':>10}{'recovered':>10}{'share':>9}"]
    for fact, some in [*by_fact.items(), ("all", scores)]:
        knowable, recovered = sum(s.knowable for s in some), sum(s.recovered for s in some)
        lines.append(f"{fact:24}{knowable:>10}{recovered:>10}{recovered / max(1, knowable):>9.2%}")
    return "\n".join(lines)


if __name__ == "__main__":
    result = [one for name in scorable(*sys.argv[1:]) for one in scored(name)]
    for one in result:
        if one.missing:
            print(f"{one.case}: {one.fact} {one.recovered}/{one.knowable}: {str(one.missing)[:300]}")
    print(table(result))
