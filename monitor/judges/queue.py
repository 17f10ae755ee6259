"""What waits for judges, worked off beside the cycle: each answer that a plan drew, under each rule that only a judge can decide.

A verdict is written as soon as it is there, together with the calls it took; whatever has none goes on waiting, is counted as
ungraded and asked again: never a pass. A stop, or a kill, loses no more than what had not come back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from monitor.clock import Clock, aware_utc, naive_utc
from monitor.config.schema import OutgoingSettings
from monitor.graders.grader import Connected, Judgement
from monitor.graders.rubric import Judge
from monitor.graders.standing import stands
from monitor.judges.canary import Canary
from monitor.judges.check import Check
from monitor.judges.gates import Gates
from monitor.judges.judge import ConnectedJudge, Line, Told
from monitor.judges.lines import line_to
from monitor.judges.panel import together, unsure, worst
from monitor.judges.question import Item
from monitor.judges.reply import Word
from monitor.judges.rubrics import rubric_of
from monitor.judges.staff import Staff
from monitor.judges.transport import Transport
from monitor.judges.versions import judges_in
from monitor.model.values import Verdict
from monitor.policy.schema import Policy
from monitor.store import judging
from monitor.store.opening import Store
from monitor.store.turns import turns_at
from monitor.store.units import units_of

REACH: Final = timedelta(days=14)
"""Older turns are not judged any more."""

GIVE_UP: Final = timedelta(days=7)
"""After so long an answer that nobody judged is given up, with the reason."""

AT_ONCE: Final = 1_000
FLUSH_S: Final = 1.0

Put = Callable[[judging.Said], int]
"""Write what came back; returns how many verdicts are new."""


@dataclass(frozen=True)
class Waiting:
    """One answer that waits: which judges are asked what about it, and how often they were in vain."""

    asked: tuple[tuple[Judge, Item], ...]
    tried: int
    given_up: bool


@dataclass
class JudgeQueue:
    """The judges of a house and what waits for them. One thread works; `troubles` may be asked from any other."""

    store: Store
    clock: Clock
    judges: Mapping[str, ConnectedJudge]
    panels: Mapping[str, tuple[str, ...]]
    texts: Connected
    outgoing: OutgoingSettings
    canary: Canary
    gates: Gates
    stopping: Callable[[], bool] = lambda: False
    _transports: dict[str, Transport] = field(default_factory=dict)
    _left: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    _escalated: Counter[str] = field(default_factory=Counter)  # asked in the pass before, since others were unsure
    _seen: tuple[Any, ...] = ()

    def work(self, policies: Sequence[Policy], put: Put) -> int:
        """Ask about what waits, once each; return how many verdicts were written."""
        if not self.judges:
            return 0
        seen = (judging.changes(self.store), [policy.hash for policy in policies])
        if seen == self._seen and not self._left:
            return 0
        self.canary.look(policies)
        since = naive_utc(self.clock.now() - REACH)
        self._left = self._counted(policies, since)
        items = self._waiting(policies, since) if self._left else []
        done = asyncio.run(self._ask_all(items, put, policies)) if items else 0
        self._left = self._counted(policies, since)
        self._seen = seen
        return done

    def _waiting(self, policies: Sequence[Policy], since: Any) -> list[Waiting]:
        spent = [rule for judge in self.judges.values() for rule in judge.closed()]  # they must not crowd out others
        rows = judging.waiting(self.store, since, AT_ONCE, spent)
        rules = {rule.id: (policy, rule) for policy in policies for rule in policy.rules if judges_in(rule)}
        rows = rows.filter(rows["rule_id"].is_in(list(rules)))
        if rows.is_empty():
            return []
        read = turns_at(self.store, rows["seq"].unique().to_list(), rows["time"].min())  # type: ignore[arg-type]  # a time column has times
        turns = {(turn.unit_id, turn.unit): turn for turn in units_of(self.store, read, policies)}
        found = []
        for row in rows.iter_rows(named=True):
            turn, (policy, rule) = turns.get((row["unit_id"], row["unit"])), rules[row["rule_id"]]
            if turn is None or not self.texts.may_leave(turn.app) or not policy.grades(turn.app):
                continue
            graders = tuple(grader for grader in rule.asked_in(turn.region) if isinstance(grader, Judge))
            connected = [grader for grader in graders if grader.judge in self.texts.names]
            asked = tuple((grader, Item(policy, rule, turn, _rubric(grader, policy))) for grader in connected)
            old = self.clock.now() - aware_utc(row["graded_at"]) > GIVE_UP
            found += [Waiting(asked, row["tried"], old)] if asked else []
        return found

    def _counted(self, policies: Sequence[Policy], since: Any) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Return how many answers wait for each judge, and the titles of their rules."""
        titles = {rule.id: rule.text.title for policy in policies for rule in policy.rules}
        found: dict[str, tuple[int, tuple[str, ...]]] = {}
        for row in judging.queued(self.store, since).iter_rows(named=True):
            if row["rule_id"] in titles:
                n, named = found.get(row["judge"], (0, ()))
                found[row["judge"]] = (n + row["n"], (*named, titles[row["rule_id"]]))
        return found

    async def _ask_all(self, items: Sequence[Waiting], put: Put, policies: Sequence[Policy]) -> int:
        bench = _Bench(self, put)
        asked = Counter(str(grader.judge) for item in items for grader, _ in item.asked)
        checks = self.canary.draw(asked + self._escalated, policies)
        self._escalated = bench.escalated
        async with AsyncExitStack() as open_lines:
            for name, judge in self.judges.items():
                line = line_to(judge, self.outgoing, self._transports)
                bench.lines[name] = await open_lines.enter_async_context(line)
                bench.seats[name] = asyncio.Semaphore(judge.settings.concurrency)
            keys = [item.key(j.hash) for one in items for _, item in one.asked for j in self.judges.values()]
            bench.known = await asyncio.to_thread(judging.known, self.store, keys)
            async with asyncio.TaskGroup() as group:
                over = asyncio.Event()
                group.create_task(bench.write_on(over))
                mixed = self.canary.mixed(items, checks)  # known items stand anywhere among the others
                tasks = [group.create_task(bench.check(o) if isinstance(o, Check) else bench.ask(o)) for o in mixed]
                watching = group.create_task(_stop_when(self.stopping, tasks))
                await asyncio.wait(tasks)
                over.set()
                watching.cancel()
        if bench.broken:
            raise bench.broken[0]
        return bench.done

    @property
    def _staff(self) -> Staff:
        return Staff(self.judges, self.panels, self._left)

    def told(self) -> list[dict[str, Any]]:
        """Return every judge and panel as plain values: who it is, its budget of today, its canary, what waits, what is wrong."""
        return [one | {"apps": sorted(self.texts.apps)} for one in self._staff.told(self.canary.told)]

    def troubles(self) -> dict[str, str]:
        """Return what to tell of judges that do not answer, by the name of the part."""
        return self._staff.troubles()


