"""No grader dies silently: what rules no longer decide, or no longer find, with the cause and what is ungraded meanwhile.

A rule that decided a share q of the turns of an app and now none of the last n is dead when chance would do that once in 100,000
times, (1 - q)^n; the same holds for violations that it found and no longer finds. The same evidence is looked at every cycle,
so a rule that is well is called dead about as seldom. Not for rules that never decided anything: `policy lint` names those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from monitor.clock import aware_utc, naive_utc
from monitor.graders.grader import NO_OUTPUT
from monitor.model.values import PROPOSED, WAITS_FOR_JUDGE
from monitor.policy.schema import BoundRule, Policy
from monitor.stats.intervals import wilson
from monitor.store import decided, reads
from monitor.store.behind import missed
from monitor.store.wholes import settled
from monitor.wording import minute, percent

CHANCE: Final = 1e-5
LEAST: Final = 20
"""Turns that are undecided in a row at the least: they come in bunches, which the reckoning does not know."""

RECENT: Final = timedelta(days=1)
HISTORY: Final = timedelta(days=28)
QUIET: Final = timedelta(days=2)
"""A rule that found violations has to find none for so long."""

FAILING: Final = 0.1
"""A grader that breaks on more of its texts than this is told of."""

WAITS: Final = timedelta(minutes=5)
NAMED: Final = 4


@dataclass(frozen=True)
class Silence:
    """One app of which something is no longer graded: the rules, the cause, since when, and how many answers that are by now."""

    app: str
    cause: str
    rules: tuple[str, ...]
    since: datetime | None
    answers: int

    @property
    def part(self) -> str:
        """What it is called among the parts that do not work."""
        return f"grading of {self.app}: {self.cause}"

    def __str__(self) -> str:
        """Say it as a sentence."""
        more = f" and {len(self.rules) - NAMED} more rules" if len(self.rules) > NAMED else ""
        when = f" since {minute(self.since)}" if self.since else ""
        return f"{self.cause}: {', '.join(self.rules[:NAMED])}{more}; {self.answers:,} answers of {self.app} are ungraded{when}"


def silences(reader: reads.Reader, policies: Sequence[Policy], now: datetime) -> list[Silence]:
    """Return what is no longer graded, or no longer found, as of `now`; one a cause and app."""
    at = naive_utc(now)
    found = [*_undecided(reader, policies, at), *_found_nothing(reader, policies, at)]
    together: dict[tuple[str, str], list[Silence]] = {}
    for one in found:
        together.setdefault((one.app, one.cause), []).append(one)
    return [_joined(them) for them in together.values()]


def _joined(them: Sequence[Silence]) -> Silence:
    known = [one.since for one in them if one.since]
    rules = tuple(dict.fromkeys(title for one in them for title in one.rules))
    return Silence(them[0].app, them[0].cause, rules, min(known, default=None), max(one.answers for one in them))


def _in_force(policies: Sequence[Policy], app: str, rule_id: str) -> BoundRule | None:
    rules = (rule for policy in policies if policy.grades(app) for rule in policy.rules if rule.id == rule_id)
    return next((rule for rule in rules if rule.everyone), None)


def _undecided(reader: reads.Reader, policies: Sequence[Policy], at: datetime) -> Iterator[Silence]:
    graded = reads.marks(reader).get("grade", (0, None))[0]
    behind = {row.part for row in missed(reader) if row.step == "grade"}
    start = at - RECENT
    for row, rule in _runs(reader, policies, start, graded):
        since = aware_utc(row["since"]) if row["since"] else None
        if _dead(row["decided"], row["turns"], row["run"]):
            said = decided.told(reader, row["app"], rule.id, row["last"], start)
            if (said.reason or "").startswith(WAITS_FOR_JUDGE):
                continue  # whether the judge is well is told by its own failures, not by what is still in its queue
            yield Silence(row["app"], _cause(said, broken=rule.id in behind), (rule.text.title,), since, row["run"])
        elif row["broke"] >= LEAST and row["broke"] > FAILING * row["asked"]:
            share = percent(row["broke"] / row["asked"])
            yield Silence(row["app"], f"a grader fails on {share} of its texts", (rule.text.title,), None, row["broke"])


def _runs(
    reader: reads.Reader, policies: Sequence[Policy], start: datetime, graded: int
) -> Iterator[tuple[dict[str, Any], BoundRule]]:
    """Yield what is known of each rule in force; of one about wholes, as far as no turn waits for its trace or session to be complete."""
    units = {unit for policy in policies for unit in policy.units}
    for unit in sorted(units):
        upto = graded if unit == "turn" else settled(reader, unit, graded)
        for row in decided.runs(reader, start, upto, HISTORY).iter_rows(named=True):
            rule = _in_force(policies, row["app"], row["rule_id"])
            if rule is not None and rule.unit == unit:
                yield row, rule


def _dead(hits: float, n: float, run: float) -> bool:
    """Whether chance would hardly leave `run` in a row without a hit, where `hits` of `n` before had one."""
    if run < LEAST or n < LEAST or hits <= 0:
        return False
    low: float = wilson(min(hits, n), n, 0.99)[0]
    return bool((1 - low) ** run < CHANCE)


def _cause(said: decided.Told, *, broken: bool) -> str:
    if said.reason == NO_OUTPUT.reason:
        if said.dialect != said.dialect_before and said.dialect_before is not None:
            return f"no texts arrive since its spans are understood as {said.dialect}, before as {said.dialect_before}"
        return "no texts arrive any more"
    if broken or (said.reason or "").startswith("error: "):
        kind = f" ({(said.reason or '')[7:]})" if said.reason else ""
        return f"the grader fails{kind}"
    if (said.reason or "").startswith(PROPOSED):
        return "its judge may only propose, since the labels of people do not show yet that it is good enough"
    if said.reason is not None:
        return f"the grader cannot tell any more: {said.reason}"
    return "no answer is picked to be graded" if not said.picked else "no policy grades it any more"


def _found_nothing(reader: reads.Reader, policies: Sequence[Policy], at: datetime) -> Iterator[Silence]:
    known = decided.windows(reader, at - HISTORY, at + RECENT)
    for (app, rule_id), rows in known.group_by("app", "rule_id", maintain_order=True):
        rule = _in_force(policies, str(app), str(rule_id))
        quiet = rows.filter(pl.col("bad").cum_sum() <= 0)
        before = rows.slice(quiet.height)
        if rule is None or quiet.is_empty() or before.is_empty():
            continue
        since: datetime = quiet["window_start"][-1]
        bad, n, found_none = float(before["bad"].sum()), float(before["n"].sum()), float(quiet["n"].sum())
        if at - since >= QUIET and _dead(bad, n, found_none):
            was = f"{bad:,.0f} of {n:,.0f} before"
            cause = (
                f"nothing is found any more where {was} were: either nobody breaks the rule now, or its grader is blind"
            )
            yield Silence(str(app), cause, (rule.text.title,), aware_utc(since), int(found_none))


@dataclass
class Pulse:
    """Whether cycles still run and keep up; looked at by what does not depend on them. Calls may come from any thread."""

    every: timedelta
    awaited: bool = False
    began: datetime | None = None
    ended: datetime | None = None
    _waiting: list[tuple[datetime, int, int]] = field(default_factory=list)

    def expect(self, now: datetime) -> None:
        """Say that from now on a timetable runs cycles: one that does not come is a trouble."""
        self.awaited, self.ended = True, now

    def begin(self, now: datetime) -> None:
        """Say that a cycle begins."""
        self.began = now

    def end(self, now: datetime) -> None:
        """Say that it ended, well or not."""
        self.ended = now

    def watch(self, now: datetime, graded: int, newest: int) -> None:
        """Note how far grading is, at most once a cycle."""
        if not self._waiting or now - self._waiting[-1][0] >= self.every:
            self._waiting = [*self._waiting[-2:], (now, graded, newest - graded)]

    def troubles(self, now: datetime) -> Mapping[str, str]:
        """Return what to tell of the timetable and of the queue, by the name of the part."""
        return {
            part: said for part, said in (("cycle", self._stopped(now)), ("queue of grading", self._grows())) if said
        }

    def _stopped(self, now: datetime) -> str | None:
        running = self.began is not None and (self.ended is None or self.began > self.ended)
        last = self.began if running else self.ended
        if not self.awaited or last is None or now - last <= 2 * self.every + (2 * WAITS if running else timedelta(0)):
            return None
        waits = f"; {self._waiting[-1][2]:,} answers wait" if self._waiting else ""
        what = "the cycle that began then has not ended" if running else "no cycle has run since"
        return f"{minute(last)}: {what}, and nothing is graded{waits}"

    def _grows(self) -> str | None:
        """A queue that was longer at each of three looks, and would take minutes at the pace between them."""
        if len(self._waiting) < 3:
            return None
        (first, done, short), (_, _, longer), (last, further, longest) = self._waiting
        if not short < longer < longest:
            return None
        pace = (further - done) / max((last - first).total_seconds(), 1.0)
        if pace > 0 and longest / pace < WAITS.total_seconds():
            return None
        return f"grading does not keep up: {longest:,} answers wait, {longest - short:,} more than at {minute(first)}"


def told(found: Sequence[Silence]) -> dict[str, Any]:
    """Return what to tell of each silence, by the name of its part."""
    return {one.part: str(one) for one in found}
