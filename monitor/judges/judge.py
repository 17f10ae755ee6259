"""One judge that is connected: asked within its budget, left alone while it fails, once more where a reply is no verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Final, Protocol

from monitor.clock import Clock, naive_utc
from monitor.config.durations import parse_duration
from monitor.config.schema import JudgeSettings
from monitor.graders.grader import Judgement
from monitor.judges.breaker import Breaker
from monitor.judges.purse import FREE, Held, Purse
from monitor.judges.question import Item, Prompt, prompt_of
from monitor.judges.reply import Heard, Unusable, Word, read
from monitor.judges.transport import NoReply
from monitor.judges.versions import hash_of
from monitor.model.values import Verdict, stable_id
from monitor.state.judge_spend import Cost

ATTEMPTS: Final = 2
"""How often a question is asked whose replies are no verdicts."""

NONSENSE: Final = 6
"""Replies in a row that are no verdicts: from then on the judge is taken to be what is wrong, not the answers."""

PATIENT: Final = 4
"""Fruitless calls about one answer after which a person must look, whatever is wrong."""


@dataclass(frozen=True)
class Call:
    """One question to a judge and what came of it, as it is stored."""

    time: datetime
    rule_id: str
    unit_id: str
    unit: str
    judge: str
    state: str
    reason: str
    key: str
    tokens: int | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    verdict: str | None = None
    score: float | None = None
    found_from: int | None = None
    found_to: int | None = None
    words: str | None = None
    known: str | None = None  # of a known item its label
    variant: str | None = None  # and the form in which it was asked

    def row(self) -> dict[str, Any]:
        """Return it as a row of the store."""
        return asdict(self)


@dataclass(frozen=True)
class Told:
    """What came of asking: the judge's word, or None where the answer goes on waiting; and every call that was made."""

    word: Word | None
    calls: tuple[Call, ...] = ()
    version: str = ""
    judge: str = ""


class Line(Protocol):
    """How questions of one judge get there while it is asked."""

    async def hear(self, prompt: Prompt, item: Item) -> Heard:
        """Return what comes back. Raises `NoReply`."""

    def give_way(self, refused: str) -> bool:
        """Return whether another request is worth a try, after a refusal in these words."""


