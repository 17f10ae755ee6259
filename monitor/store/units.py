"""What graders are given: turns, and beside each its whole trace, and the session that ended with it, where some rule asks for those."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate
from typing import Final, Protocol

from monitor.clock import naive_utc
from monitor.model.values import Turn, Unit
from monitor.store.reads import Reader
from monitor.store.tool_uses import with_tools
from monitor.store.turns import turns_at
from monitor.store.wholes import REACH
from monitor.store.wholes import growing as _growing

BETWEEN: Final = "\n\n"
"""What stands between two answers that are graded as one text."""

MOST_TURNS: Final = 500
"""Of a session with more turns, the last ones are graded."""

AROUND: Final = timedelta(days=1)


class Asking(Protocol):
    """What is asked of a policy: what its rules are about, and whether they look at tools."""

    @property
    def units(self) -> set[Unit]: ...
    @property
    def wants_tools(self) -> bool: ...


def units_of(
    reader: Reader, turns: Sequence[Turn], policies: Iterable[Asking], growing: AbstractSet[str] | None = None
) -> list[Turn]:
    """Return `turns`, with tools where those are wanted, and the complete traces and ended sessions that go by them.

    `growing` are traces that are not complete; None asks the store.
    """
    asking = [*policies]
    wanted = {unit for policy in asking for unit in policy.units}
    seen = with_tools(reader, turns) if any(policy.wants_tools for policy in asking) else [*turns]
    whole = whole_traces(reader, seen, _growing(reader) if growing is None else growing) if "trace" in wanted else []
    return [*seen, *whole, *(whole_sessions(reader, seen, asking) if "session" in wanted else [])]


def whole_traces(reader: Reader, turns: Sequence[Turn], growing: AbstractSet[str]) -> list[Turn]:
    """Return the traces of `turns` that no longer grow: all that was said in model calls, in its order, ends with what the user saw."""
    if not turns:
        return []
    done = [turn for turn in turns if turn.unit_id not in growing]
    start, end = (naive_utc(pick(turn.time for turn in turns)) for pick in (min, max))
    bounds = [start, end + AROUND] * 2
    said = reader.frame(_ANSWERS, [*bounds, [turn.unit_id for turn in done]])
    by_trace = {str(trace): list(answers) for trace, answers in said.iter_rows()}
    return [_trace(turn, by_trace.get(turn.unit_id, [])) for turn in done]


def _trace(turn: Turn, answers: list[str]) -> Turn:
    last = turn.output_text
    before = [answer for answer in answers if answer != last]
    return _joined(replace(turn, unit="trace"), [*before, last] if last is not None else before)


def whole_sessions(reader: Reader, turns: Sequence[Turn], policies: Sequence[Asking]) -> list[Turn]:
    """Return the sessions that ended with one of `turns`: what was asked and answered in them, in its order."""
    rows = reader.frame(_ENDED, [[turn.unit_id for turn in turns]])
    if rows.is_empty():
        return []
    seqs = sorted({seq for (seqs,) in rows.select("seqs").iter_rows() for seq in seqs})
    read = turns_at(reader, seqs, rows["first"].min())  # type: ignore[arg-type]  # a time column has times
    if any(policy.wants_tools for policy in policies):
        read = with_tools(reader, read)
    known = {turn.unit_id: turn for turn in read}
    return [_session([known[trace] for trace in traces]) for traces in rows["traces"].to_list()]


def _session(turns: Sequence[Turn]) -> Turn:
    asked = BETWEEN.join(turn.input_text for turn in turns if turn.input_text)
    whole = replace(
        turns[-1],
        unit="session",
        input_text=asked or None,
        conversation=BETWEEN.join(filter(None, [turns[0].conversation, asked])) or None,
        tools=tuple(use for turn in turns for use in turn.tools),
        offered=tuple(dict.fromkeys(name for turn in turns for name in turn.offered)),
        error_type=None if any(turn.output_text is not None for turn in turns) else turns[-1].error_type,
    )
    return _joined(whole, [turn.output_text for turn in turns if turn.output_text is not None])


def _joined(turn: Turn, answers: Sequence[str]) -> Turn:
    """Give `turn` all `answers` as its output, and where each begins."""
    if not answers:
        return replace(turn, output_text=None)
    begins = accumulate((len(answer) + len(BETWEEN) for answer in answers[:-1]), initial=0)
    return replace(turn, output_text=BETWEEN.join(answers), begins=tuple(begins))


_ANSWERS: Final = """
    SELECT s.trace_id, list(coalesce(c.output_value, answer_text(c.output_messages)) ORDER BY s.time, s.span_id) AS answers
    FROM (SELECT * FROM base.spans WHERE time >= ? AND time <= ? AND kind = 'llm') s
    JOIN (SELECT * FROM base.content WHERE time >= ? AND time <= ?) c ON c.trace_id = s.trace_id AND c.span_id = s.span_id
    WHERE list_contains(?, s.trace_id) AND coalesce(c.output_value, answer_text(c.output_messages)) IS NOT NULL
    GROUP BY s.trace_id"""

_ENDED: Final = f"""
    WITH last AS (
        SELECT * FROM base.turns WHERE list_contains(?, trace_id) AND session_turns IS NOT NULL),
    parts AS (
        SELECT l.trace_id AS named, l.seq AS order_of, t.trace_id, t.seq, t.time
        FROM last l JOIN base.turns t ON t.session_id = l.session_id AND t.app IS NOT DISTINCT FROM l.app
             AND (t.time, t.trace_id) <= (l.time, l.trace_id) AND t.time >= l.time - INTERVAL '{REACH // timedelta(hours=1)} hours'
        WHERE t.time >= (SELECT min(time) - INTERVAL '{REACH // timedelta(hours=1)} hours' FROM last)
        QUALIFY row_number() OVER (PARTITION BY l.trace_id ORDER BY t.time DESC, t.trace_id DESC) <= least(l.session_turns, {MOST_TURNS}))
    SELECT list(trace_id ORDER BY time, trace_id) AS traces, list(seq) AS seqs, min(time) AS first
    FROM parts GROUP BY named, order_of ORDER BY order_of"""
