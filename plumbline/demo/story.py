"""What happens in the two weeks: who writes when, what goes wrong, and the truth that Plumbline should find.

Planted: on day 10 the vendor swaps the model behind the same name, after which the assistant refuses far more often, most
of all about refunds, and rambles; of two greetings B is truly better; some answers leak a stranger's address, promise a refund, or
break the JSON they were asked for; some calls hit a rate limit.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean
from typing import Final

from plumbline.demo.answers import Reply, compose

DAYS: Final = 14
SWAP_DAY: Final = 10
TURNS: Final = 7_000
USERS: Final = 480
EXPERIMENT: Final = "greeting-tone"
MODELS: Final = ("demo-large-2026-05", "demo-large-2026-09")
INTENTS: Final = {"refunds": 0.34, "shipping": 0.30, "account": 0.16, "billing": 0.20}

REFUSES: Final = {"A": 0.10, "B": 0.04}
REFUSES_AFTER: Final = {"A": 0.14, "B": 0.08}
REFUSES_REFUNDS_AFTER: Final = {"A": 0.56, "B": 0.46}
"""Probability that an answer declines, by arm: before the swap, after it, and after it about refunds."""

RATE_LIMITED: Final = 0.015
FEEDBACK: Final = 0.25
HELPFUL: Final = {"A": 0.62, "B": 0.80}
"""Share of thumbs up among answers that help; an answer that declines gets one in twelve."""

_TURNS_A_SESSION: Final = 1.9
_PACE: Final = (2, 1, 1, 1, 1, 2, 4, 8, 13, 17, 19, 19, 18, 17, 17, 16, 16, 17, 19, 20, 18, 13, 8, 4)
"""Sessions by hour of the day, as in any shop: a lull at night, peaks before noon and in the evening."""


@dataclass(frozen=True)
class Visit:
    """One turn of the demo before it becomes spans. `helpful` is the user's thumb, 1 or 0, or None for no feedback."""

    number: int
    time: datetime
    user: str
    session: str
    intent: str
    arm: str
    model: str
    answer: Reply | None  # None: the call hit a rate limit
    ask: str
    latency_s: float
    helpful: float | None

    @property
    def after_swap(self) -> bool:
        """Whether the new model answered, or would have."""
        return self.model == MODELS[1]


@dataclass(frozen=True)
class Truth:
    """What was planted and came out: shares are of answers, `planted` holds numbers of visits by kind of violation."""

    swap_at: datetime
    refusal_before: float
    refusal_after: float
    refunds_before: float
    refunds_after: float
    refusal_by_arm: dict[str, float]
    helpful_by_arm: dict[str, float]
    chars_before: float
    chars_after: float
    errors: int
    planted: dict[str, tuple[int, ...]]


def swap_time(until: datetime) -> datetime:
    """Return when the model is swapped in a play that ends at `until`."""
    return until - timedelta(days=DAYS - SWAP_DAY)


def tell(seed: int, until: datetime) -> list[Visit]:
    """Return all turns of the two weeks before `until`, in the order of their time; same arguments, same turns."""
    chance = random.Random(f"{seed}:{until.isoformat()}")  # noqa: S311 a play that can be repeated, not a secret
    visits = [visit for session in _sessions(until, chance) for visit in _session(session, until, chance)]
    return [_numbered(visit, number) for number, visit in enumerate(sorted(visits, key=lambda visit: visit.time))]


def _numbered(visit: Visit, number: int) -> Visit:
    return Visit(**{**{name: getattr(visit, name) for name in Visit.__dataclass_fields__}, "number": number})


def _sessions(until: datetime, chance: random.Random) -> Iterator[datetime]:
    hours = [until - timedelta(hours=back) for back in range(DAYS * 24, 0, -1)]
    weights = [_PACE[hour.hour] * (0.75 if hour.weekday() >= 5 else 1.0) for hour in hours]
    each = TURNS / _TURNS_A_SESSION / sum(weights)
    for hour, weight in zip(hours, weights, strict=True):
        for _ in range(_poisson(each * weight, chance)):
            yield hour + timedelta(seconds=chance.uniform(0, 3600))


def _poisson(mean: float, chance: random.Random) -> int:
    count, left = 0, chance.random()
    while left > math.exp(-mean):
        count, left = count + 1, left * chance.random()
    return count


def _session(start: datetime, until: datetime, chance: random.Random) -> Iterator[Visit]:
    user = f"u{int(USERS * chance.random() ** 1.25):04d}"  # some come far more often than others
    name = f"s{chance.getrandbits(40):010x}"
    intent = chance.choices(list(INTENTS), list(INTENTS.values()))[0]
    moment = start
    while moment < until:
        yield _visit(moment, user, name, intent, until, chance)
        if chance.random() > 1 - 1 / _TURNS_A_SESSION:
            return
        moment += timedelta(seconds=chance.uniform(25, 240))


def _visit(moment: datetime, user: str, session: str, intent: str, until: datetime, chance: random.Random) -> Visit:
    after = moment >= swap_time(until)
    arm = arm_of(user)
    refuses = chance.random() < _refusal_rate(intent, arm, after=after)
    ask, answer = compose(intent, arm, refuses=refuses, rambles=after, chance=chance)
    failed = chance.random() < RATE_LIMITED
    return Visit(
        number=0,
        time=moment,
        user=user,
        session=session,
        intent=intent,
        arm=arm,
        model=MODELS[after],
        answer=None if failed else answer,
        ask=ask,
        latency_s=chance.lognormvariate(0.1, 0.35) + len(answer.text) / 900,
        helpful=None if failed else _thumb(arm, chance, refuses=refuses),
    )


def arm_of(user: str) -> str:
    """Return the arm `user` is in: a hash, so that nobody changes sides."""
    return "AB"[hashlib.sha256(f"{EXPERIMENT}:{user}".encode()).digest()[0] % 2]


def _refusal_rate(intent: str, arm: str, *, after: bool) -> float:
    if not after:
        return REFUSES[arm]
    return (REFUSES_REFUNDS_AFTER if intent == "refunds" else REFUSES_AFTER)[arm]


def _thumb(arm: str, chance: random.Random, *, refuses: bool) -> float | None:
    rated, pleased = chance.random() < FEEDBACK, chance.random()
    return float(pleased < (1 / 12 if refuses else HELPFUL[arm])) if rated else None


def truth_of(visits: Sequence[Visit], until: datetime) -> Truth:
    """Return what was planted in `visits`, as it came out."""
    answered = [(visit, visit.answer) for visit in visits if visit.answer is not None]

    def refused(*, after: bool, intent: str | None = None) -> float:
        return fmean(a.refuses for v, a in answered if v.after_swap is after and intent in (None, v.intent))

    return Truth(
        swap_at=swap_time(until),
        refusal_before=refused(after=False),
        refusal_after=refused(after=True),
        refunds_before=refused(after=False, intent="refunds"),
        refunds_after=refused(after=True, intent="refunds"),
        refusal_by_arm={arm: fmean(a.refuses for v, a in answered if v.arm == arm) for arm in "AB"},
        helpful_by_arm={
            arm: fmean(v.helpful for v in visits if v.arm == arm and v.helpful is not None) for arm in "AB"
        },
        chars_before=fmean(len(a.text) for v, a in answered if not v.after_swap),
        chars_after=fmean(len(a.text) for v, a in answered if v.after_swap),
        errors=len(visits) - len(answered),
        planted={
            kind: tuple(v.number for v, a in answered if getattr(a, kind))
            for kind in ("refuses", "leaks", "promises", "breaks_json")
        },
    )