@dataclass
class ConnectedJudge:
    """A judge by its settings, and what is known of it since the start of this process."""

    name: str
    settings: JudgeSettings
    purse: Purse
    clock: Clock
    chance: Random
    breaker: Breaker = field(default_factory=Breaker)
    short: dict[str, str] = field(default_factory=dict)  # why nothing may be spent on a rule; "": on any
    nonsense: int = 0  # replies in a row that were no verdicts

    @property
    def hash(self) -> str:
        """What changes whenever another model, or other words to it, may judge otherwise."""
        return hash_of(self.settings)

    def version(self, item: Item) -> str:
        """Return what verdicts of this judge under the rule of `item` are made by."""
        return stable_id(self.hash, item.asked_by())

    @property
    def patience_s(self) -> float:
        """How long an answer is waited for."""
        return parse_duration(self.settings.timeout).total_seconds()

    def told(self) -> dict[str, Any]:
        """Return who it is, and what it has taken of its budget today."""
        settings, ceiling = self.settings, self.purse.ceiling
        return {
            "name": self.name,
            "transport": settings.transport,
            "model": settings.model,
            "panel": [],
            **self.purse.taken(self.clock.now()),
            "calls_per_day": ceiling.calls,
            "usd_per_day": ceiling.usd,
        }

    def closed(self) -> list[str]:
        """Return the rules whose own budget of the day is used up, which has been told."""
        told = [rule for rule in self.short if rule]
        return [rule for rule in told if self.purse.refusal(rule, self.clock.now())[1]]

    async def ask(self, item: Item, line: Line, tried: int, known: Mapping[str, Mapping[str, Any]]) -> Told:
        """Return the judge's word on `item`, about which it was asked in vain `tried` times; what it said before is in `known`."""
        key = item.key(self.hash)
        if key in known:
            return self._again(item, known[key], key)
        calls: list[Call] = []
        for attempt in range(1, ATTEMPTS + 1):
            word, call = await self._once(item, line, key, last=attempt == ATTEMPTS)
            calls += [call] if call else []
            if word is not None:
                return self._told(item, word, calls)
            if call is None or call.state not in {"retried", "refused"}:
                break
        word = _person(self.name, call.reason) if call and self._enough(call, tried) else None
        return self._told(item, word, calls)

    def _enough(self, call: Call, tried: int) -> bool:
        """Whether asking about this answer again is no use, after a last `call` that brought no verdict."""
        if call.state == "refused":
            return self.nonsense < NONSENSE or tried + 1 >= PATIENT
        return call.state == "error" and self.breaker.fault == "asked" and tried + 1 >= PATIENT

    async def _once(self, item: Item, line: Line, key: str, *, last: bool) -> tuple[Word | None, Call | None]:
        """Ask once. No call at all where the judge is left alone."""
        now, prompt = self.clock.now(), prompt_of(item, self.chance)
        if not self.breaker.take(now):
            return None, None
        rule = item.rule.id
        noted = {"", rule} & self.short.keys()  # what is noted meanwhile is later than this reservation
        held = await asyncio.to_thread(
            self.purse.reserve, prompt, now, rule
        )  # synced to disk, which others need not wait for
        if held is None:
            return None, self._refused(item, key, now)
        for whose in noted:
            self.short.pop(whose, None)
        began = time.monotonic()
        try:
            heard = await line.hear(prompt, item)
        except NoReply as failed:
            return None, await self._failed(item, key, now, failed, line, held, _ms(began))
        took = self.purse.cost(heard, held)
        await asyncio.to_thread(self.purse.settle, held, took)
        return self._read(item, key, prompt, heard, last=last, took=took, ms=_ms(began), began=now)

    def _refused(self, item: Item, key: str, now: datetime) -> Call | None:
        """Note that nothing may be spent: once, until something may again."""
        why, whose = self.purse.refusal(item.rule.id, now)
        told, self.short[whose] = whose in self.short, why
        return None if told else self._call(item, key, "budget", why)

    def _read(
        self, item: Item, key: str, prompt: Prompt, heard: Heard, *, last: bool, took: Cost, ms: float, began: datetime
    ) -> tuple[Word | None, Call]:
        spent = {"tokens": took.tokens, "cost_usd": self.purse.usd(took), "latency_ms": ms}
        try:
            word = read(heard, prompt, item, self.name)
        except Unusable as wrong:
            self.nonsense += 1
            if self.nonsense >= NONSENSE:
                self.breaker.failed(began, self.clock.now(), "nonsense", f"its replies are no verdicts: {wrong}")
            return None, self._call(item, key, "refused" if last else "retried", str(wrong), **spent)
        self.nonsense = 0
        self.breaker.worked()
        return word, self._call(item, key, "ok", word.judgement.reason, **spent, **_said(word))

    async def _failed(
        self, item: Item, key: str, began: datetime, failed: NoReply, line: Line, held: Held, ms: float
    ) -> Call:
        """Note a call without a reply; of one that the service itself refused it is known that it took nothing."""
        if failed.told is not None:
            await asyncio.to_thread(self.purse.settle, held, FREE)
        tokens, usd = (0, 0.0) if failed.told is not None else (held.most.tokens, self.purse.usd(held.most))
        spent = {"tokens": tokens, "cost_usd": usd, "latency_ms": ms}
        if failed.told and line.give_way(failed.told):
            return self._call(item, key, "retried", failed.cause, **spent)
        self.breaker.failed(began, self.clock.now(), failed.fault, failed.cause, failed.after_s)
        return self._call(item, key, "error", failed.cause, **spent)

    def _again(self, item: Item, said: Mapping[str, Any], key: str) -> Told:
        place = (said["found_from"], said["found_to"])
        span = None if None in place else place
        word = Word(Judgement(Verdict(said["verdict"]), said["score"], said["reason"], span), said["words"] or "")
        call = self._call(item, key, "cached", word.judgement.reason, tokens=0, cost_usd=0.0, **_said(word))
        return self._told(item, word, [call])

    def _told(self, item: Item, word: Word | None, calls: list[Call]) -> Told:
        return Told(word, tuple(calls), self.version(item), self.name)

    def _call(self, item: Item, key: str, state: str, reason: str, **more: Any) -> Call:
        turn = item.turn
        return Call(
            naive_utc(self.clock.now()), item.rule.id, turn.unit_id, turn.unit, self.name, state, reason, key, **more
        )


def _said(word: Word) -> dict[str, Any]:
    start, end = word.judgement.span or (None, None)
    return {
        "verdict": word.judgement.verdict.value,
        "score": word.judgement.score,
        "found_from": start,
        "found_to": end,
        "words": word.words,
    }


def _person(judge: str, why: str) -> Word:
    return Word(Judgement(Verdict.CANNOT_JUDGE, None, f"a person must look: asked of {judge}, {why}"), "")


def _ms(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