@dataclass
class _Bench:
    """One pass: lines that are open, what was known before, and what has yet to be written."""

    queue: JudgeQueue
    put: Put
    lines: dict[str, Line] = field(default_factory=dict)
    seats: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    grades: list[dict[str, Any]] = field(default_factory=list)
    checked: list[dict[str, Any]] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)
    escalated: Counter[str] = field(default_factory=Counter)
    done: int = 0

    async def ask(self, waiting: Waiting) -> None:
        """Ask about one answer; a fault of ours spoils one verdict, not the pass, and is told of when that is over."""
        try:
            await self._ask(waiting)
        except Exception as error:  # noqa: BLE001 what was asked and paid for otherwise must be written
            self.broken.append(error)

    async def check(self, check: Check) -> None:
        """Ask about a known item; of what was never said nothing is kept but the call."""
        try:
            told = await asyncio.gather(*(self._checked(one, check.item) for one in check.members))
            self.calls += check.calls(told)
            self.checked += check.said(told, self.queue.clock.now())
        except Exception as error:  # noqa: BLE001 as above
            self.broken.append(error)

    async def _checked(self, name: str, item: Item) -> Told:
        async with self.seats[name]:
            return await self.queue.judges[name].ask(item, self.lines[name], 0, {})

    async def _ask(self, waiting: Waiting) -> None:
        """Ask the judges of one answer one after the other, until one finds a violation; the worst word stands."""
        said: list[Told] = []
        for grader, item in waiting.asked:
            told = await self._asked(str(grader.judge), item, waiting)
            if told.word is not None and unsure(grader, told.word) and grader.escalate_to in self.queue.texts.names:
                self.escalated[str(grader.escalate_to)] += 1
                told = await self._asked(str(grader.escalate_to), item, waiting)
            said.append(told)
            if told.word is None or told.word.judgement.verdict is Verdict.VIOLATES:
                break
        last = said[-1]
        if last.word is not None:
            self._grade(waiting, worst(said))
        elif waiting.given_up:
            days = GIVE_UP // timedelta(days=1)
            why = Judgement(Verdict.NOT_GRADED, None, f"given up: {last.judge} did not judge it within {days} days")
            self._grade(waiting, Told(Word(why, ""), (), last.version, last.judge))

    async def _asked(self, name: str, item: Item, waiting: Waiting) -> Told:
        panel = self.queue.panels.get(name)
        if panel is None:
            return await self._alone(name, item, waiting)
        return together(name, await asyncio.gather(*(self._alone(one, item, waiting) for one in panel)))

    async def _alone(self, name: str, item: Item, waiting: Waiting) -> Told:
        async with self.seats[name]:
            told = await self.queue.judges[name].ask(item, self.lines[name], waiting.tried, self.known)
        self.calls += [call.row() for call in told.calls]
        return told

    def _grade(self, waiting: Waiting, told: Told) -> None:
        _, item = waiting.asked[0]
        if told.word is None:
            return
        said = stands(item.rule, told.word.judgement, item.turn)
        word, proposed = self.queue.gates.passed(item.rule, said, told.judge, told.version, item.turn.language)
        start, end = word.span or (None, None)
        self.grades.append(
            {
                "unit_id": item.turn.unit_id,
                "time": naive_utc(item.turn.time),
                "unit": item.turn.unit,
                "rule_id": item.rule.id,
                "verdict": word.verdict.value,
                "score": word.score,
                "reason": word.reason,
                "grader": f"judge:{told.judge}",
                "grader_version": told.version,
                "policy": item.policy.id,
                "policy_version": item.policy.version,
                "policy_hash": item.policy.hash,
                "graded_at": naive_utc(self.queue.clock.now()),
                "found_from": start,
                "found_to": end,
                "proposed": proposed,
            }
        )

    def write(self) -> int:
        """Write what has come back; return how many verdicts are new."""
        said = judging.Said(list(self.calls), list(self.grades), list(self.checked))
        del self.calls[: len(said.calls)], self.grades[: len(said.grades)], self.checked[: len(said.known)]
        return self.put(said) if said else 0

    async def write_on(self, over: asyncio.Event) -> None:
        """Write once a second, beside the asking, and what is left when that is `over`."""
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), FLUSH_S)
            self.done += await asyncio.to_thread(self.write)
        self.done += await asyncio.to_thread(self.write)


async def _stop_when(stopping: Callable[[], bool], asked: Sequence[asyncio.Task[None]]) -> None:
    """Let go of all calls when the house stops: what they took stays reserved."""
    while not stopping():  # noqa: ASYNC110 it is asked of threads, which set no event of this loop
        await asyncio.sleep(0.2)
    for task in asked:
        task.cancel()


def _rubric(grader: Judge, policy: Policy) -> str:
    return rubric_of(grader.rubric, Path(policy.path).parent)
